"""The books: money, jobs, history and audit, entered together or not at all.

Every method is one transaction. Times are UTC microseconds, handed in.
"""

from dataclasses import dataclass
from typing import Protocol

from imagewright.core.adjustment import Adjustment
from imagewright.core.batch import Group
from imagewright.core.budget import Account, Charge, Crossing
from imagewright.core.caller import Caller
from imagewright.core.job import Job
from imagewright.core.limit import Bound
from imagewright.core.plan import Plan
from imagewright.core.quote import Consent, Quote
from imagewright.core.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """How many jobs may wait: in all, and of one subject."""

    queued: int = 200
    waiting: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a request came from, for the audit: never its contents."""

    request: str
    address: str | None = None
    client: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """The limits of a subject on what it makes and keeps; None is no limit.

    `images` are counted from `since` on, when the day began. A picture has at most `picture` bytes.
    """

    images: Bound | None = None
    since: int = 0
    storage: Bound | None = None
    picture: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """A subject's images of a day, made or to come; bytes kept; images to come; jobs that run."""

    made: int
    stored: int
    awaited: int
    running: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """Everything `admit` needs to enter one ask.

    `consent` is the strength by which it is admitted; `given` is the quote used up by it, None
    where none is needed (free, waived, or unattended inside its caps), or where a human's consent
    is to be found: the quote of the same plan that a person approved. `charges` are the accounts
    held, in their order. `reuse_since`: a job that succeeded at or after it answers the same ask.
    `shape` is for the audit, see `core.audit.Entry`.
    """

    job: str
    caller: Caller
    plan: Plan
    quote: Quote
    consent: Consent
    given: str | None
    charges: tuple[Charge, ...]
    capacity: Capacity
    origin: Origin
    reuse_since: int | None
    now: int
    shape: str | None = None
    quota: Quota = Quota()


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """The job that answers the ask; `fresh` is False where an earlier one does, at no cost.

    `crossed` are the soft limits that its hold was the first to reach.
    """

    job: Job
    fresh: bool
    crossed: tuple[Crossing, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bulk:
    """Everything `admit_all` needs to enter several asks of one caller in one group.

    `digest` is that of all asks. `quote` is the one for what is to be entered of them; `given` is
    as in `Demand`, whose own is None here.
    """

    group: str
    digest: str
    demands: tuple[Demand, ...]
    quote: Quote
    given: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmittedAll:
    """The group that answers a batch, and the jobs that are new with it.

    `fresh` is False where an earlier group answers it. `crossed` is as in `Admitted`.
    """

    group: Group
    jobs: tuple[Job, ...]
    fresh: bool
    crossed: tuple[Crossing, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What an account has held and settled, in nano-dollars."""

    account: Account
    held: int
    settled: int


class Books(Protocol):
    """Called by `services.gate` alone, but for `balances`, `tally` and the operator's `adjust`."""

    async def admit(self, demand: Demand) -> Admitted:
        """Enter an ask, or find the job that answers it already.

        Finds the same ask, uses up the consent, counts capacity, holds every level, writes job,
        ledger and audit.
        The same ask is one with the same subject and ask digest that is open, of unknown outcome,
        or succeeded since `reuse_since` with all its images still there.
        Raises Forbidden (the caller was revoked, or its spending), ConfirmationInvalid (the quote
        given is not this subject's open quote for this plan and at least this ceiling, or no such
        was approved), Busy, QuotaExceeded or StorageQuota (the subject's own limits have no room
        for its images), or BudgetExceeded naming level, limit, used and reset; then nothing is
        entered. An account whose held and settled and the ceiling together would pass its limit
        has no room.
        Each soft limit that an account reaches is told of once in its period, to one of all who
        ask at that moment.
        """

    async def find(self, demand: Demand) -> Job | None:
        """The job that would answer the same ask, if there is one; enters nothing."""

    async def admit_all(self, bulk: Bulk) -> AdmittedAll:
        """Enter several asks as jobs of a new group, or none of them.

        An ask that `admit` would find, or that stands earlier in the batch, enters nothing. Where
        all are found and a group of this digest is there, the newest such answers.
        The group takes one place among those that wait. The consent is used up once, for all.
        Raises as `admit` does.
        """

    async def missing(self, bulk: Bulk) -> tuple[int, ...]:
        """The places of the asks that `admit_all` would enter; enters nothing."""

    async def offer(self, caller: Caller, quote: Quote, origin: Origin, now: int) -> Quote:
        """Record a quote, or return the open one for the same plan and ceiling.

        A ninth open quote of one subject ends its oldest. Raises Forbidden as `admit` does.
        """

    async def offered(self, caller: Caller, quote: Quote, now: int) -> str | None:
        """The id of the caller's newest open quote for the same plan and ceiling, if any."""

    async def settle(self, verdict: Verdict) -> bool:
        """Enter how a job ended: state, images, lineage and turns, ledger, every account, audit.

        The hold leaves the accounts it was made on and the settled amount enters the same ones,
        but of providers' accounts only that of the provider whose answer it was.
        False, and nothing is entered, unless the job is running under that owner and attempt.
        """

    async def adjust(self, adjustment: Adjustment) -> bool:
        """Correct what a settled job has cost, on the accounts that it was held on.

        A bill is entered whatever their limits are; an account that it takes past its limit lets
        nothing more in. Job, ledger, accounts and audit change together.
        False, and nothing is entered, where the job was adjusted by that reference already.
        Raises NotFound for no such job, and InvalidRequest for one that is not settled, for more
        given back than it has cost, and for a reference that stands there with another amount.
        """

    async def cancel(self, caller: Caller, job: str, origin: Origin, now: int) -> Job:
        """End a queued job and release its hold; ask a running one to stop; leave an ended one.

        Raises NotFound for a job that is not the caller's.
        """

    async def withdraw(
        self, caller: Caller, group: str, origin: Origin, now: int
    ) -> tuple[str, ...]:
        """End the queued jobs of a group, release their holds, and return their ids.

        Those that run go on. Raises NotFound for a group that is not the caller's.
        """

    async def balances(self, accounts: tuple[Account, ...]) -> tuple[Balance, ...]:
        """What accounts have held and settled, in the order given; a missing row is nothing."""

    async def tally(self, subject: str, since: int) -> Tally:
        """What a subject has made of jobs entered since then, keeps, and has under way."""

    async def ping(self) -> None:
        """Raise Unavailable unless the database can be read and written."""
