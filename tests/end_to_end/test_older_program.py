"""A rolling restart: the program before the newest migration goes on while the schema is newer."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client
from fastmcp.client.auth import BearerAuth

from imagewright.adapters.sql.schema import HEAD
from tests.adapters.sql.postgres import Postgres
from tests.end_to_end import older
from tests.end_to_end.program import Program, as_toml, free_port, program, until_ready
from tests.end_to_end.service import OWNER, configured

ASK = {"prompt": "a red bicycle", "size": "256x192"}


@pytest.fixture(params=["sqlite", "postgres"])
def address(request: pytest.FixtureRequest) -> Iterator[str | None]:
    """None for the file in the state directory."""
    if request.param == "sqlite":
        yield None
        return
    with Postgres.running() as server, server.database(empty=True) as url:
        yield url.replace("+psycopg", "")


async def call(client: Client[Any], tool: str, **arguments: object) -> dict[str, Any]:
    answer = await client.call_tool(tool, arguments)
    assert answer.structured_content is not None
    return answer.structured_content


async def draw(client: Client[Any], **more: object) -> str:
    made = await call(client, "generate_image", **{**ASK, **more})
    assert made["state"] == "succeeded", made
    return str(made["images"][0]["id"])


async def listed(client: Client[Any]) -> list[str]:
    return [each["id"] for each in (await call(client, "list_images"))["images"]]


def environment(source: Path, home: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(source)}


def proves_older(source: Path, home: Path) -> None:
    """Raise AssertionError unless that environment runs the program of that tree."""
    told = subprocess.run(
        [sys.executable, "-c", "import imagewright as i; print(i.__file__)"],
        check=True, capture_output=True, text=True, env=environment(source, home),
    )  # fmt: skip
    assert told.stdout.startswith(str(source))


def quiet(served: Program) -> None:
    for word in ("Traceback", '"error"', "incident", "settling again"):
        assert word not in served.log, served.log


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where both programs serve in turn, and as what."""

    directory: Path
    base: str
    token: str

    @classmethod
    def made(cls, directory: Path, address: str | None) -> "Site":
        port, state = free_port(), directory / "state"
        _, tokens = configured(state)
        # Only what both programs know.
        explicit: dict[str, object] = {
            "state": str(state),
            "read_only": False,
            "auth.acl_path": str(state / "acl.toml"),
            "auth.tokens_path": str(state / "tokens.toml"),
            "providers.placeholder.kind": "placeholder",
            "imaging.workers": 1,
            "server.port": port,
        }
        if address:
            explicit["database.url"] = address
        file = directory / "imagewright.toml"
        file.write_text(as_toml(explicit))
        file.chmod(0o600)
        return cls(directory=directory, base=f"http://127.0.0.1:{port}", token=tokens[OWNER])

    @asynccontextmanager
    async def served(self, source: Path | None = None) -> AsyncIterator[Client[Any]]:
        """A client of the program of a tree, or of this one; afterwards it has ended well."""
        environ = {"env": environment(source, self.directory)} if source else {}
        log = self.directory / ("older.log" if source else "newer.log")
        async with program(log, "serve", *self.config, **environ) as serving:
            try:
                await until_ready(self.base, 60)
            except TimeoutError:
                pytest.fail(serving.log)
            async with Client(f"{self.base}/mcp", auth=BearerAuth(self.token)) as client:
                yield client
            serving.tell(signal.SIGTERM)
            assert await serving.ended() == 0
            quiet(serving)

    @property
    def config(self) -> tuple[str, str]:
        return "--config", str(self.directory / "imagewright.toml")

    async def said(self, *words: str) -> tuple[int, list[str]]:
        """The exit code and the lines of a command of this program."""
        async with program(self.directory / "said", *words, *self.config) as command:
            stdout = command.process.stdout
            assert stdout is not None
            text = (await stdout.read()).decode()
            return await command.ended(60), (text + command.log).splitlines()


@pytest.mark.timeout(240)  # three starts, and a server of PostgreSQL
async def test_an_older_program_goes_on_while_its_schema_becomes_newer(
    tmp_path: Path, address: str | None
) -> None:
    source, schema = older.unpacked(tmp_path / "older")
    proves_older(source, tmp_path)
    site = Site.made(tmp_path, address)
    async with site.served(source) as agent:
        first = await draw(agent)
        code, (told, *_) = await site.said("db", "status")
        assert (code, told.partition(":")[0], f"at schema {schema}." in told) == (
            3,
            "pending",
            True,
        )
        code, (told, *_) = await site.said("db", "upgrade")
        assert (code, told) == (0, f"Upgraded from {schema} to {HEAD}.")
        copies = list((tmp_path / "state").glob(f"imagewright.db.{schema}-*Z"))
        assert len(copies) == (0 if address else 1)
        second = await draw(agent, prompt="a blue one")
        assert await listed(agent) == [second, first]
        await call(agent, "delete_image", image=first)
        third = await draw(agent, variation="again")
        await call(agent, "get_usage")
    async with site.served() as agent:
        assert await listed(agent) == [third, second]
        assert await draw(agent, prompt="a green one") not in {first, second, third}
    code, (told, *_) = await site.said("db", "status")
    assert (code, told.partition(":")[0]) == (0, "current")
    code, (told, *_) = await site.said("audit", "verify")
    assert (code, told[:3]) == (0, "ok:"), told
