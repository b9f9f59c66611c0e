"""The parts a service is made of, each as its settings say, not yet opened."""

import asyncio
import logging
import os
import random
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from imagewright.adapters.acl.file import AclFile, AclFileConfig
from imagewright.adapters.acl.fixed import FixedAcl, local_acl
from imagewright.adapters.acl.reader import Known
from imagewright.adapters.auth.introspection import Introspection
from imagewright.adapters.auth.oidc import Oidc
from imagewright.adapters.auth.tokens import Tokens
from imagewright.adapters.blobs.local import LocalBlobs, LocalBlobsConfig
from imagewright.adapters.clock import SystemClock
from imagewright.adapters.imaging.config import ImagingConfig
from imagewright.adapters.imaging.vips import VipsImaging
from imagewright.adapters.keys.file import KeyFile
from imagewright.adapters.notices.silence import Silence
from imagewright.adapters.notices.webhook import Webhook, WebhookConfig
from imagewright.adapters.queue.board import InProcessBoard
from imagewright.adapters.queue.inprocess import InProcessQueue
from imagewright.adapters.sql.approvals import SqlApprovals
from imagewright.adapters.sql.audit import SqlAudit
from imagewright.adapters.sql.books import SqlBooks
from imagewright.adapters.sql.conversations import SqlConversations
from imagewright.adapters.sql.database import Database, SqlConfig
from imagewright.adapters.sql.jobs import SqlJobs
from imagewright.adapters.sql.library import SqlLibrary
from imagewright.adapters.sql.revocations import SqlRevocations
from imagewright.adapters.sql.sessions import SqlSessions
from imagewright.adapters.sql.uses import SqlUses
from imagewright.adapters.telemetry.metrics import Metrics
from imagewright.adapters.toml.watched import Tell
from imagewright.adapters.web.fetcher import WebFetcher
from imagewright.adapters.web.netguard import Guard
from imagewright.api.mcp.server import TOOLS
from imagewright.app.identity import identity_of, objections_of, sign_in_of
from imagewright.app.proxy import Proxy, proxy_of
from imagewright.app.rates import rates_of
from imagewright.app.upstreams import catalogue_of, providers_of
from imagewright.core.chain import ChainKey
from imagewright.core.flaw import Flaw
from imagewright.core.ids import RandomBytes, new_id
from imagewright.core.secret import Secret
from imagewright.ports.acl import AclSource
from imagewright.ports.approvals import Approvals
from imagewright.ports.audit import Audit
from imagewright.ports.auth import Authenticator
from imagewright.ports.blobs import Blobs
from imagewright.ports.board import Board
from imagewright.ports.books import Books
from imagewright.ports.catalogue import CatalogueSource
from imagewright.ports.clock import Clock, World
from imagewright.ports.conversations import Conversations
from imagewright.ports.fetch import Fetcher
from imagewright.ports.imaging import Imaging
from imagewright.ports.jobs import Jobs
from imagewright.ports.library import Library
from imagewright.ports.notices import Notices
from imagewright.ports.provider import Parts as ProviderParts
from imagewright.ports.provider import Provider
from imagewright.ports.queue import Queue
from imagewright.ports.rates import Rates
from imagewright.ports.revocations import Revocations
from imagewright.ports.sessions import Sessions
from imagewright.ports.sign_in import SignInProvider
from imagewright.services.uses import UseLog
from imagewright.settings import Settings

_log = logging.getLogger(__name__)
KEY = "master.key"
"""The file of the master key, in the state directory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything plugged into the services; `chain` None is a server without tokens.

    `owner` names this process among the workers. `refreshed` are the operator's files, to be
    looked at again.
    """

    world: World
    imaging: Imaging
    blobs: Blobs
    database: Database
    audit: Audit
    books: Books
    approvals: Approvals
    jobs: Jobs
    library: Library
    conversations: Conversations
    revocations: Revocations
    fetcher: Fetcher
    queue: Queue
    board: Board
    metrics: Metrics
    acl: AclSource
    chain: Authenticator | None
    catalogue: CatalogueSource
    providers: Mapping[str, Provider]
    keys: KeyFile
    owner: str
    rates: Rates
    uses: UseLog
    sessions: Sessions
    random: RandomBytes
    notices: Notices
    oidc: Oidc | None = None
    introspections: tuple[Introspection, ...] = ()
    sign_in: SignInProvider | None = None
    proxy: Proxy | None = None
    refreshed: tuple[AclFile | Tokens, ...] = ()


def parts_of(settings: Settings) -> Parts:
    """The parts that the settings name. Raises Misconfigured with every flaw of a file."""
    clock, metrics, imaging = SystemClock(), Metrics(), imaging_of(settings)
    database = Database(SqlConfig(url=database_url(settings)))
    keys = _keys(settings)
    uses = UseLog(SqlUses(database), clock)
    providers = providers_of(settings, provider_parts(settings, imaging, clock))
    identity, acl = identity_of(settings, clock, tell, uses.note), acl_of(settings, tell)
    return Parts(
        world=_world(clock),
        imaging=imaging,
        blobs=_blobs(settings),
        database=database,
        audit=SqlAudit(database, chain_key(keys)),
        books=SqlBooks(database),
        approvals=SqlApprovals(database),
        jobs=SqlJobs(database),
        library=SqlLibrary(database),
        conversations=SqlConversations(database),
        revocations=SqlRevocations(database),
        fetcher=WebFetcher(Guard(egress=settings.egress.path)),
        queue=InProcessQueue(),
        board=InProcessBoard(),
        metrics=metrics,
        acl=acl,
        sessions=SqlSessions(database),
        random=secrets.token_bytes,
        notices=notices_of(settings, _world(clock), metrics),
        chain=identity.chain,
        sign_in=sign_in_of(settings, clock),
        oidc=identity.oidc,
        introspections=identity.introspections,
        proxy=proxy_of(settings, database, keys, clock),
        catalogue=catalogue_of(settings, providers, clock, metrics),
        providers=providers,
        keys=keys,
        rates=rates_of(settings, clock),
        owner=f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}",
        uses=uses,
        refreshed=_refreshed(acl, identity.tokens),
    )


def _keys(settings: Settings) -> KeyFile:
    """In the state directory, which is made where it is not there."""
    settings.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    return KeyFile(settings.state / KEY)


def _world(clock: Clock) -> World:
    return World(clock=clock, new_id=lambda kind: new_id(kind, secrets.token_bytes))


def _refreshed(*sources: object) -> tuple[AclFile | Tokens, ...]:
    return tuple(each for each in sources if isinstance(each, AclFile | Tokens))


def database_url(settings: Settings) -> str:
    """The database's address: SQLite in the state directory unless it is set."""
    if settings.database.url is not None:
        return settings.database.url.get_secret_value()
    return f"sqlite:///{database_file(settings)}"


def database_file(settings: Settings) -> Path:
    """Where the database stands if no address is set."""
    return settings.state / "imagewright.db"


def chain_key(keys: KeyFile) -> ChainKey:
    """What the audit is sealed with."""
    return ChainKey(keys.derive("audit chain"))


def tell(flaw: Flaw) -> None:
    """Log one flaw of an operator's file."""
    _log.warning("configuration", extra={"flaw": str(flaw)})


def acl_of(settings: Settings, tell: Tell) -> AclSource:
    """Who may do what: as the file says, else all for `local`. Raises Misconfigured."""
    path = settings.auth.acl_path
    if path is None:
        return FixedAcl(local_acl(read_only=settings.read_only))
    return AclFile(acl_config(settings, path), tell)


def acl_config(settings: Settings, path: Path) -> AclFileConfig:
    """How an ACL's file is read: the names that it may use, and who objects to it."""
    known = Known(
        tools=frozenset(tool.name for tool in TOOLS), providers=frozenset(settings.providers)
    )
    return AclFileConfig(
        path=path,
        read_only=settings.read_only,
        known=known,
        today=lambda: today_of(settings),
        object_to=objections_of(settings),
    )


def today_of(settings: Settings) -> date:
    """The day by which grants expire."""
    return datetime.now(ZoneInfo(settings.time_zone)).date()


def imaging_of(settings: Settings) -> VipsImaging:
    """What reads and draws pictures, not yet opened."""
    section = settings.imaging
    return VipsImaging(
        ImagingConfig(
            workers=section.workers,
            deadline=float(section.deadline),
            memory=section.memory,
            edge=settings.limits.rendition_edge,
        )
    )


def _blobs(settings: Settings) -> LocalBlobs:
    return LocalBlobs(
        LocalBlobsConfig(
            root=settings.state,
            spool_bytes=settings.storage.spool_bytes,
            ballast_bytes=settings.storage.ballast_bytes,
            max_picture_bytes=settings.limits.output_bytes,
        )
    )


def notices_of(settings: Settings, world: World, metrics: Metrics) -> Notices:
    """What tells the operator's webhook, if there is one."""
    section = settings.webhook
    if section.url is None or section.secret is None:
        return Silence()
    config = WebhookConfig(
        url=Secret(section.url.get_secret_value()),
        secret=Secret(section.secret.get_secret_value()),
        events=frozenset(section.events),
        egress=settings.egress.path,
    )
    return Webhook(config, world, metrics)


def provider_parts(settings: Settings, imaging: Imaging, clock: Clock) -> ProviderParts:
    """What every provider's adapter is given."""
    return ProviderParts(
        imaging=imaging,
        clock=clock,
        random=random.SystemRandom().random,
        sleep=asyncio.sleep,
        egress=settings.egress.path,
    )
