"""Servers of one's own that speak the API of Stable Diffusion WebUI.

A1111, Forge and reForge (started with `--api`), and stable-diffusion.cpp's `sd-server`.

A model's `upstream` is a checkpoint's name, a pattern of names, or `*` for the loaded one; see
`adapters.wire.checkpoints`. Its `options` are `steps`, `cfg_scale`, `distilled_cfg_scale` (Forge),
`sampler`, `scheduler`, `clip_skip` and `vae`; a second pass by `hires_scale`, `hires_upscaler`,
`hires_steps` and `hires_strength`; and for edits `strength`, `resize_mode`, `mask_blur`,
`inpainting_fill`, `inpaint_full_res` and `inpaint_full_res_padding`, as the API has them. A model
without options has those of its checkpoint's kind. The pictures of one call (`per_call`) are
made at once, in the server's memory.

The server is asked for one task at a time, tells how far *some* task is, and stops whichever runs.
Whose that is we know in two ways only:

* Our task has an id, and `/internal/progress` answers for that id alone.
* With `exclusive` nobody else uses the server, we hold our only place, and the server had nothing
  to do when we began: until our answer comes, what runs is ours.

Progress is shown where one of the two holds. A task is stopped only with `exclusive`, and only
where one of the two holds as well: then what runs is ours, and nothing else can begin before the
stop was answered, for our place is given back after it. Without `exclusive` another's task could
begin between the question and the stop, so ours runs to its end and is thrown away.
"""

import asyncio
import base64
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import PurePath

from imagewright.adapters.web.client import Answer, Call, Client, Endpoint
from imagewright.adapters.web.failures import WebError
from imagewright.adapters.wire.checkpoints import ANY, Checkpoint, read_kinds
from imagewright.adapters.wire.judge import Judge
from imagewright.adapters.wire.line import Line, away
from imagewright.adapters.wire.previews import Previews
from imagewright.adapters.wire.refusals import unknown
from imagewright.adapters.wire.repeating import repeat
from imagewright.adapters.wire.results import decode_base64, read_array, read_object, whole
from imagewright.adapters.wire.server import Server, endpoint
from imagewright.adapters.wire.webui import (
    Chosen,
    WebuiJudge,
    body,
    check_options,
    check_words,
    read_pictures,
)
from imagewright.core.errors import OutcomeUnknown, ProviderBadAnswer
from imagewright.core.spending import Usage
from imagewright.ports.provider import Delivery, Found, Order, Parts, Watch

_MIB = 1024 * 1024
_SLACK = 1024 * 1024
_LIST_LIMIT = 8 * _MIB
_QUICK = 20.0
_LOOK_SECONDS = 3.0
_SEEDS = 2**32 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(Server):
    """An operator's settings for one such server. Times are in seconds.

    `api_key` is the password of `user` (`--api-auth user:password`), or without a user a bearer
    token for what stands before the server. `exclusive` says that nobody else uses the
    server. `total_timeout` bounds a call with all its attempts. `poll` is how often progress is
    asked for. Raises ValueError for an address or a number that cannot be.
    """

    name: str = "sd_webui"
    base_url: str = "http://127.0.0.1:7860"
    user: str | None = None
    exclusive: bool = False
    poll: float = 1.0
    concurrency: int = 1

    def __post_init__(self) -> None:
        Server.__post_init__(self)
        if self.poll <= 0:
            raise ValueError("poll must be above 0")
        if self.user is not None and (self.api_key is None or ":" in self.user):
            raise ValueError("user needs an api_key, its password, and holds no colon")
        if self.exclusive and self.concurrency > 1:
            raise ValueError("exclusive needs a concurrency of 1, to know whose task is running")


def build(config: Config, parts: Parts) -> "SdWebui":
    """The provider as configured; the connection is opened with the first order."""
    return SdWebui(config, parts, Client(_endpoint(config, parts)))


def _endpoint(config: Config, parts: Parts) -> Endpoint:
    more: dict[str, str | None] = {}
    if config.api_key is not None and config.user is not None:
        pair = f"{config.user}:{config.api_key.reveal()}".encode()
        more = {"Authorization": f"Basic {base64.b64encode(pair).decode('ascii')}"}
    found = endpoint(config, parts, more=more)
    # Each call that draws has another beside it that asks how far it is.
    return replace(found, bounds=replace(found.bounds, concurrency=2 * config.concurrency + 4))


class SdWebui:
    """`ports.provider.Provider`, `Health` and `Discovery` for one configured server."""

    def __init__(self, config: Config, parts: Parts, client: Client) -> None:
        self._config = config
        self._parts = parts
        self._client = client
        self._kinds = read_kinds("sd_webui")
        self._line = Line(client, parts, config.retries)
        self._places = asyncio.Semaphore(config.concurrency)

    async def generate(self, order: Order, watch: Watch) -> Delivery:
        return await self._carry_out(order, watch)

    async def edit(self, order: Order, watch: Watch) -> Delivery:
        return await self._carry_out(order, watch)

    async def ping(self) -> None:
        """Ask for the server's settings, which changes nothing."""
        await self._line.look(_question("sdapi/v1/options"), Judge(self._parts, ""))

    async def discover(self) -> tuple[Found, ...]:
        answer = await self._line.look(_question("sdapi/v1/sd-models"), Judge(self._parts, ""))
        return self._kinds.found(_checkpoints(answer))

    async def close(self) -> None:
        await self._client.close()

    async def _carry_out(self, order: Order, watch: Watch) -> Delivery:
        check_words(order)
        chosen = await self._chosen(order, watch)
        check_options(chosen.options)

        async def make(part: Order, first: int) -> Delivery:
            async with self._places:
                return await self._make(part, first, chosen, watch)

        return await repeat(order, watch, make)

    async def _chosen(self, order: Order, watch: Watch) -> Chosen:
        """The checkpoint, which must be there: A1111 draws with another where it is not."""
        plan = order.plan
        await watch.stage("Asking the provider for its checkpoints")
        if plan.upstream == ANY:
            settings = read_object((await self._read("sdapi/v1/options", order, watch)).body) or {}
            name, checkpoint = str(settings.get("sd_model_checkpoint") or ""), None
        else:
            there = _checkpoints(await self._read("sdapi/v1/sd-models", order, watch))
            name = checkpoint = self._kinds.choose(plan.upstream, there, plan.model).name
        kind = self._kinds.of(name)
        return Chosen(
            checkpoint=checkpoint,
            options=dict(plan.options) or (kind.options if kind is not None else {}),
        )

    async def _read(self, path: str, order: Order, watch: Watch) -> Answer:
        """An answer that makes nothing: where it stays out, nothing is unknown."""
        judge = Judge(self._parts, order.plan.model)
        until = self._parts.clock.monotonic() + _QUICK
        try:
            return await self._line.ask(_question(path), judge, until, watch)
        except OutcomeUnknown:
            fault = away()
        raise fault

    async def _make(self, order: Order, first: int, chosen: Chosen, watch: Watch) -> Delivery:
        config, ask = self._config, order.plan.ask
        seed = int(self._parts.random() * _SEEDS) if ask.seed is None else ask.seed
        task = f"imagewright-{order.key}"
        call = Call(
            path="sdapi/v1/img2img" if order.references else "sdapi/v1/txt2img",
            json={**body(order, chosen, seed), "force_task_id": task},
            # Base64 takes four bytes for three; control images and the inputs come back too.
            limit=(ask.n + 2) * (config.picture_bytes * 3 // 2) + _SLACK,
        )
        previews = Previews(ask.partial_images, first * ask.partial_images)
        follower = Follower(self._client, task, previews, watch)
        follower.alone = config.exclusive and await follower.is_idle()
        await watch.stage("Waiting for the provider")
        judge = WebuiJudge(Judge(self._parts, order.plan.model))
        until = self._parts.clock.monotonic() + config.total_timeout
        answer = await self._followed(self._line.ask(call, judge, until, watch), follower)
        pictures = await asyncio.to_thread(
            read_pictures, answer.body, ask.n, seed, config.picture_bytes
        )
        if pictures is None or not pictures.made:
            raise unknown()
        return Delivery(
            pictures=tuple(pictures.made.values()),
            usage=Usage(pictures=pictures.listed),
            request=task,
            failures={index: unknown() for index in range(ask.n) if index not in pictures.made},
        )

    async def _followed(
        self, asking: Coroutine[None, None, Answer], follower: "Follower"
    ) -> Answer:
        """The answer; what was begun and is not awaited any more is stopped, where it is ours."""
        answer = asyncio.ensure_future(asking)
        try:
            while not (await asyncio.wait({answer}, timeout=self._config.poll))[0]:
                await follower.look()
            if isinstance(answer.exception(), OutcomeUnknown) and self._config.exclusive:
                await follower.stop()
            return answer.result()
        except asyncio.CancelledError:
            if self._config.exclusive:
                await follower.stop()
            raise
        finally:
            answer.cancel()


class Follower:
    """Tells how far one call's task is, and stops it; both only while it surely is that task.

    `alone` says that nothing else can run at the server while the call is awaited.
    """

    def __init__(self, client: Client, task: str, previews: Previews, watch: Watch) -> None:
        self._client = client
        self._task = task
        self._previews = previews
        self._watch = watch
        self._shown = -1
        self.alone = False

    async def is_idle(self) -> bool:
        """Whether the server has nothing to do, as far as it tells."""
        told = await self._ask("GET", "sdapi/v1/progress")
        state = told.get("state")
        return isinstance(state, dict) and state.get("job_count") == 0 and not state.get("job")

    async def look(self) -> None:
        """Tell the watch how far it is, once."""
        told = await self._own()
        if told is None and self.alone:
            told = await self._ask("GET", "sdapi/v1/progress")
            await self._tell(told, told.get("eta_relative"), told.get("current_image"))
        elif told is not None and told.get("active") is True:
            await self._tell(told, told.get("eta"), told.get("live_preview"))
            self._shown = whole(told.get("id_live_preview")) or self._shown
        elif told is not None and told.get("queued") is True:
            await self._watch.stage("Waiting in the provider's queue")

    async def stop(self) -> None:
        """Stop the task where it surely is the one that runs; what it made by then is lost."""
        told = await self._own()
        if self.alone if told is None else told.get("active") is True:
            await self._ask("POST", "sdapi/v1/interrupt")

    async def _own(self) -> Mapping[str, object] | None:
        """How far our task is by its id, or None where the server does not know of ids."""
        wanted = {
            "id_task": self._task,
            "id_live_preview": self._shown,
            "live_preview": self._previews.count > 0,
        }
        told = await self._ask("POST", "internal/progress", wanted)
        return told if isinstance(told.get("active"), bool) else None

    async def _ask(
        self, method: str, path: str, json: Mapping[str, object] | None = None
    ) -> Mapping[str, object]:
        """The object that the server answers with, empty for any other answer or none."""
        call = Call(path=path, method=method, json=json, limit=_LIST_LIMIT)
        with suppress(WebError):
            answer = await self._client.send(call, _LOOK_SECONDS)
            return (read_object(answer.body) if answer.status == 200 else None) or {}
        return {}

    async def _tell(self, told: Mapping[str, object], left: object, preview: object) -> None:
        share = _number(told.get("progress"))
        if share is None or share > 1:
            return
        await self._watch.stage("Drawing", round(share * 100), 100, _number(left))
        data = decode_base64(preview) if isinstance(preview, str) else None
        if data is not None and (index := self._previews.take(share)) is not None:
            await self._watch.partial(index, data)


def _question(path: str) -> Call:
    return Call(path=path, method="GET", limit=_LIST_LIMIT)


def _checkpoints(answer: Answer) -> tuple[Checkpoint, ...]:
    found = read_array(answer.body)
    if found is None:
        raise _unreadable()
    return tuple(
        Checkpoint(
            name=str(each["model_name"]),
            aliases=frozenset({str(each.get("title")), PurePath(str(each.get("filename"))).name}),
        )
        for each in found
        if isinstance(each, dict) and each.get("model_name")
    )


def _number(value: object) -> float | None:
    """A number that is not below nothing; JSON's NaN and infinities are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < 1e9 else None


def _unreadable() -> ProviderBadAnswer:
    return ProviderBadAnswer(
        "The provider answered with something that is no list of checkpoints.",
        hint="Ask the operator to check base_url.",
    )
