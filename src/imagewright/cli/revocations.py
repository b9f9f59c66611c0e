"""`imagewright acl revoke`, `restore` and `revocations`: beside a running service."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

from cyclopts import Parameter

from imagewright.cli.listing import AsJson
from imagewright.cli.operator import operator
from imagewright.cli.sources import Sources, settings_or_exit
from imagewright.cli.trouble import told
from imagewright.core.errors import InvalidRequest
from imagewright.core.revocation import EVERYBODY, Revocation, Target, What

if TYPE_CHECKING:
    from imagewright.services.revoking import Revoked, RevokingService

_MICRO = 1_000_000
Kind = Annotated[Literal["token", "subject", "spending"], Parameter(help="What.")]
Key = Annotated[str | None, Parameter(help="The token's id, or the subject.")]
Done = TypeVar("Done")


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Why, and whose spending is meant, where it is not a subject's."""

    reason: Annotated[str, Parameter(help="Why, in one line, for whoever reads it later.")]
    provider: Annotated[str | None, Parameter(help="Spending at this provider.")] = None
    everyone: Annotated[bool, Parameter(negative="", help="All spending.")] = False


def revoke(what: Kind, key: Key = None, /, *, order: Order, sources: Sources | None = None) -> None:
    """Take back a token, a subject or spending, on every node at once; queued jobs end."""

    async def act(service: "RevokingService", target: Target) -> "Revoked":
        return await service.revoke(target, by=operator(), reason=order.reason)

    done = _done(sources, partial(_target, what, key, order), act)
    print(f"Revoked: {done.revocation.target}. Queued jobs ended: {done.ended}.")


def restore(
    what: Kind, key: Key = None, /, *, order: Order, sources: Sources | None = None
) -> None:
    """Lift a revocation; what it ended stays ended."""

    async def act(service: "RevokingService", target: Target) -> Revocation:
        return await service.restore(target, by=operator(), reason=order.reason)

    print(f"Restored: {_done(sources, partial(_target, what, key, order), act).target}.")


def revocations(
    *,
    lifted: Annotated[bool, Parameter(name="--all", negative="", help="Lifted ones too.")] = False,
    sources: Sources | None = None,
    as_json: AsJson = False,
) -> None:
    """List what is revoked, by whom, when and why; newest first."""
    from imagewright.app.revoking import revocations_of

    settings = settings_or_exit(sources).settings

    with told():
        found = asyncio.run(revocations_of(settings, lifted=lifted))
    if as_json:
        print(json.dumps([_table(each) for each in found], indent=2))
        return
    for each in found:
        print(_line(each))
    if not found:
        print("Nothing is revoked.")


def _done(
    sources: Sources | None,
    target: Callable[[], Target],
    act: "Callable[[RevokingService, Target], Awaitable[Done]]",
) -> Done:
    from imagewright.app.revoking import revoking

    settings = settings_or_exit(sources).settings

    async def run() -> Done:
        whom = target()
        async with revoking(settings) as service:
            return await act(service, whom)

    with told():
        return asyncio.run(run())


def _target(what: str, key: str | None, order: Order) -> Target:
    """The one thing that is named. Raises InvalidRequest where none or several are."""
    given = [key is not None, order.provider is not None, order.everyone]
    if sum(given) != 1 or (what != "spending" and key is None):
        raise InvalidRequest(
            "Name one thing: a token's id, a subject, or whose spending.",
            hint="Spending is a subject's, or that of --provider NAME or --everyone.",
        )
    if order.everyone:
        return EVERYBODY
    if order.provider is not None:
        return Target(what=What.SPENDING_AT, key=order.provider)
    kinds = {"token": What.TOKEN, "subject": What.SUBJECT, "spending": What.SPENDING_BY}
    return Target(what=kinds[what], key=key or "")


def _line(each: Revocation) -> str:
    end = f"; restored by {each.lifted_by} {_iso(each.lifted_at)}" if each.lifted_at else ""
    return f"{_iso(each.at)} {each.target}: {each.reason} (by {each.by}{end})"


def _table(each: Revocation) -> dict[str, object]:
    table = asdict(each) | {"what": each.target.what.value, "key": each.target.key}
    del table["target"]
    return table | {"at": _iso(each.at), "lifted_at": _iso(each.lifted_at)}


def _iso(at: int | None) -> str | None:
    if at is None:
        return None
    return f"{datetime.fromtimestamp(at // _MICRO, UTC):%Y-%m-%dT%H:%M:%SZ}"
