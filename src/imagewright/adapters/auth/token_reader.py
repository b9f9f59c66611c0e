"""tokens.toml as the table that bearer tokens are looked up in."""

import hashlib
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from functools import cached_property
from types import MappingProxyType

from imagewright.adapters.toml.budgets import read_budget
from imagewright.adapters.toml.document import Document, KeyPath
from imagewright.adapters.toml.findings import Findings, Table
from imagewright.core.caller import Caller, Credential, check_subject
from imagewright.core.errors import InvalidRequest
from imagewright.core.flaw import Flaw
from imagewright.core.scope import expand
from imagewright.core.token import check_token, is_token_id, token_id
from imagewright.ports.uses import Use

ENTRY = (
    "sha256",
    "subject",
    "groups",
    "scopes",
    "expires",
    "cidrs",
    "budget",
    "note",
    "previous",
    "revoked",
)
PREVIOUS = ("sha256", "expires")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_LONGEST_SHOWN = 16
_TWICE = "The same token or id is set twice."
_REMOVE = "Remove one of them."
_DATE_HINT = "Write it without quotes: 2027-01-01, or 2027-01-01T12:00:00Z"


@dataclass(frozen=True, kw_only=True)
class MappedToken:
    """What stands behind one token. Times are UTC microseconds; `expires_at` None is never.

    `networks` None lets it come from any address. `mark` is no secret and tells an entry's
    `previous` token, good until the rotation's overlap ends, from the one in its place. `clear`
    is one that can be read in the file.
    """

    subject: str
    credential: Credential
    mark: str = ""
    groups: frozenset[str] = frozenset()
    expires_at: int | None = None
    networks: tuple[Network, ...] | None = None
    note: str = ""
    revoked_at: int | None = None
    previous: "MappedToken | None" = None
    clear: bool = False

    @cached_property
    def use(self) -> Use:
        """What is noted when it is used."""
        return Use(self.credential.id, self.mark)

    def good(self, now: int) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now <= self.expires_at)

    @cached_property
    def caller(self) -> Caller:
        """Whoever shows the token, made once."""
        return Caller(subject=self.subject, groups=self.groups, credential=self.credential)


@dataclass(frozen=True, slots=True, kw_only=True)
class SingleToken:
    """The one token of a small set-up, and where it was set. Raises InvalidRequest."""

    token: str = field(repr=False)
    subject: str
    place: str = "auth.token"

    def __post_init__(self) -> None:
        check_token(self.token)
        check_subject(self.subject)


@dataclass(frozen=True, slots=True)
class TokenTable:
    """Every token by the SHA-256 of it in hexadecimal, and by its id."""

    by_digest: Mapping[str, MappedToken]
    by_id: Mapping[str, MappedToken]


def digest(token: str) -> str:
    """What stands for a token in memory and on disk.

    A token has 128 random bits or more, so that a plain hash cannot be searched.
    """
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def single_table(single: SingleToken | None) -> TokenTable:
    """A table with the one token, or with none."""
    found = {}
    if single:
        hashed, token = _clear(single.token, single.subject)
        found[hashed] = replace(token, note=f"from {single.place}", clear=False)
    return TokenTable(
        MappingProxyType(found),
        MappingProxyType({token.credential.id: token for token in found.values()}),
    )


def read_tokens(
    document: Document, single: SingleToken | None
) -> tuple[TokenTable, tuple[Flaw, ...]]:
    """The table with the single token in it, and warnings. Raises Misconfigured with every flaw."""
    return _Reader(document, single_table(single)).tokens()


def _clear(token: str, subject: str) -> tuple[str, MappedToken]:
    hashed = digest(token)
    mark = token_id(bytes.fromhex(hashed))
    return hashed, MappedToken(
        subject=subject, credential=Credential(id=mark), mark=mark, clear=True
    )


def _masked(path: KeyPath) -> KeyPath:
    """Whatever may be a token, by intent or by mistake, is not shown."""
    shown = list(path)
    if path and path[0] != "tokens":
        shown = ["<hidden>"]
    if len(path) > 1 and not is_token_id(path[1]):
        shown[1:] = ["<hidden>"]
    return tuple(
        part if len(part) <= _LONGEST_SHOWN or is_token_id(part) else "…" for part in shown
    )


class _Reader:
    def __init__(self, document: Document, start: TokenTable) -> None:
        self._document = document
        self._found = Findings(document, _masked)
        self._by_digest = dict(start.by_digest)
        self._by_id = dict(start.by_id)

    def tokens(self) -> tuple[TokenTable, tuple[Flaw, ...]]:
        table = self._document.table
        self._found.unknown((), table, ("tokens",))
        entries = self._found.table(("tokens",), table.get("tokens", {}))
        for key, value in entries.items():
            if isinstance(value, dict):
                self._hashed(key, value)
            else:
                self._in_clear(key, value)
        clear = sum(1 for value in entries.values() if isinstance(value, str))
        if clear:
            self._found.warn(
                ("tokens",),
                f"{clear} of the tokens can be read here.",
                "Do: imagewright token import",
            )
        warnings = self._found.close()
        return TokenTable(
            MappingProxyType(self._by_digest), MappingProxyType(self._by_id)
        ), warnings

    def _in_clear(self, token: str, value: object) -> None:
        path = ("tokens", token)
        subject = self._found.text(path, value, 'Write "<token>" = "user:alice".')
        if subject is None:
            return
        self._found.parsed(path, check_token, token)
        self._found.parsed(path, check_subject, subject)
        self._put(path, *_clear(token, subject))

    def _hashed(self, id: str, table: Table) -> None:
        path = ("tokens", id)
        if not is_token_id(id):
            self._found.fault(
                path, "An id is tok_ and 1 to 40 of a-z, 0-9, - and _.", "Write [tokens.tok_name]."
            )
        self._found.unknown(path, table, ENTRY)
        token = MappedToken(
            subject=self._subject(path, table),
            credential=Credential(
                id=id,
                scopes=self._scopes(path, table),
                budget=read_budget(self._found, path, table),
            ),
            groups=self._groups(path, table),
            expires_at=self._time((*path, "expires"), table.get("expires")),
            networks=self._networks(path, table),
            note=self._note(path, table),
            revoked_at=self._time((*path, "revoked"), table.get("revoked")),
        )
        previous = self._previous((*path, "previous"), table, token)
        if hashed := self._digest((*path, "sha256"), table):
            mark = token_id(bytes.fromhex(hashed))
            self._put(path, hashed, replace(token, mark=mark, previous=previous))

    def _previous(self, path: KeyPath, table: Table, token: MappedToken) -> MappedToken | None:
        """The token before the last rotation, good until its own time and no longer than the new.

        The same id: budgets, sessions and jobs go on.
        """
        if "previous" not in table:
            return None
        inner = self._found.table(path, table["previous"])
        self._found.unknown(path, inner, PREVIOUS)
        expires = self._time((*path, "expires"), inner.get("expires"))
        if "expires" not in inner:
            self._found.fault(path, "It is not said when the previous token expires.")
        hashed = self._digest((*path, "sha256"), inner)
        if not hashed or expires is None:
            return None
        until = expires if token.expires_at is None else min(expires, token.expires_at)
        mark = token_id(bytes.fromhex(hashed))
        previous = replace(token, mark=mark, expires_at=until)
        if hashed in self._by_digest:
            self._found.fault(path, _TWICE, _REMOVE)
        self._by_digest[hashed] = previous
        return previous

    def _digest(self, path: KeyPath, table: Table) -> str:
        hashed = table.get("sha256")
        hashed = hashed.lower() if isinstance(hashed, str) else ""
        if _DIGEST.match(hashed):
            return hashed
        self._found.fault(path, "This must be the token's SHA-256 in 64 hexadecimal digits.")
        return ""

    def _put(self, path: KeyPath, hashed: str, token: MappedToken) -> None:
        if hashed in self._by_digest or token.credential.id in self._by_id:
            self._found.fault(path, _TWICE, _REMOVE)
        self._by_digest[hashed] = token
        self._by_id[token.credential.id] = token

    def _note(self, path: KeyPath, table: Table) -> str:
        at = (*path, "note")
        return (self._found.text(at, table["note"]) or "") if "note" in table else ""

    def _subject(self, path: KeyPath, table: Table) -> str:
        if "subject" not in table:
            self._found.fault(path, "The subject is missing.", 'Add: subject = "service:name"')
            return ""
        at = (*path, "subject")
        text = self._found.text(at, table["subject"])
        return (self._found.parsed(at, check_subject, text) if text is not None else None) or ""

    def _groups(self, path: KeyPath, table: Table) -> frozenset[str]:
        if "groups" not in table:
            return frozenset()
        return frozenset(self._found.texts((*path, "groups"), table["groups"]))

    def _scopes(self, path: KeyPath, table: Table) -> frozenset[str] | None:
        if "scopes" not in table:
            return None
        at = (*path, "scopes")
        names = self._found.texts(at, table["scopes"])
        each = [self._found.parsed(at, expand, [name]) or () for name in names]
        return frozenset(scope.value for scopes in each for scope in scopes)

    def _time(self, path: KeyPath, value: object) -> int | None:
        if value is None:
            return None
        if type(value) is date:
            value = datetime.combine(value, time.max, UTC)
        if isinstance(value, datetime) and value.tzinfo is not None:
            return round(value.timestamp() * 1_000_000)
        self._found.fault(path, "This must be a date, or a time with its zone.", _DATE_HINT)
        return None

    def _networks(self, path: KeyPath, table: Table) -> tuple[Network, ...] | None:
        if "cidrs" not in table:
            return None
        at = (*path, "cidrs")
        read = [
            self._found.parsed(at, check_network, cidr)
            for cidr in self._found.texts(at, table["cidrs"])
        ]
        return tuple(network for network in read if network is not None)


def check_network(cidr: str) -> Network:
    """A network, such as 10.0.0.0/8. Raises InvalidRequest."""
    try:
        return ipaddress.ip_network(cidr)
    except ValueError:
        raise InvalidRequest(
            "The list holds something that is no network.", hint='Write ["10.0.0.0/8"].'
        ) from None
