"""Pictures from addresses that callers name."""

from typing import Protocol


class Fetcher(Protocol):
    """Opens only public https addresses, checked when the connection is made."""

    async def fetch(self, url: str, limit: int) -> bytes:
        """At most `limit` bytes, with no credential of ours.

        Raises InvalidRequest for an address that is not opened, ImageTooLarge beyond the
        limit, and InvalidImage where the address answers with anything but a picture's bytes.
        """
