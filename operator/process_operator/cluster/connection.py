"""Where the API server is, and who we are to it."""

import base64
import functools
import hashlib
import ssl
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """Where the API server is, and who we are to it, as both were read at one moment."""

    server: str
    tls: ssl.SSLContext | None = field(compare=False)
    """None for a server without TLS."""
    tls_digest: bytes = field(default=b"", repr=False)
    """Of all that `tls` was made of: equal for two that are made of the same."""
    token: str | None = field(default=None, repr=False)
    again: Callable[[], "Connection"] | None = field(default=None, repr=False, compare=False)
    """Reads the same anew, or raises `OSError` or `ValueError`; None if it can never change."""


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
    """Return a connection made of what a login found; data is PEM, or base64 of it.

    What is given as a path is read here, and again by `again`.

    Raises:
        OSError: A file cannot be read, or is no certificate or key.
        ValueError: Data is neither PEM nor base64 of it.
    """
    again = functools.partial(
        connection,
        server=server,
        ca_path=ca_path,
        ca_data=ca_data,
        certificate_path=certificate_path,
        certificate_data=certificate_data,
        private_key_path=private_key_path,
        private_key_data=private_key_data,
        token=token,
        token_file=token_file,
        insecure=insecure,
    )
    authority = _pem(ca_path, ca_data)
    certificate = _pem(certificate_path, certificate_data)
    key = _pem(private_key_path, private_key_data)
    is_tls = server.startswith("https:")
    return Connection(
        server=server.rstrip("/"),
        tls=_tls(authority, certificate, key, insecure=insecure) if is_tls else None,
        tls_digest=hashlib.sha256(b"\0".join((authority, certificate, key))).digest(),
        token=token_file.read_text().strip() if token_file is not None else token,
        again=again,
    )


def _tls(authority: bytes, certificate: bytes, key: bytes, *, insecure: bool) -> ssl.SSLContext:
    # Comments between certificates may be in any script.
    tls = ssl.create_default_context(cadata=authority.decode("ascii", errors="ignore") or None)
    if insecure:
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    if certificate:
        _load_pair(tls, certificate, key)
    return tls


def _pem(path: str | None, data: str | bytes | None) -> bytes:
    """Return what a file or data holds, b"" for neither."""
    if path:
        return Path(path).read_bytes()
    raw = data.encode() if isinstance(data, str) else data or b""
    return raw if not raw or raw.lstrip().startswith(b"-----BEGIN") else base64.b64decode(raw)


def _load_pair(tls: ssl.SSLContext, certificate: bytes, private_key: bytes) -> None:
    # The ssl module reads a key from a file only; this one is ours alone and lives a moment.
    with tempfile.NamedTemporaryFile() as both:
        both.write(certificate + b"\n" + private_key)
        both.flush()
        tls.load_cert_chain(both.name)
