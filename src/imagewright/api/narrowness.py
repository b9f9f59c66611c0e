"""Where a token, and nothing else, stands between its caller and a call."""

from collections.abc import Callable
from dataclasses import replace

from imagewright.core.caller import Caller
from imagewright.core.scope import Scope
from imagewright.services.gate import Gate

AskedFor = Callable[[str, Scope], str | None]
"""What to ask the issuer of a credential (its id) for, to be given a scope; None is nothing."""


def too_narrow(
    gate: Gate, caller: Caller, wanted: tuple[str | None, Scope], asked_for: AskedFor
) -> str | None:
    """The issuer's name of the scope to ask for, where a wider token would be let in.

    `wanted` is what `Gate.decide` has refused: a tool or None, and the scope.
    """
    if caller.credential.scopes is None:
        return None
    wide = replace(caller, credential=replace(caller.credential, scopes=None))
    tool, scope = wanted
    return (
        asked_for(caller.credential.id, scope) if gate.decide(wide, tool, scope).allowed else None
    )
