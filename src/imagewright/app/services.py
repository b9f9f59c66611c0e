"""The services, each given its parts."""

from dataclasses import dataclass, replace
from importlib.metadata import version
from zoneinfo import ZoneInfo

from imagewright.adapters.auth.barred import Barred
from imagewright.api.mcp.open_answers import OpenAnswers
from imagewright.app.parts import Parts, database_url
from imagewright.core.picture import PictureLimits
from imagewright.ports.auth import Authenticator
from imagewright.ports.books import Capacity
from imagewright.ports.imaging import Preview
from imagewright.services.gate import Gate, GateRules
from imagewright.services.images import ImageRules, ImageService, Signals
from imagewright.services.inputs import InputRules, Inputs
from imagewright.services.intake import Intake
from imagewright.services.jobs import Following, JobService
from imagewright.services.library import LibraryRules, LibraryService, Shelf
from imagewright.services.links import LinkRules, LinkService
from imagewright.services.standing import Standing
from imagewright.services.status import About, StatusService
from imagewright.services.usage import UsageService
from imagewright.services.work import Bench, Work
from imagewright.services.workers import WorkerRules, Workers
from imagewright.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the faces call; `chain` None is a server without tokens."""

    intake: Intake
    standing: Standing
    chain: Authenticator | None
    answers: OpenAnswers | None
    gate: Gate
    images: ImageService
    inputs: Inputs
    library: LibraryService
    jobs: JobService
    links: LinkService
    usage: UsageService
    status: StatusService
    workers: Workers


def services_of(settings: Settings, parts: Parts) -> Services:
    """Every service, with the operator's limits."""
    clock, zone = parts.world.clock, ZoneInfo(settings.time_zone)
    standing = Standing(parts.acl, parts.revocations, clock)
    chain = Barred(parts.chain, standing) if parts.chain is not None else None
    gate = Gate(standing, parts.books, parts.catalogue, _gate_rules(settings, zone), parts.world)
    library = _library(settings, parts)
    limits = settings.limits
    intake = Intake()
    return Services(
        intake=intake,
        standing=standing,
        chain=chain,
        answers=OpenAnswers(gate, chain) if chain is not None else None,
        gate=gate,
        images=ImageService(
            gate,
            library,
            parts.catalogue,
            Signals(intake=intake, queue=parts.queue, board=parts.board),
            ImageRules(clock=clock, prompt=limits.prompt),
        ),
        inputs=Inputs(
            library, parts.fetcher, InputRules(each=limits.input_bytes, total=limits.inputs_total)
        ),
        library=library,
        jobs=JobService(
            parts.jobs, parts.books, Following(board=parts.board, clock=clock, intake=intake)
        ),
        links=LinkService(
            parts.library,
            gate,
            clock,
            LinkRules(key=parts.keys.derive("links"), seconds=limits.link),
        ),
        usage=UsageService(parts.books, gate, clock, zone),
        status=_status(settings, parts, intake),
        workers=_workers(settings, replace(parts, chain=chain), gate, library),
    )


def _gate_rules(settings: Settings, zone: ZoneInfo) -> GateRules:
    limits = settings.limits
    return GateRules(
        zone=zone,
        quote_seconds=limits.quote,
        reuse_seconds=limits.reuse,
        capacity=Capacity(queued=limits.queue, waiting=limits.waiting),
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


def _workers(settings: Settings, parts: Parts, gate: Gate, library: LibraryService) -> Workers:
    bench = Bench(
        gate=gate,
        jobs=parts.jobs,
        library=library,
        credentials=parts.chain,
        board=parts.board,
        clock=parts.world.clock,
        telemetry=parts.metrics,
        catalogue=parts.catalogue,
        providers=parts.providers,
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
    pings = {
        "database": parts.books.ping,
        "storage": parts.blobs.ping,
        "imaging": parts.imaging.ping,
    }
    return StatusService(about, pings, intake, parts.world.clock)
