"""The services, each given its parts."""

from dataclasses import dataclass
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
from imagewright.core.limit import parse_rate
from imagewright.core.picture import PictureLimits
from imagewright.core.shape import Shaper
from imagewright.core.tries import Tries
from imagewright.ports.auth import Authenticator, Doorkeeper
from imagewright.ports.books import Capacity
from imagewright.ports.clock import Clock
from imagewright.ports.imaging import Preview
from imagewright.services.alarm import Alarm
from imagewright.services.approvals import ApprovalService, Outside
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
from imagewright.services.limiter import Limiter
from imagewright.services.links import LinkRules, LinkService
from imagewright.services.own_limits import OwnLimits
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
    own_limits: OwnLimits
    limiter: Limiter
    status: StatusService
    workers: Workers
    sealer: Sealer
    figures: Figures
    witness: Witness
    shaper: Shaper
    approvals: ApprovalService
    entrance: Entrance | None = None
    authorizing: Authorizing | None = None


def services_of(settings: Settings, parts: Parts) -> Services:
    """Every service, with the operator's limits."""
    standing = Standing(parts.acl, parts.revocations, parts.world.clock)
    shaper, witness = _shaper(settings, parts), _witness(settings, parts)
    authorizing = _authorizing(settings, parts, standing, witness)
    chain = _chain(parts, authorizing, standing)
    limiter, gate = _limiter(settings, parts, standing), _gate(settings, parts, standing, shaper)
    library, breakers = _library(settings, parts, gate), _breakers(settings, parts)
    signals = Signals(intake=Intake(), queue=parts.queue, board=parts.board)
    image_rules = _image_rules(settings, parts.world.clock, breakers)
    images = ImageService(gate, library, parts.catalogue, signals, image_rules)
    jobs = _jobs(parts, signals.intake)
    road = Road(
        gate=gate, images=images, library=library, following=jobs, jobs=parts.jobs, signals=signals
    )
    return Services(
        intake=signals.intake,
        standing=standing,
        chain=chain,
        answers=OpenAnswers(gate, chain) if chain is not None else None,
        gate=gate,
        images=images,
        inputs=_inputs(settings, parts, library),
        library=library,
        conversations=ConversationService(parts.conversations, parts.world.clock),
        jobs=jobs,
        batches=BatchService(road, parts.world.clock),
        links=_links(settings, parts, gate),
        usage=UsageService(parts.books, gate.accounts),
        own_limits=_own_limits(settings, parts, limiter),
        limiter=limiter,
        status=_status(settings, parts, signals.intake),
        workers=_workers(settings, parts, limiter, _bench(parts, chain, gate, library, breakers)),
        sealer=Sealer(parts.audit, parts.world.clock),
        figures=_figures(parts),
        witness=witness,
        shaper=shaper,
        approvals=_approvals(settings, parts, gate, witness),
        entrance=_entrance(settings, parts, chain, witness),
        authorizing=authorizing,
    )


def _alarm(parts: Parts) -> Alarm:
    return Alarm(parts.metrics, parts.notices, parts.world.clock)


def _figures(parts: Parts) -> Figures:
    database = parts.database
    kept = SqlReconciliations(database)
    clock = parts.world.clock
    return Figures(SqlDocket(database), kept, parts.metrics, clock, _alarm(parts))


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


def _pages(settings: Settings, parts: Parts) -> str | None:
    """The address of the pages where people answer, if there are any and it is known."""
    if parts.chain is None or settings.public_url is None:
        return None
    return f"{settings.public_url}/ui/approvals"


def _approvals(settings: Settings, parts: Parts, gate: Gate, witness: Witness) -> ApprovalService:
    outside = Outside(
        clock=parts.world.clock,
        random=parts.random,
        notices=parts.notices,
        witness=witness,
        pages=_pages(settings, parts),
    )
    return ApprovalService(parts.approvals, gate, outside)


def _limiter(settings: Settings, parts: Parts, standing: Standing) -> Limiter:
    strangers = parse_rate(settings.rates.strangers)
    return Limiter(standing, parts.rates, parts.metrics, strangers)


def _own_limits(settings: Settings, parts: Parts, limiter: Limiter) -> OwnLimits:
    return OwnLimits(parts.books, limiter, parts.world.clock, ZoneInfo(settings.time_zone))


def _gate(settings: Settings, parts: Parts, standing: Standing, shaper: Shaper) -> Gate:
    limits = settings.limits
    rules = GateRules(
        zone=ZoneInfo(settings.time_zone),
        quote_seconds=limits.quote,
        reuse_seconds=limits.reuse,
        capacity=Capacity(queued=limits.queue, waiting=limits.waiting),
        shaper=shaper,
        alarm=_alarm(parts),
        human=settings.consent == "human",
        asked=None if settings.paid_providers is None else frozenset(settings.paid_providers),
        pages=_pages(settings, parts),
        picture=limits.output_bytes,
        limited=parts.metrics.limited,
    )
    return Gate(standing, parts.books, parts.catalogue, rules, parts.world)


def _library(settings: Settings, parts: Parts, gate: Gate) -> LibraryService:
    limits = settings.limits
    common = {"pixels": limits.pixels, "edge": limits.edge, "frames": limits.frames}
    rules = LibraryRules(
        inputs=PictureLimits(bytes=limits.input_bytes, **common),
        outputs=PictureLimits(bytes=limits.output_bytes, **common),
        rendition_edge=limits.rendition_edge,
        preview=Preview(edge=limits.thumbnail_edge, bytes=limits.preview_bytes),
    )
    shelf = Shelf(rows=parts.library, blobs=parts.blobs, imaging=parts.imaging)
    return LibraryService(shelf, rules, parts.world, gate.quotas)


def _bench(
    parts: Parts,
    chain: Authenticator | None,
    gate: Gate,
    library: LibraryService,
    breakers: Breakers,
) -> Bench:
    return Bench(
        gate=gate,
        jobs=parts.jobs,
        library=library,
        conversations=parts.conversations,
        credentials=chain,
        board=parts.board,
        clock=parts.world.clock,
        telemetry=parts.metrics,
        catalogue=parts.catalogue,
        providers=parts.providers,
        breakers=breakers,
    )


def _workers(settings: Settings, parts: Parts, limiter: Limiter, bench: Bench) -> Workers:
    rules = WorkerRules(
        running=settings.limits.running,
        sole=database_url(settings).startswith("sqlite"),
        own=limiter.jobs,
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
    if settings.rates.valkey_url is not None:
        pings["rates"] = parts.rates.ping
    return StatusService(about, pings, intake, parts.world.clock)
