"""Documents in which clients say who they are, at addresses that they chose."""

from collections.abc import Mapping
from typing import Any, Protocol


class DocumentSource(Protocol):
    """Opens public https addresses only, without redirects and without a credential of ours."""

    async def read(self, address: str) -> Mapping[str, Any]:
        """The JSON object there, of 8 KiB at most.

        Raises InvalidRequest where there is none or the address may not be opened, Unavailable
        where the host is silent. Neither tells what the other side said.
        """
