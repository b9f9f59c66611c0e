"""Answers that are still open: ended once their caller is nobody any more."""

import asyncio
import logging
import time
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imagewright.api.bearer import caller_of, refusal
from imagewright.core.caller import Caller
from imagewright.core.errors import Fault, Unauthenticated
from imagewright.core.scope import Scope as Right
from imagewright.ports.auth import Authenticator
from imagewright.services.gate import Gate

_log = logging.getLogger(__name__)
_YOUNG = 0.5


@dataclass(eq=False, slots=True, kw_only=True)
class OpenAnswer:
    """One answer under way, and what its caller might do when it began."""

    caller: Caller
    might: frozenset[Right]
    task: asyncio.Task[object]
    began: float = field(default_factory=time.monotonic)
    started: bool = False
    ended: bool = False


class OpenAnswers:
    """Every answer to an authenticated request, for as long as it is under way."""

    def __init__(self, gate: Gate, credentials: Authenticator) -> None:
        self._gate = gate
        self._credentials = credentials
        self._open: set[OpenAnswer] = set()

    def begin(self, caller: Caller, task: asyncio.Task[object]) -> OpenAnswer:
        """Note an answer that a task gives. Raises Unavailable."""
        found = OpenAnswer(caller=caller, might=self._gate.scopes(caller), task=task)
        self._open.add(found)
        return found

    def end(self, answer: OpenAnswer) -> None:
        """Forget it."""
        self._open.discard(answer)

    async def sweep(self) -> None:
        """End those whose token or subject was revoked, or whose every grant was taken back.

        While that cannot be told, each goes on: it was let in when it could.
        """
        now = time.monotonic()
        for answer in [each for each in self._open if now - each.began > _YOUNG]:
            try:
                stands = await self._stands(answer)
            except Exception as fault:  # noqa: BLE001 - the others are still to be looked at
                if not isinstance(fault, Fault):
                    _log.error("open answer not judged", exc_info=True)
                continue
            if not stands and answer in self._open and not answer.ended:
                answer.ended = True
                answer.task.cancel()
                _log.info("open answer ended")

    async def _stands(self, answer: OpenAnswer) -> bool:
        if await self._credentials.credential(answer.caller.credential.id) is None:
            return False
        return not answer.might or bool(self._gate.scopes(answer.caller))


class EndOpen:
    """Middleware that lets each answer be ended: with 401 if there is none yet."""

    def __init__(self, app: ASGIApp, answers: OpenAnswers, metadata: str | None) -> None:
        self._app = app
        self._answers = answers
        self._metadata = metadata

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller, task = caller_of(scope), asyncio.current_task()
        if caller is None or task is None:
            await self._app(scope, receive, send)
            return
        try:
            answer = self._answers.begin(caller, task)
        except Fault as fault:
            await refusal(fault)(scope, receive, send)
            return
        await self._watched(answer, scope, receive, send)

    async def _watched(
        self, answer: OpenAnswer, scope: Scope, receive: Receive, send: Send
    ) -> None:
        async def sending(message: Message) -> None:
            answer.started = True
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except asyncio.CancelledError:
            if not answer.ended or answer.task.uncancel():
                raise
        finally:
            self._answers.end(answer)
        if not answer.ended:
            return
        if answer.started:
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            gone = Unauthenticated("The token is not valid.")
            await refusal(gone, self._metadata)(scope, receive, send)
