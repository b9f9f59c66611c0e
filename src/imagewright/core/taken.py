"""What is known of an order that a vendor has taken under an id of its own."""

import json
from dataclasses import dataclass, field

from imagewright.core.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """Whose plan the vendor carries out, and by what its provider asks after it."""

    provider: str
    model: str
    request: str = field(repr=False)

    def text(self) -> str:
        """What the jobs table keeps and `read_taken` reads."""
        return json.dumps([self.provider, self.model, self.request])

    def plan(self, plan: Plan) -> Plan | None:
        """That of a plan and its fallbacks which was carried out, if it is one of them."""
        return next(
            (
                each
                for each in (plan, *plan.fallbacks)
                if (each.provider, each.model) == (self.provider, self.model)
            ),
            None,
        )


def read_taken(text: str) -> Taken:
    """What `Taken.text` wrote."""
    provider, model, request = json.loads(text)
    return Taken(provider=provider, model=model, request=request)
