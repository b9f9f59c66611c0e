"""The page on CI jobs as it stands: its settings, ACL, script and pipelines, at work together."""

import ast
import asyncio
import os
import shlex
import socket
import sys
import tomllib
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # its types are a package of their own

from tests.adapters.auth.ci_tokens import github, gitlab
from tests.docs.pages import DOCS, PACKAGES, Fence, fences
from tests.end_to_end.service import running, settings_of, wanted
from tests.identity.ci import CiIssuer

PAGE = DOCS / "how-to/let-a-ci-job-in.md"
URL = "https://images.example.com/mcp"
HUB = github(repository_id="424242")
LAB = gitlab()


def example(language: str, file: str) -> Fence:
    (found,) = [each for each in fences(language) if each.page == PAGE and each.file == file]
    return found


SETTINGS = tomllib.loads(example("toml", "imagewright.toml").text)
WORKFLOW: Any = yaml.safe_load(example("yaml", ".github/workflows/images.yml").text)
JOB: Any = yaml.safe_load(example("yaml", ".gitlab-ci.yml").text)["draw"]


@pytest.fixture(scope="module")
def ci() -> Iterator[CiIssuer]:
    with CiIssuer(HUB) as found:
        yield found


def hub_lines() -> list[str]:
    return [step["run"] for step in WORKFLOW["jobs"]["draw"]["steps"] if "run" in step]


def test_every_script_is_run_here() -> None:
    files = {each.page for each in fences("python") if each.file.endswith(".py")}
    assert files - {PACKAGES} == {PAGE}


def test_the_pipelines_may_ask_for_a_token_and_for_ours() -> None:
    assert WORKFLOW["permissions"] == {"contents": "read", "id-token": "write"}
    assert WORKFLOW["jobs"]["draw"]["env"] == {"IMAGEWRIGHT_URL": URL}
    assert JOB["variables"] == {"IMAGEWRIGHT_URL": URL}
    assert JOB["id_tokens"] == {"IMAGEWRIGHT_ID_TOKEN": {"aud": URL}}
    assert URL.removesuffix("/mcp") == SETTINGS["public_url"]
    # YAML 1.1 reads the bare word as true.
    assert WORKFLOW[True] == {"push": {"branches": ["main"]}}


@pytest.mark.parametrize("lines", [hub_lines(), JOB["script"]], ids=["github", "gitlab"])
def test_what_is_installed_is_what_is_tested(lines: list[str]) -> None:
    install, _ = lines
    assert install == f"python -m pip install fastmcp=={version('fastmcp')}"
    tree = ast.parse(example("python", "draw.py").text)
    plain = {
        name.name for each in ast.walk(tree) if isinstance(each, ast.Import) for name in each.names
    }
    froms = {each.module for each in ast.walk(tree) if isinstance(each, ast.ImportFrom)}
    roots = {str(name).partition(".")[0] for name in plain | froms}
    assert roots - sys.stdlib_module_names == {"fastmcp"}


@pytest.mark.parametrize("kind", ["github", "gitlab"])
async def test_the_script_draws_with_nothing_but_the_jobs_token(
    tmp_path: Path, ci: CiIssuer, kind: str
) -> None:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    url = f"http://127.0.0.1:{port}/mcp"
    settings = settings_of(explicit(tmp_path / "state", ci, kind, url))
    (tmp_path / "draw.py").write_text(example("python", "draw.py").text)
    lines = {"github": hub_lines(), "gitlab": JOB["script"]}[kind]
    async with running(settings, {}, port=port):
        answer = await run(lines[-1], tmp_path, environment(ci, kind, url))
        again = await run(lines[-1], tmp_path, environment(ci, kind, url))
        stranger = {**environment(ci, "gitlab", url), "IMAGEWRIGHT_ID_TOKEN": thief(ci, kind, url)}
        refused = await run(lines[-1], tmp_path, stranger)
    assert answer[0] == again[0] == 0, answer[1]
    assert (tmp_path / "bicycle.png").read_bytes().startswith(b"\x89PNG")
    assert refused[0] != 0


def thief(ci: CiIssuer, kind: str, url: str) -> str:
    claims = {"github": HUB, "gitlab": LAB}[kind]
    return ci.token({**claims, "aud": url, "repository_id": "1", "project_id": "1"})


def explicit(state: Path, ci: CiIssuer, kind: str, url: str) -> Mapping[str, object]:
    """The page's own settings and ACL, of which only the addresses are this machine's."""
    state.mkdir()
    (state / "acl.toml").write_text(example("toml", "acl.toml").text)
    section = {**SETTINGS["auth"]["issuers"][kind], "issuer": ci.issuer}
    found = wanted(state, auth__issuers={kind: section}, public_url=url.removesuffix("/mcp"))
    return {key: value for key, value in found.items() if key != "auth.tokens_path"}


def environment(ci: CiIssuer, kind: str, url: str) -> dict[str, str]:
    """What the CI system gives a job."""
    given = {"IMAGEWRIGHT_URL": url, "HOME": "/nonexistent", "PATH": os.defpath}
    if kind == "gitlab":
        return {**given, "IMAGEWRIGHT_ID_TOKEN": ci.token({**LAB, "aud": url})}
    return {
        **given,
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{ci.issuer}/token?api-version=2.0",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": ci.bearer,
    }


async def run(line: str, directory: Path, env: Mapping[str, str]) -> tuple[int | None, str]:
    python, *rest = shlex.split(line)
    assert python == "python"
    done = await asyncio.create_subprocess_exec(
        sys.executable,
        *rest,
        cwd=directory,
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await done.communicate()
    return done.returncode, said.decode()
