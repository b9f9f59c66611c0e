"""What the operator is told at once, without anybody having asked."""

import logging

from imagewright.core.budget import Account, Crossing, Level, Span
from imagewright.core.money import usd
from imagewright.core.notice import Event, Notice
from imagewright.ports.clock import Clock
from imagewright.ports.notices import Notices
from imagewright.ports.telemetry import Telemetry

_log = logging.getLogger(__name__)
_DAY = len("2026-11-21")


class Alarm:
    """Tells by the log, the metrics and a notice; none of it fails or waits."""

    def __init__(self, telemetry: Telemetry, notices: Notices, clock: Clock) -> None:
        self._telemetry = telemetry
        self._notices = notices
        self._clock = clock

    def soft_limit(self, crossing: Crossing) -> None:
        """An account has reached a soft limit."""
        account = crossing.account
        span = Span.DAY if len(account.period) == _DAY else Span.MONTH
        self._telemetry.soft_limit(account.level.value, span.value)
        self._notices.send(
            Notice(
                event=Event.BUDGET_ALARM,
                at=self._clock.now(),
                subject=account.key if account.level is Level.SUBJECT else None,
                level=account.level.value,
                amounts={"soft_limit": usd(crossing.soft), "used": usd(crossing.used)},
                facts={"span": span.value, "period": account.period, **_named(account)},
                ids={"token": account.key} if account.level is Level.TOKEN else {},
            )
        )
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

    def outcomes_unknown(self, count: int, oldest: int) -> None:
        """So many jobs are of unknown outcome, the oldest for so many seconds."""
        facts = {"count": count, "oldest_seconds": oldest}
        self._notices.send(
            Notice(event=Event.OUTCOME_UNKNOWN, at=self._clock.now(), facts=dict(facts))
        )
        _log.warning("outcomes unknown", extra=facts)


def _named(account: Account) -> dict[str, str]:
    named = account.level in {Level.GROUP, Level.PROVIDER}
    return {account.level.value: account.key} if named else {}
