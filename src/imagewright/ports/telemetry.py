"""What is counted and timed, for whoever operates the service; never whose, never what was said."""

from typing import Protocol

from imagewright.core.money import Nano


class Telemetry(Protocol):
    """Counts; none of these fails or waits."""

    def call(self, component: str, code: str, seconds: float) -> None:
        """A tool or resource was called: `ok` or the code of its fault."""

    def request(self, route: str, status: int, seconds: float) -> None:
        """An HTTP request was answered."""

    def auth_failure(self, reason: str) -> None:
        """Somebody showed a token that was not taken: a word for why."""

    def limited(self, limit: str) -> None:
        """Something was refused by a limit: which kind, never whose."""

    def audit_dropped(self, action: str) -> None:
        """A line of the audit found no room and is lost."""

    def provider(self, name: str, *, degraded: bool) -> None:
        """A provider was asked what models it has, and did or did not answer."""

    def breaker(self, provider: str, *, is_open: bool) -> None:
        """A provider is left alone after failures, or no longer."""

    def soft_limit(self, level: str, span: str) -> None:
        """An account of a level has reached the soft limit of its day or month."""

    def job(self, provider: str, state: str, seconds: float) -> None:
        """A job ended, this long after it was asked for."""

    def notice(self, event: str, outcome: str) -> None:
        """A notice was `delivered` to the operator's webhook, or is `lost`."""

    def unknown(self, provider: str, count: int) -> None:
        """So many jobs of a provider are of unknown outcome now."""

    def reconciled(self, provider: str, drift: Nano, at: int) -> None:
        """By how much a provider's last bill was above the ledger, and when (UTC microseconds)."""
