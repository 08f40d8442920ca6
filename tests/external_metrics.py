"""Where a queue's length is asked for: as an API server of external metrics, and plainly."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from local_cluster.aggregation import ExtensionServer
from userside import Body

GROUP = "external.metrics.k8s.io"
VERSION = f"{GROUP}/v1beta1"


class Metrics:
    """The metrics there are, as a test sets them."""

    def __init__(self, address: str, port: int) -> None:
        self.address = address
        self.port = port
        self.values: dict[tuple[str, str], int] = {}
        """By namespace and name."""

    @property
    def server(self) -> ExtensionServer:
        """The way from the API server to this one."""
        return ExtensionServer(
            group=GROUP,
            version="v1beta1",
            name="external-metrics",
            namespace="kube-system",
            address=self.address,
            port=self.port,
        )

    def url(self, namespace: str, name: str) -> str:
        """Return where one value alone is told."""
        return f"https://{self.address}:{self.port}/queue/{namespace}/{name}"

    def answer(self, path: str) -> Any:
        """Return what the API says at a path, None where there is nothing."""
        parts = path.partition("?")[0].strip("/").split("/")
        if parts[0] == "queue":
            return {"value": self.values.get((parts[1], parts[2]), 0)}
        if parts == ["apis", GROUP, "v1beta1"]:
            return {"kind": "APIResourceList", "groupVersion": VERSION, "resources": []}
        if parts[:4] != ["apis", GROUP, "v1beta1", "namespaces"] or len(parts) != 6:
            return None
        namespace, name = parts[4:]
        value = self.values.get((namespace, name))
        found = [] if value is None else [_value(name, value)]
        kind = "ExternalMetricValueList"
        return {"kind": kind, "apiVersion": VERSION, "metadata": {}, "items": found}


def _value(name: str, value: int) -> Body:
    at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return {"metricName": name, "metricLabels": {}, "timestamp": at, "value": str(value)}


@contextmanager
def serve(address: str, certificate: Path, key: Path) -> Iterator[Metrics]:
    """Serve on a free port of an address."""

    class _Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = metrics.answer(self.path)
            body = json.dumps(found or {"kind": "Status", "code": 404}).encode()
            self.send_response(404 if found is None else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
            del format, args

    server = ThreadingHTTPServer((address, 0), _Handler)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    metrics = Metrics(address, server.server_port)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield metrics
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
