"""`/v1/jobs/{job}` and its events: one job as JSON, or told as it goes on."""

import base64
import math
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from imagewright.api.http.errors import Route, incident
from imagewright.api.http.events import LAST, Events, EventStream
from imagewright.api.http.guard import Guard
from imagewright.api.job_view import JobViews, job_fault, job_shape
from imagewright.core.caller import Caller
from imagewright.core.errors import Fault, Unavailable
from imagewright.core.job import Job, State
from imagewright.core.scope import Scope
from imagewright.ports.board import News, Partial
from imagewright.ports.clock import Clock
from imagewright.services.jobs import JobService
from imagewright.services.library import LibraryService
from imagewright.services.streams import Streams

JOBS = "/v1/jobs"
EVENTS = "/v1/jobs/events"
"""What logs, metrics and the audit call the two routes."""
_MICRO = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRoutes:
    """A caller's own jobs; every other is one that never was."""

    guard: Guard
    jobs: JobService
    views: JobViews
    library: LibraryService
    streams: Streams
    clock: Clock

    def routes(self) -> tuple[tuple[str, str, Route], ...]:
        """Path, method, and what answers."""
        guarded = self.guard.route
        return (
            ("/v1/jobs/{job}", "GET", guarded(JOBS, Scope.IMAGES_READ, self.job)),
            ("/v1/jobs/{job}/events", "GET", guarded(EVENTS, Scope.IMAGES_READ, self.events)),
        )

    async def job(self, caller: Caller, request: Request) -> Response:
        """The job as it stands. Raises NotFound."""
        found = await self.jobs.get(caller.subject, request.path_params["job"])
        return JSONResponse(await self._shown(caller, found), headers={"Cache-Control": "no-store"})

    async def events(self, caller: Caller, request: Request) -> Response:
        """What becomes of the job, until it has ended; 204 for a client that was told the end.

        Raises NotFound, and Busy where too many streams are open.
        """
        found = await self.jobs.get(caller.subject, request.path_params["job"])
        if found.state.ended and request.headers.get("last-event-id") == LAST:
            # Clients come back by themselves after every end but this one.
            return Response(status_code=204, headers={"Cache-Control": "no-store"})
        self.streams.enter(caller.subject)

        async def telling(events: Events) -> None:
            await self._tell(caller, found, events)

        return EventStream(telling, lambda: self.streams.leave(caller.subject))

    async def _tell(self, caller: Caller, job: Job, events: Events) -> None:
        teller = _Teller(self, caller, job, events)
        try:
            ended = await self.jobs.wait(caller.subject, job.id, math.inf, teller.hear)
            name, data = await self._outcome(caller, ended)
        except Fault as fault:
            name, data = "error", {"job": job.id, **fault.public()}
        except Exception:  # noqa: BLE001 - the answer has begun: whatever breaks is its last event
            broken = incident(self.guard.new_id)
            name, data = "error", {"job": job.id, **broken.public()}
        await events.end(name, data)

    async def _outcome(self, caller: Caller, job: Job) -> tuple[str, Mapping[str, object]]:
        """The last event. Raises Unavailable for a job that goes on without being told of."""
        if job.state is State.SUCCEEDED:
            return "completed", await self._shown(caller, job)
        if job.state.ended:
            return "error", {"job": job.id, "state": job.state.value, **job_fault(job)}
        raise Unavailable(
            "The service is being stopped; the job is kept.",
            hint="Ask for the job again in a moment.",
        )

    async def _shown(self, caller: Caller, job: Job) -> Mapping[str, object]:
        return dict(job_shape(await self.views.of(caller, job)))


class _Teller:
    """Hears news of one job and tells each once: how it stands first, then what is new."""

    def __init__(self, routes: JobRoutes, caller: Caller, job: Job, events: Events) -> None:
        self._routes = routes
        self._caller = caller
        self._job = job
        self._events = events
        self._last: News | None = None

    async def hear(self, news: News) -> None:
        """Raises Forbidden once the job may not be read any more."""
        self._routes.guard.check(self._caller, Scope.IMAGES_READ)
        first, again = self._last is None, news is self._last
        self._last = news
        if again:
            await self._events.rest()
        elif news.partial is not None:
            await self._partial(news.partial.data, news.partial)
        else:
            await self._stage(news)
        if first:
            kept = await self._routes.library.partial(self._job.caller.subject, self._job.id)
            if kept is not None:
                await self._partial(kept, None)

    async def _stage(self, news: News) -> None:
        elapsed = (self._routes.clock.now() - self._job.created_at) / _MICRO
        data: dict[str, object] = {
            "job": self._job.id,
            "stage": news.stage,
            "elapsed_seconds": round(elapsed, 2),
        }
        if news.total:
            data["done"], data["total"] = news.done, news.total
        await self._events.tell("stage", data)

    async def _partial(self, data: bytes, partial: Partial | None) -> None:
        """One that was kept before the stream began has no index."""
        told: dict[str, object] = {"job": self._job.id}
        if partial is not None:
            told["index"] = partial.index
        told |= {"mime": "image/webp", "data": base64.b64encode(data).decode()}
        await self._events.tell("partial", told)
