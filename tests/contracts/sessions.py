"""What every store of sessions promises.

A suite gives the fixtures `sessions` and `told`, which says what stands in the audit.
"""

from dataclasses import replace
from typing import Protocol

import pytest

from imagewright.core.session import How, Session
from imagewright.ports.audit import Note
from imagewright.ports.sessions import MOST, Sessions
from tests.contracts.samples import NOON, OWNER, SECOND, STRANGER, TEAM_MATE, WHENCE

SIGNED_IN = Note(
    at=NOON,
    subject=OWNER.subject,
    credential="tok-1",
    action="sign_in",
    thing="pages",
    outcome="allowed",
    reason="token",
    origin=WHENCE,
)
SIGNED_OUT = replace(SIGNED_IN, action="sign_out", outcome="ended")


class Told(Protocol):
    """What stands in the audit."""

    async def __call__(self) -> list[str]: ...


def session(id: str = "a", **changes: object) -> Session:
    made = Session(
        id=id,
        caller=OWNER,
        how=How.TOKEN,
        began_at=NOON,
        seen_at=NOON,
        ends_at=NOON + 3600 * SECOND,
        approves=False,
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # a test says what it changes


class SessionsContract:
    @pytest.mark.parametrize("caller", [OWNER, TEAM_MATE, STRANGER])
    @pytest.mark.parametrize("how", How)
    @pytest.mark.parametrize("approves", [True, False])
    async def test_a_session_is_found_as_it_was_entered(
        self, sessions: Sessions, caller: object, how: How, approves: bool
    ) -> None:
        entered = session(caller=caller, how=how, approves=approves, proof=f"of {how.value}")
        await sessions.begin(entered, None, SIGNED_IN)
        assert await sessions.find("a") == entered
        assert await sessions.find("A") is None

    async def test_its_name_is_kept(self, sessions: Sessions) -> None:
        await sessions.begin(session(caller=replace(OWNER, name="Zoë \x00")), None, SIGNED_IN)
        found = await sessions.find("a")
        assert found is not None
        assert found.caller.name.startswith("Zoë")

    async def test_one_that_ended_is_gone_and_stays_so(self, sessions: Sessions) -> None:
        await sessions.begin(session(), None, SIGNED_IN)
        await sessions.end("a")
        await sessions.touch("a", NOON + SECOND)
        assert await sessions.find("a") is None
        await sessions.end("a")

    async def test_a_use_is_entered_and_never_taken_back(self, sessions: Sessions) -> None:
        await sessions.begin(session(), None, SIGNED_IN)
        await sessions.begin(session("b"), None, SIGNED_IN)
        await sessions.touch("a", NOON + 5)
        await sessions.touch("a", NOON + 3)
        assert await sessions.find("a") == session(seen_at=NOON + 5)
        assert await sessions.find("b") == session("b")

    async def test_one_comes_in_the_place_of_another(self, sessions: Sessions) -> None:
        await sessions.begin(session("old", caller=STRANGER), None, SIGNED_IN)
        await sessions.begin(session("other"), None, SIGNED_IN)
        await sessions.begin(session("new"), "old", SIGNED_IN)
        assert await sessions.find("old") is None
        assert await sessions.find("other") is not None
        assert await sessions.find("new") is not None

    async def test_those_whose_time_is_over_are_forgotten(self, sessions: Sessions) -> None:
        await sessions.begin(session("short", ends_at=NOON + 1), None, SIGNED_IN)
        await sessions.begin(session("long", ends_at=NOON + 2), None, SIGNED_IN)
        assert await sessions.find("short") is not None
        await sessions.begin(session("next", began_at=NOON + 1), None, SIGNED_IN)
        assert await sessions.find("short") is None
        assert await sessions.find("long") is not None

    async def test_a_subject_has_so_many_and_its_oldest_end(self, sessions: Sessions) -> None:
        await sessions.begin(session("theirs", caller=STRANGER, began_at=NOON - 1), None, SIGNED_IN)
        for place in range(MOST + 2):
            await sessions.begin(session(f"s{place}", began_at=NOON + place), None, SIGNED_IN)
        left = [place for place in range(MOST + 2) if await sessions.find(f"s{place}")]
        assert left == list(range(2, MOST + 2))
        assert await sessions.find("theirs") is not None

    async def test_a_sign_in_and_a_sign_out_are_told_once_each(
        self, sessions: Sessions, told: Told
    ) -> None:
        await sessions.begin(session(), None, SIGNED_IN)
        assert await told() == ["sign_in allowed"]
        await sessions.begin(session("b"), "a", SIGNED_IN)
        for _ in range(2):
            await sessions.end("b", SIGNED_OUT)
        await sessions.end("a", SIGNED_OUT)
        assert await told() == ["sign_in allowed", "sign_in allowed", "sign_out ended"]

    async def test_one_that_ends_by_itself_is_not_told(
        self, sessions: Sessions, told: Told
    ) -> None:
        await sessions.begin(session(), None, SIGNED_IN)
        await sessions.end("a")
        assert await told() == ["sign_in allowed"]
