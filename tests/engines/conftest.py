"""Real engines, for tests that are marked `engines`."""

from collections.abc import Iterator

import pytest

from tests.engines.sdserver.engine import Engine, obstacle, running


@pytest.fixture(scope="session")
def sd_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """stable-diffusion.cpp's server: OpenAI's Images API, and the A1111 API on the same port."""
    if reason := obstacle():
        pytest.skip(reason)
    with running(tmp_path_factory.mktemp("sd")) as engine:
        yield engine
