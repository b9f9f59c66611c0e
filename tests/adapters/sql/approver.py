"""A process that approves by a link once it is told to: `python -m … URL DIGEST`."""

import asyncio
import sys

from imagewright.adapters.sql.approvals import SqlApprovals
from imagewright.adapters.sql.database import Database, SqlConfig
from imagewright.core.errors import NotFound
from imagewright.ports.approvals import Reply, Way
from tests.contracts.approvals import SOON
from tests.contracts.samples import WHENCE


async def main(url: str, digest: str) -> None:
    database = Database(SqlConfig(url=url))
    await database.open()
    say("ready")
    sys.stdin.readline()
    reply = Reply(yes=True, way=Way.LINK, origin=WHENCE, at=SOON)
    try:
        await SqlApprovals(database).answer_link(digest, reply)
        say("approved")
    except NotFound:
        say("gone")
    await database.close()


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


asyncio.run(main(sys.argv[1], sys.argv[2]))
