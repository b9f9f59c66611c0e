"""The fake keeps the contract too."""

import pytest

from tests.contracts.sessions import SessionsContract
from tests.fakes.sessions import FakeSessions


class TestFakeSessions(SessionsContract):
    @pytest.fixture
    def sessions(self) -> FakeSessions:
        return FakeSessions()
