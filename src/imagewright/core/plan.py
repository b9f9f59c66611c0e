"""A plan: the ask with one model and every parameter settled, as it will be sent and priced."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from imagewright.core.ask import (
    MAX_COUNT,
    Action,
    Ask,
    Background,
    Fidelity,
    Moderation,
    Quality,
    Reference,
    canonical,
)
from imagewright.core.conversation import Continued
from imagewright.core.option import Option
from imagewright.core.picture import Format
from imagewright.core.size import Size


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What will be sent, and what it is priced by.

    `ask` has the operator's defaults in it; `asked` is the digest of the ask as it was given.
    `reason` says why this provider, where the ask named none, and `fallbacks` are the plans to
    carry out instead where it does not take the order.
    None leaves a choice to the model. `size_name` is what the provider's API calls the size, where
    it has names, and `options` are the model's, by their names. `prompt` is the ask's, with
    whatever the model takes in words only. With `resumed` the provider goes on from what it left
    with the first reference when it made that. `warnings` say what was chosen otherwise than asked.
    """

    ask: Ask
    provider: str
    model: str
    upstream: str
    prompt: str
    negative_prompt: str | None
    size: Size | None
    quality: Quality | None
    background: Background | None
    output_format: Format
    output_compression: int | None
    size_name: str | None = None
    per_call: int = MAX_COUNT
    options: tuple[tuple[str, Option], ...] = ()
    asked: str = ""
    reason: str = ""
    fallbacks: tuple["Plan", ...] = ()
    resumed: bool = False
    warnings: tuple[str, ...] = ()

    def canonical(self) -> str:
        """The JSON that the jobs table keeps and `read_plan` reads."""
        return canonical(self)

    def digest(self) -> str:
        """SHA-256 of the canonical plan: what consent is bound to."""
        return hashlib.sha256(self.canonical().encode()).hexdigest()


def read_plan(text: str) -> Plan:
    """The plan that `Plan.canonical` wrote."""
    return _plan(json.loads(text))


def _plan(row: Mapping[str, Any]) -> Plan:
    return Plan(
        **{
            **row,
            "ask": _ask(row["ask"]),
            "size": Size(**row["size"]) if row["size"] else None,
            "quality": Quality(row["quality"]) if row["quality"] else None,
            "background": Background(row["background"]) if row["background"] else None,
            "output_format": Format(row["output_format"]),
            "options": tuple((name, value) for name, value in row.get("options", ())),
            "warnings": tuple(row["warnings"]),
            "fallbacks": tuple(_plan(each) for each in row.get("fallbacks", ())),
        }
    )


def _ask(row: Mapping[str, Any]) -> Ask:
    return Ask(
        **{
            **row,
            "action": Action(row["action"]),
            "quality": Quality(row["quality"]),
            "background": Background(row["background"]),
            "output_format": Format(row["output_format"]) if row["output_format"] else None,
            "moderation": Moderation(row["moderation"]) if row["moderation"] else None,
            "input_fidelity": Fidelity(row["input_fidelity"]) if row["input_fidelity"] else None,
            "tags": tuple(row["tags"]),
            "left": tuple(row.get("left", ())),
            "references": tuple(_reference(each) for each in row["references"]),
            "mask": _reference(row["mask"]) if row["mask"] else None,
            "continued": _continued(row["continued"]) if row.get("continued") else None,
        }
    )


def _reference(row: Mapping[str, Any]) -> Reference:
    return Reference(**{**row, "size": Size(**row["size"]), "format": Format(row["format"])})


def _continued(row: Mapping[str, Any]) -> Continued:
    return Continued(**{**row, "earlier": tuple(row["earlier"])})
