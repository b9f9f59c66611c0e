"""`imagewright jobs`: everybody's jobs, and what became of those whose outcome is unknown."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, TypeVar

from cyclopts import App, Parameter
from cyclopts.validators import Number

from imagewright.cli.listing import AsJson, show_columns, show_json
from imagewright.cli.operator import operator
from imagewright.cli.sources import Sources, settings_or_exit
from imagewright.cli.trouble import told
from imagewright.core.errors import InvalidRequest
from imagewright.core.job import Job, State
from imagewright.core.money import FREE, Nano, parse_usd, usd

if TYPE_CHECKING:
    from imagewright.services.resolving import ResolvingService

app = App(name="jobs", help="List jobs, and resolve those of unknown outcome.")
_SHOWN = ("id", "state", "subject", "provider", "model", "ceiling_usd", "actual_usd", "started")
_MICRO = 1_000_000
_STATES = ", ".join(State)
Done = TypeVar("Done")


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the operator found out; one of these."""

    charged: Annotated[bool, Parameter(negative="", help="It was: the ceiling is spent.")] = False
    not_charged: Annotated[
        bool, Parameter(negative="", help="It was not: the ceiling is released.")
    ] = False
    amount: Annotated[str | None, Parameter(help="What was charged, in US dollars.")] = None
    ask: Annotated[
        bool, Parameter(negative="", help="Let the service ask the vendor once more.")
    ] = False

    def check(self) -> None:
        """Raise InvalidRequest unless one is given."""
        if sum((self.charged, self.not_charged, self.amount is not None, self.ask)) != 1:
            raise InvalidRequest(
                "Say one thing that became of it.",
                hint="Give --charged, --not-charged, --amount USD or --ask.",
            )


@app.command(name="list")
def list_jobs(
    *,
    state: Annotated[str | None, Parameter(help=f"Only those in this state: {_STATES}.")] = None,
    subject: Annotated[str | None, Parameter(help="Only this subject's.")] = None,
    limit: Annotated[int, Parameter(validator=Number(gte=1), help="At most so many.")] = 100,
    sources: Sources | None = None,
    as_json: AsJson = False,
) -> None:
    """Print the newest jobs, the newest first; never a prompt."""

    async def act(service: "ResolvingService") -> tuple[Job, ...]:
        return await service.list(state=_state(state), subject=subject, limit=limit)

    rows = [_row(job) for job in _done(sources, act, write=False)]
    if as_json:
        show_json("jobs", rows)
    else:
        show_columns(_SHOWN, rows, "There is no such job.")


@app.command
def resolve(
    job: Annotated[str, Parameter(help="The job's id.")],
    /,
    *,
    verdict: Verdict | None = None,
    note: Annotated[str, Parameter(help="How you know, in one line, for the audit.")],
    by: Annotated[
        str | None, Parameter(help="Who decided it, where the system's user does not say.")
    ] = None,
    sources: Sources | None = None,
) -> None:
    """Say what a job of unknown outcome has cost; its ask may then be made anew."""

    async def act(service: "ResolvingService") -> Job:
        from imagewright.services.resolving import Say

        say = Say(by=operator(), note=note, signed=by)
        said = verdict or Verdict()
        said.check()
        if said.ask:
            return await service.ask(job, say)
        given = FREE if said.not_charged else None
        amount = given if said.amount is None else parse_usd(said.amount)
        return await service.resolve(job, amount, say)

    done = _done(sources, act, write=True)
    if done.state is State.RUNNING:
        print(f"Asking: {done.id}. See: imagewright jobs list --subject {done.caller.subject}")
    else:
        actual = done.actual or FREE
        released = Nano(max(0, done.ceiling - actual))
        print(f"Resolved: {done.id}. Spent: ${usd(actual)}, released: ${usd(released)}.")


def _done(
    sources: Sources | None, act: "Callable[[ResolvingService], Awaitable[Done]]", *, write: bool
) -> Done:
    from imagewright.app.resolving import resolving

    settings = settings_or_exit(sources).settings

    async def run() -> Done:
        async with resolving(settings, write=write) as service:
            return await act(service)

    with told():
        return asyncio.run(run())


def _state(text: str | None) -> State | None:
    if text is None or text in set(State):
        return None if text is None else State(text)
    raise InvalidRequest(f"No job can be {text!r}.", hint=f"A job is one of: {_STATES}.")


def _row(job: Job) -> dict[str, object]:
    return {
        "id": job.id,
        "state": job.state.value,
        "subject": job.caller.subject,
        "token": job.caller.credential.id,
        "provider": job.provider,
        "model": job.model,
        "count": job.count,
        "ceiling_usd": usd(job.ceiling),
        "actual_usd": None if job.actual is None else usd(job.actual),
        "created": _iso(job.created_at),
        "started": _iso(job.started_at),
        "finished": _iso(job.finished_at),
        "group": job.group,
        "error": job.error_code,
        "can_be_asked": job.state is State.OUTCOME_UNKNOWN and job.request is not None,
    }


def _iso(at: int | None) -> str | None:
    if at is None:
        return None
    return f"{datetime.fromtimestamp(at // _MICRO, UTC):%Y-%m-%dT%H:%M:%SZ}"
