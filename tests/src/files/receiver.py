"""A receiver of OTLP on Google's protobuf, grpcio and http.server: it writes what it decoded as `--output json` would.

It says the ports of gRPC and HTTP in its first line, then "HOW\tSPAN" for every span, and ends when its standard input
does. HOW is "grpc", or the content type and the content encoding.
"""

import base64
import gzip
import json
import sys
import threading
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
import zstandard
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

KINDS = {1: "INTERNAL", 2: "SERVER", 3: "CLIENT"}
IDS = ("traceId", "spanId", "parentSpanId")
DECODERS = {"identity": lambda body: body, "gzip": gzip.decompress,
            "zstd": lambda body: zstandard.ZstdDecompressor().decompressobj().decompress(body)}
lock = threading.Lock()


def value(any_value):
    kind = any_value.WhichOneof("value")
    if kind == "array_value":
        return [value(item) for item in any_value.array_value.values]
    if kind in ("string_value", "int_value"):
        return getattr(any_value, kind)
    raise ValueError(f"flows have no values of this kind: {kind}")


def pairs(attributes):
    return {attribute.key: value(attribute.value) for attribute in attributes}


def line(span, resource):
    fields = {"trace_id": span.trace_id.hex(), "span_id": span.span_id.hex()}
    if span.parent_span_id:
        fields["parent_span_id"] = span.parent_span_id.hex()
    fields |= {
        "name": span.name,
        "kind": KINDS[span.kind],
        "start_time_unix_nano": str(span.start_time_unix_nano),
        "end_time_unix_nano": str(span.end_time_unix_nano),
    }
    if span.HasField("status"):
        fields["status"] = {"code": span.status.code}
    return json.dumps(fields | {"attributes": pairs(span.attributes), "resource": resource})


def take(how, request):
    lines = []
    for group in request.resource_spans:
        resource = pairs(group.resource.attributes)
        for scope in group.scope_spans:
            if scope.scope.name != "flowtrace" or scope.schema_url != group.schema_url:
                raise ValueError(f"scope {scope.scope}, schema {scope.schema_url}")
            lines += [f"{how}\t{line(span, resource)}\n" for span in scope.spans]
    with lock:
        sys.stdout.write("".join(lines))
        sys.stdout.flush()
    return trace_service_pb2.ExportTraceServiceResponse()


class Service(trace_service_pb2_grpc.TraceServiceServicer):
    def Export(self, request, context):
        return take("grpc", request)


def with_base64(node):
    """Ids are hexadecimal in OTLP's JSON, and base64 in that of protocol buffers."""
    if isinstance(node, list):
        return [with_base64(item) for item in node]
    if not isinstance(node, dict):
        return node
    changed = {name: base64.b64encode(bytes.fromhex(node[name])).decode() for name in IDS if name in node}
    return {name: with_base64(item) for name, item in node.items()} | changed


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        kind, encoding = self.headers["content-type"], self.headers.get("content-encoding", "identity")
        body = DECODERS[encoding](self.rfile.read(int(self.headers["content-length"])))
        request = trace_service_pb2.ExportTraceServiceRequest()
        if self.path != "/v1/traces":
            return self.send_error(404)
        if kind == "application/json":
            json_format.ParseDict(with_base64(json.loads(body)), request)
        else:
            request.ParseFromString(body)
        response = take(f"{kind} {encoding}", request)
        answer = b"{}" if kind == "application/json" else response.SerializeToString()
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


grpc_server = grpc.server(futures.ThreadPoolExecutor(4))
trace_service_pb2_grpc.add_TraceServiceServicer_to_server(Service(), grpc_server)
grpc_port = grpc_server.add_insecure_port("127.0.0.1:0")
grpc_server.start()
http_server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=http_server.serve_forever, daemon=True).start()
print(grpc_port, http_server.server_port, flush=True)
sys.stdin.read()
grpc_server.stop(None)
