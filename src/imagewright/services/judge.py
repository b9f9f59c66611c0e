"""Decisions for one caller that fit together."""

from dataclasses import dataclass
from datetime import date

from imagewright.core import policy
from imagewright.core.caller import Caller
from imagewright.core.policy import Acl, Decision
from imagewright.core.scope import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Decisions for one caller by one ACL: what one answer tells fits together.

    The ACL in force may be another with every call of the gate.
    """

    acl: Acl
    caller: Caller
    today: date

    def decide(self, component: str | None, scope: Scope) -> Decision:
        """As `Gate.decide`."""
        return policy.decide(self.acl, self.caller, component, scope, self.today)

    def decide_model(self, provider: str, model: str) -> bool:
        """As `Gate.decide_model`."""
        return policy.decide_model(self.acl, self.caller, provider, model).allowed
