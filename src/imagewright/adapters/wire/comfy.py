"""What ComfyUI says: events of its socket, its history, and its refusals.

Recorded from ComfyUI 0.3.64; the frames are in `tests/fakes/comfyui_frames.json`.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from imagewright.adapters.web.client import Answer
from imagewright.adapters.wire.graphs import Graph, Workflow
from imagewright.adapters.wire.results import read_object
from imagewright.adapters.wire.webui import out_of_memory
from imagewright.core.errors import (
    Fault,
    ProviderMisconfigured,
    ProviderRejected,
    ProviderUnavailable,
)

_PREVIEW, _PREVIEW_WITH_METADATA = 1, 4
_HEAD = struct.Struct(">II")
_MOST_METADATA = 64 * 1024
_NUMBERS = frozenset({"INT", "FLOAT"})
_TYPES = {
    "prompt": frozenset({"STRING"}),
    "negative_prompt": frozenset({"STRING"}),
} | dict.fromkeys(("seed", "width", "height", "count", "steps", "cfg_scale", "strength"), _NUMBERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A text frame: `kind` is its type."""

    kind: str
    data: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A picture on its way; `prompt` is the id it belongs to, None where that is not told."""

    data: bytes = field(repr=False)
    prompt: str | None = None


def read_frame(frame: str | bytes) -> Event | Preview | None:
    """What a frame says, or None for one that means nothing here."""
    if isinstance(frame, bytes):
        return _preview(frame)
    found = read_object(frame.encode())
    data = found.get("data") if found is not None else None
    if found is None or not isinstance(data, dict) or not isinstance(found.get("type"), str):
        return None
    return Event(kind=str(found["type"]), data=data)


def _preview(frame: bytes) -> Preview | None:
    if len(frame) < _HEAD.size:
        return None
    kind, second = _HEAD.unpack_from(frame)
    rest = frame[_HEAD.size :]
    if kind == _PREVIEW:
        return Preview(data=rest)
    if kind != _PREVIEW_WITH_METADATA or second > min(len(rest), _MOST_METADATA):
        return None
    about = read_object(rest[:second]) or {}
    return Preview(data=rest[second:], prompt=str(about.get("prompt_id")))


def steps(event: Event) -> tuple[int, int] | None:
    """The true steps done and their total, of the node that is at work; None where not told."""
    found = [event.data]
    if event.kind == "progress_state":
        nodes = event.data.get("nodes")
        found = [each for each in nodes.values() if _runs(each)] if isinstance(nodes, dict) else []
    for each in found:
        done, total = _count(each.get("value")), _count(each.get("max"))
        if done is not None and total is not None and done <= total and total > 1:
            return done, total
    return None


def _runs(node: object) -> bool:
    return isinstance(node, dict) and node.get("state") == "running"


def _count(value: object) -> int | None:
    """A number of steps; those of `progress_state` are written as 3.0."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value < 1e9 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A picture that lies at the server: what `/view` is to be asked for."""

    filename: str
    subfolder: str
    type: str


def read_history(body: bytes, prompt: str, workflow: Workflow) -> tuple[Stored, ...] | Fault | None:
    """The pictures of a prompt that ended, the fault it ended with, or None before its end."""
    entry = (read_object(body) or {}).get(prompt)
    if not isinstance(entry, dict):
        return None
    status = entry.get("status")
    status = status if isinstance(status, dict) else {}
    if status.get("status_str") == "error":
        messages = status.get("messages")
        return _ended(messages if isinstance(messages, list) else [], workflow.graph)
    outputs = entry.get("outputs")
    every = list(_stored(outputs if isinstance(outputs, dict) else {}, workflow))
    saved = tuple(each for each in every if each.type == "output")
    return saved or tuple(every)


def _ended(messages: list[Any], graph: Graph) -> Fault:
    for each in messages:
        if isinstance(each, list) and len(each) == 2 and isinstance(each[1], dict):
            fault = failure(Event(kind=str(each[0]), data=each[1]), graph)
            if fault is not None:
                return fault
    return _failed("")


def _stored(outputs: Mapping[str, Any], workflow: Workflow) -> Iterator[Stored]:
    for node, made in outputs.items():
        images = made.get("images") if isinstance(made, dict) else None
        if not isinstance(images, list) or (workflow.outputs and node not in workflow.outputs):
            continue
        for each in images:
            if isinstance(each, dict) and each.get("filename"):
                yield Stored(
                    filename=str(each["filename"]),
                    subfolder=str(each.get("subfolder") or ""),
                    type=str(each.get("type") or "output"),
                )


def failure(event: Event, graph: Graph) -> Fault | None:
    """The fault that an event ends a prompt with, or None for any other event."""
    if event.kind == "execution_interrupted":
        return ProviderUnavailable(
            "Somebody stopped the task at the provider.", hint="Try again later."
        )
    if event.kind != "execution_error":
        return None
    if "OutOfMemory" in str(event.data.get("exception_type")):
        return out_of_memory()
    node = str(event.data.get("node_id"))
    return _failed(str(graph[node]["class_type"]) if node in graph else "")


def _failed(kind: str) -> Fault:
    where = f" at a {kind} node" if kind else ""
    return ProviderUnavailable(
        f"The workflow failed{where}.",
        hint="Try again; if it fails again, ask the operator to check the workflow.",
    )


def refused(answer: Answer, workflow: Workflow) -> Fault | None:
    """The fault for a refusal of `/prompt`, or None where it is not ComfyUI's own.

    Of its words only the names of nodes and inputs that are the workflow's own are passed on.
    """
    found = read_object(answer.body) or {}
    error = found.get("error")
    if answer.status != 400 or not isinstance(error, dict) or "node_errors" not in found:
        return None
    for node, kind, name in _wrong_inputs(found["node_errors"], workflow.graph):
        role = next((role for role, where in workflow.places.items() if (node, name) in where), "")
        if role and kind.startswith("value_") and kind != "value_not_in_list":
            return ProviderRejected(
                f"The provider refused the request because of {role}.",
                hint=f"Change {role}, or leave it out.",
                details={"param": role},
            )
        return ProviderMisconfigured(
            f"The provider refuses {name} of node {node} of the workflow.",
            hint="Ask the operator to check the workflow, and that what it names is there.",
        )
    return ProviderMisconfigured(
        "The provider refuses the workflow.", hint="Ask the operator to check it."
    )


def _wrong_inputs(errors: object, graph: Graph) -> Iterator[tuple[str, str, str]]:
    """Node, kind of error and input, of those that are in the workflow."""
    for node, each in errors.items() if isinstance(errors, dict) else ():
        found = each.get("errors") if isinstance(each, dict) else None
        for error in found if isinstance(found, list) else ():
            extra = error.get("extra_info") if isinstance(error, dict) else None
            name = extra.get("input_name") if isinstance(extra, dict) else None
            if node in graph and name in graph[node]["inputs"]:
                yield node, str(error.get("type")), str(name)


def choices(info: Mapping[str, Any], kind: str, name: str) -> list[str] | None:
    """The values that an input of a kind of node may have, or None where it has no list.

    `info` is what `/object_info` says; newer nodes have `["COMBO", {"options": [...]}]`.
    """
    declared = _declared(info, kind, name)
    if declared is None:
        return None
    found = declared[0]
    if found == "COMBO" and len(declared) > 1 and isinstance(declared[1], dict):
        found = declared[1].get("options")
    return [str(each) for each in found] if isinstance(found, list) else None


def _declared(info: Mapping[str, Any], kind: str, name: str) -> list[Any] | None:
    node = info.get(kind)
    inputs = node.get("input") if isinstance(node, dict) else None
    for group in ("required", "optional"):
        found = inputs.get(group) if isinstance(inputs, dict) else None
        declared = found.get(name) if isinstance(found, dict) else None
        if isinstance(declared, list) and declared:
            return declared
    return None


def check(info: Mapping[str, Any], workflow: Workflow) -> None:
    """Raise ProviderMisconfigured for nodes and inputs that the server does not have."""
    for node, each in workflow.graph.items():
        if not isinstance(info.get(each["class_type"]), dict):
            raise ProviderMisconfigured(
                f"The provider has no node {each['class_type']}, which the workflow needs.",
                hint="Ask the operator to add it there, or to change the workflow.",
            )
        for role, places in workflow.places.items():
            for name in (name for where, name in places if where == node):
                declared = _declared(info, each["class_type"], name)
                wanted = _TYPES.get(role)
                if declared is None or (wanted and str(declared[0]) not in wanted):
                    raise ProviderMisconfigured(
                        f"{name} of node {node} of the workflow cannot be the {role}.",
                        hint="Ask the operator to correct the workflow's map or titles.",
                    )
