"""[egress]: the proxy by way of which a service without a network reaches others."""

from pydantic import Field

from imagewright.settings.section import Section
from imagewright.settings.units import FilePath, Places, Seconds


class Egress(Section):
    """Where the proxy is, and what it opens beside what other settings name."""

    socket: FilePath | None = Field(
        default=None,
        description="The egress proxy's Unix socket; unset is the service's own network.",
    )
    hosts: Places = Field(
        default=(),
        description="More hosts that may be reached, such as example.com:8443, *.example.com.",
    )
    public: bool | None = Field(
        default=None,
        description="Whether every public host may be reached on port 443; unset is where a "
        "provider answers with addresses.",
    )
    idle: Seconds = Field(
        default=1200, ge=10, le=86_400, description="How long a tunnel without a byte is kept."
    )
    tunnels: int = Field(default=256, ge=1, le=2000, description="Tunnels that are open at once.")

    @property
    def path(self) -> str | None:
        """The socket's path as a text."""
        return str(self.socket) if self.socket is not None else None
