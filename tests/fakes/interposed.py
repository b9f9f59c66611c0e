"""Between a service and a port: calls fail, wait or are counted as a test says."""

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

Before = Callable[[], Awaitable[None]]


class Interposed:
    """Passes every call on to a real port, and keeps whatever contract that keeps.

    `fail(name, fault, times)` lets that many calls of a method raise; `before` runs ahead of
    the method of that name, `after` behind it.
    """

    def __init__(self, port: object) -> None:
        self._port = port
        self._faults: dict[str, list[BaseException]] = {}
        self.before: dict[str, Before] = {}
        self.after: dict[str, Before] = {}
        self.calls: Counter[str] = Counter()

    def fail(self, name: str, fault: BaseException, times: int = 1) -> None:
        self._faults.setdefault(name, []).extend([fault] * times)

    def mend(self) -> None:
        """Forget the faults that were not met."""
        self._faults.clear()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)

        async def call(*args: Any, **more: Any) -> Any:
            self.calls[name] += 1
            if name in self.before:
                await self.before[name]()
            if self._faults.get(name):
                raise self._faults[name].pop(0)
            found = await method(*args, **more)
            if name in self.after:
                await self.after[name]()
            return found

        return call
