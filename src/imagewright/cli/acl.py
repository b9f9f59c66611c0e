"""`imagewright acl`: what the ACL says, what a change does, and what is taken back at once."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from imagewright.cli.listing import AsJson
from imagewright.cli.revocations import restore, revocations, revoke
from imagewright.cli.sources import Sources, print_flaws, settings_or_exit
from imagewright.cli.trouble import told

app = App(name="acl", help="Check, explain and compare ACLs; revoke and restore.")
app.command(revoke)
app.command(restore)
app.command(revocations)


@app.command
def check(
    file: Annotated[Path | None, Parameter(help="Another file than auth.acl_path.")] = None,
    /,
    *,
    sources: Sources | None = None,
    as_json: AsJson = False,
) -> None:
    """Print ok, or every fault of the ACL with its line, and exit with 2."""
    from imagewright.app.granting import grants_of
    from imagewright.core.flaw import Misconfigured

    settings = settings_or_exit(sources).settings
    try:
        flaws, good = grants_of(settings, file).warnings, True
    except Misconfigured as fault:
        flaws, good = fault.flaws, False
    if as_json:
        print(json.dumps({"ok": good, "flaws": [str(flaw) for flaw in flaws]}, indent=2))
    else:
        print_flaws(flaws)
        if good:
            print("ok")
    if not good:
        raise SystemExit(2)


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The options of a question."""

    subject: Annotated[str, Parameter(help="Who: user:…, service:… or local.")]
    action: Annotated[str, Parameter(help="What: a tool or a scope.")]
    provider: Annotated[str | None, Parameter(help="At which provider.")] = None
    model: Annotated[str | None, Parameter(help="With which model.")] = None
    group: Annotated[
        tuple[str, ...], Parameter(negative="", help="A group of the subject's; may be repeated.")
    ] = ()
    token: Annotated[str | None, Parameter(help="The id of the subject's token.")] = None


@app.command
def explain(
    file: Annotated[Path | None, Parameter(help="Another file than auth.acl_path.")] = None,
    /,
    *,
    asked: Asked,
    sources: Sources | None = None,
    as_json: AsJson = False,
) -> None:
    """Say whether something is allowed, and which lines of the ACL and revocations decide it."""
    from imagewright.app.granting import Wanted, explained, grants_of
    from imagewright.app.revoking import revoked_now

    settings = settings_or_exit(sources).settings
    with told():
        grants = grants_of(settings, file)
        wanted = Wanted(
            subject=asked.subject,
            action=asked.action,
            groups=frozenset(asked.group),
            token=asked.token,
            provider=asked.provider,
            model=asked.model,
        )
        found = explained(settings, grants, wanted, asyncio.run(revoked_now(settings)))
    lines = [grants.told(each) for each in found.because]
    limits = [grants.told(each) for each in found.limits]
    if as_json:
        answer = {
            "allowed": found.allowed,
            "reason": found.reason,
            "because": lines,
            "limits": limits,
        }
        print(json.dumps(answer, indent=2))
    else:
        lines += limits
        print("\n".join([f"{'allowed' if found.allowed else 'denied'}: {found.reason}", *lines]))


@app.command
def diff(
    old: Annotated[Path, Parameter(help="The file in force.")],
    new: Annotated[Path, Parameter(help="The file to come.")],
    /,
    *,
    sources: Sources | None = None,
    as_json: AsJson = False,
) -> None:
    """Say who gains and who loses what if one ACL is put in another's place."""
    from imagewright.app.granting import difference, grants_of, named

    settings = settings_or_exit(sources).settings
    with told():
        found = difference(settings, grants_of(settings, old), grants_of(settings, new))
    table = [
        {"entry": named(each.who), "gains": list(each.gains), "loses": list(each.loses)}
        for each in found
    ]
    if as_json:
        print(json.dumps(table, indent=2))
        return
    for change in table:
        print(change["entry"])
        for word in ("gains", "loses"):
            for what in change[word]:
                print(f"  {word} {what}")
    if not table:
        print("No difference.")
