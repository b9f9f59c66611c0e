"""ComfyUI on a machine of one's own: each model is a workflow, or a checkpoint in one.

Workflows are graphs in API format, under `workflows` in the config: of the file or the table given
there, or built in (`text`, `image`, `inpaint`; see `comfyui.json`). Where an order's values
go is said in `map`, or by `#role` in the title of a node; see `adapters.wire.graphs`.

A model whose `upstream` names a workflow of the config is that workflow. Any other `upstream` is a
checkpoint, or a pattern of checkpoints (see `adapters.wire.checkpoints`), in the workflow that
the model's option `workflow` names; for edits `edit_workflow`, behind a mask `mask_workflow`.
The options `steps`, `cfg_scale`, `sampler`, `scheduler` and `strength` are set where the
workflow has a place for them. A workflow without a place for the `count` makes one picture a
call; one without `width` and `height` makes its own size.

What is sent names a prompt by an id of ours, so what becomes of it can always be asked: where an
answer or the socket is lost, the queue and the history are looked at, and a picture that was made
is fetched. Stopped is only ever our own prompt, by its id. Servers before 0.3.64 are not known to
look at that id, so there a prompt that is at work runs to its end.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar
from uuid import NAMESPACE_URL, uuid5

from imagewright.adapters.web.client import Bounds, Endpoint
from imagewright.adapters.web.origin import parse_url
from imagewright.adapters.wire.checkpoints import Checkpoint, read_kinds
from imagewright.adapters.wire.comfy import Stored, check, choices
from imagewright.adapters.wire.comfy_run import Run, new_prompt
from imagewright.adapters.wire.comfy_server import Server, node_path
from imagewright.adapters.wire.graphs import OPTIONS, Workflow, read_workflow
from imagewright.adapters.wire.previews import Previews
from imagewright.adapters.wire.refusals import unknown
from imagewright.adapters.wire.repeating import repeat
from imagewright.adapters.wire.taking import Takings, fetch_all
from imagewright.core.errors import ProviderMisconfigured, Unsupported
from imagewright.core.option import Option
from imagewright.core.secret import Secret
from imagewright.core.spending import Usage
from imagewright.ports.provider import Delivery, Found, Made, Order, Parts, Watch

_MIB = 1024 * 1024
_LOADER, _CHECKPOINT = "CheckpointLoaderSimple", "ckpt_name"
_WORKFLOWS = {"workflow": "text", "edit_workflow": "image", "mask_workflow": "inpaint"}
"""The options that name a workflow, and what they are unset."""
_SEEDS = 2**53
_FILE_LIMIT = 4 * _MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A workflow of the operator's: a file or the graph itself, and the places of roles.

    Raises ValueError for what is no workflow in API format.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = {"extra": "forbid"}

    file: str | None = None
    graph: Mapping[str, Any] | None = None
    map: Mapping[str, str | list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.file is None) == (self.graph is None):
            raise ValueError("a workflow has either a file or a graph")
        self.read()

    def read(self) -> Workflow:
        """The workflow, read anew."""
        return read_workflow(self.graph or _parsed(Path(self.file or "")), self.map)


def _parsed(path: Path) -> object:
    try:
        if path.stat().st_size > _FILE_LIMIT:
            raise ValueError("the file of a workflow is too large")
        return json.loads(path.read_bytes())
    except (OSError, RecursionError):
        what = "the file of a workflow cannot be read"
    except json.JSONDecodeError:
        what = "the file of a workflow is not JSON"
    raise ValueError(what)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """An operator's settings for one such server. Times are in seconds.

    `api_key` is sent as a bearer token, for what stands before the server: it has no keys of its
    own. `total_timeout` bounds a call from its request to its pictures. `poll` is how often is
    asked what became of a prompt whose socket was lost. Raises ValueError for an address or
    a number that cannot be, and as `Template`.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = {"extra": "forbid"}
    """For settings: a key that is none of these is a mistake."""

    name: str = "comfyui"
    base_url: str = "http://127.0.0.1:8188"
    api_key: Secret | None = None
    headers: Mapping[str, Secret] = field(default_factory=dict)
    proxy: Secret | None = None
    ca_file: str | None = None
    workflows: Mapping[str, Template] = field(default_factory=dict)
    connect_timeout: float = 10.0
    read_timeout: float = 120.0
    total_timeout: float = 600.0
    poll: float = 1.0
    concurrency: int = 1
    retries: int = 2
    picture_bytes: int = 50 * _MIB

    def __post_init__(self) -> None:
        parse_url(self.base_url)
        times = (self.connect_timeout, self.read_timeout, self.total_timeout, self.poll)
        if min(*times, self.concurrency, self.picture_bytes) <= 0 or self.retries < 0:
            raise ValueError(
                "times, concurrency and picture_bytes must be above 0, retries not below"
            )


def build(config: Config, parts: Parts) -> "ComfyUI":
    """The provider as configured; the connection is opened with the first order."""
    headers = dict(config.headers)
    if config.api_key is not None:
        headers["Authorization"] = Secret(f"Bearer {config.api_key.reveal()}")
    bounds = Bounds(
        connect=config.connect_timeout,
        read=config.read_timeout,
        concurrency=2 * config.concurrency + 4,
    )
    endpoint = Endpoint(
        base_url=config.base_url,
        headers=headers,
        proxy=config.proxy,
        ca_file=config.ca_file,
        egress=parts.egress,
        bounds=bounds,
    )
    return ComfyUI(config, parts, Server(endpoint, parts, config.retries))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """An order's workflow, and the values that all its calls share, by role."""

    workflow: Workflow
    values: Mapping[str, object]
    takings: Takings


class ComfyUI:
    """`ports.provider.Provider`, `Tracking`, `Health` and `Discovery` for one configured server."""

    def __init__(self, config: Config, parts: Parts, server: Server) -> None:
        self._config = config
        self._parts = parts
        self._server = server
        self._kinds = read_kinds("comfyui")
        self._workflows = {**_built_in(), **{n: t.read() for n, t in config.workflows.items()}}
        self._checked: set[str] = set()
        self._places = asyncio.Semaphore(config.concurrency)

    async def generate(self, order: Order, watch: Watch) -> Delivery:
        return await self._carry_out(order, watch)

    async def edit(self, order: Order, watch: Watch) -> Delivery:
        return await self._carry_out(order, watch)

    async def collect(self, order: Order, request: str, watch: Watch) -> Delivery:
        workflow = self._workflows.get(self._name(order))
        if workflow is None:
            raise unknown()

        async def fetch(part: Order, told: str) -> Delivery:
            prompt, seed = json.loads(told)
            run = Run(self._server, self._parts, prompt, self._config.poll)
            stored = await run.outcome(workflow, self._config.total_timeout)
            return await self._delivery(part, run, (stored, seed), watch)

        await watch.stage("Waiting for the provider")
        return await fetch_all(_in_calls(order, workflow), request, fetch)

    async def ping(self) -> None:
        """Ask how the server is, which costs nothing."""
        await self._server.look("system_stats")

    async def discover(self) -> tuple[Found, ...]:
        return self._kinds.found(_checkpoints(await self._server.look(node_path(_LOADER))))

    async def close(self) -> None:
        await self._server.close()

    async def _carry_out(self, order: Order, watch: Watch) -> Delivery:
        workflow = self._workflow(order)
        _check_inputs(order, workflow)
        await watch.stage("Preparing the workflow")
        await self._check(self._name(order), workflow, watch)
        values = await self._shared(order, workflow, watch)
        job = _Job(workflow=workflow, values=values, takings=Takings(watch))

        async def make(part: Order, first: int) -> Delivery:
            async with self._places:
                return await self._make(part, first, job, watch)

        return await repeat(_in_calls(order, workflow), watch, make)

    def _workflow(self, order: Order) -> Workflow:
        workflow = self._workflows.get(self._name(order))
        if workflow is None:
            raise ProviderMisconfigured(
                f"The model {order.plan.model} names a workflow that is not there.",
                hint="Ask the operator to check `workflows` and the model's options.",
            )
        return workflow

    def _name(self, order: Order) -> str:
        if order.plan.upstream in self._config.workflows:
            return order.plan.upstream
        option, ask = "workflow", order.plan.ask
        if ask.references:
            option = "mask_workflow" if ask.mask else "edit_workflow"
        return str(dict(order.plan.options).get(option, _WORKFLOWS[option]))

    async def _check(self, name: str, workflow: Workflow, watch: Watch) -> None:
        """With the first order, that the server has the nodes that the workflow needs."""
        if name in self._checked:
            return
        info: dict[str, Any] = {}
        for kind in sorted({str(each["class_type"]) for each in workflow.graph.values()}):
            info |= await self._server.node(kind, watch)
        check(info, workflow)
        self._checked.add(name)

    async def _shared(self, order: Order, workflow: Workflow, watch: Watch) -> Mapping[str, object]:
        plan, name = order.plan, ""
        values: dict[str, object] = {}
        if "checkpoint" in workflow.places and plan.upstream not in self._config.workflows:
            there = _checkpoints(await self._server.node(_LOADER, watch))
            name = self._kinds.choose(plan.upstream, there, plan.model).name
            values["checkpoint"] = name
        values |= self._options(order, name)
        # A folder for each job, so that no name of one is found by another.
        folder = f"imagewright/{uuid5(NAMESPACE_URL, order.key).hex}"
        for number, picture in enumerate(order.references, 1):
            role = f"image_{number}"
            values[role] = await self._server.upload(picture, role, folder, watch)
        if order.mask is not None:
            values["mask"] = await self._server.upload(order.mask, "mask", folder, watch)
        return values

    def _options(self, order: Order, checkpoint: str) -> Mapping[str, Option]:
        """The model's options that are values of roles, or else those of the checkpoint's kind."""
        given = {name: each for name, each in order.plan.options if name not in _WORKFLOWS}
        if wrong := sorted(set(given) - OPTIONS):
            raise ProviderMisconfigured(
                f"The model's options hold {', '.join(wrong)}, which mean nothing to its adapter.",
                hint="Ask the operator to take them out.",
            )
        kind = self._kinds.of(checkpoint)
        usual = given or (kind.options if kind is not None else {})
        # How much is changed is asked of edits only: what is drawn from nothing is all new.
        left_out = set(_WORKFLOWS) if order.references else {*_WORKFLOWS, "strength"}
        return {name: each for name, each in usual.items() if name not in left_out}

    async def _make(self, order: Order, first: int, job: _Job, watch: Watch) -> Delivery:
        ask = order.plan.ask
        seed = int(self._parts.random() * _SEEDS) if ask.seed is None else ask.seed
        graph = job.workflow.filled({**job.values, **_own(order), "seed": seed})
        prompt = new_prompt(order.key, self._parts)
        run = Run(self._server, self._parts, prompt, self._config.poll)
        # The id is ours, so that it is known before the server has it.
        await job.takings.note(first, json.dumps([prompt, seed]))
        previews = Previews(ask.partial_images, first * ask.partial_images)
        stored = await run.carry_out(
            graph, job.workflow, self._config.total_timeout, (previews, watch)
        )
        return await self._delivery(order, run, (stored, seed), watch)

    async def _delivery(
        self, order: Order, run: Run, drawn: tuple[tuple[Stored, ...], int], watch: Watch
    ) -> Delivery:
        """The pictures that lie at the server, drawn from a seed."""
        ask, (stored, seed) = order.plan.ask, drawn
        made: dict[int, Made] = {}
        for index, each in enumerate(stored[: ask.n]):
            await watch.stage("Fetching the pictures", index, ask.n)
            data = await self._server.view(each, self._config.picture_bytes)
            if data is not None:
                made[index] = Made(data=data, seed=seed)
        if not made:
            raise unknown()
        return Delivery(
            pictures=tuple(made.values()),
            usage=Usage(pictures=len(stored)),
            request=run.prompt,
            failures={index: unknown() for index in range(ask.n) if index not in made},
        )


def _in_calls(order: Order, workflow: Workflow) -> Order:
    if "count" in workflow.places:
        return order
    return replace(order, plan=replace(order.plan, per_call=1))


def _checkpoints(info: Mapping[str, Any]) -> tuple[Checkpoint, ...]:
    return tuple(
        Checkpoint(name=each, aliases=frozenset({Path(each).name, Path(each).stem}))
        for each in choices(info, _LOADER, _CHECKPOINT) or ()
    )


def _built_in() -> dict[str, Workflow]:
    text = files(__package__ or "").joinpath("comfyui.json").read_text("utf-8")
    return {name: read_workflow(graph, {}) for name, graph in json.loads(text).items()}


def _own(order: Order) -> dict[str, object]:
    """What the plan itself has set, by role."""
    plan, ask = order.plan, order.plan.ask
    values: dict[str, object | None] = {
        "prompt": plan.prompt,
        "negative_prompt": plan.negative_prompt or "",
        "width": plan.size.width if plan.size else None,
        "height": plan.size.height if plan.size else None,
        "count": ask.n,
        "strength": ask.strength,
    }
    return {role: value for role, value in values.items() if value is not None}


def _check_inputs(order: Order, workflow: Workflow) -> None:
    """Raise Unsupported for what the workflow has no place for, or lacks."""
    plan = order.plan
    if len(order.references) != workflow.images:
        raise Unsupported(
            f"The workflow of the model {plan.model} takes {workflow.images} input images.",
            hint=f"Name {workflow.images}." if workflow.images else "Name none.",
        )
    if (order.mask is not None) != ("mask" in workflow.places):
        raise Unsupported(
            f"The workflow of the model {plan.model} takes {'no' if order.mask else 'a'} mask.",
            hint="Leave the mask out." if order.mask else "Give a mask.",
        )
    for role, value in (("negative_prompt", plan.negative_prompt), ("strength", plan.ask.strength)):
        if value is not None and role not in workflow.places:
            raise Unsupported(
                f"The workflow of the model {plan.model} takes no {role}.",
                hint=f"Leave {role} out.",
            )
