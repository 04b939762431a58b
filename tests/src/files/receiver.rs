//! A receiver of OTLP/gRPC on opentelemetry-proto and tonic's server: it decodes with code that is not ours.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::trace::v1::ResourceSpans;
use tokio::runtime::Runtime;
use tonic::codec::CompressionEncoding;
use tonic::{Request, Response, Status};

type Received = Arc<Mutex<Vec<ExportTraceServiceRequest>>>;

struct Service(Received);

#[tonic::async_trait]
impl TraceService for Service {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.lock().unwrap().push(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

/// A running receiver; it ends when dropped.
#[derive(Debug)]
pub struct Receiver {
    received: Received,
    address: SocketAddr,
    runtime: Option<Runtime>,
}

impl Receiver {
    /// Starts one at a free port of this host.
    pub fn start() -> Self {
        let received = Received::default();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let address = listener.local_addr().unwrap();
        let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
        let service = TraceServiceServer::new(Service(Arc::clone(&received)))
            .accept_compressed(CompressionEncoding::Gzip)
            .max_decoding_message_size(64 << 20);
        runtime.spawn(tonic::transport::Server::builder().add_service(service).serve_with_incoming(incoming));
        Self { received, address, runtime: Some(runtime) }
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits until so many spans are there, for at most `time`; returns all that came.
    pub fn wait_for(&self, spans: usize, time: Duration) -> Vec<ResourceSpans> {
        let begin = Instant::now();
        while self.count() < spans && begin.elapsed() < time {
            std::thread::sleep(Duration::from_millis(10));
        }
        let requests = std::mem::take(&mut *self.received.lock().unwrap());
        requests.into_iter().flat_map(|request| request.resource_spans).collect()
    }

    fn count(&self) -> usize {
        let requests = self.received.lock().unwrap();
        let scopes = requests.iter().flat_map(|request| &request.resource_spans).flat_map(|spans| &spans.scope_spans);
        scopes.map(|scope| scope.spans.len()).sum()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(10));
        }
    }
}
