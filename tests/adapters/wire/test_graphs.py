import json
from importlib.resources import files
from typing import Any

import pytest

from imagewright.adapters import providers
from imagewright.adapters.wire.graphs import read_workflow


def node(kind: str, title: str | None = None, **inputs: Any) -> dict[str, Any]:
    meta = {} if title is None else {"_meta": {"title": title}}
    return {"class_type": kind, "inputs": inputs, **meta}


GRAPH: dict[str, Any] = {
    "6": node("CLIPTextEncode", "The #prompt", text="old", clip=["4", 1]),
    "7": node("CLIPTextEncode", "#negative_prompt", text="", clip=["4", 1]),
    "3": node("KSampler", "#steps #cfg_scale #none_such", seed=1, steps=20, cfg=7.0),
    "5": node("RandomNoise", "Noise", noise_seed=2),
    "8": node("RandomNoise", "Noise", noise_seed=["5", 0]),
    "9": node("SaveImage", "#output", images=["3", 0]),
}


def test_titles_say_where_values_go() -> None:
    workflow = read_workflow(GRAPH, {})
    assert workflow.places == {
        "prompt": (("6", "text"),),
        "negative_prompt": (("7", "text"),),
        "steps": (("3", "steps"),),
        "cfg_scale": (("3", "cfg"),),
        "seed": (("3", "seed"), ("5", "noise_seed")),
    }
    assert workflow.outputs == {"9"}
    assert workflow.images == 0


def test_the_operators_map_wins() -> None:
    named: dict[str, str | list[str]] = {
        "prompt": ["7.inputs.text", "6.inputs.text"],
        "seed": "5.inputs.noise_seed",
        "output": [],
    }
    workflow = read_workflow(GRAPH, named)
    assert workflow.places["prompt"] == (("7", "text"), ("6", "text"))
    assert workflow.places["seed"] == (("5", "noise_seed"),)
    assert not workflow.outputs


def test_values_are_put_into_a_copy() -> None:
    workflow = read_workflow(GRAPH, {})
    before = json.dumps(GRAPH)
    filled = workflow.filled({"prompt": '"}, {{x}}', "seed": 9, "width": 5})
    assert filled["6"]["inputs"] == {"text": '"}, {{x}}', "clip": ["4", 1]}
    assert (filled["3"]["inputs"]["seed"], filled["5"]["inputs"]["noise_seed"]) == (9, 9)
    assert filled["8"]["inputs"]["noise_seed"] == ["5", 0]
    assert json.dumps(GRAPH) == before


@pytest.mark.parametrize(
    ("graph", "named", "words"),
    [
        ({"nodes": [], "links": []}, {}, "Export \\(API\\)"),
        ({}, {}, "an object of nodes"),
        ([], {}, "an object of nodes"),
        ("{}", {}, "an object of nodes"),
        ({"1": {"inputs": {}}}, {}, "node 1 has no class_type"),
        ({"1": {"class_type": "X"}}, {}, "node 1 has no class_type"),
        ({"1": 7}, {}, "node 1 has no class_type"),
        ({"1": node("X", text="")}, {}, "no place for the prompt"),
        (GRAPH, {"promt": "6.inputs.text"}, "`promt` is no role"),
        (GRAPH, {"prompt": "6.text"}, "write it like"),
        (GRAPH, {"prompt": "66.inputs.text"}, "no node 66"),
        (GRAPH, {"output": "66"}, "no node 66"),
        (GRAPH, {"prompt": "6.inputs.clip"}, "comes from another node"),
        (GRAPH, {"prompt": []}, "no place for the prompt"),
        (GRAPH, {"image_2": "6.inputs.text"}, "without a gap"),
    ],
)
def test_what_is_no_such_graph_is_refused(graph: object, named: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_workflow(graph, named)


@pytest.mark.parametrize(
    ("name", "images", "mask"), [("text", 0, False), ("image", 1, False), ("inpaint", 1, True)]
)
def test_the_built_in_graphs_have_every_place(name: str, images: int, mask: bool) -> None:
    text = files(providers).joinpath("comfyui.json").read_text("utf-8")
    workflow = read_workflow(json.loads(text)[name], {})
    assert workflow.images == images
    assert ("mask" in workflow.places) == mask
    assert set(workflow.places) >= {
        *("prompt", "negative_prompt", "seed", "width", "height", "count", "checkpoint"),
        *("steps", "cfg_scale", "sampler", "scheduler", "strength"),
    }
    links = [
        value[0]
        for each in workflow.graph.values()
        for value in each["inputs"].values()
        if isinstance(value, list)
    ]
    assert set(links) <= set(workflow.graph)
