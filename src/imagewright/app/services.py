"""The services, each given its parts."""

from dataclasses import dataclass, replace
from importlib.metadata import version
from zoneinfo import ZoneInfo

from imagewright.adapters.auth.barred import Barred
from imagewright.adapters.auth.chain import Chain
from imagewright.adapters.sql.docket import SqlDocket
from imagewright.adapters.sql.reconciliations import SqlReconciliations
from imagewright.api.mcp.open_answers import OpenAnswers
from imagewright.app.authorization import Authorizing, authorizing_of
from imagewright.app.parts import Parts, database_url
from imagewright.app.upstreams import routing_of
from imagewright.core.picture import PictureLimits
from imagewright.core.shape import Shaper
from imagewright.core.tries import Tries
from imagewright.ports.auth import Authenticator, Doorkeeper
from imagewright.ports.books import Capacity
from imagewright.ports.clock import Clock
from imagewright.ports.imaging import Preview
from imagewright.services.alarm import Alarm
from imagewright.services.attempts import Attempts
from imagewright.services.batch import BatchService, Road
from imagewright.services.bench import Bench
from imagewright.services.breakers import BreakerRules, Breakers
from imagewright.services.conversations import ConversationService
from imagewright.services.figures import Figures
from imagewright.services.gate import Gate, GateRules
from imagewright.services.images import ImageRules, ImageService, Signals
from imagewright.services.inputs import InputRules, Inputs
from imagewright.services.intake import Intake
from imagewright.services.jobs import Following, JobService
from imagewright.services.library import LibraryRules, LibraryService, Shelf
from imagewright.services.links import LinkRules, LinkService
from imagewright.services.sealer import Sealer
from imagewright.services.sessions import SessionRules, SessionService
from imagewright.services.sign_in import SignInService, Watch
from imagewright.services.standing import Standing
from imagewright.services.status import About, Ping, StatusService
from imagewright.services.usage import UsageService
from imagewright.services.witness import Witness, WitnessRules
from imagewright.services.work import Work
from imagewright.services.workers import WorkerRules, Workers
from imagewright.settings import Settings

_FAILURES_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """How people come to the pages."""

    sessions: SessionService
    sign_in: SignInService
    attempts: Attempts


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the faces call; `chain` None is a server without tokens.

    `entrance` None is a service where everybody is `local`, `authorizing` None one that is no
    authorization server.
    """

    intake: Intake
    standing: Standing
    chain: Authenticator | None
    answers: OpenAnswers | None
    gate: Gate
    images: ImageService
    inputs: Inputs
    library: LibraryService
    conversations: ConversationService
    jobs: JobService
    batches: BatchService
    links: LinkService
    usage: UsageService
    status: StatusService
    workers: Workers
    sealer: Sealer
    figures: Figures
    witness: Witness
    shaper: Shaper
    entrance: Entrance | None = None
    authorizing: Authorizing | None = None


def services_of(settings: Settings, parts: Parts) -> Services:
    """Every service, with the operator's limits."""
    clock = parts.world.clock
    standing = Standing(parts.acl, parts.revocations, clock)
    shaper, witness = _shaper(settings, parts), _witness(settings, parts)
    authorizing = _authorizing(settings, parts, standing, witness)
    chain = _chain(parts, authorizing, standing)
    rules = _gate_rules(settings, parts, shaper)
    gate = Gate(standing, parts.books, parts.catalogue, rules, parts.world)
    library, intake = _library(settings, parts), Intake()
    breakers = _breakers(settings, parts)
    signals = Signals(intake=intake, queue=parts.queue, board=parts.board)
    image_rules = _image_rules(settings, clock, breakers)
    images = ImageService(gate, library, parts.catalogue, signals, image_rules)
    jobs = _jobs(parts, intake)
    road = Road(
        gate=gate, images=images, library=library, following=jobs, jobs=parts.jobs, signals=signals
    )
    return Services(
        intake=intake,
        standing=standing,
        chain=chain,
        answers=OpenAnswers(gate, chain) if chain is not None else None,
        gate=gate,
        images=images,
        inputs=_inputs(settings, parts, library),
        library=library,
        conversations=ConversationService(parts.conversations, clock),
        jobs=jobs,
        batches=BatchService(road, clock),
        links=_links(settings, parts, gate),
        usage=UsageService(parts.books, gate.accounts),
        status=_status(settings, parts, intake),
        workers=_workers(settings, replace(parts, chain=chain), gate, library, breakers),
        sealer=Sealer(parts.audit, clock),
        figures=_figures(parts),
        witness=witness,
        shaper=shaper,
        entrance=_entrance(settings, parts, chain, witness),
        authorizing=authorizing,
    )


def _figures(parts: Parts) -> Figures:
    database = parts.database
    kept = SqlReconciliations(database)
    return Figures(SqlDocket(database), kept, parts.metrics, parts.world.clock)


def _inputs(settings: Settings, parts: Parts, library: LibraryService) -> Inputs:
    limits = settings.limits
    rules = InputRules(each=limits.input_bytes, total=limits.inputs_total)
    return Inputs(library, parts.fetcher, rules)


def _breakers(settings: Settings, parts: Parts) -> Breakers:
    section = settings.routing
    rules = BreakerRules(failures=section.failures, rest=section.rest)
    return Breakers(parts.world.clock, parts.metrics, rules)


def _image_rules(settings: Settings, clock: Clock, breakers: Breakers) -> ImageRules:
    return ImageRules(
        clock=clock,
        prompt=settings.limits.prompt,
        routing=routing_of(settings),
        resting=breakers.resting,
    )


def _authorizing(
    settings: Settings, parts: Parts, standing: Standing, witness: Witness
) -> Authorizing | None:
    if parts.proxy is None:
        return None
    return authorizing_of(settings, parts.proxy, standing, witness.note)


def _chain(parts: Parts, authorizing: Authorizing | None, standing: Standing) -> Doorkeeper | None:
    """Every source of identities, less what is revoked."""
    if parts.chain is None:
        return None
    if authorizing is None:
        return Barred(parts.chain, standing)
    return Barred(Chain(authorizing.grants, parts.chain), standing)


def _jobs(parts: Parts, intake: Intake) -> JobService:
    following = Following(board=parts.board, clock=parts.world.clock, intake=intake)
    return JobService(parts.jobs, parts.books, following)


def _links(settings: Settings, parts: Parts, gate: Gate) -> LinkService:
    rules = LinkRules(key=parts.keys.derive("links"), seconds=settings.limits.link)
    return LinkService(parts.library, gate, parts.world.clock, rules)


def _entrance(
    settings: Settings, parts: Parts, door: Doorkeeper | None, witness: Witness
) -> Entrance | None:
    if door is None:
        return None
    section, clock = settings.sign_in, parts.world.clock
    rules = SessionRules(idle=section.idle, longest=section.longest)
    sessions = SessionService(parts.sessions, door, clock, parts.random, rules)
    watch = Watch(
        tries=Tries(section.failures, _FAILURES_SECONDS), telemetry=parts.metrics, witness=witness
    )
    return Entrance(
        sessions=sessions,
        sign_in=SignInService(door, sessions, watch, clock),
        attempts=Attempts(parts.keys.derive("sign-in"), clock, parts.random),
    )


def _witness(settings: Settings, parts: Parts) -> Witness:
    rules = WitnessRules(reads=settings.audit.reads)
    return Witness(parts.audit, parts.world.clock, parts.metrics, rules)


def _shaper(settings: Settings, parts: Parts) -> Shaper:
    return Shaper(key=parts.keys.derive("audit prompts"), text=settings.audit.prompts == "text")


def _gate_rules(settings: Settings, parts: Parts, shaper: Shaper) -> GateRules:
    limits = settings.limits
    return GateRules(
        zone=ZoneInfo(settings.time_zone),
        quote_seconds=limits.quote,
        reuse_seconds=limits.reuse,
        capacity=Capacity(queued=limits.queue, waiting=limits.waiting),
        shaper=shaper,
        alarm=Alarm(parts.metrics),
    )


def _library(settings: Settings, parts: Parts) -> LibraryService:
    limits = settings.limits
    common = {"pixels": limits.pixels, "edge": limits.edge, "frames": limits.frames}
    rules = LibraryRules(
        inputs=PictureLimits(bytes=limits.input_bytes, **common),
        outputs=PictureLimits(bytes=limits.output_bytes, **common),
        rendition_edge=limits.rendition_edge,
        preview=Preview(edge=limits.thumbnail_edge, bytes=limits.preview_bytes),
    )
    shelf = Shelf(rows=parts.library, blobs=parts.blobs, imaging=parts.imaging)
    return LibraryService(shelf, rules, parts.world)


def _workers(
    settings: Settings, parts: Parts, gate: Gate, library: LibraryService, breakers: Breakers
) -> Workers:
    bench = Bench(
        gate=gate,
        jobs=parts.jobs,
        library=library,
        conversations=parts.conversations,
        credentials=parts.chain,
        board=parts.board,
        clock=parts.world.clock,
        telemetry=parts.metrics,
        catalogue=parts.catalogue,
        providers=parts.providers,
        breakers=breakers,
    )
    rules = WorkerRules(
        running=settings.limits.running, sole=database_url(settings).startswith("sqlite")
    )
    owner = parts.owner
    return Workers(Work(bench, owner), parts.jobs, parts.queue, parts.world.clock, rules)


def _status(settings: Settings, parts: Parts, intake: Intake) -> StatusService:
    limits = settings.limits
    about = About(
        name=settings.name,
        version=version("imagewright"),
        limits={
            "prompt_characters": limits.prompt,
            "input_bytes": limits.input_bytes,
            "pixels": limits.pixels,
            "edge": limits.edge,
            "rendition_edge": limits.rendition_edge,
            "waiting_jobs": limits.waiting,
            "running_jobs": limits.running,
            "wait_seconds": limits.wait,
            "link_seconds": limits.link,
            "reuse_seconds": limits.reuse,
        },
        confinement=parts.imaging.confinement,
        files={source.part: source.flaws for source in parts.refreshed},
    )
    pings: dict[str, Ping] = {
        "database": parts.books.ping,
        "storage": parts.blobs.ping,
        "imaging": parts.imaging.ping,
    }
    if parts.proxy is not None and parts.proxy.ping is not None:
        pings["valkey"] = parts.proxy.ping
    return StatusService(about, pings, intake, parts.world.clock)
