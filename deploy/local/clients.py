"""Clients for what the sample serves: one HTTP request, one gRPC call, or loops that count.

python -m clients http http://127.0.0.1:8000/version --host shop.localhost
python -m clients grpc 127.0.0.1:8000 hello --authority api.localhost
"""

import argparse
import http.client
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import grpc
from google.protobuf.wrappers_pb2 import StringValue

ECHO = "/process_operator.sample.Echo/Say"
TALK = "/process_operator.sample.Echo/Talk"
TIMEOUT_SECONDS = 5.0


class Failed(Exception):  # noqa: N818 - it is an answer, not an error of this program
    """The other side did not answer as asked."""


class Http:
    """Requests of one URL over one connection that is kept, as browsers and proxies keep theirs.

    A Service chooses the pod for a connection, not for a request: without `keep` each request
    makes its own, and so many clients load all pods alike.
    """

    def __init__(
        self, url: str, host: str = "", timeout: float = TIMEOUT_SECONDS, *, keep: bool = True
    ) -> None:
        parts = urllib.parse.urlsplit(url)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._headers = {"Host": host} if host else {}
        if not keep:
            self._headers["Connection"] = "close"
        self._connection = http.client.HTTPConnection(
            parts.hostname or "", parts.port or 80, timeout=timeout
        )

    def __call__(self) -> str:
        """Return the answer; raise Failed for anything but 200."""
        try:
            self._connection.request("GET", self._path, headers=self._headers)
            answer = self._connection.getresponse()
            text = answer.read().decode(errors="replace").strip()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise Failed(f"{type(error).__name__}: {error}") from error
        if answer.status != 200:
            raise Failed(f"{answer.status}: {text}")
        return text

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class Grpc:
    """Calls of the sample's echo service over one channel, HTTP/2 without TLS."""

    def __init__(
        self, address: str, text: str, authority: str = "", timeout: float = TIMEOUT_SECONDS
    ) -> None:
        options: list[tuple[str, str | int]] = [("grpc.enable_http_proxy", 0)]
        if authority:
            options.append(("grpc.default_authority", authority))
        self._channel = grpc.insecure_channel(address, options)
        self._say = self._channel.unary_unary(
            ECHO,
            request_serializer=StringValue.SerializeToString,
            response_deserializer=StringValue.FromString,
        )
        self._text = text
        self._timeout = timeout

    def __call__(self) -> str:
        """Return the answer; raise Failed for any status but OK."""
        try:
            answer: str = self._say(StringValue(value=self._text), timeout=self._timeout).value
        except grpc.RpcError as error:
            raise Failed(f"{error.code().name}: {error.details()}") from error
        return answer

    def talk(self, words: Iterable[str]) -> Iterator[str]:
        """Say the words one by one in a stream of both sides, and yield what is answered."""
        stream = self._channel.stream_stream(
            TALK,
            request_serializer=StringValue.SerializeToString,
            response_deserializer=StringValue.FromString,
        )
        said = (StringValue(value=word) for word in words)
        for answer in stream(said, timeout=TIMEOUT_SECONDS):
            yield answer.value

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()


@dataclass(slots=True)
class Tally:
    """What a loop of requests has seen; times are seconds."""

    answered: int = 0
    failures: list[str] = field(default_factory=list)
    longest_gap: float = 0.0
    """The longest time between two good answers of one client."""
    answers: set[str] = field(default_factory=set)


class Load:
    """Clients that ask again and again until the block ends.

    with Load(lambda: Http(url, host), clients=4) as load:
        ...
    assert not load.tally.failures
    """

    def __init__(
        self, client: Callable[[], Http | Grpc], *, clients: int = 4, pause_seconds: float = 0.01
    ) -> None:
        self.tally = Tally()
        self._client = client
        self._pause = pause_seconds
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(clients)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        client = self._client()
        last = time.monotonic()
        while not self._stop.wait(self._pause):
            try:
                answer = client()
            except Failed as failure:
                with self._lock:
                    self.tally.failures.append(str(failure))
                continue
            now = time.monotonic()
            with self._lock:
                self.tally.answered += 1
                self.tally.answers.add(answer)
                self.tally.longest_gap = max(self.tally.longest_gap, now - last)
            last = now
        client.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask once and print the answer; return 1 if there is none."""
    parser = argparse.ArgumentParser(prog="clients", description="ask the sample once")
    commands = parser.add_subparsers(required=True, dest="protocol")
    web = commands.add_parser("http")
    web.add_argument("url")
    web.add_argument("--host", default="")
    call = commands.add_parser("grpc")
    call.add_argument("address")
    call.add_argument("text")
    call.add_argument("--authority", default="")
    given = parser.parse_args(arguments)
    client: Http | Grpc = (
        Http(given.url, given.host)
        if given.protocol == "http"
        else Grpc(given.address, given.text, given.authority)
    )
    try:
        print(client())
    except Failed as failure:
        print(failure, file=sys.stderr)
        return 1
    finally:
        client.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
