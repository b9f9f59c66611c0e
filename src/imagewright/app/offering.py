"""What the settings offer, told without a running service."""

from datetime import UTC, datetime

from imagewright.adapters.clock import SystemClock
from imagewright.adapters.telemetry.metrics import Metrics
from imagewright.api.mcp.offers import provider_shape
from imagewright.api.mcp.shapes import ProviderShape
from imagewright.app.parts import imaging_of, provider_parts
from imagewright.app.upstreams import catalogue_of, providers_of
from imagewright.settings import Settings


async def offered(settings: Settings, *, ask: bool) -> tuple[ProviderShape, ...]:
    """Every provider as `list_providers` shows it; `ask` has them asked what models they have.

    Raises Misconfigured.
    """
    clock = SystemClock()
    providers = providers_of(settings, provider_parts(settings, imaging_of(settings), clock))
    try:
        catalogue = catalogue_of(settings, providers, clock, Metrics())
        if ask:
            await catalogue.refresh(providers)
    finally:
        for provider in providers.values():
            await provider.close()
    today = datetime.now(UTC).date()
    return tuple(provider_shape(offer, today) for offer in catalogue.current().offers)
