"""The image, run as an operator runs it: hardened, drained, and made again on its volume."""

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client
from fastmcp.client.auth import BearerAuth

from tests.end_to_end.program import as_toml, free_port, until_ready
from tests.end_to_end.service import OWNER, configured
from tests.engines import debian
from tests.engines.containers import IMAGE, PROGRAMS, Container, build, run, running, volume

pytestmark = [pytest.mark.engines, pytest.mark.timeout(1500)]
USER = 10001


@pytest.fixture(scope="module")
def image() -> str:
    if reason := debian.obstacle(PROGRAMS):
        pytest.skip(reason)
    if os.geteuid():
        pytest.skip("only root runs these containers")
    debian.ensure(PROGRAMS)
    build()
    return IMAGE


class Site:
    """Configuration on the host, a volume, and a port."""

    def __init__(self, directory: Path, state: str, user: int = USER, **more: object) -> None:
        config = directory / "config"
        _, self.tokens = configured(config)
        wanted: dict[str, object] = {
            "read_only": False,
            "auth.acl_path": "acl.toml",
            "auth.tokens_path": "tokens.toml",
            "providers.placeholder.kind": "placeholder",
            "imaging.workers": 1,
            "server.drain": 60,
            **{key.replace("__", "."): value for key, value in more.items()},
        }
        (config / "imagewright.toml").write_text(as_toml(wanted))
        for each in (config, *config.iterdir()):
            os.chown(each, user, user)
            each.chmod(0o700 if each.is_dir() else 0o600)
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.options = (
            f"--volume={config}:/etc/imagewright:ro",
            f"--volume={state}:/var/lib/imagewright",
        )

    def client(self) -> Client[Any]:
        return Client(f"{self.base}/mcp", auth=BearerAuth(self.tokens[OWNER]))


async def call(client: Client[Any], tool: str, **arguments: object) -> dict[str, Any]:
    answer = await client.call_tool(tool, arguments)
    assert answer.structured_content is not None
    return answer.structured_content


async def draw(site: Site, prompt: str, wait: int = 30) -> dict[str, Any]:
    async with site.client() as client:
        return await call(client, "generate_image", prompt=prompt, size="256x192", wait=wait)


async def listed(site: Site) -> list[str]:
    async with site.client() as client:
        return [each["id"] for each in (await call(client, "list_images"))["images"]]


async def ready(site: Site, container: Container) -> None:
    try:
        await until_ready(site.base, 60)
    except TimeoutError:
        pytest.fail(container.log)


@pytest.fixture
def state(image: str) -> Iterator[str]:
    with volume("imagewright-test") as name:
        yield name


async def test_it_serves_without_privilege_and_its_volume_outlives_it(
    tmp_path: Path, state: str
) -> None:
    site = Site(tmp_path, state)
    with running("imagewright-test", site.port, *site.options) as container:
        await ready(site, container)
        assert container.do("imagewright", "health", "--ready") == "ok"
        assert run("podman", "healthcheck", "run", container.name) == ""
        made = await draw(site, "a red bicycle")
        assert made["state"] == "succeeded", made
        hardened(container)
        assert container.stop(30) == 0
    with running("imagewright-test", site.port, *site.options) as container:
        await ready(site, container)
        assert await listed(site) == [made["images"][0]["id"]]
        again = await draw(site, "a red bicycle")
        assert again["repeated"]


def hardened(container: Container) -> None:
    """The first process is nobody in particular, has no capability and a root it cannot write."""
    found = container.status()
    assert set(found["Uid"].split()) == set(found["Gid"].split()) == {str(USER)}
    assert {found[name].strip("0") for name in ("CapEff", "CapPrm", "CapBnd")} == {""}
    assert (found["NoNewPrivs"], found["Seccomp"]) == ("1", "2")
    writing = "import sys; open(sys.argv[1], 'w')"
    for place in ("/opt/imagewright/x", "/etc/x", "/usr/x", "/x", "/etc/imagewright/x"):
        with pytest.raises(AssertionError, match=r"Read-only file system|Permission denied"):
            container.do("python3", "-c", writing, place)
    container.do("python3", "-c", writing, "/var/lib/imagewright/x")
    with pytest.raises(AssertionError, match="No module named"):
        container.do("/opt/imagewright/bin/python3", "-c", "import pip")


async def test_a_stop_awaits_what_runs_and_keeps_what_waits(tmp_path: Path, state: str) -> None:
    site = Site(tmp_path, state, limits__running=1, providers__placeholder__delay=4.0)
    with running("imagewright-test", site.port, *site.options) as container:
        await ready(site, container)
        begun, waiting = await draw(site, "begun", wait=0), await draw(site, "waiting", wait=0)
        await asyncio.sleep(1)
        assert await asyncio.to_thread(container.stop, 60) == 0
        assert "Traceback" not in container.log
    with running("imagewright-test", site.port, *site.options) as container:
        await ready(site, container)
        async with site.client() as client:
            done = await call(client, "get_job", job=begun["job"], wait=0)
            assert done["state"] == "succeeded"
            later = await call(client, "get_job", job=waiting["job"], wait=30)
            assert later["state"] == "succeeded"


async def test_any_user_that_owns_the_volume_will_do(tmp_path: Path, image: str) -> None:
    own = tmp_path / "own"
    own.mkdir(mode=0o700)
    os.chown(own, 23456, 23456)
    tmp_path.chmod(0o755)
    site = Site(tmp_path, str(own), user=23456)
    options = (*site.options, "--user=23456:23456")
    with running("imagewright-test", site.port, *options) as container:
        await ready(site, container)
        assert (await draw(site, "a fox"))["state"] == "succeeded"
    assert {each.stat().st_uid for each in own.rglob("*")} == {23456}


def test_without_tokens_it_does_not_start(image: str, tmp_path: Path) -> None:
    with running("imagewright-test", free_port()) as container:
        assert run("podman", "wait", container.name) == "2"
        assert "auth" in container.log
        assert len(container.log.splitlines()) == 1


def test_it_says_what_it_is_and_is_checked(image: str) -> None:
    (found,) = json.loads(run("podman", "inspect", image))
    config = found["Config"]
    assert config["User"] == f"{USER}:{USER}"
    assert list(config["Volumes"]) == ["/var/lib/imagewright"]
    assert found["Healthcheck"]["Test"] == ["CMD", "imagewright", "health"]
    labels = config["Labels"]
    version = run("podman", "--runtime", "runc", "run", "--rm", "--ulimit=nofile=1024:1024",
                  "--ulimit=nproc=1000:1000", image, "--version")  # fmt: skip
    assert labels["org.opencontainers.image.version"] == version
    assert labels["org.opencontainers.image.revision"] == run("git", "rev-parse", "HEAD")
