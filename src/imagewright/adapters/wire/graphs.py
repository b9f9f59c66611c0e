"""ComfyUI's workflows in API format: where an order's values go, and how they are put there.

A graph is `{"<node>": {"class_type": ..., "inputs": {...}}}`, as "Export (API)" writes it.
A role is a value of an order: its places are inputs of nodes. Values are assigned to the parsed
graph, never to its text.
"""

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

Graph = Mapping[str, Mapping[str, Any]]
Place = tuple[str, str]
"""A node's id and the name of one of its inputs."""

INPUTS: Mapping[str, tuple[str, ...]] = {
    "prompt": ("text", "prompt", "value", "string"),
    "negative_prompt": ("text", "prompt", "value", "string"),
    "seed": ("seed", "noise_seed", "value"),
    "width": ("width", "value"),
    "height": ("height", "value"),
    "count": ("batch_size", "amount", "value"),
    "checkpoint": ("ckpt_name",),
    "steps": ("steps", "value"),
    "cfg_scale": ("cfg", "guidance", "value"),
    "sampler": ("sampler_name",),
    "scheduler": ("scheduler",),
    "strength": ("denoise", "value"),
    "mask": ("image",),
    **{f"image_{number}": ("image",) for number in range(1, 17)},
}
"""Every role, and the inputs that it takes of a node that is marked for it, the first there is."""
OPTIONS = frozenset({"steps", "cfg_scale", "sampler", "scheduler", "strength"})
"""The roles that a model's options may set."""
OUTPUT = "output"

_MARK = re.compile(r"#([a-z]+(?:_[a-z0-9]+)*)")
_PLACE = re.compile(r"([^.]{1,64})\.inputs\.([^.]{1,64})\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """A graph, the places of each role, and the nodes whose pictures are meant (none: all)."""

    graph: Graph
    places: Mapping[str, tuple[Place, ...]]
    outputs: frozenset[str] = frozenset()

    @property
    def images(self) -> int:
        """How many input images it takes."""
        return sum(role.startswith("image_") for role in self.places)

    def filled(self, values: Mapping[str, object]) -> dict[str, dict[str, Any]]:
        """A copy of the graph with these values by role; roles without a place are left out."""
        graph = {node: deepcopy(dict(each)) for node, each in self.graph.items()}
        for role, value in values.items():
            for node, name in self.places.get(role, ()):
                graph[node]["inputs"][name] = value
        return graph


def read_workflow(found: object, named: Mapping[str, str | list[str]]) -> Workflow:
    """The workflow of a parsed file.

    `named` gives roles their places, as `6.inputs.text`, and `output` nodes; for other roles, nodes
    are looked for that have `#role` in their title. Raises ValueError for what is no such graph.
    """
    graph = _graph(found)
    marked = _marked(graph)
    for role, places in named.items():
        if role == OUTPUT:
            marked[role] = tuple((node, "") for node in _listed(places))
        elif role in INPUTS:
            marked[role] = tuple(_place(text) for text in _listed(places))
        else:
            raise ValueError(f"`{role}` is no role; roles are {', '.join((*INPUTS, OUTPUT))}")
    marked.setdefault("seed", tuple(_seeds(graph)))
    outputs = frozenset(node for node, _ in marked.pop(OUTPUT, ()))
    _check(graph, marked, outputs)
    return Workflow(
        graph=graph,
        places={role: places for role, places in marked.items() if places},
        outputs=outputs,
    )


def _graph(found: object) -> Graph:
    is_of_editor = isinstance(found, Mapping) and isinstance(found.get("nodes"), list)
    if is_of_editor:
        raise ValueError("this is a workflow of the editor; export it with Export (API)")
    if not isinstance(found, Mapping) or not found:
        raise ValueError("a workflow is an object of nodes, as Export (API) writes it")
    for node, each in found.items():
        inputs = each.get("inputs") if isinstance(each, Mapping) else None
        is_node = isinstance(inputs, Mapping) and isinstance(each.get("class_type"), str)
        if not is_node:
            raise ValueError(f"node {node} has no class_type and inputs; export with Export (API)")
    return found


def _marked(graph: Graph) -> dict[str, tuple[Place, ...]]:
    """The places of nodes that have marks in their titles; `#image` is `#image_1`."""
    places: dict[str, list[Place]] = {}
    for node, each in graph.items():
        meta = each.get("_meta")
        title = meta.get("title") if isinstance(meta, Mapping) else None
        for mark in _MARK.findall(title) if isinstance(title, str) else ():
            role = "image_1" if mark == "image" else mark
            if role == OUTPUT:
                places.setdefault(role, []).append((node, ""))
            takes = [name for name in INPUTS.get(role, ()) if name in inputs_of(graph, node)]
            places.setdefault(role, []).extend((node, name) for name in takes[:1])
    return {role: tuple(found) for role, found in places.items()}


def inputs_of(graph: Graph, node: str) -> Mapping[str, object]:
    """The inputs of a node."""
    inputs: Mapping[str, object] = graph[node]["inputs"]
    return inputs


def _seeds(graph: Graph) -> Iterator[Place]:
    """Every seed of the graph, for it is not drawn again where nothing in it changed."""
    for node in graph:
        for name in ("seed", "noise_seed"):
            if isinstance(inputs_of(graph, node).get(name), int):
                yield node, name


def _listed(places: str | list[str]) -> list[str]:
    return [places] if isinstance(places, str) else places


def _place(text: str) -> Place:
    if found := _PLACE.match(text):
        return found[1], found[2]
    raise ValueError(f"`{text}` is no place; write it like 6.inputs.text")


def _check(graph: Graph, places: Mapping[str, tuple[Place, ...]], outputs: frozenset[str]) -> None:
    for node, name in (place for each in places.values() for place in each):
        if node not in graph:
            raise ValueError(f"there is no node {node}")
        is_linked = isinstance(inputs_of(graph, node).get(name), list)
        if is_linked:
            raise ValueError(f"{node}.inputs.{name} comes from another node and cannot be set")
    if missing := sorted(outputs - set(graph)):
        raise ValueError(f"there is no node {missing[0]}")
    if not places.get("prompt"):
        raise ValueError("no place for the prompt; map it, or title a node #prompt")
    images = [role for role in places if role.startswith("image_") and places[role]]
    if set(images) != {f"image_{number}" for number in range(1, len(images) + 1)}:
        raise ValueError("input images are numbered from image_1 without a gap")
