//! TCP segments of captures nobody here made, against tshark's analysis of them.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use std::collections::BTreeSet;
use std::sync::OnceLock;

use flowtrace_abi::state;
use flowtrace_tests::files::corpus::{Capture, captures};
use flowtrace_tests::files::span::Span;
use flowtrace_tests::files::tcp_analysis::differences::{Differing, EXCHANGES, HANDSHAKES, SEGMENTS};
use flowtrace_tests::files::tcp_analysis::exchanges::Exchanges;
use flowtrace_tests::files::tcp_analysis::scenes::SCENES;
use flowtrace_tests::files::tcp_analysis::{Comparison, Connection, Verdict, compare, transactions, tshark};
use flowtrace_tests::files::{each, is_ci, program, say};

/// In thousandths: how many segments may be judged differently.
const MOST: u64 = 10;
const TCP: u64 = 6;

/// The captures with TCP, judged by both; none, loudly, where the corpus or tshark is not there.
fn compared() -> &'static [(Capture, Comparison)] {
    static COMPARED: OnceLock<Vec<(Capture, Comparison)>> = OnceLock::new();
    COMPARED.get_or_init(compare_all)
}

fn compare_all() -> Vec<(Capture, Comparison)> {
    let has_tcp = |capture: &Capture| {
        let flows = capture.truth["flows"].as_array().unwrap();
        flows.iter().any(|flow| flow["proto"] == TCP)
    };
    let captures: Vec<_> = captures().into_iter().filter(has_tcp).collect();
    if !captures.is_empty() && tshark::version().is_none() {
        say("NOT TESTED against tshark's analysis of TCP: there is no tshark");
        assert!(!is_ci(), "tshark is needed");
        return Vec::new();
    }
    let comparisons =
        each(&captures, |capture| compare(&capture.path).unwrap_or_else(|error| panic!("{}: {error}", capture.name)));
    captures.into_iter().zip(comparisons).collect()
}

/// What differs is what the list says, all of it, and little.
#[test]
fn segments_are_what_tshark_takes_them_for() {
    let compared = compared();
    if compared.is_empty() {
        return;
    }
    let found: BTreeSet<_> = compared.iter().flat_map(differing_segments).collect();
    let listed: BTreeSet<_> = SEGMENTS
        .iter()
        .flat_map(|difference| {
            let line = |frame: &u64| {
                (difference.file.to_owned(), *frame, difference.tshark.to_owned(), difference.flowtrace.to_owned())
            };
            difference.frames.iter().map(line)
        })
        .collect();
    let segments: u64 = compared.iter().map(|(_, comparison)| comparison.segments).sum();
    let kinds = [0, 1, 2].map(|kind: usize| compared.iter().map(|(_, comparison)| comparison.kinds[kind]).sum::<u64>());
    say(&format!(
        "tshark: {} files, {segments} segments, {kinds:?} retransmissions, out of order, zero windows; {} are judged \
         differently",
        compared.len(),
        found.len(),
    ));
    assert_eq!(found, listed);
    assert!(found.len() as u64 * 1000 <= segments * MOST, "{} of {segments}", found.len());
    // There is no closed window in the corpus, and what tshark calls out of order is not: see the scenes below.
    assert!(segments > 14_000 && kinds[0] > 250, "{segments} segments, {kinds:?}");
}

type Line = (String, u64, String, String);

fn differing_segments((capture, comparison): &(Capture, Comparison)) -> Vec<Line> {
    let line = |frame: u64, tshark: Verdict, flowtrace: Verdict| {
        (capture.name.clone(), frame, tshark.to_string(), flowtrace.to_string())
    };
    comparison.disagreements.iter().map(|found| line(found.frame, found.tshark, found.flowtrace)).collect()
}

/// From the SYN over its answer to the acknowledgement of that: to the nanosecond.
#[test]
fn handshakes_take_what_tshark_says() {
    let differs = |connection: &Connection| connection.handshake() != connection.initial_rtt;
    let differing = check(&HANDSHAKES, differs, |connection| {
        format!("tshark {:?}, flowtrace {:?}", connection.initial_rtt, connection.handshake())
    });
    let handshakes = connections().filter(|(_, connection)| connection.handshake().is_some()).count();
    say(&format!("tshark: {handshakes} handshakes, {differing} take another time or are none"));
    assert!(compared().is_empty() || handshakes > 250, "{handshakes}");
}

/// As computed from the fields of the segments, with all bytes in memory.
#[test]
fn questions_and_answers_are_those_of_the_fields() {
    let differs = |connection: &Connection| transactions(&connection.entry) != connection.exchanges;
    let differing = check(&EXCHANGES, differs, |connection| {
        format!("fields {:?}, flowtrace {:?}", connection.exchanges, transactions(&connection.entry))
    });
    let answers: u64 = connections().map(|(_, connection)| connection.exchanges.count).sum();
    say(&format!("fields: {answers} answers to questions, {differing} connections differ"));
    assert!(compared().is_empty() || answers > 1000, "{answers}");
}

/// The kernel program reads a clock for few packets, and must come to the same ends.
#[test]
fn a_coarse_clock_changes_little() {
    /// Of a time from the last of a question to its answer.
    const TICK: u64 = 4_000_000;
    for (capture, comparison) in compared() {
        assert_eq!(comparison.unlike_by_ticks, [0; 0], "{}", capture.name);
    }
    for (capture, connection) in connections() {
        let Exchanges { count, sum, .. } = transactions(&connection.entry);
        let coarse = transactions(&connection.by_ticks);
        let (name, stream) = (&capture.name, connection.stream);
        assert_eq!(count, coarse.count, "{name} {stream}");
        assert!(coarse.sum.abs_diff(sum) <= count * TICK, "{name} {stream}: {sum} {}", coarse.sum);
        let times = |entry: &flowtrace_abi::FlowEntry| {
            let times = entry.transactions;
            (times.syn, times.answer, times.confirmation, entry.segments.map(|segments| segments.round_trip))
        };
        assert_eq!(times(&connection.entry), times(&connection.by_ticks), "{name} {stream}");
    }
}

fn connections() -> impl Iterator<Item = (&'static Capture, &'static Connection)> {
    compared()
        .iter()
        .flat_map(|(capture, comparison)| comparison.connections.iter().map(move |connection| (capture, connection)))
}

/// What the corpus lacks: made by hand, with the truth known. tshark says the same, and the same behind 2^32 - 1.
#[test]
fn scenes_are_what_they_were_made_to_be() {
    if tshark::version().is_none() {
        say("NOT TESTED against tshark's analysis of TCP: there is no tshark");
        assert!(!is_ci(), "tshark is needed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for (number, scene) in SCENES.iter().enumerate() {
        for offset in [0, u32::MAX - 250] {
            let path = folder.path().join(format!("{number}-{offset}.pcap"));
            std::fs::write(&path, scene.capture(offset)).unwrap();
            let comparison = compare(&path).unwrap();
            assert_eq!(comparison.verdicts, scene.verdicts(), "{}, from {offset}", scene.name);
            let unlike: Vec<_> = comparison.disagreements.iter().map(|found| (found.frame, found.tshark)).collect();
            assert_eq!(unlike, [], "{}, from {offset}: tshark says otherwise", scene.name);
            assert_eq!(comparison.connections[0].initial_rtt, Some(20_000_000), "{}", scene.name);
            assert_eq!(comparison.connections[0].handshake(), Some(20_000_000), "{}", scene.name);
        }
    }
}

/// That those connections differ that are on the list, and no others. How many there are.
fn check(list: &[Differing], differs: impl Fn(&Connection) -> bool, say: impl Fn(&Connection) -> String) -> usize {
    if compared().is_empty() {
        return 0;
    }
    let listed: BTreeSet<_> =
        list.iter().flat_map(|differing| differing.streams.iter().map(|stream| (differing.file, *stream))).collect();
    let found: Vec<_> = connections().filter(|(_, connection)| differs(connection)).collect();
    let unlisted: Vec<_> = found
        .iter()
        .filter(|(capture, connection)| !listed.contains(&(capture.name.as_str(), connection.stream)))
        .map(|(capture, connection)| format!("{} {}: {}", capture.name, connection.stream, say(connection)))
        .collect();
    assert!(unlisted.is_empty(), "{}", unlisted.join("\n"));
    assert_eq!(found.len(), listed.len(), "of what is listed some does not differ");
    found.len()
}

/// Sums of a file: retransmissions, out of order, zero windows.
type Sums = [u64; 3];
/// Times from questions to answers of each connection that has any: mean, and mean difference.
type Times = Vec<(u64, u64)>;

fn written(capture: &Capture) -> (Sums, Times) {
    // Connections are as long as tshark's, and in one window, however long.
    let long = ["tcp=99999h", "tcp_fin=99999h", "tcp_rst=99999h", "active=99999h"];
    let timeouts = long.into_iter().flat_map(|timeout| ["-t", timeout]);
    let arguments: Vec<_> = ["-q", "-o", "json", "--active-jitter", "0"].into_iter().chain(timeouts).collect();
    let spans = Span::parse_all(program::read(&arguments, &capture.path).text()).unwrap();
    let sum = |name: &str| {
        let names = [format!("flow.tcp.{name}.total"), format!("flow.reverse.tcp.{name}.total")];
        spans.iter().flat_map(|span| names.iter().filter_map(|name| span.number(name))).sum()
    };
    let times = |span: &Span| Some((span.number("flow.tcp.rndtrip.latency")?, span.number("flow.tcp.rndtrip.jitter")?));
    (["retransmits", "out_of_order", "zero_window"].map(sum), spans.iter().filter_map(times).collect())
}

/// The sums; the times of connections whose initiator is known; those of the others, which are written where the ports tell.
fn expected(comparison: &Comparison) -> (Sums, Times, Times) {
    let sum = |kind: usize| {
        let ways = comparison.connections.iter().flat_map(|connection| connection.entry.segments);
        ways.map(|segments| u64::from(segments.anomalies[kind])).sum()
    };
    let (known, guessed): (Vec<&Connection>, Vec<&Connection>) = comparison
        .connections
        .iter()
        .filter(|connection| connection.entry.transactions.count > 0)
        .partition(|connection| connection.entry.state & state::INITIATOR_KNOWN != 0);
    let times = |connections: Vec<&Connection>| {
        let mean = |times: Exchanges| (times.sum / times.count, times.difference / (times.count - 1).max(1));
        connections.into_iter().map(|connection| mean(transactions(&connection.entry))).collect()
    };
    ([0, 1, 2].map(sum), times(known), times(guessed))
}

/// What `flowtrace read` writes is what was judged above.
#[test]
fn records_say_the_same() {
    let differing: Vec<_> = each(compared(), |(capture, comparison)| {
        let ((sums, mut times), (expected_sums, known, guessed)) = (written(capture), expected(comparison));
        let mut take = |time| times.iter().position(|written| *written == time).map(|at| times.swap_remove(at));
        let missing: Vec<_> = known.into_iter().filter(|time| take(*time).is_none()).collect();
        for time in guessed {
            take(time);
        }
        let is_same = sums == expected_sums && missing.is_empty() && times.is_empty();
        (!is_same).then(|| {
            format!("{}: {sums:?}, not {expected_sums:?}; not written: {missing:?}; written: {times:?}", capture.name)
        })
    })
    .into_iter()
    .flatten()
    .collect();
    assert!(differing.is_empty(), "{}", differing.join("\n"));
    let count: usize = compared().iter().map(|(_, comparison)| expected(comparison).1.len()).sum();
    assert!(compared().is_empty() || count > 200, "{count}");
}
