"""Threads and connections that run transactions, one hop each."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from imagewright.adapters.sql.failures import fault, outrun, unstorable
from imagewright.core.errors import Unavailable

Result = TypeVar("Result")
Work = Callable[[Connection], Result]

_TRIES = 5


class Lane:
    """An engine and as many threads as it has connections."""

    def __init__(self, engine: Engine, threads: int, name: str) -> None:
        self.engine = engine
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._asked = self._ended = self._seen = 0

    async def run(self, work: Work[Result]) -> Result:
        """Run `work` in one transaction on a thread of this lane.

        Once asked for, the transaction completes even if the asking task is cancelled.
        One that another outran is tried again, and one whose connection was gone before it was
        to be kept, so `work` changes nothing but the database.
        Raises what `work` raises, Unavailable, StorageFull, or InvalidRequest for a value that
        the database cannot hold.
        """
        try:
            future = asyncio.get_running_loop().run_in_executor(self._threads, self.transact, work)
        except RuntimeError as error:
            raise Unavailable("The service is being stopped.") from error
        self._asked += 1
        future.add_done_callback(self._heed)
        return await asyncio.shield(future)

    def transact(self, work: Work[Result]) -> Result:
        """As `run`, on the calling thread."""
        tries = _TRIES
        while True:
            tries -= 1
            worked = False
            try:
                with self.engine.begin() as connection:
                    result = work(connection)
                    worked = True
                return result
            except (UnicodeEncodeError, OverflowError) as error:
                raise unstorable() from error
            except SQLAlchemyError as error:
                if tries and isinstance(error, DBAPIError) and _undone(error, worked=worked):
                    continue
                known = fault(error)
                if known is None:
                    raise
                raise known from error

    def turned(self) -> bool:
        """Whether a transaction ended since the last look, well or not, or none is under way."""
        seen, self._seen = self._seen, self._ended
        return self._asked == self._ended or self._ended != seen

    def close(self) -> None:
        """Let everything asked for complete, then close the connections. Blocks."""
        self._threads.shutdown()
        self.engine.dispose()

    def _heed(self, future: asyncio.Future[Any]) -> None:
        """Nobody reads what a transaction raised when its asking task was cancelled."""
        self._ended += 1
        if not future.cancelled():
            future.exception()


def _undone(error: DBAPIError, *, worked: bool) -> bool:
    """Whether nothing of a transaction was kept, so that it may be tried again at once.

    Of a connection that breaks while all of it is kept nobody can tell.
    """
    return outrun(error) or (error.connection_invalidated and not worked)
