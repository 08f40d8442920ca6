"""One attempt to deliver an event: a POST that follows no redirect, and waits for ten seconds."""

import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self

import aiohttp
import certifi

from process_operator.api.webhooks.addresses import (
    AllowedAddresses,
    CheckedResolver,
    NotAllowed,
    only_to,
)

_SECONDS = 10
_MAX_RESPONSE = 1024
"""Bytes of an answer that are kept."""
_CONNECTIONS = 16
_SUCCESS = range(200, 300)


class Outcome(StrEnum):
    """What became of an attempt, in the contract's words."""

    SUCCESS = "SUCCESS"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One attempt, and what came of it."""

    id: str
    webhook: str
    event_id: str
    endpoint: str
    payload: str
    sent_at: datetime
    outcome: Outcome
    response: str
    """The first bytes of the answer, or why there was none."""
    response_status: int | None
    milliseconds: int


class Sender:
    """Sends to addresses that are allowed."""

    def __init__(self, allowed: AllowedAddresses) -> None:
        self._allowed = allowed
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        # Those of the environment too: a platform's own authority is named there.
        trusted = ssl.create_default_context(cafile=certifi.where())
        trusted.load_default_certs()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=CheckedResolver(self._allowed),
                socket_factory=only_to(self._allowed),
                use_dns_cache=False,
                limit=_CONNECTIONS,
                force_close=True,
                ssl=trusted,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=_SECONDS),
            trust_env=False,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def send(
        self, endpoint: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[Outcome, int | None, str, int]:
        """Return what became of a POST: its outcome, status, answer and milliseconds."""
        began = time.monotonic()
        status: int | None = None
        try:
            self._allowed.check(endpoint)
            async with self._opened().post(
                endpoint,
                data=body,
                headers={**headers, "content-type": "application/json"},
                allow_redirects=False,
            ) as answer:
                status = answer.status
                text = (await answer.content.read(_MAX_RESPONSE)).decode(errors="replace")
            outcome = Outcome.SUCCESS if status in _SUCCESS else Outcome.FAILED
        except TimeoutError:
            outcome, text = Outcome.FAILED, f"no answer within {_SECONDS} s"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            outcome, text = Outcome.FAILED, _told(error)
        return outcome, status, text, round((time.monotonic() - began) * 1000)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("the sender is used outside of its context")
        return self._session


def _told(error: Exception) -> str:
    cause = getattr(error, "os_error", None)
    return str(cause if isinstance(cause, NotAllowed) else error)[:_MAX_RESPONSE]
