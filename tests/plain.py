"""Requests to the API server as they are: a method, a path, a body; nothing in between."""

import http.client
import json
import time
import urllib.parse
from typing import Any

from process_operator.cluster.connection import Connection

JSON = "application/json"
MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"
JSON_PATCH = "application/json-patch+json"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
"""What kubectl asks for, to print it."""
_IDLE_SECONDS = 60.0
"""The API server ends a connection that nobody has used for 90 s."""


class ApiServer:
    """The API server over one connection that is kept."""

    def __init__(self, connection: Connection) -> None:
        server = urllib.parse.urlsplit(connection.server)
        assert server.hostname is not None
        self._http = http.client.HTTPSConnection(
            server.hostname, server.port, timeout=30, context=connection.tls
        )
        self._used = time.monotonic()

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        kind: str = JSON,
        accept: str = JSON,
        **query: str,
    ) -> tuple[int, Any]:
        """Send one request; return the answer's status and its body.

        Args:
            method: Such as `GET`.
            path: From the root, without the query.
            body: What is sent, as JSON.
            kind: The media type of the body.
            accept: The media type of the answer.
            query: Such as `dryRun="All"`.
        """
        whole = f"{path}?{urllib.parse.urlencode(query)}" if query else path
        data = None if body is None else json.dumps(body)
        if time.monotonic() - self._used > _IDLE_SECONDS:
            self.close()
        self._http.request(method, whole, data, {"Accept": accept, "Content-Type": kind})
        answer = self._http.getresponse()
        self._used = time.monotonic()
        return answer.status, json.loads(answer.read())

    def close(self) -> None:
        """End the connection; a further request makes another."""
        self._http.close()
