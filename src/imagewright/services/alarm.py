"""What the operator is told at once, without anybody having asked."""

import logging

from imagewright.core.budget import Crossing, Span
from imagewright.core.money import usd
from imagewright.ports.telemetry import Telemetry

_log = logging.getLogger(__name__)
_DAY = len("2026-11-21")


class Alarm:
    """Tells by the log and the metrics; none of it fails or waits."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    def soft_limit(self, crossing: Crossing) -> None:
        """An account has reached a soft limit."""
        account = crossing.account
        span = Span.DAY if len(account.period) == _DAY else Span.MONTH
        self._telemetry.soft_limit(account.level.value, span.value)
        _log.warning(
            "soft limit reached",
            extra={
                "level": account.level.value,
                "key": account.key,
                "period": account.period,
                "soft_usd": usd(crossing.soft),
                "used_usd": usd(crossing.used),
            },
        )
