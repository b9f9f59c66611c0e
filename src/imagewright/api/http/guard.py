"""Routes that need a token: let in, counted, refused and told of as the MCP endpoint does."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from imagewright.api.bearer import caller_of, no_token, refusal
from imagewright.api.http.errors import Route, answering
from imagewright.api.http.whence import origin_of
from imagewright.api.narrowness import AskedFor, too_narrow
from imagewright.core.caller import LOCAL, Caller, Credential
from imagewright.core.errors import Busy, Fault, Forbidden, RateLimited, Unavailable
from imagewright.core.ids import Kind
from imagewright.core.scope import Scope
from imagewright.services.gate import Gate
from imagewright.services.limiter import Limiter
from imagewright.services.witness import Act, Witness

Call = Callable[[Caller, Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """Where a client learns how to get a token, and what to ask for; None is nowhere."""

    metadata: str | None = None
    asked_for: AskedFor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Stands before routes; `local` is a service without tokens, where everybody is `local`.

    Tokens have been looked at before, for every route: a bad one never comes as far as this.
    """

    gate: Gate
    limiter: Limiter
    witness: Witness
    new_id: Callable[[Kind], str]
    signs: Signs
    local: bool

    def route(self, name: str, scope: Scope, call: Call) -> Route:
        """A route for whoever has the scope; logs, metrics and the audit call it by `name`."""

        async def answer(request: Request) -> Response:
            request.state.route = name
            caller = self._caller(request)
            if caller is None:
                return no_token(self.signs.metadata)
            try:
                await self.limiter.ask(caller)
                decision = self.gate.decide(caller, None, scope)
                if not decision.allowed:
                    self._tell(caller, name, request, ("denied", decision.reason))
                    return refusal(self._forbidden(caller, scope), self.signs.metadata)
                self._tell_read(caller, name, request)
                return await call(caller, request)
            except (Busy, RateLimited) as fault:
                self._tell(caller, name, request, ("limited", fault.code))
                raise

        return answering(answer, self.new_id)

    def check(self, caller: Caller, scope: Scope) -> None:
        """Raise Forbidden once the scope was taken back; while that cannot be told, it was not."""
        try:
            allowed = self.gate.decide(caller, None, scope).allowed
        except Unavailable:
            return
        if not allowed:
            raise Forbidden("You may not read this any more.")

    def _caller(self, request: Request) -> Caller | None:
        if self.local:
            return Caller(subject=LOCAL, credential=Credential(id=LOCAL))
        return caller_of(request.scope)

    def _forbidden(self, caller: Caller, scope: Scope) -> Fault:
        ask = self.signs.asked_for
        wanted = None if ask is None else too_narrow(self.gate, caller, (None, scope), ask)
        if wanted is None:
            return Forbidden("You may not read this.")
        return Forbidden(
            "This token's scope does not reach this.",
            hint="Get a token with the scope that is named.",
            details={"scopes": [wanted]},
        )

    def _tell(self, caller: Caller, name: str, request: Request, why: tuple[str, str]) -> None:
        outcome, reason = why
        origin = origin_of(request)
        act = Act(action="call", thing=name, outcome=outcome, reason=reason, origin=origin)
        self.witness.refused(caller, act)

    def _tell_read(self, caller: Caller, name: str, request: Request) -> None:
        if not self.witness.reads:
            return
        act = Act(
            action="read",
            thing=f"{name}:{request.path_params['job']}",
            outcome="allowed",
            reason="granted",
            origin=origin_of(request),
        )
        self.witness.allowed(caller, act)
