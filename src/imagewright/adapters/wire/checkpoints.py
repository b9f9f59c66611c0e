"""Checkpoints: the model files of an engine, and what kind of model each is, told by its name.

A model whose `upstream` is a pattern stands for a kind: `*xl*|*pony*`, in which `*` is any text,
`|` parts patterns, and upper and lower case are one. Of several that match, the first listed is
meant. Any other `upstream` is a checkpoint's own name.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from imagewright.adapters.catalogue.reader import read_offer
from imagewright.core.catalogue import Model
from imagewright.core.errors import ProviderMisconfigured
from imagewright.ports.provider import Found

ANY = "*"
"""The pattern of whatever checkpoint there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A file that an engine has: what its API is to be told, and by which names it is known."""

    name: str
    aliases: frozenset[str] = frozenset()

    def is_called(self, name: str) -> bool:
        return name == self.name or name in self.aliases


@dataclass(frozen=True, slots=True)
class Kinds:
    """The kinds of model that an adapter's data file lists."""

    models: tuple[Model, ...]

    def of(self, name: str) -> Model | None:
        """The first kind whose pattern the name of a checkpoint matches."""
        bare = PurePosixPath(name.replace("\\", "/")).name.lower()
        return next((each for each in self.models if _matches(each.upstream, bare)), None)

    def choose(self, upstream: str, there: Sequence[Checkpoint], model: str) -> Checkpoint:
        """The checkpoint of that name or, for a pattern, the first by name of that kind.

        `model` is the catalogue's name for it. Raises ProviderMisconfigured where there is none.
        """
        if upstream == ANY:
            fitting: Iterable[Checkpoint] = there
        elif ANY in upstream:
            fitting = (each for each in there if _is_kind(self.of(each.name), upstream))
        else:
            fitting = (each for each in there if each.is_called(upstream))
        for each in sorted(fitting, key=lambda each: each.name):
            return each
        raise ProviderMisconfigured(
            f"The provider has no checkpoint for the model {model}.",
            hint="Choose another model, or ask the operator to check this one's `upstream`.",
            details={"model": model},
        )

    def found(self, there: Iterable[Checkpoint]) -> tuple[Found, ...]:
        """What an adapter's `discover` answers, for checkpoints of a known kind or not."""
        return tuple(
            Found(
                upstream=each.name,
                title=PurePosixPath(each.name.replace("\\", "/")).stem,
                options=kind.options if (kind := self.of(each.name)) else {},
                like=kind.id if kind else None,
            )
            for each in there
        )


def read_kinds(adapter: str) -> Kinds:
    """The kinds in the data file of an adapter, those of any checkpoint left out."""
    models = read_offer(adapter, adapter).models
    return Kinds(tuple(each for each in models if ANY in each.upstream and each.upstream != ANY))


def _matches(pattern: str, name: str) -> bool:
    return any(fnmatchcase(name, part.strip().lower()) for part in pattern.split("|"))


def _is_kind(kind: Model | None, upstream: str) -> bool:
    return kind is not None and kind.upstream == upstream
