"""Pictures behind https addresses that callers name."""

from typing import Protocol


class Fetcher(Protocol):
    """Opens public https addresses only, and never with a credential of ours.

    Its faults' sentences hold neither the address nor anything the other side said.
    """

    async def fetch(self, url: str, limit_bytes: int) -> bytes:
        """The bytes behind a caller's address, unchecked as a picture.

        Raises InvalidRequest where the address may not be opened, InvalidImage where there is no
        file behind it, ImageTooLarge beyond the limit, Unavailable where the host is silent.
        """
