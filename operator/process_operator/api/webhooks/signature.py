"""How a delivery is signed: the headers of the Standard Webhooks, and the contract's own.

Source: https://www.standardwebhooks.com, "Signature scheme".
"""

import base64
import hmac
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlsplit

_PREFIX = "whsec_"


def headers(
    endpoint: str, event_id: str, body: bytes, secrets: Sequence[str], now: datetime
) -> dict[str, str]:
    """Return the headers of a delivery.

    The contract's own header is the secret itself: it goes through TLS only.

    Args:
        endpoint: Where it is sent.
        event_id: The same for each attempt.
        body: What is sent.
        secrets: The newest first; more than one while an older one still holds.
        now: When it is sent.
    """
    seconds = str(int(now.timestamp()))
    signed = b".".join((event_id.encode(), seconds.encode(), body))
    made = {
        "webhook-id": event_id,
        "webhook-timestamp": seconds,
        "webhook-signature": " ".join(f"v1,{_signature(one, signed)}" for one in secrets),
    }
    if urlsplit(endpoint).scheme == "https":
        made["svl-signature"] = secrets[0]
    return made


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    return base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
