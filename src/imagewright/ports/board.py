"""News of running jobs, for those who wait for them."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Partial:
    """A partial image: its place from 0 in the order of coming, and itself as a small WebP."""

    index: int
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """A job's stage, true steps done of a total (0 of 0: unknown), a new partial, or its end."""

    stage: str
    done: int = 0
    total: int = 0
    partial: Partial | None = None
    ended: bool = False


class Board(Protocol):
    """Best effort: who misses news reads the jobs table."""

    def post(self, job: str, news: News) -> None:
        """Tell everybody who watches the job; never waits."""

    def watch(self, job: str) -> AbstractAsyncContextManager[AsyncIterator[News]]:
        """News from the moment the context is entered."""
