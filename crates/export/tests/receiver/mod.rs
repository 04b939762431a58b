//! A receiver of OTLP/gRPC built on opentelemetry-proto and tonic's server: nothing of it is ours.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::trace::v1::Span;
use tokio::runtime::Runtime;
use tonic::{Request, Response, Status};

/// How the receiver answers one request; with `Ok` when none is left.
pub enum Answer {
    Ok,
    Partial(i64, &'static str),
    Error(Status),
    /// Never.
    Silence,
}

#[derive(Default)]
struct State {
    answers: Mutex<VecDeque<Answer>>,
    requests: Mutex<Vec<ExportTraceServiceRequest>>,
}

struct Service(Arc<State>);

#[tonic::async_trait]
impl TraceService for Service {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.requests.lock().unwrap().push(request.into_inner());
        let answer = self.0.answers.lock().unwrap().pop_front().unwrap_or(Answer::Ok);
        let partial_success = match answer {
            Answer::Ok => None,
            Answer::Partial(rejected_spans, message) => {
                Some(ExportTracePartialSuccess { rejected_spans, error_message: message.into() })
            }
            Answer::Error(status) => return Err(status),
            Answer::Silence => std::future::pending().await,
        };
        Ok(Response::new(ExportTraceServiceResponse { partial_success }))
    }
}

/// A running receiver; it ends when dropped.
pub struct Receiver {
    state: Arc<State>,
    address: SocketAddr,
    runtime: Option<Runtime>,
}

impl Receiver {
    pub fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), answers)
    }

    pub fn start_at(address: SocketAddr, answers: impl IntoIterator<Item = Answer>) -> Self {
        let state = Arc::new(State { answers: Mutex::new(answers.into_iter().collect()), requests: Mutex::default() });
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind(address)).unwrap();
        let address = listener.local_addr().unwrap();
        let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
        let service = TraceServiceServer::new(Service(Arc::clone(&state)));
        runtime.spawn(tonic::transport::Server::builder().add_service(service).serve_with_incoming(incoming));
        Self { state, address, runtime: Some(runtime) }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All requests, the ones that were answered with an error, too.
    pub fn requests(&self) -> Vec<ExportTraceServiceRequest> {
        self.state.requests.lock().unwrap().clone()
    }

    /// All spans of all requests.
    pub fn spans(&self) -> Vec<Span> {
        self.requests()
            .into_iter()
            .flat_map(|request| request.resource_spans)
            .flat_map(|spans| spans.scope_spans)
            .flat_map(|spans| spans.spans)
            .collect()
    }
}

impl Receiver {
    /// Ends it; what came stays readable.
    pub fn stop(&mut self) {
        // Connections and the port go with the runtime.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(10));
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.stop();
    }
}
