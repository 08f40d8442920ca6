"""API keys: what they look like, how they are kept, and which of them are valid now.

A key is `pop_<id>_<secret><checksum>`: a prefix that secret scanners can find, an id by which it
is looked up without a search, 256 random bits, and a checksum by which junk is told from a key
without any cryptography. Kept is an HMAC of the key and what it may do, in one Secret.
"""

import asyncio
import base64
import binascii
import hmac
import logging
import re
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, NamedTuple

from pydantic import AwareDatetime, Field, ValidationError

from process_operator.cluster.client import Cluster
from process_operator.kube import errors
from process_operator.kube.manifest import Manifest
from process_operator.models import base

_log = logging.getLogger(__name__)

SECRET = "process-operator-api-keys"  # noqa: S105 - the name of a Secret
"""Name of the Secret that holds every key of an installation."""
PREFIX = "pop_"

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID_LENGTH = 10
_SECRET_LENGTH = 43
"""43 digits of 62 hold 256 bits."""
_CHECK_LENGTH = 6
_FORM = re.compile(
    rf"{PREFIX}([0-9A-Za-z]{{{_ID_LENGTH}}})_[0-9A-Za-z]{{{_SECRET_LENGTH + _CHECK_LENGTH}}}"
)
_HASH_KEY = "hash-key"
_ENTRY = "key-"
UNBOUND = (
    "was made before keys were bound to the uids of their namespaces; revoke it and make it anew "
    "with `process-operator keys create`"
)
_TRIES = 6
_READ_SECONDS = 1.0
_READ_TIMEOUT_SECONDS = 4.0
_TRUSTED_SECONDS = 15.0
"""How long keys stay valid while the Secret cannot be read: longer, and a revocation is missed."""


class Role(StrEnum):
    """What a key may do: each includes those before it."""

    READ = "read"
    WRITE = "write"
    EXEC = "exec"
    """Run commands in the instances, where it can read all that they can."""


class BoundNamespace(NamedTuple):
    """The namespace that a key was made for; a later one of the same name is another."""

    name: str
    uid: str
    """Empty in keys that were made before they were bound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key, without what is secret of it."""

    id: str
    name: str
    role: Role
    namespaces: tuple[BoundNamespace, ...]
    created_at: datetime
    expires_at: datetime | None

    @property
    def is_bound(self) -> bool:
        """Whether it can be told from what its namespaces were before they were made anew."""
        return all(one.uid for one in self.namespaces)


class _Entry(base.Model):
    """A key as the Secret has it."""

    name: str
    role: Role
    namespaces: Annotated[dict[str, str] | tuple[str, ...], Field(min_length=1)]
    """Their uids by name; of keys that were made before they were bound the names alone."""
    hash: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    created_at: AwareDatetime
    expires_at: AwareDatetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    key: Key
    hash: bytes


def generate() -> tuple[str, str]:
    """Return the id and the text of a new key."""
    identity = _random(_ID_LENGTH)
    text = f"{PREFIX}{identity}_{_random(_SECRET_LENGTH)}"
    return identity, text + _checksum(text)


def identity_of(text: str) -> str | None:
    """Return the id that a text names if it has the form of a key and its checksum is right."""
    form = _FORM.fullmatch(text)
    if form is None or _checksum(text[:-_CHECK_LENGTH]) != text[-_CHECK_LENGTH:]:
        return None
    return form[1]


def _random(length: int) -> str:
    return "".join(secrets.choice(_DIGITS) for _ in range(length))


def _checksum(text: str) -> str:
    number = binascii.crc32(text.encode())
    digits = ""
    for _ in range(_CHECK_LENGTH):
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits


class KeySet:
    """The content of the Secret: every key, and what their hashes are keyed with."""

    def __init__(self, data: Mapping[str, str] | None = None) -> None:
        """Read the `data` of the Secret; without it, begin a new one."""
        given = data or {}
        hash_key = base64.b64decode(given.get(_HASH_KEY, ""))
        self._hash_key = hash_key or secrets.token_bytes(32)
        self._kept: dict[str, _Kept] = {}
        self._unread: dict[str, str] = {}
        """What cannot be read, as it is: it is for its writer to mend or to remove."""
        self.faults: tuple[str, ...] = tuple(self._take_in(given))
        """What is wrong with single entries, for whoever may write them; the others work."""
        if self._kept and not hash_key:
            self.faults += (f"{_HASH_KEY} is missing: no key is valid; make every key anew",)

    def _take_in(self, given: Mapping[str, str]) -> Iterator[str]:
        """Read every entry that can be read; yield what is wrong with the others."""
        for name in sorted(given.keys() - {_HASH_KEY}):
            try:
                kept = _read(name, given[name])
            except ValueError as error:
                self._unread[name] = given[name]
                yield f"{error}; remove it from the Secret and make the key anew"
                continue
            self._kept[kept.key.id] = kept
            if not kept.key.is_bound:
                yield f'{name}, named "{kept.key.name}", {UNBOUND}'

    @property
    def keys(self) -> tuple[Key, ...]:
        """Every key, oldest first."""
        return tuple(
            sorted((one.key for one in self._kept.values()), key=lambda key: key.created_at)
        )

    def named(self, name: str) -> Key | None:
        """Return the key of a name."""
        return next((key for key in self.keys if key.name == name), None)

    def add(
        self,
        *,
        name: str,
        role: Role,
        namespaces: Iterable[BoundNamespace],
        now: datetime,
        lifetime: timedelta | None,
    ) -> str:
        """Add a key and return its text, which is kept nowhere."""
        identity, text = generate()
        key = Key(
            id=identity,
            name=name,
            role=role,
            namespaces=tuple(sorted(set(namespaces))),
            created_at=now,
            expires_at=now + lifetime if lifetime is not None else None,
        )
        self._kept[identity] = _Kept(key=key, hash=self._hash(text))
        return text

    def remove(self, identity: str) -> None:
        """Take a key out."""
        del self._kept[identity]

    def extend(self, identity: str, namespace: BoundNamespace) -> bool:
        """Let a key be for one more namespace; return whether there is such a key."""
        kept = self._kept.get(identity)
        if kept is None:
            return False
        namespaces = tuple(sorted({*kept.key.namespaces, namespace}))
        self._kept[identity] = replace(kept, key=replace(kept.key, namespaces=namespaces))
        return True

    def find(self, text: str, now: datetime) -> Key | None:
        """Return the key that a text is, if it is one that is valid now."""
        identity = identity_of(text)
        kept = self._kept.get(identity) if identity is not None else None
        if kept is None or not hmac.compare_digest(kept.hash, self._hash(text)):
            return None
        return kept.key if self.holds(kept.key, now) else None

    def holds(self, key: Key, now: datetime) -> bool:
        """Whether a key is still what it was when it was found, and valid now."""
        kept = self._kept.get(key.id)
        is_over = key.expires_at is not None and key.expires_at <= now
        return kept is not None and kept.key == key and not is_over

    def hook(self, application: str, nonce: str) -> str:
        """Return the token of a deployment hook, which nobody can work out who has no hash key.

        Args:
            application: The uid of the application that it deploys.
            nonce: What tells it from the hooks that the application had before.
        """
        return self._hash(f"hook {application} {nonce}").hex()

    def data(self) -> dict[str, str]:
        """Return the `data` of the Secret."""
        plain = {_HASH_KEY: self._hash_key}
        plain |= {f"{_ENTRY}{one.key.id}": _written(one) for one in self._kept.values()}
        encoded = {name: base64.b64encode(value).decode() for name, value in plain.items()}
        return self._unread | encoded

    def _hash(self, text: str) -> bytes:
        return hmac.digest(self._hash_key, text.encode(), "sha256")


def _read(name: str, value: str) -> _Kept:
    """Return the key of an entry.

    Raises:
        ValueError: It is no such entry; the text says what is wrong, and nothing that is secret.
    """
    if not name.startswith(_ENTRY):
        raise ValueError(f"{name} is no entry of a key")
    try:
        entry = _Entry.model_validate_json(base64.b64decode(value))
    except ValidationError as error:
        raise ValueError(base.faults(error, name)) from None
    except binascii.Error:
        raise ValueError(f"{name} is not base64") from None
    bound = entry.namespaces
    uids = bound if isinstance(bound, dict) else dict.fromkeys(bound, "")
    key = Key(
        id=name.removeprefix(_ENTRY),
        name=entry.name,
        role=entry.role,
        namespaces=tuple(BoundNamespace(*one) for one in sorted(uids.items())),
        created_at=entry.created_at,
        expires_at=entry.expires_at,
    )
    return _Kept(key=key, hash=bytes.fromhex(entry.hash))


def _written(kept: _Kept) -> bytes:
    key = kept.key
    uids = dict(key.namespaces)
    entry = _Entry(
        name=key.name,
        role=key.role,
        namespaces=uids if key.is_bound else tuple(uids),
        hash=kept.hash.hex(),
        created_at=key.created_at,
        expires_at=key.expires_at,
    )
    return entry.model_dump_json(by_alias=True).encode()


def secret(namespace: str, key_set: KeySet, resource_version: str | None) -> Manifest:
    """Return the Secret that holds a book, new or at a version."""
    about = {"name": SECRET, "namespace": namespace}
    if resource_version is not None:
        about["resourceVersion"] = resource_version
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": about,
        "type": "Opaque",
        "data": key_set.data(),
    }


class KeyStore:
    """The keys that are valid now, as this process knows them."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._book = KeySet()
        self._version: str | None = None
        self._read_at = float("-inf")

    @property
    def trusted(self) -> bool:
        """Whether what is known is young enough for no revocation to be missed for long."""
        return time.monotonic() - self._read_at < _TRUSTED_SECONDS

    def find(self, text: str, now: datetime) -> Key | None:
        """Return the valid key that a text is."""
        return self._book.find(text, now)

    def hook(self, application: str, nonce: str) -> str:
        """Return the token of a deployment hook of an application."""
        return self._book.hook(application, nonce)

    def holds(self, key: Key, now: datetime) -> bool:
        """Whether a key that was found is valid still; asked of what takes longer than a moment."""
        return self.trusted and self._book.holds(key, now)

    async def extend(self, key: Key, namespace: BoundNamespace) -> bool:
        """Let a key be for one more namespace, for good; return whether there still is such a key.

        Raises:
            ApiError: The Secret could not be written.
        """
        entry = f"{_ENTRY}{key.id}"
        for _ in range(_TRIES):
            found = await self._cluster.get("Secret", self._namespace, SECRET)
            book = KeySet(found.get("data") or {})
            if not book.extend(key.id, namespace):
                return False
            patch = {
                "metadata": {"resourceVersion": found["metadata"]["resourceVersion"]},
                "data": {entry: book.data()[entry]},
            }
            try:
                await self._cluster.merge_patch("Secret", self._namespace, SECRET, patch)
            except errors.Conflict:
                continue
            await self._read()
            return True
        raise errors.Unavailable("the keys are changed by others all the time; try again")

    async def run(self) -> None:
        """Keep the keys, until cancelled; a revocation is known within two seconds."""
        while True:
            try:
                # Not `wait_for`, which loses a cancellation that comes with an answer.
                async with asyncio.timeout(_READ_TIMEOUT_SECONDS):
                    await self._read()
            except (errors.ApiError, TimeoutError) as error:
                _log.warning(
                    "could not read the API keys",
                    extra={"kind": "Secret", "object": SECRET, "detail": type(error).__name__},
                )
            await asyncio.sleep(_READ_SECONDS)

    async def _read(self) -> None:
        try:
            found = await self._cluster.get("Secret", self._namespace, SECRET)
        except errors.NotFound:
            self._book, self._version = KeySet(), None
        else:
            version = found["metadata"]["resourceVersion"]
            if version != self._version:
                self._book, self._version = KeySet(found.get("data") or {}), version
                _tell(self._book.faults)
        self._read_at = time.monotonic()


def _tell(faults: Iterable[str]) -> None:
    for fault in faults:
        _log.warning(
            "Skipped an entry of the API keys",
            extra={"kind": "Secret", "object": SECRET, "detail": fault},
        )
