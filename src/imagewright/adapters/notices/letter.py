"""A notice as it is sent: bytes, and the headers that prove who wrote them.

The form is that of Standard Webhooks 1.0.0 (https://www.standardwebhooks.com/): the body has
`type`, `timestamp` and `data`, and the HMAC-SHA-256 is over id, time of sending and body.
"""

import base64
import binascii
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime

from imagewright.core.notice import Notice

PREFIX = "whsec_"
_LEAST, _MOST = 24, 64
_MICRO = 1_000_000


def read_key(secret: str) -> bytes:
    """The key that a secret stands for: `whsec_` and 24 to 64 bytes in base64.

    Raises ValueError, which does not quote it.
    """
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(PREFIX) or not _LEAST <= len(key) <= _MOST:
        raise ValueError("not whsec_ and 24 to 64 bytes in base64")
    return key


def body_of(notice: Notice) -> bytes:
    """The notice as JSON; what it does not have is left out."""
    data: dict[str, object] = {"subject": notice.subject, "level": notice.level}
    data |= {"amounts_usd": dict(notice.amounts), "ids": dict(notice.ids), **notice.facts}
    data["link"] = notice.link.reveal() if notice.link else None
    at = datetime.fromtimestamp(notice.at / _MICRO, UTC)
    whole = {
        "type": notice.event.value,
        "timestamp": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "data": {name: value for name, value in data.items() if value not in (None, {})},
    }
    return json.dumps(whole, separators=(",", ":"), ensure_ascii=False).encode()


def headers_of(id: str, body: bytes, key: bytes, now: int) -> Mapping[str, str]:
    """The headers of one sending; `id` stays the same in every try, `now` is UTC microseconds."""
    seconds = now // _MICRO
    mac = hmac.digest(key, f"{id}.{seconds}.".encode() + body, "sha256")
    return {
        "Content-Type": "application/json",
        "webhook-id": id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
    }
