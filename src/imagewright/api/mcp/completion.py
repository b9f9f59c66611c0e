"""What may stand for the arguments of prompts, for each caller."""

from collections.abc import Sequence

import mcp.types as mt
from fastmcp.server.completions import CompletionReference

from imagewright.api.mcp.component import PromptSpec
from imagewright.api.mcp.errors import resource_error
from imagewright.api.mcp.face import Face
from imagewright.api.mcp.prompts import completed
from imagewright.core.errors import Fault, RateLimited
from imagewright.core.scope import Scope


class Completion:
    """A completion handler; the framework asks it without any middleware before it.

    Whoever may not get a prompt is told nothing of its arguments, nor is anything told of
    resources: what a caller owns is found by list_images.
    """

    def __init__(self, face: Face, prompts: Sequence[PromptSpec]) -> None:
        self._face = face
        self._prompts = {prompt.name: prompt for prompt in prompts}

    async def __call__(
        self,
        ref: CompletionReference,
        argument: mt.CompletionArgument,
        context: mt.CompletionContext | None,
    ) -> list[str]:
        spec = self._prompts.get(ref.name) if isinstance(ref, mt.PromptReference) else None
        if spec is None or argument.name not in spec.arguments:
            return []
        try:
            await self._face.limiter.ask(self._face.caller())
            return self._found(spec.scope, argument)
        except RateLimited as fault:
            raise resource_error(fault) from None
        except Fault:
            return []

    def _found(self, scope: Scope, argument: mt.CompletionArgument) -> list[str]:
        face = self._face
        if not face.gate.judge(face.caller()).decide(None, scope).allowed:
            return []
        return completed(face, argument.name, argument.value)
