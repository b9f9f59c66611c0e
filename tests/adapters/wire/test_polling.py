import pytest

from imagewright.adapters.web.client import Endpoint
from imagewright.adapters.wire.polling import NoWord, Patience, place_of, poll
from imagewright.core.errors import ModerationBlocked, OutcomeUnknown
from tests.fakes.orders import Time, parts

VENDOR = "https://api.bfl.ai/v1"
RELAY = "https://relay.example.com:8443/bfl"


def place(url: object, base: str = VENDOR) -> str | None:
    found = place_of(url, Endpoint(base_url=base), "bfl.ai")
    return None if found is None else f"{found.base_url}{found.path} {found.query}"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://api.bfl.ai/v1/get_result?id=1", "https://api.bfl.ai:443/v1/get_result"),
        ("https://api.us1.bfl.ai/v1/get_result?id=1", "https://api.us1.bfl.ai:443/v1/get_result"),
        ("https://BFL.ai:443/r?id=1", "https://bfl.ai:443/r"),
    ],
)
def test_the_key_may_go_to_hosts_of_the_vendor(url: str, expected: str) -> None:
    assert place(url) == f"{expected} {{'id': '1'}}"


@pytest.mark.parametrize(
    "url",
    [
        "http://api.bfl.ai/v1/get_result?id=1",
        "https://api.bfl.ai:8443/v1/get_result",
        "https://api.bfl.ai.example.com/v1",
        "https://notbfl.ai/v1",
        "https://api.bfl.ai@example.com/v1",
        "https://example.com/api.bfl.ai",
        "https://example.com#.bfl.ai",
        "https://example.com\\.bfl.ai/",
        "//api.bfl.ai/v1",
        "file:///etc/passwd",
        "https://127.0.0.1/",
        "",
        None,
        7,
    ],
)
def test_the_key_goes_nowhere_else(url: object) -> None:
    assert place(url) is None


def test_a_relays_key_stays_at_the_relay() -> None:
    own = "https://relay.example.com:8443/poll?id=1"
    assert place(own, RELAY) == "https://relay.example.com:8443/poll {'id': '1'}"
    assert place("https://api.bfl.ai/v1/get_result?id=1", RELAY) is None
    assert place("http://127.0.0.1:81/x", "http://127.0.0.1:80/v1") is None
    assert place("http://[::1]:81/x", "http://[::1]:81/v1") == "http://[::1]:81/x {}"


class Looks:
    """Looks that answer in order, then go on with the last."""

    def __init__(self, *answers: str | Exception | None) -> None:
        self.answers = list(answers)
        self.count = 0

    async def __call__(self) -> str | None:
        self.count += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


async def polled(looks: Looks, time: Time, seconds: float = 1000.0) -> str:
    patience = Patience(pause=2.0, until=time.monotonic() + seconds)
    return await poll(looks, patience, parts(time))


async def test_it_looks_until_there_is_something() -> None:
    time = Time()
    assert await polled(Looks(None, None, "done"), time) == "done"
    assert time.slept == [2.0, 2.0]


async def test_it_looks_more_slowly_where_it_is_told_nothing() -> None:
    time, no = Time(), NoWord()
    assert await polled(Looks(*[no] * 6, None, "done"), time) == "done"
    assert time.slept == [4.0, 6.0, 8.0, 10.0, 10.0, 10.0, 2.0]


async def test_it_gives_up_in_time() -> None:
    time = Time()
    with pytest.raises(OutcomeUnknown):
        await polled(Looks(None), time, 9.0)
    assert time.slept == [2.0] * 4


async def test_it_gives_up_where_it_is_told_nothing_again_and_again() -> None:
    looks = Looks(NoWord())
    with pytest.raises(OutcomeUnknown):
        await polled(looks, Time())
    assert looks.count == 30


async def test_what_ends_it_is_passed_on() -> None:
    with pytest.raises(ModerationBlocked):
        await polled(Looks(None, ModerationBlocked("No.")), Time())
