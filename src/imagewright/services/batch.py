"""Batches: several asks admitted together, followed and cancelled as one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from imagewright.core.ask import Ask
from imagewright.core.batch import (
    Group,
    Item,
    check_count,
    firsts_of,
    items_of,
    none_begun,
    quote_of,
    whole,
)
from imagewright.core.caller import Caller
from imagewright.core.catalogue import Model
from imagewright.core.errors import Fault
from imagewright.core.image import Image
from imagewright.core.job import Job, State
from imagewright.core.plan import Plan
from imagewright.core.quote import Quote
from imagewright.ports.board import News
from imagewright.ports.books import AdmittedAll, Origin
from imagewright.ports.clock import Clock
from imagewright.ports.jobs import Jobs
from imagewright.services.gate import Gate
from imagewright.services.images import Estimate, ImageService, Signals
from imagewright.services.jobs import JobService, OnNews
from imagewright.services.library import LibraryService
from imagewright.services.wish import Answer, Wish

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A group with its asks as they stand, and what each job made that is still there."""

    group: Group
    items: tuple[Item, ...]
    images: dict[str, tuple[Image, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchEstimate:
    """What several asks would cost at most, each and together.

    `firsts` has for each the place of the first that is the same ask, which alone costs.
    """

    parts: tuple[Estimate, ...]
    firsts: tuple[int, ...]
    quote: Quote


@dataclass(frozen=True, slots=True, kw_only=True)
class Road:
    """What a single ask goes through, and a batch too."""

    gate: Gate
    images: ImageService
    library: LibraryService
    following: JobService
    jobs: Jobs
    signals: Signals


class BatchService:
    """One subject at a time: whatever it does not own is not there."""

    def __init__(self, road: Road, clock: Clock) -> None:
        self._road = road
        self._clock = clock

    def check(self, caller: Caller, asks: Sequence[Ask]) -> None:
        """Raise InvalidRequest naming each ask that cannot be done, before inputs are kept."""
        self._planned(caller, asks)

    def estimate(self, caller: Caller, asks: Sequence[Ask]) -> BatchEstimate:
        """The quotes of all asks, without doing them or recording anything.

        Raises InvalidRequest naming each that cannot be done.
        """
        parts = _each(asks, lambda ask: self._road.images.estimate(caller, ask))
        firsts = firsts_of([part.plan.asked or part.plan.ask.digest() for part in parts])
        quotes = [part.quote for place, part in enumerate(parts) if firsts[place] == place]
        digest = whole(part.quote.digest for part in parts)
        return BatchEstimate(
            parts=tuple(parts), firsts=firsts, quote=quote_of(quotes, quotes[0].id, digest)
        )

    async def order(
        self, caller: Caller, asks: Sequence[Ask], answer: Answer | None, origin: Origin
    ) -> AdmittedAll:
        """Let all asks in as one group and hand them to the workers, or none.

        Raises what `check` and the gate raise, StorageFull, and Unavailable while the service is
        being stopped.
        """
        road = self._road
        road.signals.intake.check()
        planned = self._planned(caller, asks)
        await road.library.room()
        wishes = [
            Wish(caller=caller, plan=plan, model=model, origin=origin) for plan, model in planned
        ]
        admitted = await road.gate.admit_all(wishes, answer)
        for job in admitted.jobs:
            road.signals.board.post(job.id, News(stage="queued"))
            await road.signals.queue.deliver(job.id)
        return admitted

    async def get(self, subject: str, group: str) -> Bundle:
        """Raises NotFound."""
        found, jobs = await self._road.jobs.group(subject, group)
        made: dict[str, tuple[Image, ...]] = {}
        for image in await self._road.library.of_jobs(subject, tuple(job.id for job in jobs)):
            made[image.job or ""] = (*made.get(image.job or "", ()), image)
        return Bundle(group=found, items=items_of(found, jobs), images=made)

    async def wait(self, subject: str, group: str, seconds: float, on_news: OnNews) -> None:
        """Return once all has ended, or after `seconds`. Raises NotFound.

        `on_news` hears of it at least once a second.
        """
        road = self._road
        until = self._clock.monotonic() + seconds
        _, jobs = await road.jobs.group(subject, group)
        for place, job in enumerate(jobs):
            left = until - self._clock.monotonic()
            if left <= 0:
                return
            told = _Told(on_news, place, len(jobs))
            last = await road.following.wait(subject, job.id, left, told.tell)
            if last.state is State.QUEUED:
                return

    async def cancel(self, caller: Caller, group: str, origin: Origin) -> None:
        """End what waits of a group; what runs goes on. Raises NotFound."""
        for job in await self._road.gate.withdraw(caller, group, origin):
            self._road.signals.board.post(job, News(stage=State.CANCELED.value, ended=True))

    def _planned(self, caller: Caller, asks: Sequence[Ask]) -> list[tuple[Plan, Model]]:
        return _each(asks, lambda ask: self._road.images.plan(caller, ask))


def _each(asks: Sequence[Ask], make: Callable[[Ask], Made]) -> list[Made]:
    """What is made of every ask. Raises InvalidRequest naming all that fail."""
    check_count(len(asks))
    found: list[Made] = []
    faults: dict[int, Fault] = {}
    for place, ask in enumerate(asks):
        try:
            found.append(make(ask))
        except Fault as fault:
            faults[place] = fault
    if faults:
        raise none_begun(faults, len(asks))
    return found


@dataclass(frozen=True, slots=True)
class _Told:
    """News of one job as news of the group: how many before it have ended, of how many."""

    on_news: OnNews
    ended: int
    total: int

    async def tell(self, news: News) -> None:
        stage = f"{self.ended} of {self.total} ended, next: {news.stage}"
        await self.on_news(News(stage=stage, done=self.ended, total=self.total))


def jobs_of(bundle: Bundle) -> tuple[Job, ...]:
    """The jobs of a group, each once, in the order of the asks."""
    return tuple({item.job.id: item.job for item in bundle.items}.values())
