"""Limits on what one subject does: requests, images, running jobs, storage, downloads."""

import re
from dataclasses import dataclass
from enum import StrEnum

from imagewright.core.errors import InvalidRequest
from imagewright.core.quantity import bytes_text, parse_bytes

_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
_RATE = re.compile(r"([0-9]{1,9})/(second|minute|hour|day)\Z")
_DAILY = re.compile(r"([0-9]{1,9})/day\Z")
_LARGEST = 2**53


class Limit(StrEnum):
    """What is limited."""

    RATE = "rate"
    IMAGES = "images"
    JOBS = "jobs"
    STORAGE = "storage"
    BANDWIDTH = "bandwidth"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """So many in any span of so many seconds."""

    count: int
    seconds: int

    @property
    def unit(self) -> str:
        """The span's name."""
        return next(name for name, seconds in _UNITS.items() if seconds == self.seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one entry of the ACL allows each subject that it names; None is no limit.

    `rate` counts requests, `images` those made in a day of the service, `jobs` those that run at
    once; `storage` is bytes of stored originals, `bandwidth` bytes downloaded.
    """

    rate: Pace | None = None
    images: int | None = None
    jobs: int | None = None
    storage: int | None = None
    bandwidth: Pace | None = None


def parse_rate(text: str) -> Pace:
    """A rate such as `30/minute`. Raises InvalidRequest."""
    found = _RATE.match(text)
    if found is None or int(found[1]) < 1:
        units = ", ".join(_UNITS)
        raise InvalidRequest(
            "This is no rate.", hint=f'Write it like "30/minute"; spans are {units}.'
        )
    return Pace(count=int(found[1]), seconds=_UNITS[found[2]])


def parse_daily(text: str) -> int:
    """A number in a day, such as `200/day`. Raises InvalidRequest."""
    found = _DAILY.match(text)
    if found is None or int(found[1]) < 1:
        raise InvalidRequest("This is no number in a day.", hint='Write it like "200/day".')
    return int(found[1])


def parse_storage(value: object) -> int:
    """Bytes of a size such as `2GiB`. Raises InvalidRequest."""
    found = parse_bytes(value)
    if not 1 <= found <= _LARGEST:
        raise InvalidRequest("This is no size to keep to.", hint='Write it like "2GiB".')
    return found


def parse_bandwidth(text: str) -> Pace:
    """Bytes in a span, such as `5GiB/day`. Raises InvalidRequest."""
    size, _, unit = text.partition("/")
    hint = f'Write it like "5GiB/day"; spans are {", ".join(_UNITS)}.'
    try:
        count = parse_storage(size)
    except InvalidRequest:
        raise InvalidRequest("This is no number of bytes in a span.", hint=hint) from None
    if unit not in _UNITS:
        raise InvalidRequest("This is no number of bytes in a span.", hint=hint)
    return Pace(count=count, seconds=_UNITS[unit])


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A limit that is in force for a caller: the most, in how many seconds (0: at any time).

    `owner` is the kind of entry that sets it (`subject`, `group`, `everyone`), `name` the group's.
    """

    limit: Limit
    most: int
    owner: str
    name: str = ""
    seconds: int = 0

    @property
    def pace(self) -> Pace:
        """The most in its span."""
        return Pace(count=self.most, seconds=self.seconds)

    def amount(self, number: int) -> str:
        """A number of what is limited, for people."""
        return bytes_text(number) if self.limit in _IN_BYTES else str(number)

    def __str__(self) -> str:
        """As the ACL writes it."""
        most = self.amount(self.most)
        return f"{most}/{self.pace.unit}" if self.seconds else most

    @property
    def whose(self) -> str:
        """Who keeps to it, for people."""
        return {"group": f"each member of {self.name}", "everyone": "every subject"}.get(
            self.owner, "you"
        )

    @property
    def details(self) -> dict[str, object]:
        """What errors tell programs of it."""
        found: dict[str, object] = {"limit": self.limit.value, "owner": self.owner}
        if self.name:
            found["name"] = self.name
        return {**found, "allowed": str(self)}


_IN_BYTES = frozenset({Limit.STORAGE, Limit.BANDWIDTH})
