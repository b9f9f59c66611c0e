"""All services on a SQLite file of their own, with a provider that does as it is told."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

from imagewright.adapters.queue.board import InProcessBoard
from imagewright.adapters.queue.inprocess import InProcessQueue
from imagewright.adapters.rates.memory import MemoryRates
from imagewright.adapters.sql.books import SqlBooks
from imagewright.adapters.sql.conversations import SqlConversations
from imagewright.adapters.sql.database import Database, SqlConfig
from imagewright.adapters.sql.jobs import SqlJobs
from imagewright.adapters.sql.library import SqlLibrary
from imagewright.core.ask import Ask
from imagewright.core.budget import Account, Level
from imagewright.core.caller import Caller, Credential
from imagewright.core.catalogue import Catalogue, Model, Offer, PerImage, SizeRule
from imagewright.core.job import Job
from imagewright.core.money import Nano
from imagewright.core.picture import PictureLimits
from imagewright.core.policy import Acl, Entry
from imagewright.core.quote import Consent
from imagewright.core.routing import Routing
from imagewright.core.scope import Scope, expand
from imagewright.core.size import Size
from imagewright.ports.blobs import Blobs
from imagewright.ports.books import Balance, Books, Origin
from imagewright.ports.imaging import Imaging
from imagewright.ports.jobs import Jobs, Lease
from imagewright.ports.library import Library
from imagewright.services.alarm import Alarm
from imagewright.services.batch import BatchService, Road
from imagewright.services.bench import Bench
from imagewright.services.breakers import Breakers
from imagewright.services.catalogue import LiveCatalogue
from imagewright.services.gate import Gate, GateRules
from imagewright.services.images import ImageRules, ImageService, Signals
from imagewright.services.inputs import InputRules, Inputs
from imagewright.services.intake import Intake
from imagewright.services.jobs import Following, JobService
from imagewright.services.library import LibraryRules, LibraryService, Shelf
from imagewright.services.limiter import Limiter
from imagewright.services.quotas import QuotaRules, Quotas
from imagewright.services.wish import Answer
from imagewright.services.work import Work
from imagewright.services.workers import WorkerRules, Workers
from tests.contracts.samples import DAY, SECOND
from tests.fakes.blobs import MemoryBlobs
from tests.fakes.clock import HandClock, counted_world
from tests.fakes.imaging import SeeingImaging
from tests.fakes.interposed import Interposed
from tests.fakes.notices import Kept
from tests.fakes.outside import Counted, Credentials, EditedAcl, PageFetcher
from tests.fakes.provider import ScriptedProvider

PRICE = Nano(40_000_000)
MIB = 1024 * 1024
ORIGIN = Origin(request="req-1")
ZONE = ZoneInfo("UTC")
SCOPES = {"olga": ["write", "spend"], "bot": ["write", "spend:unattended"]}
SCOPES |= {"relay": ["write", "spend:relayed"], "poor": ["write"], "reader": ["read"]}
OLGA, BOT, RELAY, POOR, READER, NOBODY = (
    Caller(subject=f"user:{name}", credential=Credential(id=f"tok-{name}"))
    for name in (*SCOPES, "nobody")
)


def grants(**changes: Any) -> Acl:
    """The cast's grants; `changes` are those of the ACL."""
    subjects = {f"user:{name}": Entry(scopes=expand(each)) for name, each in SCOPES.items()}
    subjects |= changes.pop("subjects", {})
    return Acl(subjects=subjects, **{"read_only": False, **changes})


def entry(*scopes: str, **limits: Any) -> Entry:
    return Entry(scopes=frozenset(Scope(each) for each in scopes), **limits)


def model(name: str, price: Mapping[str, int] | None, **changes: Any) -> Model:
    square = Size(64, 48)
    values: dict[str, Any] = {
        "upstream": f"{name}-upstream",
        "title": name,
        "sizes": SizeRule(listed=(square,), fallback=square),
        "count": 4,
        "references": 4,
        "mask": True,
        "partials": 3,
        "price": price and PerImage(prices={key: Nano(amount) for key, amount in price.items()}),
    }
    return Model(id=name, **{**values, **changes})


BRUSH, SKETCH, UNTOLD = (
    model("brush", {"*": PRICE}),
    model("sketch", {"*": 0}),
    model("riddle", None),
)
OFFERS = (Offer(name="painter", title="Painter", models=(BRUSH, SKETCH, UNTOLD)),)


def paid(prompt: str = "a fox", **more: Any) -> Ask:
    return Ask(prompt=prompt, model="brush", **more)


def free(prompt: str = "a fox", **more: Any) -> Ask:
    return Ask(prompt=prompt, model="sketch", **more)


def yes(quote: object, consent: Consent = Consent.CLIENT) -> Answer:
    return Answer(quote=str(quote), consent=consent)


@dataclass
class Shop:
    """Everything the services are made of; what a test may turn stands as an attribute."""

    database: Database
    imaging: Imaging = field(default_factory=SeeingImaging)
    clock: HandClock = field(default_factory=HandClock)
    blobs: MemoryBlobs = field(default_factory=MemoryBlobs)
    acl: EditedAcl = field(default_factory=lambda: EditedAcl(grants()))
    credentials: Credentials = field(default_factory=Credentials)
    fetcher: PageFetcher = field(default_factory=PageFetcher)
    provider: ScriptedProvider = field(default_factory=ScriptedProvider)
    telemetry: Counted = field(default_factory=Counted)
    notices: Kept = field(default_factory=Kept)
    intake: Intake = field(default_factory=Intake)
    queue: InProcessQueue = field(default_factory=InProcessQueue)
    board: InProcessBoard = field(default_factory=InProcessBoard)

    def __post_init__(self) -> None:
        self.world = counted_world(self.clock)
        self.breakers = Breakers(self.clock, self.telemetry)
        self.books = Interposed(SqlBooks(self.database))
        self.table = Interposed(SqlJobs(self.database))
        self.rows = Interposed(SqlLibrary(self.database))
        self.conversations = SqlConversations(self.database)
        self.store = Interposed(self.blobs)
        limits = PictureLimits(bytes=MIB)
        shelf = Shelf(
            rows=cast("Library", self.rows),
            blobs=cast("Blobs", _WithPaths(self.store, self.blobs)),
            imaging=self.imaging,
        )
        quota = QuotaRules(zone=ZONE, picture=MIB, limited=self.telemetry.limited)
        self.limiter = Limiter(self.acl, MemoryRates(self.clock), self.telemetry)
        self.library = LibraryService(
            shelf,
            LibraryRules(inputs=limits, outputs=limits),
            self.world,
            Quotas(self.acl, self.clock, quota),
        )
        self.inputs = Inputs(self.library, self.fetcher, InputRules(each=MIB, total=2 * MIB))
        self.offer(*OFFERS)

    def offer(self, *offers: Offer, first: str | None = None, **rules: Any) -> None:
        """Start again with other models or rules of the gate, on the same database."""
        self.catalogue = LiveCatalogue(Catalogue(offers=offers), {}, self.clock, self.telemetry)
        self.gate = Gate(
            self.acl,
            cast("Books", self.books),
            self.catalogue,
            GateRules(
                zone=ZONE,
                alarm=Alarm(self.telemetry, self.notices, self.clock),
                picture=MIB,
                limited=self.telemetry.limited,
                **rules,
            ),
            self.world,
        )
        signals = Signals(intake=self.intake, queue=self.queue, board=self.board)
        self.images = ImageService(
            self.gate,
            self.library,
            self.catalogue,
            signals,
            ImageRules(clock=self.clock, prompt=100, routing=Routing(first=first)),
        )
        self.jobs = JobService(
            cast("Jobs", self.table),
            cast("Books", self.books),
            Following(board=self.board, clock=self.clock, intake=self.intake),
        )

        road = Road(
            gate=self.gate,
            images=self.images,
            library=self.library,
            following=self.jobs,
            jobs=cast("Jobs", self.table),
            signals=signals,
        )
        self.batches = BatchService(road, self.clock)

    def work(self, **changes: Any) -> Work:
        values: dict[str, Any] = {
            "gate": self.gate,
            "jobs": self.table,
            "library": self.library,
            "conversations": self.conversations,
            "credentials": self.credentials,
            "board": self.board,
            "clock": self.clock,
            "telemetry": self.telemetry,
            "catalogue": self.catalogue,
            "breakers": self.breakers,
            "providers": {"painter": self.provider},
        }
        return Work(Bench(**{**values, **changes}), "worker-1")

    def workers(self, work: Work | None = None, **rules: Any) -> Workers:
        quick = {"slots": 2, "heartbeat": 0.01, "poll": 0.05, **rules}
        made = work or self.work()
        table = cast("Jobs", self.table)
        return Workers(made, table, self.queue, self.clock, WorkerRules(**quick))

    async def admitted(self, ask: Ask | None = None, caller: Caller = BOT) -> Job:
        """A queued job; the bot is asked nothing."""
        return (await self.images.order(caller, ask or paid(), None, ORIGIN)).job

    async def claimed(self, ask: Ask | None = None, caller: Caller = BOT) -> Job:
        """A job that this worker has taken."""
        await self.admitted(ask, caller)
        job = await self.claim()
        assert job is not None
        return job

    async def claim(self, owner: str = "worker-1", seconds: int = 30) -> Job | None:
        now = self.clock.now()
        lease = Lease(owner=owner, until=now + seconds * SECOND)
        claimed: Job | None = await self.table.claim(lease, 2, now, self.limiter.jobs)
        return claimed

    async def look(self, job: Job) -> Job:
        """The job as it stands in the table."""
        return await self.jobs.get(job.caller.subject, job.id)

    async def balance(self, caller: Caller = BOT) -> Balance:
        account = Account(level=Level.SUBJECT, key=caller.subject, period=DAY)
        found: tuple[Balance, ...] = await self.books.balances((account,))
        return found[0]

    async def money(self, caller: Caller = BOT) -> tuple[int, int]:
        """Held and settled, in prices of one picture."""
        found = await self.balance(caller)
        return found.held // PRICE, found.settled // PRICE


class _WithPaths:
    """Blobs whose one method that is not awaited goes straight through."""

    def __init__(self, through: Interposed, blobs: MemoryBlobs) -> None:
        self._through = through
        self.local_path: Callable[[str, str], str | None] = blobs.local_path

    def __getattr__(self, name: str) -> Any:
        return getattr(self._through, name)


@asynccontextmanager
async def opened(place: Path, **parts: Any) -> AsyncIterator[Shop]:
    """A shop on a new database below a directory."""
    database = Database(SqlConfig(url=f"sqlite:///{place}/books.db", pool=2))
    await database.open()
    try:
        yield Shop(database, **parts)
    finally:
        await database.close()
