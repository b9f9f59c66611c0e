"""Real engines, for tests that are marked `engines`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines import debian
from tests.engines.chromium.browser import PROGRAMS, Chromium, browsing
from tests.engines.sdserver.engine import Engine, obstacle, running


@pytest.fixture(scope="session")
def sd_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """stable-diffusion.cpp's server: OpenAI's Images API, and the A1111 API on the same port."""
    if reason := obstacle():
        pytest.skip(reason)
    with running(tmp_path_factory.mktemp("sd")) as engine:
        yield engine


@pytest.fixture(scope="session")
def installed() -> None:
    if reason := debian.obstacle(PROGRAMS):
        pytest.skip(reason)
    debian.ensure(PROGRAMS)


@pytest.fixture
def chromium(installed: None, tmp_path: Path) -> Iterator[Chromium]:
    """Debian's Chromium, with an empty profile."""
    with browsing(tmp_path) as found:
        yield found
