"""The trace of a release, as a collector gets it over OTLP from an operator at work.

It has a cluster of its own: the operator of the shared one tells no traces.
"""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

import local_cluster
import operate
import running
from userside import IMAGE, Namespace, application, process

ROOT = Path(__file__).parents[2]
DIRECTORY = ROOT / "build" / "cluster-traces"


@dataclass(slots=True)
class Collector:
    """Takes spans as OpenTelemetry's collector does, and keeps them."""

    spans: list[Any] = field(default_factory=list)
    services: set[str] = field(default_factory=set)

    def take(self, body: bytes) -> None:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            names = {one.key: one.value.string_value for one in resource.resource.attributes}
            self.services.add(names["service.name"])
            for scope in resource.scope_spans:
                self.spans += scope.spans

    def of(self, trace_id: str) -> dict[str, Any]:
        return {one.name: one for one in self.spans if one.trace_id.hex() == trace_id}


@pytest.fixture
def collector() -> Iterator[tuple[Collector, str]]:
    kept = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            kept.take(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield kept, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def here(
    collector: tuple[Collector, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Namespace, running.Operator]]:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector[1])
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "200")
    try:
        cluster = local_cluster.up("kwok", DIRECTORY)
        kubectl = running.kubectl(cluster.kubectl, cluster.kubeconfig)
        kubectl("create", "namespace", "traced")
        log = DIRECTORY / "logs" / "operator.log"
        log.unlink(missing_ok=True)
        operator = running.Operator(
            operate.install(cluster), log, "--traces", "true", "--log-format", "json"
        )
        try:
            operator.start()
            yield Namespace(kubectl, "traced"), operator
        finally:
            operator.stop()
    finally:
        local_cluster.down(DIRECTORY)


def test_a_release_is_one_trace_of_its_steps_jobs_and_writes(
    collector: tuple[Collector, str], here: tuple[Namespace, running.Operator]
) -> None:
    kept, _ = collector
    namespace, operator = here
    namespace.release(
        application(), namespace.web(), process("migrate", "job", jobStartPolicy="beforeDeployment")
    )
    namespace.patch("papp", "shop", {"spec": {"image": f"{IMAGE}:v2"}})
    namespace.wait("prel/shop-2", "jsonpath={.status.state}=success")
    trace_id = namespace.get("prel", "shop-2")["metadata"]["uid"].replace("-", "")

    running.until(lambda: "release" in kept.of(trace_id))
    found = kept.of(trace_id)
    root = found["release"]
    about = {one.key: one.value for one in root.attributes}
    assert kept.services == {"process-operator"}
    assert about["process_operator.release"].string_value == "shop-2"
    assert about["process_operator.release.trigger"].string_value == "image"
    assert not root.parent_span_id
    # Steps and writes are parts of the release, a job is one of its step.
    steps, writes = {"beforeJobs", "rollout"}, {"apply Deployment shop-web", "create Job"}
    for name in steps | writes | {"record ProcessRelease shop-2"}:
        span = next(one for one in found.values() if one.name.startswith(name))
        assert span.parent_span_id == root.span_id, name
    assert found["job migrate"].parent_span_id == found["beforeJobs"].span_id
    assert all(one.status.code == one.status.STATUS_CODE_OK for one in found.values())
    # A write lies within the release, by its own clock and not by whole seconds.
    write = found["apply Deployment shop-web"]
    assert root.start_time_unix_nano <= write.start_time_unix_nano < write.end_time_unix_nano

    lines = [json.loads(line) for line in operator.log.read_text().splitlines()]
    applied = [
        one["trace_id"]
        for one in lines
        if (one["message"], one.get("object")) == ("applied", "shop-web")
        and one["kind"] == "Deployment"
    ]
    assert applied[-1] == trace_id
