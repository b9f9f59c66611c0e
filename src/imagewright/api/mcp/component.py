"""What a component declares beside its function; without a scope there is none."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mcp.types import ToolAnnotations

from imagewright.core.scope import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec:
    """A tool: its function, the scope it needs, its title, hints and what it answers with."""

    call: Callable[..., Any]
    scope: Scope
    title: str
    answer: type
    read_only: bool = True
    destructive: bool = False
    idempotent: bool = True
    open_world: bool = False

    @property
    def name(self) -> str:
        return self.call.__name__

    @property
    def annotations(self) -> ToolAnnotations:
        return ToolAnnotations(
            title=self.title,
            read_only_hint=self.read_only,
            destructive_hint=self.destructive,
            idempotent_hint=self.idempotent,
            open_world_hint=self.open_world,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceSpec:
    """A resource or template: its URI, function, scope, title and MIME type."""

    uri: str
    call: Callable[..., Any]
    scope: Scope
    title: str
    mime: str = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptSpec:
    """A prompt: its function, scope, title and what each of its arguments is; all are needed."""

    call: Callable[..., Any]
    scope: Scope
    title: str
    arguments: Mapping[str, str]

    @property
    def name(self) -> str:
        return self.call.__name__


@dataclass(frozen=True, slots=True, kw_only=True)
class Components:
    """All that a server has."""

    tools: tuple[ToolSpec, ...]
    resources: tuple[ResourceSpec, ...]
    prompts: tuple[PromptSpec, ...]
