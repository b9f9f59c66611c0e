"""The contract on the fake."""

import pytest

from tests.contracts.revocations import RevocationsContract
from tests.fakes.revocations import MemoryRevocations


class TestMemoryRevocations(RevocationsContract):
    @pytest.fixture
    def revocations(self) -> MemoryRevocations:
        return MemoryRevocations()
