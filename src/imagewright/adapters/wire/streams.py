"""Pictures of the OpenAI Images API as they come, in server-sent events (openai 3.51).

`image_generation.partial_image`, `image_edit.partial_image` and the two `.completed`; a
stream is for one picture, since nothing in an event says which of several it belongs to.
"""

import asyncio
from collections.abc import Callable, Mapping

from imagewright.adapters.wire.refusals import VendorError, error_of
from imagewright.adapters.wire.results import Results, entry_of, read_object, whole
from imagewright.adapters.wire.sse import Event, EventReader
from imagewright.core.spending import Usage
from imagewright.ports.provider import Watch

ReadUsage = Callable[[object], Usage | None]

_LARGE = 64 * 1024
_SUCCESS = range(200, 300)


async def read_event(event: Event) -> Mapping[str, object] | None:
    """The object that an event holds, or None; a large one is read beside the event loop."""
    if len(event.data) < _LARGE:
        return read_object(event.data)
    return await asyncio.to_thread(read_object, event.data)


def is_stream(status: int, headers: Mapping[str, str]) -> bool:
    """Whether an answer is one of events; servers that cannot stream answer with JSON."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return status in _SUCCESS and kind == "text/event-stream"


class PictureStream:
    """Takes an answer of events, tells the watch the partial images, and keeps the picture.

    `partials` are the numbers that its partial images have in the order. `usage` reads what the
    last event reports of the one picture.
    """

    def __init__(self, watch: Watch, partials: range, usage: ReadUsage) -> None:
        self._watch = watch
        self._partials = partials
        self._usage = usage
        self._events = EventReader()
        self.used = False
        self.results: Results | None = None
        self.error: VendorError | None = None

    def wants(self, status: int, headers: Mapping[str, str]) -> bool:
        self.used = is_stream(status, headers)
        return self.used

    async def take(self, data: bytes) -> bool:
        for event in self._events.feed(data):
            if event.done or not await self._goes_on(event):
                return False
        return True

    async def _goes_on(self, event: Event) -> bool:
        found = await read_event(event)
        if found is None:
            return True
        self.error = error_of(found)
        if self.error is not None:
            return False
        kind = str(found.get("type") or event.name)
        if kind.endswith(".partial_image"):
            await self._partial(found)
        if not kind.endswith(".completed"):
            return True
        entry = entry_of(found)
        usage = self._usage(found.get("usage"))
        entries = () if entry is None else (entry,)
        self.results = Results(listed=1, entries=entries, usage=usage)
        return False

    async def _partial(self, found: Mapping[str, object]) -> None:
        entry, number = entry_of(found), whole(found.get("partial_image_index"))
        if entry is None or entry.data is None or number is None:
            return
        # Those beyond what was asked for are not told: their numbers are other pictures'.
        if 0 <= number < len(self._partials):
            await self._watch.partial(self._partials[number], entry.data)
