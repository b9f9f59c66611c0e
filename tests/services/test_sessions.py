"""Sessions: a secret for one browser, decided again at every use."""

from dataclasses import replace

import pytest

from imagewright.core.caller import Caller, Credential
from imagewright.core.errors import Unavailable
from imagewright.core.session import How
from imagewright.ports.audit import Note
from imagewright.services.sessions import Browser, SessionRules, SessionService
from tests.contracts.samples import NOON, SECOND, WHENCE, Random
from tests.fakes.clock import HandClock
from tests.fakes.sessions import FakeSessions

WHO = Caller(subject="user:olga", groups=frozenset({"design"}), credential=Credential(id="tok_a"))
HERE = Browser(origin=WHENCE)
APPROVE = frozenset({"approve"})


class Door:
    """What credentials are good for now, and who is revoked."""

    def __init__(self) -> None:
        self.now: Credential | None = Credential(id="tok_a")
        self.revoked = ""
        self.away = False

    async def authenticate(self, token: str, address: str | None) -> Caller | None:
        return None

    async def credential(self, id: str) -> Credential | None:
        if self.away:
            raise Unavailable("Away.")
        return self.now if self.now and self.now.id == id else None

    async def standing(self, caller: Caller) -> Credential | None:
        found = await self.credential(caller.credential.id)
        return None if caller.subject == self.revoked else found


class Hall:
    def __init__(self, rules: SessionRules | None = None) -> None:
        self.rows = FakeSessions()
        self.door = Door()
        self.clock = HandClock()
        self.service = SessionService(
            self.rows, self.door, self.clock, Random(), rules or SessionRules()
        )

    async def begin(self, scopes: frozenset[str] | None = None, how: How = How.TOKEN) -> str:
        caller = replace(WHO, credential=Credential(id="tok_a", scopes=scopes))
        return (await self.service.begin(caller, how, HERE)).secret


@pytest.fixture
def hall() -> Hall:
    return Hall()


async def test_a_session_is_found_by_its_secret_alone(hall: Hall) -> None:
    begun = await hall.service.begin(WHO, How.TOKEN, HERE)
    assert len(begun.secret) == 43
    assert begun.secret not in str(hall.rows.rows)
    assert begun.secret not in repr(begun)
    found = await hall.service.find(begun.secret)
    assert found == begun.session
    assert found is not None
    assert (found.caller, found.ends_at) == (WHO, NOON + 28_800 * SECOND)
    for wrong in ("", begun.secret[:-1], begun.secret + "=", found.id, "é" * 43, "A" * 43):
        assert await hall.service.find(wrong) is None


async def test_every_session_has_a_value_for_its_forms(hall: Hall) -> None:
    one, other = await hall.begin(), await hall.begin()
    first, again = await hall.service.find(one), await hall.service.find(one)
    second = await hall.service.find(other)
    assert first is not None
    assert again is not None
    assert second is not None
    assert len(first.csrf) == 43
    assert first.csrf == again.csrf != second.csrf
    assert first.csrf not in {one, first.id}


async def test_a_new_one_ends_the_one_it_comes_instead_of(hall: Hall) -> None:
    old = await hall.begin()
    begun = await hall.service.begin(WHO, How.TOKEN, replace(HERE, secret=old))
    assert begun.secret != old
    assert await hall.service.find(old) is None
    # What a browser brought and nobody gave it names no session.
    await hall.service.begin(WHO, How.TOKEN, replace(HERE, secret="not a secret"))
    assert await hall.service.find(begun.secret) is not None


async def test_it_ends_when_it_is_told_to(hall: Hall) -> None:
    secret, other = await hall.begin(), await hall.begin()
    found = await hall.service.find(secret)
    assert found is not None
    await hall.service.end(found, WHENCE)
    await hall.service.end(found, WHENCE)
    assert await hall.service.find(secret) is None
    assert await hall.service.find(other) is not None
    assert [each.action for each in hall.rows.notes] == ["sign_in", "sign_in", "sign_out"]


@pytest.mark.parametrize("how", How)
async def test_both_its_ends_are_told_with_where_and_how(hall: Hall, how: How) -> None:
    secret = await hall.begin(how=how)
    found = await hall.service.find(secret)
    assert found is not None
    hall.clock.advance(7)
    await hall.service.end(found, WHENCE)
    begun = Note(
        at=NOON,
        subject=WHO.subject,
        credential="tok_a",
        action="sign_in",
        thing="pages",
        outcome="allowed",
        reason=how.value,
        origin=WHENCE,
    )
    ended = replace(begun, at=NOON + 7 * SECOND, action="sign_out", outcome="ended")
    assert hall.rows.notes == [begun, ended]
    assert secret not in str(hall.rows.notes)


@pytest.mark.parametrize(("seconds", "there"), [(1799, True), (1800, False)])
async def test_it_ends_without_a_use(hall: Hall, seconds: int, *, there: bool) -> None:
    secret = await hall.begin()
    hall.clock.advance(seconds)
    assert (await hall.service.find(secret) is not None) is there
    assert bool(hall.rows.rows) is there


async def test_it_ends_in_spite_of_use(hall: Hall) -> None:
    secret = await hall.begin()
    for _ in range(28):
        hall.clock.advance(1000)
        assert await hall.service.find(secret) is not None
    hall.clock.advance(799)
    assert await hall.service.find(secret) is not None
    hall.clock.advance(1)
    assert await hall.service.find(secret) is None


async def test_a_use_is_written_once_a_minute(hall: Hall) -> None:
    secret = await hall.begin()
    for _ in range(130):
        await hall.service.find(secret)
        hall.clock.advance(1)
    assert hall.rows.touched == 2


async def test_a_short_time_is_kept_exactly_enough() -> None:
    hall = Hall(SessionRules(idle=60, longest=3600))
    secret = await hall.begin()
    for _ in range(10):
        hall.clock.advance(50)
        assert await hall.service.find(secret) is not None
    hall.clock.advance(60)
    assert await hall.service.find(secret) is None


async def test_it_ends_with_its_credential(hall: Hall) -> None:
    secret = await hall.begin()
    hall.door.now = None
    assert await hall.service.find(secret) is None
    hall.door.now = Credential(id="tok_a")
    assert await hall.service.find(secret) is None


async def test_it_ends_with_its_subject(hall: Hall) -> None:
    secret = await hall.begin()
    hall.door.revoked = WHO.subject
    assert await hall.service.find(secret) is None
    hall.door.revoked = ""
    assert await hall.service.find(secret) is None
    assert await hall.service.find(await hall.begin()) is not None


async def test_it_ends_when_its_token_is_another_one(hall: Hall) -> None:
    secret = (await hall.service.begin(WHO, How.TOKEN, HERE, proof="of the old")).secret
    for proofs in ({"of the old"}, {"of the old", "of the new"}, set()):
        hall.door.now = Credential(id="tok_a", proofs=frozenset(proofs))
        assert await hall.service.find(secret) is not None
    hall.door.now = Credential(id="tok_a", proofs=frozenset({"of the new"}))
    assert await hall.service.find(secret) is None


async def test_what_cannot_be_told_now_ends_nothing_and_allows_nothing(hall: Hall) -> None:
    secret = await hall.begin()
    hall.door.away = True
    with pytest.raises(Unavailable):
        await hall.service.find(secret)
    hall.door.away = False
    assert await hall.service.find(secret) is not None


async def test_it_narrows_and_never_widens(hall: Hall) -> None:
    secret = await hall.begin(frozenset({"images:read", "spend"}))
    hall.door.now = Credential(id="tok_a", scopes=frozenset({"spend", "admin:read"}))
    found = await hall.service.find(secret)
    assert found is not None
    assert found.caller.credential.scopes == frozenset({"spend"})


@pytest.mark.parametrize(
    ("scopes", "how", "approves"),
    [
        (None, How.TOKEN, False),
        (frozenset(), How.TOKEN, False),
        (frozenset({"spend"}), How.TOKEN, False),
        (frozenset({"approve", "spend"}), How.TOKEN, False),
        (APPROVE, How.TOKEN, True),
        (None, How.PROVIDER, True),
        (frozenset({"spend"}), How.PROVIDER, True),
    ],
)
async def test_who_may_approve(
    hall: Hall, scopes: frozenset[str] | None, how: How, *, approves: bool
) -> None:
    found = await hall.service.find(await hall.begin(scopes, how))
    assert found is not None
    assert found.approves is approves


async def test_a_session_of_a_wide_token_never_comes_to_approve(hall: Hall) -> None:
    wide, only = await hall.begin(), await hall.begin(APPROVE)
    hall.door.now = Credential(id="tok_a", scopes=APPROVE)
    found = await hall.service.find(wide)
    assert found is not None
    assert not found.approves
    hall.door.now = Credential(id="tok_a", scopes=frozenset({"spend"}))
    found = await hall.service.find(only)
    assert found is not None
    assert not found.approves


async def test_a_token_that_tells_its_end_bounds_the_session(hall: Hall) -> None:
    end = NOON + 100 * SECOND
    short = replace(WHO, credential=Credential(id="tok_a", ends_at=end))
    assert (await hall.service.begin(short, How.TOKEN, HERE)).session.ends_at == end
    begun = await hall.service.begin(short, How.PROVIDER, HERE)
    assert begun.session.ends_at == NOON + 28_800 * SECOND
    late = replace(WHO, credential=Credential(id="tok_a", ends_at=NOON + 10**12))
    assert (
        await hall.service.begin(late, How.TOKEN, HERE)
    ).session.ends_at == NOON + 28_800 * SECOND


def test_a_browsers_secret_is_not_shown() -> None:
    assert "abc" not in repr(replace(HERE, secret="abc"))
