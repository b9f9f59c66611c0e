"""Server-sent events (WHATWG HTML, 9.2.6): the fields `event` and `data`, all others ignored."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_END = re.compile(rb"[\r\n]")
_DONE = b"[DONE]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event; `data` are its lines of data, joined by line feeds."""

    name: str
    data: bytes = field(repr=False)

    @property
    def done(self) -> bool:
        """Whether it only says that no more will come, as OpenAI's APIs and relays end."""
        return self.data.startswith(_DONE)


class EventReader:
    """Turns bytes, however cut, into events. What is not closed by an empty line is none.

    It holds what came of one event; how many bytes that are is for the client to bound.
    """

    def __init__(self) -> None:
        self._line = bytearray()
        self._data: list[bytes] = []
        self._name = ""
        self._after_return = False
        self._begun = False

    def feed(self, data: bytes) -> Iterator[Event]:
        """The events that are whole with these bytes."""
        start = 0
        for end in _END.finditer(data):
            position = end.start()
            if self._after_return and position == start and end[0] == b"\n":
                # The second half of a line's end that was seen already.
                start, self._after_return = position + 1, False
                continue
            self._line += data[start:position]
            start, self._after_return = position + 1, end[0] == b"\r"
            event = self._end_of_line()
            if event is not None:
                yield event
        if start < len(data):
            self._after_return = False
            self._line += data[start:]

    def _end_of_line(self) -> Event | None:
        line = bytes(self._line)
        self._line.clear()
        if not self._begun:
            self._begun, line = True, line.removeprefix(b"\xef\xbb\xbf")
        if not line:
            return self._dispatch()
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._name = value.decode("utf-8", "replace")
        return None

    def _dispatch(self) -> Event | None:
        event = Event(name=self._name, data=b"\n".join(self._data)) if self._data else None
        self._name, self._data = "", []
        return event
