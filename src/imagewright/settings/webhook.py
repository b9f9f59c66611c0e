"""[webhook]: the operator's own program that is told of what happens."""

from pydantic import Field

from imagewright.core.notice import Event
from imagewright.settings.section import Section
from imagewright.settings.units import Events, WebhookSecret, WebhookUrl


class Webhook(Section):
    """Where notices go; unset is nowhere."""

    url: WebhookUrl | None = Field(default=None, description="Where notices are sent, by POST.")
    secret: WebhookSecret | None = Field(
        default=None, description="What they are signed with: whsec_ and 24 to 64 bytes in base64."
    )
    events: Events = Field(default=tuple(Event), description="What is told of.")
