"""A tool's schema as models read it: each word in it is paid for in every conversation."""

import copy
from collections.abc import Mapping
from typing import Any

from imagewright.core.ask import AUTO

_DEFS = "#/$defs/"


def compact_input(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The same arguments in fewer words.

    An argument that may be null says only what else it may be: leaving it out means the same,
    and null is still accepted. Enums stand where they are used, without their class's words.
    How long a text may be is not said: no model counts characters, and a longer one is refused.
    That a default is false, 0, empty or `auto` is not said either.
    """
    found = {key: value for key, value in schema.items() if key not in {"$defs", "title"}}
    defs = schema.get("$defs", {})
    found["properties"] = {
        name: _argument(each, defs) for name, each in schema.get("properties", {}).items()
    }
    return found


def compact_output(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The same answer without the titles that repeat its names."""
    found: dict[str, Any] = _untitled(copy.deepcopy(dict(schema)))
    return found


def _argument(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> dict[str, Any]:
    outer = {key: value for key, value in schema.items() if key not in {"title", "anyOf", "$ref"}}
    inner: dict[str, Any] = {}
    if "$ref" in schema:
        inner = dict(defs[schema["$ref"].removeprefix(_DEFS)])
    elif "anyOf" in schema:
        branches = [each for each in schema["anyOf"] if each.get("type") != "null"]
        if len(branches) != 1:
            raise AssertionError("an argument has one type, or that type and null")
        inner = _argument(branches[0], defs)
        outer.pop("default", None)
    found = {key: inner[key] for key in inner if key not in {"title", "description"}} | outer
    found.pop("maxLength", None)
    if isinstance(found.get("items"), dict) and found["items"].get("additionalProperties") is True:
        found["items"] = {"type": "object"}
    if found.get("default") in (False, "", AUTO):
        del found["default"]
    return found


def _untitled(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _untitled(each)
            for key, each in value.items()
            if not (key == "title" and isinstance(each, str))
        }
    return [_untitled(each) for each in value] if isinstance(value, list) else value
