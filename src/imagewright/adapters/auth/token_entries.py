"""Entries of tokens.toml, changed in the text as it stands."""

import tomllib
from collections.abc import Mapping
from datetime import date, datetime

from imagewright.adapters.auth.token_reader import digest
from imagewright.adapters.toml.document import Document, key_name
from imagewright.adapters.toml.findings import Table
from imagewright.adapters.toml.statements import (
    Edit,
    Statement,
    assignment,
    edited,
    line_break,
    statements,
    value_text,
)
from imagewright.core.errors import InvalidRequest, NotFound
from imagewright.core.token import token_id

Written = str | date | datetime | list[str] | Mapping[str, object]
Values = Mapping[str, Written | None]
"""Keys of an entry; None takes one out."""


class Entries:
    """The entries of a document. Each method gives the new text; the document stays as it is.

    NotFound is raised for an id that no entry has, and InvalidRequest for an entry that is
    written across other tables and cannot be taken for itself.
    """

    def __init__(self, document: Document, text: str) -> None:
        """`text` is what the document was read from, with its byte order mark if it has one."""
        self.text = text
        self._tokens: Table = _tokens_of(document.table)
        self._statements = tuple(statements(text))
        clear = (key for key, value in self._tokens.items() if isinstance(value, str))
        self._clear = {_id_of(key): key for key in clear}

    def __contains__(self, id: str) -> bool:
        return self._key(id) is not None

    def values(self, id: str) -> Table:
        """What an entry says; a token in clear is hashed. Raises NotFound."""
        key = self._key(id)
        if key is None:
            raise NotFound(f"There is no token {id}.", hint="See: imagewright token list")
        found = self._tokens[key]
        if isinstance(found, dict):
            return found
        return {"sha256": digest(key), "subject": str(found)}

    def clear(self) -> tuple[str, ...]:
        """The ids of tokens that can be read here."""
        return tuple(self._clear)

    def with_new(self, entries: Mapping[str, Table]) -> str:
        """Append entries, by id."""
        end, text = line_break(self.text), self.text
        for id, values in entries.items():
            gap = "" if not text else end if text.endswith("\n") else end * 2
            lines = [f"[tokens.{id}]", *(assignment(key, each) for key, each in values.items())]
            text += gap + "".join(line + end for line in lines)
        return text

    def all_hashed(self) -> str:
        """Put a hashed entry in the place of each token in clear."""
        places = {each.path[1]: each for each in self._statements if _is_entry(each)}
        edits, meant = list[Edit](), dict(self._tokens)
        for id, key in self._clear.items():
            if key not in places:
                raise _scattered(id)
            meant[id] = self.values(id)
            del meant[key]
            edits.append(_in_line(places[key], id, self.values(id)))
        return _checked(edited(self.text, edits), meant, "of a token in clear")

    def with_values(self, id: str, values: Values) -> str:
        """Set keys of an entry; a token in clear becomes a hashed entry in its place."""
        wanted = {**self.values(id), **values}
        wanted = {key: each for key, each in wanted.items() if each is not None}
        key = self._key(id)
        whole = next((each for each in self._statements if each.path == ("tokens", key)), None)
        if whole is None:
            raise _scattered(id)
        edits = [_in_line(whole, id, wanted)] if whole.own else self._in_block(id, values)
        return self._checked(id, edited(self.text, edits), wanted)

    def without(self, id: str) -> str:
        """Take an entry out, with the comments between its keys."""
        self.values(id)
        key = self._key(id)
        own = [each for each in self._statements if each.path[:2] == ("tokens", key)]
        if not own or any(each.path[:2] != ("tokens", key) for each in self._between(own)):
            raise _scattered(id)
        start, end = own[0].line, own[-1].after
        return self._checked(id, edited(self.text, [self._gap(start, end)]), None)

    def _between(self, own: list[Statement]) -> tuple[Statement, ...]:
        return tuple(
            each for each in self._statements if own[0].start <= each.start <= own[-1].start
        )

    def _gap(self, start: int, end: int) -> Edit:
        """What is cut out, with one blank line beside it."""
        blank = line_break(self.text)
        before, after = self.text[:start], self.text[end:]
        if after.startswith(blank):
            end += len(blank)
        elif not after and before.endswith(blank * 2):
            start -= len(blank)
        return Edit(start, end, "")

    def _in_block(self, id: str, values: Values) -> list[Edit]:
        block = [each for each in self._statements if each.table == ("tokens", id)]
        places = {each.own: each for each in block}
        edits, fresh = list[Edit](), list[str]()
        for name, value in values.items():
            place = places.get((name,))
            if place is None:
                fresh += [assignment(name, value)] if value is not None else []
            elif value is None:
                edits.append(Edit(place.line, place.after, ""))
            else:
                edits.append(Edit(place.start, place.end, assignment(name, value)))
        if fresh:
            edits.append(self._after(block[-1], fresh))
        return edits

    def _after(self, last: Statement, lines: list[str]) -> Edit:
        end = line_break(self.text)
        indent = self.text[last.line : last.start].lstrip("\ufeff")
        first = "" if self.text[: last.after].endswith("\n") else end
        return Edit(last.after, last.after, first + "".join(indent + each + end for each in lines))

    def _checked(self, id: str, text: str, wanted: Table | None) -> str:
        meant = {key: each for key, each in self._tokens.items() if key != self._key(id)}
        meant |= {id: wanted} if wanted is not None else {}
        return _checked(text, meant, id)

    def _key(self, id: str) -> str | None:
        return id if isinstance(self._tokens.get(id), dict) else self._clear.get(id)


def _tokens_of(table: Table) -> Table:
    found = table.get("tokens", {})
    return found if isinstance(found, dict) else {}


def _is_entry(statement: Statement) -> bool:
    return len(statement.path) == 2 and statement.path[0] == "tokens"


def _in_line(place: Statement, id: str, values: Table) -> Edit:
    """An entry on the one line that its statement has."""
    name = key_name((*place.own[:-1], id))
    return Edit(place.start, place.end, f"{name} = {value_text(values)}")


def _checked(text: str, meant: Table, id: str) -> str:
    """The text, if it says what was meant and nothing else changed."""
    try:
        found = tomllib.loads(text.removeprefix("\ufeff"))
    except ValueError:
        raise _scattered(id) from None
    if _tokens_of(found) != meant:
        raise _scattered(id)
    return text


def _id_of(token: str) -> str:
    return token_id(bytes.fromhex(digest(token)))


def _scattered(id: str) -> InvalidRequest:
    return InvalidRequest(
        f"The entry {id} is not written in one piece, so it is not changed here.",
        hint=f"Write it as [tokens.{id}] with its keys below, or change it by hand.",
    )
