"""Who gets webhooks: a server of this machine that keeps what it is sent."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ALLOWED = ("--webhooks", "on", "--webhook-networks", "127.0.0.0/8")
"""The flags of an API whose webhooks may lead to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One delivery."""

    headers: dict[str, str]
    text: bytes

    @property
    def body(self) -> Any:
        """What was sent."""
        return json.loads(self.text)

    def is_signed_with(self, secret: str) -> bool:
        """Whether a signature is right, by the words of the Standard Webhooks."""
        signed = b".".join(
            (
                self.headers["webhook-id"].encode(),
                self.headers["webhook-timestamp"].encode(),
                self.text,
            )
        )
        key = base64.b64decode(secret.removeprefix("whsec_"))
        made = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        return f"v1,{made}" in self.headers["webhook-signature"].split()


@dataclass(slots=True, kw_only=True)
class Receiver:
    """Where deliveries arrive, and what is answered."""

    endpoint: str = ""
    answers: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)

    def statuses(self) -> list[str]:
        """Return what has been told of deployments."""
        return [one.body["data"]["status"] for one in self.received]


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Serve on a free port of this machine."""
    made = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            made.received.append(Received(headers=headers, text=text))
            self.send_response(made.answers)
            for name, value in made.headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.endpoint = f"http://127.0.0.1:{server.server_port}/deployments?of=shop"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
