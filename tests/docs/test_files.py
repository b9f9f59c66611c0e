"""What a service leaves on the disk and is deployed with: told of, and true."""

import re
import shutil
from pathlib import Path, PurePath

from fastmcp import Client

from imagewright.app import App
from imagewright.settings.loading import DEFAULT_FILE
from imagewright.settings.names import variables
from imagewright.settings.sections import Server
from tests.docs import facts
from tests.docs.pages import DOCS, ROOT, codes, tables

ASK = {"prompt": "a red bicycle", "size": "256x192"}


async def make(app: App) -> str:
    async with app, Client(app.mcp) as client:
        answer = await client.call_tool("generate_image", ASK)
    assert answer.structured_content is not None
    return str(answer.structured_content["images"][0]["id"])


async def test_every_file_in_the_state_directory_has_its_row(tmp_path: Path) -> None:
    await make(facts.app(tmp_path))
    rows = tables(DOCS / "reference/files.md")
    patterns = [
        code.replace("<slug>-<hash>", "*") + ("**" if code.endswith("/") else "")
        for row in rows
        for code in codes(row["Path"])
    ]
    files = [path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    untold = [str(each) for each in files if not any(fits(each, one) for one in patterns)]
    assert not untold, f"docs/reference/files.md does not name: {', '.join(untold)}"


def test_the_compose_file_names_settings_that_exist() -> None:
    text = (ROOT / "deploy/compose/compose.yaml").read_text("utf-8")
    assert set(re.findall(r"IMAGEWRIGHT_\w+", text)) <= variables()
    port = Server().port
    assert f'"127.0.0.1:{port}:{port}"' in text
    assert '["CMD", "imagewright", "health", "--ready"]' in text
    assert str(DEFAULT_FILE.parent) + ":ro" in text
    grace = re.search(r"stop_grace_period: (\d+)s", text)
    assert grace
    assert int(grace[1]) > Server().drain


def test_the_compose_file_with_caddy_names_settings_that_exist() -> None:
    text = (ROOT / "deploy/compose/caddy/compose.yaml").read_text("utf-8")
    named = set(re.findall(r"\bIMAGEWRIGHT_\w+", text))
    assert named - {"IMAGEWRIGHT_SITE", "IMAGEWRIGHT_UPSTREAM"} <= variables()
    (address,) = set(re.findall(r"ipv4_address: (\S+)", text))
    assert f"'[\"{address}\"]'" in text
    caddyfile = (ROOT / "deploy/proxies/Caddyfile").read_text("utf-8")
    assert set(re.findall(r"\{\$(\w+)", caddyfile)) == named - variables()


def fits(path: PurePath, pattern: str) -> bool:
    if pattern.endswith("/**"):
        depth = pattern.count("/")
        return len(path.parts) > depth and PurePath(*path.parts[:depth]).match(pattern[:-3])
    return path.match(pattern)


async def test_a_copy_of_a_stopped_state_directory_is_a_backup(tmp_path: Path) -> None:
    first, copy = tmp_path / "state", tmp_path / "copy"
    image = await make(facts.app(first))
    shutil.copytree(first, copy, copy_function=shutil.copy2)
    shutil.rmtree(first)
    app = facts.app(copy)
    async with app, Client(app.mcp) as client:
        again = await client.call_tool("generate_image", ASK)
        assert again.structured_content is not None
        assert again.structured_content["repeated"]
        assert again.structured_content["images"][0]["id"] == image
        original = await client.read_resource(f"image://{image}/view")
    assert original[0].mime_type == "image/png"
