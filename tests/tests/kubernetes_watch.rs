//! Lists and watches against recorded traffic: what is known in the end is what is there, whatever goes wrong, and the
//! server is asked no more than it has to be.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use flowtrace_kubernetes::object::Metadata;
use flowtrace_kubernetes::watch::{Access, Pauses, Phase, Settings, Sink, Watch};
use flowtrace_kubernetes::{Kind, Object};
use flowtrace_tests::apiserver::{Ask, Authority, Fault, Recording, Server, folder};
use serde_json::Value;

const START: u64 = Recording::START;
const STEADY: u64 = Recording::STEADY;
const END: u64 = Recording::END;
/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Read once; none where it is not there, which `folder` says.
static RECORDING: LazyLock<Option<Arc<Recording>>> =
    LazyLock::new(|| folder().map(|folder| Arc::new(Recording::read(&folder))));

/// Kind, namespace and name.
type Key = (Kind, String, String);

/// Versions of objects.
type State = BTreeMap<Key, String>;

/// What a sink knows, and what the list that is being read had so far.
#[derive(Clone, Default)]
struct Store(Arc<Mutex<(State, BTreeSet<Key>)>>);

impl Store {
    fn of(&self, kinds: &[Kind]) -> State {
        let known = self.0.lock().expect("no test panics within");
        known.0.iter().filter(|((kind, ..), _)| kinds.contains(kind)).map(|(k, v)| (k.clone(), v.clone())).collect()
    }
}

impl Sink for Store {
    fn begin_list(&mut self, kind: Kind) {
        self.0.lock().expect("no test panics within").1.retain(|(of, ..)| *of != kind);
    }

    fn end_list(&mut self, kind: Kind, _at: u64) {
        let (known, listed) = &mut *self.0.lock().expect("no test panics within");
        known.retain(|key, _| key.0 != kind || listed.contains(key));
    }

    fn apply(&mut self, kind: Kind, object: Object, at: u64) {
        assert!(at > 1_700_000_000_000_000_000, "nanoseconds since 1970");
        let metadata = object.metadata();
        let key = (kind, metadata.namespace.clone(), metadata.name.clone());
        let (known, listed) = &mut *self.0.lock().expect("no test panics within");
        known.insert(key.clone(), metadata.resource_version.clone());
        listed.insert(key);
    }

    fn delete(&mut self, kind: Kind, metadata: &Metadata, _at: u64) {
        let key = (kind, metadata.namespace.clone(), metadata.name.clone());
        self.0.lock().expect("no test panics within").0.remove(&key);
    }

    fn tick(&mut self, _at: u64) {}
}

/// The objects in a recorded list.
fn recorded(recording: &Recording, point: &str, kinds: &[Kind]) -> State {
    let mut state = State::new();
    for kind in kinds {
        let file = recording.file(&format!("{}{point}.json", kind.plural()));
        let list: Value = serde_json::from_slice(&file).expect("a list");
        for item in list["items"].as_array().expect("items") {
            let text = |name: &str| item["metadata"][name].as_str().unwrap_or_default().to_owned();
            state.insert((*kind, text("namespace"), text("name")), text("resourceVersion"));
        }
    }
    state
}

/// Patience of a test, in place of minutes.
fn settings(kinds: &[Kind]) -> Settings {
    let pauses = Pauses {
        shortest: Duration::from_millis(20),
        longest: Duration::from_millis(200),
        refused: Duration::from_millis(100),
        spread: Duration::from_millis(50),
    };
    let silence = Duration::from_secs(2);
    Settings { kinds: kinds.to_vec(), pauses, silence, answer: Duration::from_secs(2), ..Settings::default() }
}

fn watch(server: &Server, settings: Settings) -> (Store, Watch) {
    let access = Access::of(&server.url()).expect("an address");
    let store = Store::default();
    let watch = Watch::start(access, settings, Box::new(store.clone())).expect("a thread");
    (store, watch)
}

fn wait(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "it never came to be: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until what is known is what a list says.
fn wait_for(store: &Store, expected: &State, kinds: &[Kind], what: &str) {
    let end = Instant::now() + PATIENCE;
    while store.of(kinds) != *expected {
        if Instant::now() > end {
            assert_eq!(store.of(kinds), *expected, "{what}");
        }
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn what_is_known_is_what_is_there() {
    let Some(recording) = RECORDING.as_ref() else { return };
    let server = Server::start(recording, START, None);
    let (store, watch) = watch(&server, settings(&Kind::ALL));
    assert!(watch.progress().wait_settled(PATIENCE));
    wait_for(&store, &recorded(recording, ".start.list", &Kind::ALL), &Kind::ALL, "start");
    for (now, point) in [(STEADY, ".list"), (END, ".end.list")] {
        server.advance(now);
        wait_for(&store, &recorded(recording, point, &Kind::ALL), &Kind::ALL, point);
    }
    // One list and one watch each, and every byte once.
    let mut expected = 0;
    for kind in Kind::ALL {
        let suffix = if kind.is_metadata_only() { ".meta" } else { "" };
        let list = recording.file(&format!("{}.start.list{suffix}.json", kind.plural()));
        let events = recording.file(&format!("{}.watch{suffix}.jsonl", kind.plural()));
        let until = events.split_inclusive(|byte| *byte == b'\n').filter(|line| version(line) <= END);
        let bytes = (list.len() + until.map(<[u8]>::len).sum::<usize>()) as u64;
        wait(kind.plural(), || watch.progress().of(kind).counts.bytes >= bytes);
        let counts = watch.progress().of(kind).counts;
        assert_eq!((counts.list_requests, counts.watch_requests, counts.lists), (1, 1, 1), "{kind:?}");
        assert_eq!((counts.bytes, counts.failures, counts.unreadable), (bytes, 0, 0), "{kind:?}");
        assert!(counts.bookmarks > 0, "{kind:?}");
        let asked = server.asked();
        let accepts = asked.iter().filter(|asked| asked.kind == kind.plural()).map(|asked| &asked.accept);
        assert!(accepts.map(|accept| accept.contains("as=Partial")).all(|is_meta| is_meta == kind.is_metadata_only()));
        expected += bytes;
    }
    assert_eq!(server.sent(), expected);
    assert_eq!(server.asked().len(), 24);
}

/// The resource version of an event.
fn version(line: &[u8]) -> u64 {
    let event: Value = serde_json::from_slice(line).expect("an event");
    event["object"]["metadata"]["resourceVersion"].as_str().expect("a version").parse().expect("a number")
}

#[test]
fn lists_come_page_by_page() {
    let Some(recording) = RECORDING.as_ref() else { return };
    let (server, kinds) = (Server::start(recording, STEADY, None), [Kind::Pod]);
    let (store, watch) = watch(&server, Settings { page: 2, ..settings(&kinds) });
    assert!(watch.progress().wait_settled(PATIENCE));
    wait_for(&store, &recorded(recording, ".list", &kinds), &kinds, "pages");
    let pages: usize = (0..9).map(|page| recording.file(&format!("paged.pods.{page}.json")).len()).sum();
    let counts = watch.progress().of(Kind::Pod).counts;
    assert_eq!((counts.list_requests, counts.lists, counts.bytes), (9, 1, pages as u64));
}

#[test]
fn a_page_that_is_too_large_is_asked_for_in_halves() {
    let Some(recording) = RECORDING.as_ref() else { return };
    let (server, kinds) = (Server::start(recording, STEADY, None), [Kind::Pod]);
    server.fault("pods", Ask::List, &[Fault::Body(vec![b' '; 17 << 20])]);
    let (store, watch) = watch(&server, Settings { page: 4, ..settings(&kinds) });
    wait_for(&store, &recorded(recording, ".list", &kinds), &kinds, "halves");
    wait("a whole list", || watch.progress().of(Kind::Pod).counts.lists == 1);
    assert_eq!(server.count("pods", Ask::List), 10, "one that was too large, and nine");
}

/// What goes wrong, and how many lists it costs.
fn faults() -> Vec<(&'static str, Ask, Vec<Fault>, u64)> {
    use Ask::{List, Watch};
    let garbage = || Fault::Body(b"{\"type\":\"ADDED\",\"object\":{\"metadata\"\n".to_vec());
    let unnamed = || Fault::Body(b"{\"type\":\"ADDED\",\"object\":{\"metadata\":7}}\n".to_vec());
    let long = || Fault::Body([b"{\"type\":\"".as_slice(), &vec![b'A'; 5 << 20]].concat());
    let too_new = || Fault::Recorded("error.504.future-rv.json");
    vec![
        ("cut at once", Watch, vec![Fault::Cut(0)], 1),
        ("cut in the middle of a line", Watch, vec![Fault::Cut(1000)], 1),
        ("cut again and again", Watch, vec![Fault::Cut(30_001), Fault::Cut(70_003), Fault::Cut(9)], 1),
        ("silent in the middle of a line", Watch, vec![Fault::Stall(20_000)], 1),
        ("slow", Watch, vec![Fault::Slow(3000, Duration::from_millis(1))], 1),
        ("garbage", Watch, vec![garbage()], 1),
        ("garbage for a while", Watch, vec![garbage(), unnamed(), garbage()], 2),
        ("a line without an end", Watch, vec![long()], 1),
        ("ended as soon as it had begun", Watch, vec![Fault::Body(Vec::new()), Fault::Body(Vec::new())], 1),
        ("too old", Watch, vec![Fault::Recorded("error.410.watch.jsonl")], 2),
        ("too old, at once", Watch, vec![Fault::Status(410, None)], 2),
        ("too new, once", Watch, vec![too_new()], 1),
        ("too new", Watch, vec![too_new(), too_new(), too_new()], 2),
        ("busy", Watch, vec![Fault::Status(429, Some(1)), Fault::Status(503, None)], 1),
        ("list: cut", List, vec![Fault::Cut(50)], 1),
        ("list: silent", List, vec![Fault::Stall(50)], 1),
        ("list: slow", List, vec![Fault::Slow(10, Duration::from_millis(1))], 1),
        (
            "list: garbage",
            List,
            vec![garbage(), Fault::Body(b"[]".to_vec()), Fault::Body(b"{\"items\":[]}".to_vec())],
            1,
        ),
        ("list: the next page is gone", List, vec![Fault::Recorded("error.410.continue.json")], 1),
        ("list: bad request", List, vec![Fault::Recorded("error.400.bad-rv.json")], 1),
        ("list: broken server", List, vec![Fault::Status(500, None), Fault::Status(503, None)], 1),
    ]
}

#[test]
fn whatever_goes_wrong_what_is_known_comes_to_be_what_is_there() {
    let Some(recording) = RECORDING.as_ref() else { return };
    let kinds = [Kind::Pod];
    let expected = recorded(recording, ".end.list", &kinds);
    thread::scope(|scope| {
        for (name, ask, faults, lists) in faults() {
            let (kinds, expected) = (&kinds, &expected);
            scope.spawn(move || {
                let server = Server::start(recording, START, None);
                server.fault("pods", ask, &faults);
                let (store, watch) = watch(&server, settings(kinds));
                assert!(watch.progress().wait_settled(PATIENCE), "{name}");
                server.advance(END);
                wait(name, || server.is_out_of_faults());
                wait_for(&store, expected, kinds, name);
                wait(name, || watch.progress().of(Kind::Pod).phase == Phase::Watching);
                let progress = watch.progress().of(Kind::Pod);
                assert_eq!(progress.counts.lists, lists, "{name}: {progress:?}");
                let failures = if name.ends_with("slow") { 0 } else { faults.len() as u64 };
                assert_eq!(progress.counts.failures, failures, "{name}: {progress:?}");
                assert_eq!(progress.trouble, None, "{name}");
            });
        }
    });
}

#[test]
fn an_object_that_cannot_be_read_is_not_there() {
    let Some(recording) = RECORDING.as_ref() else { return };
    let (server, kinds) = (Server::start(recording, STEADY, None), [Kind::Pod]);
    let (store, watch) = watch(&server, settings(&kinds));
    assert!(watch.progress().wait_settled(PATIENCE));
    let before = recorded(recording, ".list", &kinds);
    wait_for(&store, &before, &kinds, "before");
    let (_, namespace, name) = before.keys().next().expect("a pod");
    let object =
        format!(r#"{{"metadata":{{"namespace":"{namespace}","name":"{name}","resourceVersion":"701"}},"spec":7}}"#);
    let event = format!("{{\"type\":\"MODIFIED\",\"object\":{object}}}\n");
    server.fault("pods", Ask::Watch, &[Fault::Body(event.into_bytes())]);
    server.disconnect();
    let mut after = before.clone();
    after.pop_first();
    wait_for(&store, &after, &kinds, "after");
    let progress = watch.progress().of(Kind::Pod);
    assert_eq!((progress.counts.unreadable, progress.counts.lists), (1, 1));
}

#[test]
fn what_the_server_forgot_is_listed_anew() {
    let Some(recording) = RECORDING.as_ref() else { return };
    let server = Server::start(recording, STEADY, None);
    let (store, watch) = watch(&server, settings(&Kind::ALL));
    assert!(watch.progress().wait_settled(PATIENCE));
    wait_for(&store, &recorded(recording, ".list", &Kind::ALL), &Kind::ALL, "before");
    // Nobody heard of what happened in between: hundreds of objects are gone.
    server.forget(END);
    server.disconnect();
    server.advance(END);
    wait_for(&store, &recorded(recording, ".end.list", &Kind::ALL), &Kind::ALL, "after");
    for kind in Kind::ALL {
        wait("it watches", || watch.progress().of(kind).phase == Phase::Watching);
        let counts = watch.progress().of(kind).counts;
        assert!(counts.lists <= 2 && counts.expired <= 1, "{kind:?}: {counts:?}");
    }
}

#[test]
fn what_is_refused_is_gone_without_until_it_is_allowed() {
    let Some(recording) = RECORDING.as_ref() else { return };
    let server = Server::start(recording, STEADY, None);
    server.refuse("pods", 403);
    server.refuse("networkpolicies", 404);
    let (store, watch) = watch(&server, settings(&Kind::ALL));
    let progress = watch.progress();
    assert!(progress.wait_settled(PATIENCE), "refusals are no reason to wait");
    let troubles = progress.troubles();
    for (kind, expected) in
        [(Kind::Pod, "403 Forbidden: pods is forbidden"), (Kind::NetworkPolicy, "404 Not Found: 404 page")]
    {
        assert_eq!(progress.of(kind).phase, Phase::Refused);
        assert!(troubles.iter().any(|(of, text)| *of == kind && text.contains(expected)), "{troubles:?}");
    }
    assert_eq!(troubles.len(), 2);
    assert!(progress.age(Instant::now()).expect("all others are known") < PATIENCE);
    server.allow();
    wait_for(&store, &recorded(recording, ".list", &Kind::ALL), &Kind::ALL, "allowed");
    wait("no trouble", || progress.troubles().is_empty());
}

#[test]
fn a_service_account_is_read_again() {
    let Some(recording) = RECORDING.as_ref() else { return };
    let (authority, other) = (Authority::default(), Authority::default());
    let server = Server::start(recording, STEADY, Some(&authority));
    server.require("new");
    let account = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| fs::write(account.path().join(name), text).expect("a file");
    write("token", "old\n");
    write("ca.crt", &other.pem);
    let port = server.address().port().to_string();
    let access = Access::in_pod("127.0.0.1", &port, account.path()).expect("an account");
    let (store, kinds) = (Store::default(), [Kind::Service]);
    let watch = Watch::start(access, settings(&kinds), Box::new(store.clone())).expect("a thread");
    let progress = watch.progress();
    let trouble = || progress.of(Kind::Service).trouble.unwrap_or_default();
    wait("another authority", || trouble().contains("certificate"));
    assert_eq!(server.asked().len(), 0, "no token went to a stranger");
    write("ca.crt", &authority.pem);
    wait("an old token", || trouble().contains("401 Unauthorized"));
    write("token", "new\n");
    wait_for(&store, &recorded(recording, ".list", &kinds), &kinds, "a new token");
}

#[test]
fn the_scope_of_a_node_has_that_nodes_pods() {
    let Some(recording) = RECORDING.as_ref() else { return };
    let (server, kinds) = (Server::start(recording, START, None), [Kind::Pod, Kind::Node]);
    let node = Some("node-a".to_owned());
    let (store, watch) = watch(&server, Settings { node, page: 3, ..settings(&kinds) });
    assert!(watch.progress().wait_settled(PATIENCE));
    for (now, point) in [(STEADY, ".list"), (END, ".end.list")] {
        server.advance(now);
        let list: Value = serde_json::from_slice(&recording.file(&format!("pods{point}.json"))).expect("a list");
        let items = list["items"].as_array().expect("items").iter();
        let on_node = items.filter(|pod| pod["spec"]["nodeName"] == "node-a").map(|pod| &pod["metadata"]["name"]);
        let names: BTreeSet<_> = on_node.map(|name| name.as_str().expect("a name").to_owned()).collect();
        assert!(!names.is_empty());
        let mut expected = recorded(recording, point, &kinds);
        expected.retain(|(kind, _, name), _| *kind == Kind::Node || names.contains(name));
        wait_for(&store, &expected, &kinds, point);
    }
    let asked = server.asked();
    let with_selector = |path: &str| path.contains("fieldSelector=spec.nodeName%3Dnode-a");
    assert!(asked.iter().all(|asked| with_selector(&asked.path) == (asked.kind == "pods")), "{asked:?}");
}

#[test]
fn a_server_that_comes_back_is_not_asked_for_lists() {
    let Some(recording) = RECORDING.as_ref() else { return };
    let server = Server::start(recording, STEADY, None);
    let address = server.address();
    let (store, watch) = watch(&server, settings(&Kind::ALL));
    let progress = watch.progress();
    assert!(progress.wait_settled(PATIENCE));
    drop(server);
    wait("gone", || Kind::ALL.iter().all(|kind| progress.of(*kind).phase == Phase::Retrying));
    assert!(progress.is_settled(), "what was known stays");
    assert_eq!(store.of(&Kind::ALL), recorded(recording, ".list", &Kind::ALL));
    let age = progress.age(Instant::now()).expect("an age");
    thread::sleep(Duration::from_millis(100));
    assert!(progress.age(Instant::now()).expect("an age") >= age + Duration::from_millis(100));
    let server = Server::start_at(address, recording, END);
    wait_for(&store, &recorded(recording, ".end.list", &Kind::ALL), &Kind::ALL, "back");
    assert!(server.asked().iter().all(|asked| asked.ask == Ask::Watch));
}

#[test]
fn watches_that_end_in_time_are_renewed_without_haste() {
    let Some(recording) = RECORDING.as_ref() else { return };
    let (server, kinds) = (Server::start(recording, STEADY, None), [Kind::Node]);
    let second = Duration::from_secs(1);
    let (_store, watch) = watch(&server, Settings { watch: second, ..settings(&kinds) });
    thread::sleep(second * 5 / 2);
    let progress = watch.progress().of(Kind::Node);
    assert_eq!(progress.counts.lists, 1);
    assert!((2..=3).contains(&progress.counts.watch_requests), "{progress:?}");
    assert_eq!(progress.counts.failures, 0, "{progress:?}");
}

#[test]
fn it_stops_at_once() {
    let Some(recording) = RECORDING.as_ref() else { return };
    let server = Server::start(recording, STEADY, None);
    server.fault("pods", Ask::List, &[Fault::Stall(10)]);
    let (_store, watch) = watch(&server, settings(&Kind::ALL));
    wait("a stalled list", || server.is_out_of_faults());
    let began = Instant::now();
    drop(watch);
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

/// The body of what an HTTP/1 server answers, without the sizes of its chunks.
fn body(server: &Server, path: &str, accept: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(server.address()).expect("a connection");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: a\r\nAccept: {accept}\r\n\r\n").expect("it is sent");
    stream.set_read_timeout(Some(Duration::from_millis(500))).expect("a time");
    let mut bytes = Vec::new();
    // The connection stays open: what comes within the time is all.
    let _ = stream.read_to_end(&mut bytes);
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a head") + 4;
    let is_chunked = String::from_utf8_lossy(&bytes[..head]).contains("chunked");
    let mut rest = &bytes[head..];
    if !is_chunked {
        return rest.to_vec();
    }
    let mut body = Vec::new();
    while let Some(line) = rest.windows(2).position(|window| window == b"\r\n") {
        let size = usize::from_str_radix(&String::from_utf8_lossy(&rest[..line]), 16).expect("a size");
        body.extend_from_slice(&rest[line + 2..line + 2 + size]);
        rest = &rest[line + 2 + size + 2..];
    }
    body
}

#[test]
fn the_server_of_these_tests_says_what_was_recorded() {
    let Some(recording) = RECORDING.as_ref() else { return };
    let at = |now| Server::start(recording, now, None);
    let (start, steady, end) = (at(START), at(STEADY), at(END));
    let http: BTreeMap<String, Value> = serde_json::from_slice(&recording.file("http.json")).expect("a table");
    let mut compared = 0;
    thread::scope(|scope| {
        for (file, request) in &http {
            let server = match file {
                _ if file.contains(".start.list.") => &start,
                _ if file.contains(".end.list.") => &end,
                _ if file.starts_with("paged.") || file.starts_with("streaming-list.") => &steady,
                _ if file.contains(".list.") => &steady,
                _ if file.starts_with("error.410.watch.") => &steady,
                _ => continue,
            };
            compared += 1;
            scope.spawn(move || {
                let text = |value: &Value| value.as_str().expect("text").to_owned();
                let (path, accept) = (text(&request["path"]), text(&request["request_headers"]["Accept"]));
                assert!(body(server, &path, &accept) == recording.file(file), "{file}");
            });
        }
    });
    assert!(compared > 70, "{compared}");
}
