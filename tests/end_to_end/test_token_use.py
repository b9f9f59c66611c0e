"""When tokens were last used: noted beside the requests, shown by `token list`."""

import asyncio
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from imagewright.app.tokens import TokenOffice
from imagewright.core.errors import Unavailable
from tests.end_to_end.service import OWNER, STRANGER, configured, running


async def listed(office: TokenOffice) -> dict[str, dict[str, Any]]:
    return {str(each["subject"]): each for each in await office.listed()}


async def test_uses_are_written_and_listed(tmp_path: Path) -> None:
    settings, tokens = configured(tmp_path / "state")
    office = TokenOffice(settings, "root")
    assert all(each["last_used"] is None for each in (await listed(office)).values())
    assert office.told == []
    assert not (tmp_path / "state" / "imagewright.db").exists()
    async with running(settings, tokens) as service, service.client() as client:
        await client.list_tools()
    seen = await listed(TokenOffice(settings, "root"))
    written = str(seen[OWNER]["last_used"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", written)
    age = datetime.now(UTC) - datetime.fromisoformat(written)
    assert timedelta(seconds=-1) < age < timedelta(minutes=5)
    assert seen[STRANGER]["last_used"] is None


async def test_a_database_that_takes_no_use_costs_no_request(tmp_path: Path) -> None:
    settings, tokens = configured(tmp_path / "state")
    async with running(settings, tokens) as service, service.client() as client:
        uses = service.app.parts.uses
        with closing(sqlite3.connect(tmp_path / "state" / "imagewright.db")) as other:
            other.isolation_level = None
            other.execute("BEGIN IMMEDIATE")
            writing = asyncio.create_task(uses.flush())
            for _ in range(3):
                assert await client.list_tools()
            assert not writing.done()
            with pytest.raises(Unavailable):
                await writing
            assert await client.list_tools()
        await uses.flush()
        assert (await listed(TokenOffice(settings, "root")))[OWNER]["last_used"]


async def test_a_database_that_cannot_be_read_is_told_and_the_list_stands(tmp_path: Path) -> None:
    settings, _ = configured(tmp_path / "state")
    (tmp_path / "state" / "imagewright.db").write_text("this is no database, whatever its name")
    office = TokenOffice(settings, "root")
    assert len(await office.listed()) == 3
    (flaw,) = office.told
    assert flaw.warning
    assert "not known" in flaw.sentence


async def test_a_server_that_is_away_is_told_without_its_password(tmp_path: Path) -> None:
    url = "postgresql://someone:geheim-geheim@127.0.0.1:1/imagewright"
    settings, _ = configured(tmp_path / "state", database__url=url)
    office = TokenOffice(settings, "root")
    assert len(await office.listed()) == 3
    (flaw,) = office.told
    assert "not known" in str(flaw)
    assert "geheim" not in str(flaw)
