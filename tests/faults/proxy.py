"""A proxy between the operator and the API server that spoils one write, in one of five ways.

It speaks TLS on both sides, passes watches on as they come, and remembers every write that went
through it. Each namespace has its own fault, so that several can be told apart in one run.
"""

import asyncio
import base64
import contextlib
import datetime as dt
import ipaddress
import json
import re
import ssl
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import aiohttp
import yaml
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

LOOPBACK = "127.0.0.1"
_HOP = {"connection", "transfer-encoding", "content-length", "content-encoding", "host"}
_READS = {"GET", "HEAD"}
_OF_A_RELEASE = re.compile(r"-[0-9a-f]{8}$")
"""What the name of a Job says of the release's uid."""


class Way(StrEnum):
    """How a write is spoilt."""

    KILLED_BEFORE = "killed before"
    KILLED_AFTER = "killed after"
    ERROR_AFTER = "500 after"
    CONFLICT = "409 before"
    THROTTLED = "429 before"


@dataclass(slots=True)
class Fault:
    """Which write of a namespace is spoilt, and how."""

    what: str
    time: int
    """Counted from 1: at which of several writes of this."""
    way: Way
    done: bool = False

    @property
    def kills(self) -> bool:
        """Whether the operator is killed by it."""
        return self.way in {Way.KILLED_BEFORE, Way.KILLED_AFTER}


@dataclass(slots=True, kw_only=True)
class Write:
    """One write that was asked for, and what the API server answered; 0: it was never asked."""

    verb: str
    path: str
    status: int = 0
    name: str = ""

    @property
    def what(self) -> str:
        """What is written, whichever release and namespace it is for."""
        parts = self.path.split("/")
        short = "/".join(parts[parts.index("namespaces") + 2 :])
        named = f"{short}/{self.name}" if self.verb == "POST" else short
        return f"{self.verb} {_OF_A_RELEASE.sub('', named)}"


@dataclass(slots=True)
class Record:
    """What the operator has written in one namespace."""

    writes: list[Write] = field(default_factory=list)
    fault: Fault | None = None
    injected: asyncio.Event = field(default_factory=asyncio.Event)
    first: int | None = None
    """The place of the first write that may be injected: there may be a prologue."""

    def fault_for(self, write: Write) -> Fault | None:
        """Return the fault that is for this write, which is the last one that was seen."""
        fault = self.fault
        if fault is None or fault.done or self.first is None or write.what != fault.what:
            return None
        seen = sum(one.what == fault.what for one in self.writes[self.first :])
        return fault if seen == fault.time else None


class Proxy:
    """The proxy, as an asynchronous context."""

    def __init__(self, kubeconfig: Path, folder: Path) -> None:
        self._kubeconfig = kubeconfig
        self._folder = folder
        self._records: dict[str, Record] = {}
        self.restart: Callable[[], Awaitable[None]] | None = None
        """Kills the operator, and starts it again."""

    def record(self, namespace: str) -> Record:
        """Return what is known of a namespace."""
        return self._records.setdefault(namespace, Record())

    @property
    def kubeconfig(self) -> Path:
        """The operator's kubeconfig, with the proxy in place of the API server."""
        return self._folder / "proxied.kubeconfig"

    async def __aenter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        config = yaml.safe_load(self._kubeconfig.read_text())
        cluster = config["clusters"][0]["cluster"]
        self._upstream = cluster["server"]
        trust = ssl.create_default_context(cadata=_pem(cluster["certificate-authority-data"]))
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=trust, limit=0), auto_decompress=False
        )
        certificate, key = _self_signed(self._folder)
        served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        served.load_cert_chain(certificate, key)
        application = web.Application(client_max_size=16 * 1024**2)
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, LOOPBACK, 0, ssl_context=served)
        await site.start()
        port = self._runner.addresses[0][1]
        del cluster["certificate-authority-data"]
        cluster |= {
            "server": f"https://{LOOPBACK}:{port}",
            "certificate-authority": str(certificate),
        }
        self.kubeconfig.write_text(yaml.safe_dump(config))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._session.close()
        await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        namespace = namespace_of(request.path)
        if request.method in _READS or not namespace:
            return await self._pass(request, body)
        record = self.record(namespace)
        write = write_of(request, body)
        record.writes.append(write)
        fault = record.fault_for(write)
        if fault is None:
            return await self._pass(request, body, write)
        fault.done = True
        answer = await self._spoil(request, body, write, fault.way)
        record.injected.set()
        return answer

    async def _spoil(
        self, request: web.Request, body: bytes, write: Write, way: Way
    ) -> web.StreamResponse:
        match way:
            case Way.CONFLICT:
                return _status(409, "Conflict", "the object has been modified")
            case Way.THROTTLED:
                answer = _status(429, "TooManyRequests", "too many requests")
                answer.headers["Retry-After"] = "1"
                return answer
            case Way.ERROR_AFTER:
                await self._forward(request, body, write)
                return _status(500, "InternalError", "the answer was lost")
            case Way.KILLED_AFTER:
                await self._forward(request, body, write)
            case Way.KILLED_BEFORE:
                pass
        if self.restart is None:
            raise RuntimeError("there is no operator to kill")
        await self.restart()
        return _status(500, "InternalError", "nobody hears this")

    async def _forward(self, request: web.Request, body: bytes, write: Write) -> None:
        """Let the API server commit a write, and keep its answer back."""
        async with self._ask(request, body) as answer:
            await answer.read()
            write.status = answer.status

    async def _pass(
        self, request: web.Request, body: bytes, write: Write | None = None
    ) -> web.StreamResponse:
        async with self._ask(request, body) as answer:
            if write is not None:
                write.status = answer.status
            passed = web.StreamResponse(status=answer.status)
            for name, value in answer.headers.items():
                if name.lower() not in _HOP:
                    passed.headers[name] = value
            await passed.prepare(request)
            with contextlib.suppress(ConnectionError, aiohttp.ClientError):
                async for chunk in answer.content.iter_any():
                    await passed.write(chunk)
                await passed.write_eof()
            return passed

    def _ask(self, request: web.Request, body: bytes) -> Any:
        headers = {k: v for k, v in request.headers.items() if k.lower() not in _HOP}
        headers["Accept-Encoding"] = "identity"
        return self._session.request(
            request.method,
            self._upstream + request.raw_path,
            data=body or None,
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=None),
        )


def namespace_of(path: str) -> str:
    """Return the namespace that a path names, "" for none."""
    parts = path.split("/")
    return parts[parts.index("namespaces") + 1] if "namespaces" in parts else ""


def write_of(request: web.Request, body: bytes) -> Write:
    """Return what a request asks to write."""
    return Write(verb=request.method, path=request.path, name=_name(body))


def _name(body: bytes) -> str:
    """Return the name of a created object, which its path does not have."""
    if not body:
        return ""
    created = json.loads(body)
    metadata = created.get("metadata") if isinstance(created, dict) else None
    name: str = (metadata or {}).get("name", "")
    return name


def named_status(code: int, reason: str, message: str) -> dict[str, object]:
    """Return a failure as the API server tells it."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "reason": reason,
        "message": message,
        "code": code,
    }


def _status(code: int, reason: str, message: str) -> web.Response:
    return web.json_response(named_status(code, reason, message), status=code)


def _pem(encoded: str) -> str:
    return base64.b64decode(encoded).decode()


def _self_signed(folder: Path) -> tuple[Path, Path]:
    """Write a certificate for the loopback address, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fault-proxy")])
    now = dt.datetime.now(tz=dt.UTC)
    address = x509.IPAddress(ipaddress.ip_address(LOOPBACK))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "proxy.crt", folder / "proxy.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate, private
