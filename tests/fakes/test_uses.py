import pytest

from tests.contracts.uses import UsesContract
from tests.fakes.uses import MemoryUses


@pytest.fixture
def uses() -> MemoryUses:
    return MemoryUses()


class TestMemoryUses(UsesContract):
    pass
