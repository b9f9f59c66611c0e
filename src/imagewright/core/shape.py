"""The shape of a call: which arguments were given and how large, never what they said."""

import hmac
import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields

from imagewright.core.ask import MAX_PROMPT, Ask
from imagewright.core.audit import written

_PROMPTS = frozenset({"prompt", "negative_prompt"})
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}\Z")
_MOST = 32
_SHOWN = 16
_DEFAULTS = {each.name: each.default for each in fields(Ask) if each.default is not MISSING}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shaper:
    """Describes arguments for the audit.

    A prompt is a keyed hash, by which the same prompt is known again and no other is guessed;
    with `text` it is the prompt itself.
    """

    key: bytes = field(repr=False)
    text: bool = False

    def ask(self, ask: Ask) -> str:
        """The shape of what an ask says beyond the defaults, as JSON."""
        given = {each.name: getattr(ask, each.name) for each in fields(ask)}
        return self.arguments(
            {name: value for name, value in given.items() if value != _DEFAULTS.get(name, MISSING)}
        )

    def arguments(self, given: Mapping[str, object]) -> str:
        """The shape of a call's arguments as they came, as JSON; strange names are left out."""
        names = sorted(name for name in given if _NAME.match(name))[:_MOST]
        return written({name: self._one(name, given[name]) for name in names}).decode()

    def _one(self, name: str, value: object) -> object:
        if name in _PROMPTS and isinstance(value, str):
            return {"characters": len(value), **self._prompt(value)}
        if isinstance(value, str):
            return f"{len(value)} characters"
        if isinstance(value, list | tuple | dict):
            return f"{len(value)} items"
        return "given"

    def _prompt(self, prompt: str) -> dict[str, str]:
        if self.text:
            return {"text": prompt[:MAX_PROMPT]}
        seal = hmac.digest(self.key, prompt.encode("utf-8", "surrogatepass"), "sha256")
        return {"hmac": seal.hex()[:_SHOWN]}
