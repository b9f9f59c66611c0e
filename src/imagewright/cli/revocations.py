"""`imagewright acl revoke`, `restore` and `revocations`: beside a running service."""

import asyncio
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from imagewright.cli.operator import operator
from imagewright.cli.sources import Sources, settings_or_exit
from imagewright.cli.trouble import told
from imagewright.core.errors import InvalidRequest
from imagewright.core.revocation import EVERYBODY, Revocation, Target, What

if TYPE_CHECKING:
    from imagewright.services.revoking import Revoked

_MICRO = 1_000_000
Kind = Annotated[Literal["token", "subject", "spending"], Parameter(help="What.")]
Key = Annotated[str | None, Parameter(help="The token's id, or the subject.")]
Reason = Annotated[str, Parameter(help="Why, in one line, for whoever reads it later.")]


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Whose spending is meant, where it is not a subject's."""

    provider: Annotated[str | None, Parameter(help="Spending at this provider.")] = None
    everyone: Annotated[bool, Parameter(negative="", help="All spending.")] = False


_ANYWHERE = Where()


def revoke(
    what: Kind,
    key: Key = None,
    /,
    *,
    reason: Reason,
    where: Where = _ANYWHERE,
    sources: Sources | None = None,
) -> None:
    """Take back a token, a subject or spending, on every node at once; queued jobs end."""
    from imagewright.app.revoking import revoking

    settings = settings_or_exit(sources).settings

    async def run() -> "Revoked":
        target = _target(what, key, where)
        async with revoking(settings) as service:
            return await service.revoke(target, by=operator(), reason=reason)

    with told():
        done = asyncio.run(run())
    print(f"Revoked: {done.revocation.target}. Queued jobs ended: {done.ended}.")


def restore(
    what: Kind,
    key: Key = None,
    /,
    *,
    reason: Reason,
    where: Where = _ANYWHERE,
    sources: Sources | None = None,
) -> None:
    """Lift a revocation; what it ended stays ended."""
    from imagewright.app.revoking import revoking

    settings = settings_or_exit(sources).settings

    async def run() -> Revocation:
        target = _target(what, key, where)
        async with revoking(settings) as service:
            return await service.restore(target, by=operator(), reason=reason)

    with told():
        done = asyncio.run(run())
    print(f"Restored: {done.target}.")


def revocations(
    *,
    lifted: Annotated[bool, Parameter(name="--all", negative="", help="Lifted ones too.")] = False,
    sources: Sources | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative="", help="As JSON.")] = False,
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


def _target(what: str, key: str | None, where: Where) -> Target:
    """The one thing that is named. Raises InvalidRequest where none or several are."""
    given = [key is not None, where.provider is not None, where.everyone]
    if sum(given) != 1 or (what != "spending" and key is None):
        raise InvalidRequest(
            "Name one thing: a token's id, a subject, or whose spending.",
            hint="Spending is a subject's, or that of --provider NAME or --everyone.",
        )
    if where.everyone:
        return EVERYBODY
    if where.provider is not None:
        return Target(what=What.SPENDING_AT, key=where.provider)
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
