"""Where the API server is, and who we are to it."""

import base64
import ssl
import tempfile
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """Where the API server is, and who we are to it."""

    server: str
    tls: ssl.SSLContext | None
    """None for a server without TLS."""
    token: str | None = field(default=None, repr=False)
    token_file: Path | None = None
    """Read again when it may have been rotated; stands above `token`."""


def connection(
    *,
    server: str,
    ca_path: str | None = None,
    ca_data: str | bytes | None = None,
    certificate_path: str | None = None,
    certificate_data: str | bytes | None = None,
    private_key_path: str | None = None,
    private_key_data: str | bytes | None = None,
    token: str | None = None,
    token_file: Path | None = None,
    insecure: bool = False,
) -> Connection:
    """Return a connection made of what a login found; data is PEM, or base64 of it."""
    tls = None
    if server.startswith("https:"):
        tls = ssl.create_default_context(
            cafile=ca_path, cadata=_pem(ca_data).decode() if ca_data else None
        )
        if insecure:
            tls.check_hostname = False
            tls.verify_mode = ssl.CERT_NONE
        if certificate_path:
            tls.load_cert_chain(certificate_path, private_key_path)
        elif certificate_data:
            _load_pair(tls, _pem(certificate_data), _pem(private_key_data or b""))
    return Connection(server=server.rstrip("/"), tls=tls, token=token, token_file=token_file)


def _pem(data: str | bytes) -> bytes:
    raw = data.encode() if isinstance(data, str) else data
    return raw if raw.lstrip().startswith(b"-----BEGIN") else base64.b64decode(raw)


def _load_pair(tls: ssl.SSLContext, certificate: bytes, private_key: bytes) -> None:
    # The ssl module reads a key from a file only; this one is ours alone and lives a moment.
    with tempfile.NamedTemporaryFile() as both:
        both.write(certificate + b"\n" + private_key)
        both.flush()
        tls.load_cert_chain(both.name)
