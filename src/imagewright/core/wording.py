"""The operator's own words around a caller's prompt."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from imagewright.core.errors import InvalidRequest, Unsupported

NO_TEMPLATE = "none"
PLACE = "{prompt}"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """A prefix that stands before every prompt of a provider, and templates to choose from.

    A template is text with `{prompt}` in it once. Raises InvalidRequest for any other, and for a
    name that is not a letter or digit and at most 31 of a-z, 0-9, - and _, or is `none`.
    """

    prefix: str = ""
    templates: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, template in self.templates.items():
            if not _NAME.match(name) or name == NO_TEMPLATE:
                raise InvalidRequest(
                    "A template's name is a letter or digit and at most 31 of a-z, 0-9, - and _.",
                    hint=f"{NO_TEMPLATE} is what callers say for none of them.",
                )
            if template.count(PLACE) != 1:
                raise InvalidRequest(f"The template {name} does not hold {PLACE} once.")

    def around(self, prompt: str, template: str | None) -> str:
        """The prompt as it is sent. Raises Unsupported naming the templates there are."""
        chosen = PLACE
        if template not in {None, NO_TEMPLATE}:
            known = ", ".join((*self.templates, NO_TEMPLATE))
            if template not in self.templates:
                raise Unsupported(
                    "There is no such template for this provider.", hint=f"Templates are: {known}."
                )
            chosen = self.templates[template]
        return self.prefix + chosen.replace(PLACE, prompt)
