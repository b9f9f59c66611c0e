"""The application: services behind their faces, opened and closed in order."""

import asyncio
import json
import logging
from contextlib import AsyncExitStack
from typing import Protocol, Self, runtime_checkable

from starlette.types import ASGIApp

from imagewright.adapters.acl.file import AclFile
from imagewright.adapters.auth.tokens import Tokens
from imagewright.adapters.telemetry.metrics import MetricsConfig, MetricsListener
from imagewright.api.mcp.face import Face
from imagewright.api.mcp.server import ServerOptions, build_server, finish_server
from imagewright.app.http import Site, http_app
from imagewright.app.identity import asked_for_of, signpost_of
from imagewright.app.parts import Parts, parts_of
from imagewright.app.services import Services, services_of
from imagewright.core.audit import OPERATOR
from imagewright.core.caller import LOCAL
from imagewright.core.errors import Fault
from imagewright.ports.audit import Note
from imagewright.settings import Settings

_log = logging.getLogger(__name__)
_LOOK_EVERY = 2.0
_NOTE_EVERY = 15.0
_SWEEP_EVERY = 0.5


@runtime_checkable
class _Opened(Protocol):
    async def open(self) -> None: ...

    async def close(self) -> None: ...


@runtime_checkable
class _Running(Protocol):
    async def run(self) -> None: ...

    async def close(self) -> None: ...


@runtime_checkable
class _Closed(Protocol):
    async def close(self) -> None: ...


class App:
    """One Imagewright: `async with` it, then serve `http` or run `mcp` over stdio.

    Opening starts the workers, closing awaits running jobs up to the drain time.
    """

    def __init__(self, settings: Settings, parts: Parts, *, stdio: bool = False) -> None:
        self.settings = settings
        self.parts = parts
        self.services: Services = services_of(settings, parts)
        self._face = self._make_face(stdio=stdio)
        self.mcp = build_server(
            self._face,
            None if stdio else self.services.chain,
            ServerOptions(
                name=settings.name,
                version=self.services.status.about.version,
                instructions=settings.instructions,
                seal=(parts.keys.derive("request state"),),
                signpost=signpost_of(settings),
                asked_for=asked_for_of(parts.oidc, proxied=parts.proxy is not None),
                answers=self.services.answers,
                path=settings.server.path,
            ),
        )
        self._stack = AsyncExitStack()
        self._users = 0

    @property
    def http(self) -> ASGIApp:
        """The ASGI application; its lifespan opens this one unless it is open already."""
        return http_app(
            Site(
                mcp=self.mcp,
                settings=self.settings,
                parts=self.parts,
                services=self.services,
                opened=self,
            )
        )

    async def __aenter__(self) -> Self:
        self._users += 1
        if self._users == 1:
            try:
                await self._open()
            except BaseException:
                self._users = 0
                await self._stack.aclose()
                raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self._users -= 1
        if self._users == 0:
            await self._stack.aclose()

    async def drain(self) -> None:
        """Take no new work, and await what runs, up to the drain time."""
        self.services.intake.close()
        await self.services.workers.stop(float(self.settings.server.drain))
        self.services.intake.end()

    async def break_off(self) -> None:
        """End a drain that is under way: what still runs is broken off and entered as such."""
        self.services.intake.close()
        await self.services.workers.stop(0)

    def turns(self) -> bool:
        """Whether the database's thread turns over; a database that is away does not stop it."""
        return self.parts.database.turns()

    def refresh(self, *, force: bool = False) -> None:
        """Take up the operator's changes to the ACL and the tokens."""
        for source in self.parts.refreshed:
            if source.refresh(force=force):
                _log.info("configuration taken up", extra={"part": source.part})
                self._note_reading(source)
            self.parts.metrics.file(source.part, faulty=bool(source.flaws()))

    def _note_reading(self, source: AclFile | Tokens) -> None:
        """Tell the audit which file is in force from now on, or that it is gone."""
        reading = source.reading()
        note = Note(
            at=self.parts.world.clock.now(),
            subject=OPERATOR,
            credential=LOCAL,
            action="reload",
            thing=reading.file if reading else source.part,
            outcome="in force" if reading else "gone",
            shape=json.dumps({"sha256": reading.sha256}) if reading else None,
        )
        self.services.witness.note(note)

    async def _open(self) -> None:
        parts, stack = self.parts, self._stack
        await finish_server(self.mcp)
        if isinstance(parts.imaging, _Opened):
            # A process starts meanwhile: pictures are worked on as soon as it is there, and
            # until then, or where it never is, `/ready` says so.
            stack.push_async_callback(parts.imaging.close)
            stack.push_async_callback(_end, asyncio.create_task(_begin(parts.imaging)))
        for part in (parts.blobs, parts.database):
            if isinstance(part, _Opened):
                await part.open()
                stack.push_async_callback(part.close)
        await self.services.standing.refresh()
        asked = (parts.oidc, parts.sign_in, parts.proxy, parts.rates, *parts.introspections)
        for outward in (parts.fetcher, *asked, *parts.providers.values()):
            if isinstance(outward, _Closed):
                stack.push_async_callback(outward.close)
        self.refresh()
        self._listen()
        for source in parts.refreshed:
            if source.reading() is not None:
                self._note_reading(source)
        self._keep()
        await self.services.workers.start()
        stack.push_async_callback(self.drain)

    def _listen(self) -> None:
        section = self.settings.metrics
        listener = MetricsListener(
            self.parts.metrics, MetricsConfig(host=section.host, port=section.port)
        )
        listener.open()
        self._stack.callback(listener.close)

    def _keep(self) -> None:
        """Begin what goes on for as long as the service runs."""
        parts, services, stack = self.parts, self.services, self._stack
        stack.push_async_callback(services.sealer.turn, last=True)
        stack.push_async_callback(services.witness.flush)
        if isinstance(parts.notices, _Running):
            stack.push_async_callback(parts.notices.close)
            stack.push_async_callback(_end, asyncio.create_task(parts.notices.run()))
        # A task of its own each: a database that is away must not keep the ACL waiting.
        stack.push_async_callback(self._write_uses)
        chores = (self._chores(), self._keep_standing(), self._keep_uses(), parts.catalogue.run())
        kept = (services.sealer.run(), services.witness.run(), services.figures.run())
        for chore in (*chores, *kept):
            stack.push_async_callback(_end, asyncio.create_task(chore))

    async def _chores(self) -> None:
        """Look at the operator's files, and move pictures that wait for room, every few seconds."""
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            try:
                await asyncio.to_thread(self.refresh)
                await self.parts.blobs.settle()
            except Exception:  # noqa: BLE001 - a chore that fails is done again
                _log.error("chore failed", exc_info=True)

    async def _keep_uses(self) -> None:
        while True:
            await asyncio.sleep(_NOTE_EVERY)
            await self._write_uses()

    async def _write_uses(self) -> None:
        """Write when tokens were last used; where that cannot be, it is tried again."""
        try:
            await self.parts.uses.flush()
        except Fault as fault:
            _log.warning("token uses not written", extra={"code": fault.code})
        except Exception:  # noqa: BLE001 - it stops neither the next time nor the end
            _log.error("token uses not written", exc_info=True)

    async def _keep_standing(self) -> None:
        """Follow what is revoked, and end what is open for whoever is nobody any more."""
        keeping = asyncio.create_task(self.services.standing.keep())
        try:
            while self.services.answers is not None:
                await asyncio.sleep(_SWEEP_EVERY)
                await self.services.answers.sweep()
            await keeping
        finally:
            await _end(keeping)

    def _make_face(self, *, stdio: bool) -> Face:
        services, limits = self.services, self.settings.limits
        return Face(
            gate=services.gate,
            images=services.images,
            inputs=services.inputs,
            library=services.library,
            conversations=services.conversations,
            jobs=services.jobs,
            batches=services.batches,
            usage=services.usage,
            own_limits=services.own_limits,
            limiter=services.limiter,
            status=services.status,
            telemetry=self.parts.metrics,
            witness=services.witness,
            shaper=services.shaper,
            approvals=services.approvals,
            new_id=self.parts.world.new_id,
            local=stdio or self.parts.chain is None,
            paths=stdio,
            wait=limits.wait,
            elicit_seconds=limits.quote,
            preview_bytes=limits.preview_bytes,
        )


def build(settings: Settings, *, stdio: bool = False, parts: Parts | None = None) -> App:
    """An application that is not open yet.

    `stdio` is for a single local user: no tokens, the subject `local`, paths in results.
    `parts` replaces what the settings name: take `parts_of(settings)` and
    `dataclasses.replace` what should be another. Raises Misconfigured.
    """
    return App(settings, parts or parts_of(settings), stdio=stdio)


async def _begin(imaging: _Opened) -> None:
    try:
        await imaging.open()
    except Fault as fault:
        _log.error("imaging did not start", extra={"code": fault.code})


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
