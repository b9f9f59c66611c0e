"""Packages that were built and Debians that were booted, for tests that are marked `packages`."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.packaging.built import NOW, Packages, packages
from tests.packaging.host import Host
from tests.packaging.machine import Machine, booted
from tests.packaging.tools import obstacle
from tests.packaging.trees import SUITES, tree

Boot = Callable[[str], AbstractContextManager[Machine]]


@pytest.fixture(scope="session", autouse=True)
def _tools() -> None:
    if reason := obstacle():
        pytest.skip(reason)


@pytest.fixture(scope="session")
def now(_tools: None) -> Packages:
    return packages(NOW)


@pytest.fixture(scope="session")
def boot(_tools: None, tmp_path_factory: pytest.TempPathFactory) -> Boot:
    @contextmanager
    def booting(suite: str) -> Iterator[Machine]:
        log: Path = tmp_path_factory.mktemp(suite) / "console"
        with booted(tree(suite), log) as machine:
            yield machine

    return booting


@pytest.fixture(scope="module", params=SUITES)
def host(request: pytest.FixtureRequest, boot: Boot, now: Packages) -> Iterator[Host]:
    """A booted Debian of each release with the package in it."""
    with boot(request.param) as machine:
        found = Host(machine)
        found.install(now.deb)
        yield found
