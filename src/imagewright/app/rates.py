"""Where requests are counted."""

from imagewright.adapters.rates.memory import MemoryRates
from imagewright.core.errors import Unavailable
from imagewright.ports.clock import Clock
from imagewright.ports.rates import Rates
from imagewright.settings import Settings


def rates_of(settings: Settings, clock: Clock) -> Rates:
    """In Valkey where one is set, else in memory. Raises Unavailable without Valkey's client."""
    url = settings.rates.valkey_url
    if url is None:
        return MemoryRates(clock)
    try:
        from imagewright.adapters.rates.valkey import (  # noqa: PLC0415 - it needs an extra
            ValkeyRates,
            ValkeyRatesConfig,
        )
    except ModuleNotFoundError as error:
        raise Unavailable(
            "Valkey's client is not installed.", hint="Install imagewright[valkey]."
        ) from error
    return ValkeyRates(ValkeyRatesConfig(url=url.get_secret_value()))
