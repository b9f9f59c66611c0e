"""The fake keeps the contract too."""

import pytest

from tests.contracts.sessions import SessionsContract, Told
from tests.fakes.sessions import FakeSessions


class TestFakeSessions(SessionsContract):
    @pytest.fixture
    def sessions(self) -> FakeSessions:
        return FakeSessions()

    @pytest.fixture
    def told(self, sessions: FakeSessions) -> Told:
        async def told() -> list[str]:
            return [f"{each.action} {each.outcome}" for each in sessions.notes]

        return told
