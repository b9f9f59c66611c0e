"""Sign-ins under way: of one browser, for one purpose, for minutes."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagewright.services.attempts import SECONDS, Attempt, Attempts, same
from tests.contracts.samples import NOON, Random
from tests.fakes.clock import HandClock

KEY = bytes(range(32))


def attempts(clock: HandClock | None = None, key: bytes = KEY) -> Attempts:
    return Attempts(key, clock or HandClock(), Random())


def values(attempt: Attempt) -> list[str]:
    binding = attempt.binding
    return [attempt.form, binding.state, binding.nonce, binding.verifier]


def test_the_cookie_gives_back_the_whole_attempt() -> None:
    service = attempts()
    begun = service.begin("/ui/approve/a")
    assert begun.next == "/ui/approve/a"
    assert service.read(begun.cookie) == begun
    assert len(set(values(begun))) == 4
    assert all(len(value) == 43 for value in values(begun))
    assert not any(value in begun.cookie or value in repr(begun) for value in values(begun))


def test_no_two_are_alike() -> None:
    service = attempts()
    one, other = service.begin("/ui"), service.begin("/ui")
    assert not set(values(one)) & set(values(other))


def test_it_leads_to_pages_of_ours_only() -> None:
    assert attempts().begin("//evil.example").next == "/ui"


def test_it_is_over_in_time() -> None:
    clock = HandClock()
    service = attempts(clock)
    cookie = service.begin("/ui").cookie
    clock.advance(SECONDS - 1)
    assert service.read(cookie) is not None
    clock.advance(1)
    assert service.read(cookie) is None
    clock.advance(-2 * SECONDS)
    assert service.read(cookie) is None


def test_another_key_reads_nothing() -> None:
    cookie = attempts().begin("/ui").cookie
    assert attempts(key=b"x" * 32).read(cookie) is None


@pytest.mark.parametrize("cookie", ["", ".", "a.b", "é.é", "\ud800", "a" * 5000])
def test_rubbish_is_nobodys(cookie: str) -> None:
    assert attempts().read(cookie) is None


@given(st.integers(0, 200), st.characters(codec="ascii"))
def test_no_letter_can_be_changed(place: int, letter: str) -> None:
    service = attempts()
    cookie = service.begin("/ui").cookie
    place %= len(cookie)
    changed = cookie[:place] + letter + cookie[place + 1 :]
    assert (service.read(changed) is None) is (changed != cookie)
    assert service.read(cookie + letter) is None


def test_a_body_of_ones_own_has_no_seal() -> None:
    service = attempts()
    seal = service.begin("/ui").cookie.partition(".")[2]
    body = base64.urlsafe_b64encode(json.dumps([NOON, "00", "/ui"]).encode()).decode()
    assert service.read(f"{body}.{seal}") is None


def test_the_same_is_the_same() -> None:
    assert same("a", "a")
    assert not same("a", "b")
    assert not same("a", "\ud800")
