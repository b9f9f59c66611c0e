"""Tokens as an operator works on them, on the files and the database that the settings name."""

import secrets
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path

from imagewright.adapters.auth.token_file import Minted, Terms, TokenFile
from imagewright.adapters.auth.token_reader import MappedToken
from imagewright.adapters.clock import SystemClock
from imagewright.adapters.sql.database import Database, SqlConfig
from imagewright.adapters.sql.engines import NotMade
from imagewright.adapters.sql.uses import SqlUses
from imagewright.adapters.toml.budgets import budget_table
from imagewright.app.auditing import AdminAct, tell_acts
from imagewright.app.identity import single_of
from imagewright.app.ownership import as_owner
from imagewright.app.parts import acl_of, database_url
from imagewright.app.revoking import revoke_token
from imagewright.core.budget import Budget
from imagewright.core.errors import Fault
from imagewright.core.expiry import parse_expiry
from imagewright.core.flaw import Flaw, Misconfigured
from imagewright.core.money import parse_usd
from imagewright.core.quantity import parse_seconds
from imagewright.ports.uses import Use
from imagewright.settings import Settings

_MICRO = 1_000_000
_REASON = "imagewright token revoke"


class TokenOffice:
    """What `imagewright token` does; `told` are warnings on the way.

    `entered` writes the audit's lines, once everything else is done.
    """

    def __init__(self, settings: Settings, by: str) -> None:
        """`by` is who at the machine. Raises Misconfigured where no tokens file is named."""
        path = settings.auth.tokens_path
        if path is None:
            raise Misconfigured([_NO_FILE])
        self._settings = settings
        self._by = by
        self._acts: list[AdminAct] = []
        self._clock = SystemClock()
        self._file = TokenFile(path, self._clock, secrets.token_bytes, single_of(settings))
        self.told: list[Flaw] = []

    @property
    def path(self) -> Path:
        """The tokens file."""
        return self._file.path

    def terms(
        self, expires: str | None, amounts: Mapping[str, str | None], **more: object
    ) -> Terms:
        """Terms whose expiry and budget are written as operators do. Raises InvalidRequest."""
        limits = {key: parse_usd(each) for key, each in amounts.items() if each is not None}
        budget, ends = Budget(**limits), self._expiry(expires)
        return Terms(expires=ends, budget=budget, **more)  # type: ignore[arg-type]  # of Terms

    def add(self, subject: str, terms: Terms, id: str | None) -> Minted:
        """As `TokenFile.add`; tells of a subject that the ACL does not name."""
        made = self._file.add(subject, terms, id)
        given: dict[str, object] = {
            "groups": terms.groups,
            "scopes": terms.scopes,
            "cidrs": terms.cidrs,
            "budget": budget_table(terms.budget),
        }
        ends = {"expires": terms.expires.isoformat()} if terms.expires else {}
        shape = {"subject": subject, **{key: each for key, each in given.items() if each}, **ends}
        self._acts.append(self._act(made.id, shape, action="token_add", outcome="added"))
        self.told += self._unnamed(subject, terms.groups)
        return made

    def rotate(self, id: str, overlap: str, expires: str | None) -> Minted:
        """As `TokenFile.rotate`, with durations as operators write them."""
        made = self._file.rotate(id, parse_seconds(overlap), self._expiry(expires))
        until = {"old_until": _iso(made.until)} if made.until else {}
        self._acts.append(self._act(id, until, action="token_rotate", outcome="rotated"))
        return made

    async def revoke(self, id: str, *, remove: bool) -> None:
        """Refuse an entry's tokens from now on, and take it out where that is asked for.

        The row in the database comes first: it counts on every node, within a second, and for
        jobs that wait; its line of the audit is written with it. Where the database is away the
        file alone is changed, and that is told.
        """
        tokens, _ = self._file.tokens()
        if any(each.credential.id == id for each in tokens):
            reason = f"{_REASON} --remove" if remove else _REASON
            try:
                await revoke_token(self._settings, id, by=self._by, reason=reason)
            except Fault as fault:
                self._warn("Other nodes, waiting jobs and the audit do not know of it.", fault)
        if remove:
            self._file.remove(id)
        else:
            self._file.revoke(id)

    def take_in(self, source: Path | None) -> tuple[str, ...]:
        """As `TokenFile.take_in`."""
        ids = self._file.take_in(source)
        whose = {each.credential.id: each.subject for each in self._file.tokens()[0]} if ids else {}
        for id in ids:
            shape = {"subject": whose[id]}
            self._acts.append(self._act(id, shape, action="token_import", outcome="hashed"))
        return ids

    async def entered(self) -> Flaw | None:
        """Write the audit's lines of what was done; a warning where that cannot be."""
        acts, self._acts = self._acts, []
        return await tell_acts(self._settings, acts) if acts else None

    async def listed(self) -> tuple[dict[str, object], ...]:
        """Every entry as plain values: no secret and no hash among them."""
        tokens, warnings = self._file.tokens()
        self.told += warnings
        uses = await self._uses()
        return tuple(self._row(each, uses) for each in tokens)

    async def _uses(self) -> Mapping[Use, int]:
        """When tokens were last used; nothing is made or migrated to learn it."""
        with as_owner(self._settings.state):
            database = Database(SqlConfig(url=database_url(self._settings)))
            try:
                await database.open_beside()
                return await SqlUses(database).latest()
            except NotMade:
                return {}
            except Fault as fault:
                self._warn("When tokens were last used is not known.", fault)
                return {}
            finally:
                await database.close()

    def _act(self, id: str, shape: Mapping[str, object], *, action: str, outcome: str) -> AdminAct:
        return AdminAct(by=self._by, action=action, thing=id, outcome=outcome, shape=shape)

    def _warn(self, sentence: str, fault: Fault) -> None:
        whole = f"{sentence} {fault.sentence}"
        self.told.append(Flaw(place="", key="", sentence=whole, hint=fault.hint, warning=True))

    def _row(self, token: MappedToken, uses: Mapping[Use, int]) -> dict[str, object]:
        scopes, networks, previous = token.credential.scopes, token.networks, token.previous
        return {
            "id": token.credential.id,
            "subject": token.subject,
            "state": self._file.state(token),
            "expires": _written(token.expires_at),
            "last_used": _written(uses.get(token.use)),
            "previous_until": _written(previous.expires_at) if previous else None,
            "previous_last_used": _written(uses.get(previous.use)) if previous else None,
            "revoked": _written(token.revoked_at),
            "groups": sorted(token.groups),
            "scopes": None if scopes is None else sorted(scopes),
            "cidrs": None if networks is None else [str(each) for each in networks],
            "budget": budget_table(token.credential.budget),
            "note": token.note,
        }

    def _expiry(self, text: str | None) -> date | datetime | None:
        now = datetime.fromtimestamp(self._clock.now() // _MICRO, UTC)
        return None if text is None else parse_expiry(text, now)

    def _unnamed(self, subject: str, groups: tuple[str, ...]) -> Iterator[Flaw]:
        try:
            acl = acl_of(self._settings, self.told.append).current()
        except Misconfigured as error:
            yield from error.flaws
            return
        if subject not in acl.subjects and not any(group in acl.groups for group in groups):
            yield Flaw(
                place=str(self._settings.auth.acl_path),
                key="",
                sentence=f"The ACL does not name {subject}, which may do nothing yet.",
                hint=f'Add below [subjects]: "{subject}" = ["read"]',
                warning=True,
            )


_NO_FILE = Flaw(
    place="",
    key="auth.tokens_path",
    sentence="The settings name no tokens file.",
    hint='Add to imagewright.toml below [auth]: tokens_path = "tokens.toml"',
)


def _written(micro: int | None) -> str | None:
    return None if micro is None else _iso(datetime.fromtimestamp(micro // _MICRO, UTC))


def _iso(moment: datetime) -> str:
    """A time in UTC, to the second."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
