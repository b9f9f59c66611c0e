"""Frames and answers of ComfyUI that cannot be, or mean nothing."""

import json
import struct
from typing import Any

import pytest

from imagewright.adapters.wire.comfy import Event, choices, read_frame, read_history, steps
from imagewright.adapters.wire.graphs import Workflow
from imagewright.core.errors import ProviderUnavailable

NOTHING = Workflow(graph={}, places={})


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "[]",
        '{"type":"status"}',
        '{"type":7,"data":{}}',
        '{"type":"status","data":[]}',
        b"",
        b"\0\0\0",
        struct.pack(">II", 2, 1) + b"text",
        struct.pack(">II", 4, 1000) + b"{}",
        struct.pack(">II", 4, 2**32 - 1) + b"{}",
    ],
)
def test_frames_that_mean_nothing(frame: str | bytes) -> None:
    assert read_frame(frame) is None


@pytest.mark.parametrize(
    ("kind", "data", "told"),
    [
        ("progress", {"value": 2, "max": 20}, (2, 20)),
        ("progress", {"value": 21, "max": 20}, None),
        ("progress", {"value": -1, "max": 20}, None),
        ("progress", {"value": True, "max": 20}, None),
        ("progress", {"value": float("nan"), "max": 20}, None),
        ("progress", {"value": "2", "max": 20}, None),
        ("progress", {"value": 0, "max": 1}, None),
        ("progress_state", {"nodes": []}, None),
        ("progress_state", {"nodes": {"1": 7}}, None),
        ("progress_state", {"nodes": {"1": {"state": "finished", "value": 3, "max": 3}}}, None),
        ("progress_state", {"nodes": {"1": {"state": "running", "value": 1.0, "max": 3}}}, (1, 3)),
    ],
)
def test_steps_are_true_or_not_told(kind: str, data: Any, told: tuple[int, int] | None) -> None:
    assert steps(Event(kind=kind, data=data)) == told


@pytest.mark.parametrize(
    "entry",
    [
        {"outputs": []},
        {"outputs": {"1": []}},
        {"outputs": {"1": {"images": {}}}},
        {"outputs": {"1": {"images": [7, {}, {"filename": ""}]}}},
        {"status": [], "outputs": None},
    ],
)
def test_a_history_without_pictures_has_none(entry: object) -> None:
    assert read_history(json.dumps({"p": entry}).encode(), "p", NOTHING) == ()


@pytest.mark.parametrize("messages", [None, [], [7], [["execution_error"]], [["other", {}]]])
def test_a_history_of_an_error_is_a_fault(messages: object) -> None:
    body = json.dumps({"p": {"status": {"status_str": "error", "messages": messages}}})
    assert isinstance(read_history(body.encode(), "p", NOTHING), ProviderUnavailable)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"p":7}', b'{"q":{}}'])
def test_what_is_not_there_has_not_ended(body: bytes) -> None:
    assert read_history(body, "p", NOTHING) is None


@pytest.mark.parametrize(
    ("declared", "values"),
    [
        ([["a", "b"], {}], ["a", "b"]),
        (["COMBO", {"options": ["a"]}], ["a"]),
        (["COMBO", {"remote": {}}], None),
        (["COMBO"], None),
        (["STRING", {}], None),
        ([], None),
        (7, None),
    ],
)
def test_lists_of_values_are_read_in_both_forms(declared: Any, values: list[str] | None) -> None:
    assert choices({"X": {"input": {"optional": {"y": declared}}}}, "X", "y") == values


@pytest.mark.parametrize(
    "info", [{}, {"X": 7}, {"X": {"input": []}}, {"X": {"input": {"required": []}}}]
)
def test_a_kind_of_node_that_says_nothing_has_no_values(info: Any) -> None:
    assert choices(info, "X", "y") is None
