"""How a request can fail. None of these quotes an address, a header or an answer."""


class WebError(Exception):
    """A failed request; `reason` is a word of ours for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NotSent(WebError):
    """Nothing of the request was written: no address, connection, TLS or free place in time."""


class SentNoAnswer(WebError):
    """The request began, and no whole answer came: it may have been carried out."""


class TooLarge(WebError):
    """The answer has more bytes than were allowed for it."""


class Refused(WebError):
    """The address, or the one it led to, may not be opened. Nothing was sent there."""


class BadStatus(WebError):
    """The other side answered with something else than a picture's bytes."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status = status
