"""Prometheus metrics on a registry of their own."""

from dataclasses import dataclass
from functools import cache
from threading import Thread
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from imagewright.core.money import DOLLAR, Nano

_SECONDS = (0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 40.0, 120.0, 600.0)
_MICRO = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsConfig:
    """The listener of /metrics; no port, no listener."""

    host: str = "127.0.0.1"
    port: int | None = None


class Metrics:
    """The `Telemetry` that Prometheus reads; its labels are names of ours, never a caller's."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self._calls = Histogram(
            "imagewright_call_seconds",
            "Calls of tools and resources.",
            ["component", "code"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._requests = Histogram(
            "imagewright_request_seconds",
            "HTTP requests.",
            ["route", "status"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._jobs = Histogram(
            "imagewright_job_seconds",
            "Jobs that ended, from the asking.",
            ["provider", "state"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._count()
        self._gauge()
        self._reckon()
        # The label values are few; finding a child by them costs more than observing.
        self._call, self._request = cache(self._calls.labels), cache(self._requests.labels)

    def _count(self) -> None:
        self._auth_failures = Counter(
            "imagewright_auth_failures",
            "Tokens that were not taken.",
            ["reason"],
            registry=self.registry,
        )
        self._limited = Counter(
            "imagewright_limited",
            "What was refused by a limit of the caller's.",
            ["limit"],
            registry=self.registry,
        )
        self._audit_dropped = Counter(
            "imagewright_audit_dropped",
            "Lines of the audit that found no room.",
            ["action"],
            registry=self.registry,
        )
        self._notices = Counter(
            "imagewright_notices",
            "Notices to the operator's webhook that came to an end.",
            ["event", "outcome"],
            registry=self.registry,
        )
        self._soft_limits = Counter(
            "imagewright_soft_limits",
            "Soft limits that were reached.",
            ["level", "span"],
            registry=self.registry,
        )

    def _gauge(self) -> None:
        self._providers = Gauge(
            "imagewright_provider_degraded",
            "Providers that do not answer what models they have.",
            ["provider"],
            registry=self.registry,
        )
        self._breakers = Gauge(
            "imagewright_provider_open",
            "Providers that are left alone after failures.",
            ["provider"],
            registry=self.registry,
        )
        self._files = Gauge(
            "imagewright_configuration_fault",
            "Files of the operator's that are not in force as they stand.",
            ["file"],
            registry=self.registry,
        )

    def _reckon(self) -> None:
        self._unknown = Gauge(
            "imagewright_jobs_outcome_unknown",
            "Jobs whose outcome nobody knows.",
            ["provider"],
            registry=self.registry,
        )
        self._drift = Gauge(
            "imagewright_reconciliation_drift_usd",
            "By how much the last bill was above the ledger.",
            ["provider"],
            registry=self.registry,
        )
        self._reconciled = Gauge(
            "imagewright_reconciliation_timestamp_seconds",
            "When the last bill was held against the ledger.",
            ["provider"],
            registry=self.registry,
        )

    def call(self, component: str, code: str, seconds: float) -> None:
        """Observe a call."""
        self._call(component, code).observe(seconds)

    def request(self, route: str, status: int, seconds: float) -> None:
        """Observe an HTTP request."""
        self._request(route, status).observe(seconds)

    def auth_failure(self, reason: str) -> None:
        """Count a token that was not taken."""
        self._auth_failures.labels(reason).inc()

    def limited(self, limit: str) -> None:
        """Count what a limit refused."""
        self._limited.labels(limit).inc()

    def audit_dropped(self, action: str) -> None:
        """Count a line that is lost."""
        self._audit_dropped.labels(action).inc()

    def notice(self, event: str, outcome: str) -> None:
        """Count a notice that was delivered or lost."""
        self._notices.labels(event, outcome).inc()

    def provider(self, name: str, *, degraded: bool) -> None:
        """Tell whether a provider does not answer what models it has."""
        self._providers.labels(name).set(degraded)

    def breaker(self, provider: str, *, is_open: bool) -> None:
        """Tell whether a provider is left alone."""
        self._breakers.labels(provider).set(is_open)

    def soft_limit(self, level: str, span: str) -> None:
        """Count a soft limit that was reached."""
        self._soft_limits.labels(level, span).inc()

    def job(self, provider: str, state: str, seconds: float) -> None:
        """Observe a job's end."""
        self._jobs.labels(provider, state).observe(seconds)

    def unknown(self, provider: str, count: int) -> None:
        """Tell how many jobs are of unknown outcome."""
        self._unknown.labels(provider).set(count)

    def reconciled(self, provider: str, drift: Nano, at: int) -> None:
        """Tell of the last bill; a float is near enough for an alarm."""
        self._drift.labels(provider).set(drift / DOLLAR)
        self._reconciled.labels(provider).set(at / _MICRO)

    def file(self, name: str, *, faulty: bool) -> None:
        """Tell whether a file of the operator's has a fault, or is gone."""
        self._files.labels(name).set(faulty)


class MetricsListener:
    """Serves a registry on an address of its own, apart from what callers reach."""

    def __init__(self, metrics: Metrics, config: MetricsConfig) -> None:
        self._metrics = metrics
        self._config = config
        self._serving: tuple[WSGIServer, Thread] | None = None

    def open(self) -> None:
        """Begin to listen, if a port is set. Raises OSError where the address is taken."""
        host, port = self._config.host, self._config.port
        if port is None:
            return
        try:
            self._serving = start_http_server(port, host, self._metrics.registry)
        except OSError as error:
            reason = f"cannot listen for metrics on {host}, port {port}: {error.strerror}"
            raise OSError(error.errno, reason) from None

    def close(self) -> None:
        """Stop listening."""
        if self._serving is not None:
            server, thread = self._serving
            server.shutdown()
            server.server_close()
            thread.join()
            self._serving = None
