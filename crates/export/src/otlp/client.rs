//! One call: `TraceService/Export` with a request that is bytes already.

use std::time::Duration;

use bytes::{BufMut, Bytes};
use http::Uri;
use http::uri::PathAndQuery;
use prost::Message;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

/// opentelemetry/proto/collector/trace/v1/trace_service.proto.
const METHOD: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
/// A connection that takes longer is none.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A response is a number and a sentence.
const RESPONSE_MAX: usize = 64 << 10;

/// A connection to a receiver, made when first needed and again when lost.
#[derive(Debug)]
pub(super) struct Client {
    grpc: tonic::client::Grpc<Channel>,
    timeout: Duration,
}

impl Client {
    /// To be called inside the runtime that will send.
    pub(super) fn new(uri: Uri, timeout: Duration) -> Result<Self, tonic::transport::Error> {
        let channel = Endpoint::from(uri)
            .user_agent(concat!("flowtrace/", env!("CARGO_PKG_VERSION")))?
            .connect_timeout(CONNECT_TIMEOUT)
            .connect_lazy();
        let grpc = tonic::client::Grpc::new(channel).max_decoding_message_size(RESPONSE_MAX);
        Ok(Self { grpc, timeout })
    }

    /// Sends the bytes of an `ExportTraceServiceRequest`.
    pub(super) async fn send(&mut self, bytes: Bytes) -> Result<Option<PartialSuccess>, Status> {
        let call = async {
            self.grpc.ready().await.map_err(|error| Status::from_error(Box::new(error)))?;
            self.grpc.unary(Request::new(bytes), PathAndQuery::from_static(METHOD), RawCodec).await
        };
        match tokio::time::timeout(self.timeout, call).await {
            Ok(response) => response.map(|response| response.into_inner().partial_success),
            Err(_elapsed) => Err(Status::deadline_exceeded(format!("no answer within {:?}", self.timeout))),
        }
    }
}

/// `ExportTraceServiceResponse`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Response {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<PartialSuccess>,
}

/// `ExportTracePartialSuccess`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct PartialSuccess {
    /// How many spans were not taken.
    #[prost(int64, tag = "1")]
    pub(super) rejected_spans: i64,
    /// Why, or a warning about those that were.
    #[prost(string, tag = "2")]
    pub(super) error_message: String,
}

/// Sends bytes as they are, decodes the response.
#[derive(Clone, Copy, Debug, Default)]
struct RawCodec;

impl Codec for RawCodec {
    type Encode = Bytes;
    type Decode = Response;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, bytes: Bytes, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.reserve(bytes.len());
        out.put(bytes);
        Ok(())
    }
}

impl Decoder for RawCodec {
    type Item = Response;
    type Error = Status;

    fn decode(&mut self, bytes: &mut DecodeBuf<'_>) -> Result<Option<Response>, Status> {
        Response::decode(bytes).map(Some).map_err(|error| Status::internal(format!("the response is damaged: {error}")))
    }
}
