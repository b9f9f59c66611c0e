"""The settings of where requests are counted, and of how often strangers may fail."""

from pydantic import Field

from imagewright.settings.section import Section
from imagewright.settings.units import RateText, ValkeyUrl


class Rates(Section):
    """Where requests are counted, and how often an address may show what is no token."""

    valkey_url: ValkeyUrl | None = Field(
        default=None, description="Where requests are counted in stead of this process's memory."
    )
    strangers: RateText = Field(
        default="60/minute",
        description="Tokens that are not valid, from one address; good ones are never counted.",
    )
