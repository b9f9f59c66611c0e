"""How the service of these settings is, asked from beside it."""

from imagewright.adapters.remote.health import asked
from imagewright.core.errors import Unavailable
from imagewright.settings import Settings

_SECONDS = 5.0
_GOOD = 200


def ask_health(settings: Settings, *, ready: bool) -> None:
    """Return where the service answers, or where it takes work if that is asked.

    Raises Unavailable where it does not.
    """
    server = settings.server
    status = asked(server.host, server.port, "/ready" if ready else "/health", _SECONDS)
    if status != _GOOD:
        raise Unavailable(
            "The service takes no work." if ready else f"The service answers {status}.",
            hint="Its log says why; /ready names the part that is away.",
        )
