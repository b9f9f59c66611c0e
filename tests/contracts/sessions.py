"""What every store of sessions promises. A suite gives the fixture `sessions`."""

from dataclasses import replace

import pytest

from imagewright.core.session import How, Session
from imagewright.ports.sessions import MOST, Sessions
from tests.contracts.samples import NOON, OWNER, SECOND, STRANGER, TEAM_MATE


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
        await sessions.begin(entered, None)
        assert await sessions.find("a") == entered
        assert await sessions.find("A") is None

    async def test_its_name_is_kept(self, sessions: Sessions) -> None:
        await sessions.begin(session(caller=replace(OWNER, name="Zoë \x00")), None)
        found = await sessions.find("a")
        assert found is not None
        assert found.caller.name.startswith("Zoë")

    async def test_one_that_ended_is_gone_and_stays_so(self, sessions: Sessions) -> None:
        await sessions.begin(session(), None)
        await sessions.end("a")
        await sessions.touch("a", NOON + SECOND)
        assert await sessions.find("a") is None
        await sessions.end("a")

    async def test_a_use_is_entered_and_never_taken_back(self, sessions: Sessions) -> None:
        await sessions.begin(session(), None)
        await sessions.begin(session("b"), None)
        await sessions.touch("a", NOON + 5)
        await sessions.touch("a", NOON + 3)
        assert await sessions.find("a") == session(seen_at=NOON + 5)
        assert await sessions.find("b") == session("b")

    async def test_one_comes_in_the_place_of_another(self, sessions: Sessions) -> None:
        await sessions.begin(session("old", caller=STRANGER), None)
        await sessions.begin(session("other"), None)
        await sessions.begin(session("new"), "old")
        assert await sessions.find("old") is None
        assert await sessions.find("other") is not None
        assert await sessions.find("new") is not None

    async def test_those_whose_time_is_over_are_forgotten(self, sessions: Sessions) -> None:
        await sessions.begin(session("short", ends_at=NOON + 1), None)
        await sessions.begin(session("long", ends_at=NOON + 2), None)
        assert await sessions.find("short") is not None
        await sessions.begin(session("next", began_at=NOON + 1), None)
        assert await sessions.find("short") is None
        assert await sessions.find("long") is not None

    async def test_a_subject_has_so_many_and_its_oldest_end(self, sessions: Sessions) -> None:
        await sessions.begin(session("theirs", caller=STRANGER, began_at=NOON - 1), None)
        for place in range(MOST + 2):
            await sessions.begin(session(f"s{place}", began_at=NOON + place), None)
        left = [place for place in range(MOST + 2) if await sessions.find(f"s{place}")]
        assert left == list(range(2, MOST + 2))
        assert await sessions.find("theirs") is not None
