//! Over TLS and HTTP/2, as real API servers speak it: all kinds share one connection.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use flowtrace_kubernetes::object::Metadata;
use flowtrace_kubernetes::watch::{Access, Counts, Settings, Sink, Watch};
use flowtrace_kubernetes::{Kind, Object};
use flowtrace_tests::apiserver::{Authority, Recording, folder};
use http_body_util::StreamBody;
use http_body_util::combinators::BoxBody;
use hyper::body::{Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use tokio_stream::StreamExt;

/// Objects that came, and events, by kind.
#[derive(Clone, Default)]
struct Numbers(Arc<Mutex<BTreeMap<Kind, (usize, usize)>>>);

impl Sink for Numbers {
    fn begin_list(&mut self, _kind: Kind) {}

    fn end_list(&mut self, _kind: Kind, _at: u64) {}

    fn apply(&mut self, kind: Kind, _object: Object, _at: u64) {
        self.0.lock().expect("no test panics within").entry(kind).or_default().0 += 1;
    }

    fn delete(&mut self, kind: Kind, _metadata: &Metadata, _at: u64) {
        self.0.lock().expect("no test panics within").entry(kind).or_default().1 += 1;
    }

    fn tick(&mut self, _at: u64) {}
}

/// The recorded start list, or the recorded events and then nothing more.
fn answer(recording: &Recording, request: &Request<Incoming>) -> Response<BoxBody<Bytes, Infallible>> {
    let kind = request.uri().path().rsplit('/').next().expect("a path");
    let is_meta = request.headers()["accept"].to_str().expect("text").contains("as=Partial");
    let suffix = if is_meta { ".meta" } else { "" };
    let is_watch = request.uri().query().is_some_and(|query| query.starts_with("watch=1"));
    let file = if is_watch { format!("{kind}.watch{suffix}.jsonl") } else { format!("{kind}.start.list{suffix}.json") };
    let bytes = recording.file(&file);
    let pieces: Vec<_> = bytes.chunks(5000).map(|piece| Ok(Frame::data(Bytes::copy_from_slice(piece)))).collect();
    let pieces = tokio_stream::iter(pieces);
    Response::new(match is_watch {
        true => BoxBody::new(StreamBody::new(pieces.chain(tokio_stream::pending()))),
        false => BoxBody::new(StreamBody::new(pieces)),
    })
}

/// Serves for ever; counts connections.
async fn serve(listener: TcpListener, acceptor: TlsAcceptor, recording: Arc<Recording>, count: Arc<AtomicUsize>) {
    while let Ok((stream, _)) = listener.accept().await {
        count.fetch_add(1, Ordering::Relaxed);
        let (acceptor, recording) = (acceptor.clone(), Arc::clone(&recording));
        tokio::spawn(async move {
            let stream = acceptor.accept(stream).await.expect("TLS");
            let service = service_fn(|request| {
                let answer = answer(&recording, &request);
                async { Ok::<_, Infallible>(answer) }
            });
            let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            let _ = builder.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

#[test]
fn all_kinds_share_a_connection() {
    let Some(folder) = folder() else { return };
    let recording = Arc::new(Recording::read(&folder));
    let authority = Authority::default();
    let runtime = Runtime::new().expect("threads");
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let connections = Arc::new(AtomicUsize::new(0));
    let acceptor = TlsAcceptor::from(authority.server(&["h2"]));
    runtime.spawn(serve(listener, acceptor, Arc::clone(&recording), Arc::clone(&connections)));

    let account = tempfile::tempdir().expect("a folder");
    fs::write(account.path().join("token"), "secret").expect("a file");
    fs::write(account.path().join("ca.crt"), &authority.pem).expect("a file");
    let access = Access::in_pod("127.0.0.1", &port.to_string(), account.path()).expect("an account");
    let watch = Watch::start(access, Settings::default(), Box::new(Numbers::default())).expect("a thread");
    for kind in Kind::ALL {
        let suffix = if kind.is_metadata_only() { ".meta" } else { "" };
        let events = recording.file(&format!("{}.watch{suffix}.jsonl", kind.plural()));
        let all = events.iter().filter(|byte| **byte == b'\n').count() as u64;
        let end = Instant::now() + Duration::from_secs(30);
        let came = |counts: Counts| counts.events + counts.bookmarks;
        while came(watch.progress().of(kind).counts) < all && Instant::now() < end {
            thread::sleep(Duration::from_millis(5));
        }
        let progress = watch.progress().of(kind);
        assert_eq!(came(progress.counts), all, "{kind:?}: {progress:?}");
        assert_eq!((progress.counts.failures, progress.counts.watch_requests), (0, 1), "{kind:?}: {progress:?}");
    }
    // The first two lists may each have begun one before either was ready.
    assert!(connections.load(Ordering::Relaxed) <= 2);
    drop(watch);
    runtime.shutdown_background();
}
