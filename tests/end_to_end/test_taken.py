"""The service is killed while a vendor has an order: it is asked after, never ordered again."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.end_to_end.books import disagreements, jobs
from tests.end_to_end.money import ACL, CAST, ROBOT, Wire
from tests.end_to_end.program import Program, as_toml, free_port, program, until_ready
from tests.end_to_end.service import configured, wanted
from tests.fakes import bfl, comfyui, gemini, openai_images
from tests.fakes.bfl import FakeBFL, Task
from tests.fakes.comfyui import FakeComfyUI
from tests.fakes.gemini_batches import FakeGeminiBatches
from tests.fakes.openai_batches import FakeBatches
from tests.fakes.vendor import Reply, Vendor

RICH = ACL.replace('per_call = "0.03"', 'per_call = "1"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A vendor at work on an order until `release`; `explicit` configures it as `paint`."""

    vendor: Vendor
    explicit: dict[str, object]
    model: str
    count: Callable[[], int]
    release: Callable[[], None]
    more: dict[str, object] = field(default_factory=dict)


@contextmanager
def tasks() -> Iterator[Scene]:
    with FakeBFL() as vendor:
        looks: list[str | Reply] = ["Pending"] * 10_000
        vendor.replies.append(Task(looks=tuple(looks)))
        yield Scene(
            vendor=vendor,
            explicit={"kind": "bfl", "base_url": vendor.base_url, "api_key": bfl.KEY, "poll": 0.5},
            model="flux-2-pro",
            count=lambda: vendor.calls("/v1/flux-2-pro"),
            release=vendor.finish,
        )


@contextmanager
def prompts() -> Iterator[Scene]:
    with FakeComfyUI() as vendor:
        vendor.held = True

        def release() -> None:
            vendor.held = False

        yield Scene(
            vendor=vendor,
            explicit={"kind": "comfyui", "base_url": vendor.origin, "api_key": comfyui.KEY},
            model="sdxl-lightning",
            count=lambda: vendor.calls("/prompt"),
            release=release,
        )


@contextmanager
def batches() -> Iterator[Scene]:
    with FakeBatches() as vendor:
        vendor.states.extend(["in_progress"] * 10_000)
        base = {"base_url": vendor.base_url, "api_key": openai_images.KEY}
        yield Scene(
            vendor=vendor,
            explicit={"kind": "openai", "batch_poll": 0.2, **base},
            model="gpt-image-2.5-flare",
            count=lambda: vendor.begun,
            release=vendor.states.clear,
            more={"economy": 24},
        )


@contextmanager
def gemini_batches() -> Iterator[Scene]:
    with FakeGeminiBatches() as vendor:
        vendor.states.extend(["RUNNING"] * 10_000)
        base = {"base_url": vendor.origin, "api_key": gemini.KEY}
        yield Scene(
            vendor=vendor,
            explicit={"kind": "gemini", "batch_poll": 0.2, **base},
            model=gemini.MODEL,
            count=lambda: vendor.begun,
            release=vendor.states.clear,
            more={"economy": 24},
        )


@pytest.fixture(params=[tasks, prompts, batches, gemini_batches])
def scene(request: pytest.FixtureRequest) -> Iterator[Scene]:
    with request.param() as found:
        yield found


@asynccontextmanager
async def served(directory: Path, scene: Scene) -> AsyncIterator[tuple[Program, Wire]]:
    state, port = directory / "state", free_port()
    explicit = {f"providers__paint__{name}": value for name, value in scene.explicit.items()}
    explicit |= {"server__port": port}
    _, tokens = configured(directory / "state", RICH, CAST, **explicit)
    file = directory / "imagewright.toml"
    file.write_text(as_toml(wanted(state, **explicit)))
    file.chmod(0o600)
    base = f"http://127.0.0.1:{port}"
    async with program(directory / "log", "serve", "--config", str(file)) as started:
        await until_ready(base)
        async with Wire(f"{base}/mcp", tokens[ROBOT]) as wire:
            yield started, wire


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - it is a process of its own
            await asyncio.sleep(0.05)


async def test_one_order_and_one_payment(tmp_path: Path, scene: Scene) -> None:
    state = tmp_path / "state"
    async with served(tmp_path, scene) as (first, wire):
        asked = {"prompt": "a fox", "provider": "paint", "model": scene.model, "wait": 0}
        told = await wire.send(asked | scene.more)

        def taken() -> object:
            request = jobs(state)[told["job"]]["request"]
            return scene.count() and request and _name(json.loads(json.loads(request)[2]))

        await until(taken)
        first.process.kill()
        await first.ended()
    row = jobs(state)[told["job"]]
    assert (row["state"], row["finished_at"]) == ("running", None)
    name = _name(json.loads(json.loads(row["request"])[2]))
    (tmp_path / "state" / "tokens.toml").unlink()
    scene.release()
    async with served(tmp_path, scene) as (second, _):

        def ended() -> object:
            return jobs(state)[told["job"]]["finished_at"]

        await until(ended)
        assert name not in second.log
    row = jobs(state)[told["job"]]
    assert (row["state"], row["made"], row["attempt"] > 1) == ("succeeded", 1, True)
    assert (scene.count(), disagreements(state)) == (1, [])


def _name(request: dict[str, str]) -> str:
    """The vendor's own id, from what its provider keeps; none before the vendor told it."""
    if "0" in request:
        return str(json.loads(request["0"])[0])
    return request["batch"]


# The usage that each vendor reports, at half of each price.
PAID: dict[Callable[[], AbstractContextManager[Scene]], int] = {
    batches: 10 * 2_500 + 40 * 4_000 + 1756 * 15_000,
    gemini_batches: (10 + 1120) * 750 + 1120 * 15_000 + 173 * 3_750,
}


@pytest.mark.parametrize("setting", PAID)
async def test_a_batch_waits_and_tells_since_when(
    tmp_path: Path, setting: Callable[[], AbstractContextManager[Scene]]
) -> None:
    state = tmp_path / "state"
    with setting() as scene:
        async with served(tmp_path, scene) as (_, wire):
            asked = {"prompt": "a fox", "provider": "paint", "model": scene.model}
            told = await wire.send({**asked, "economy": 24})
            assert told["state"] in {"queued", "running"}

            def waits() -> object:
                return jobs(state)[told["job"]]["stage"].startswith("At the provider's batch since")

            await until(waits)
            refused = await wire.send({**asked, "economy": 5})
            assert (refused["error"]["code"], scene.count()) == ("unsupported", 1)
            scene.release()
            await until(lambda: jobs(state)[told["job"]]["finished_at"])
    row = jobs(state)[told["job"]]
    assert (row["state"], row["actual"]) == ("succeeded", PAID[setting])
    assert disagreements(state) == []
