"""Core values as rows, and rows as core values."""

import json
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from imagewright.core.budget import Account, Level
from imagewright.core.caller import Caller, Credential
from imagewright.core.image import Image, Origin, Parent
from imagewright.core.job import Job, State
from imagewright.core.money import Nano
from imagewright.core.picture import Format, Picture
from imagewright.core.quote import Consent, Quote, Told
from imagewright.core.size import Size

Values = dict[str, Any]
"""Columns to enter, by name."""

Found = Mapping[Any, Any]
"""A row that was read, by column name."""


def storable(text: str | None) -> str | None:
    """Text that both databases keep: a vendor's NUL or half surrogate becomes U+FFFD."""
    if text is None:
        return None
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def folded(text: str) -> str:
    """Text as searches compare it: composed, and without case."""
    return unicodedata.normalize("NFC", text).casefold()


def caller_values(caller: Caller) -> Values:
    """The columns by which a job remembers its caller."""
    scopes = caller.credential.scopes
    return {
        "groups": json.dumps(sorted(caller.groups)),
        "credential": caller.credential.id,
        "scopes": None if scopes is None else json.dumps(sorted(scopes)),
    }


def job_of(row: Found, subject: str) -> Job:
    """The job that a row of the jobs table is."""
    scopes = row["scopes"]
    actual = row["actual"]
    return Job(
        id=row["id"],
        caller=Caller(
            subject=subject,
            groups=frozenset(json.loads(row["groups"])),
            credential=Credential(
                id=row["credential"],
                scopes=None if scopes is None else frozenset(json.loads(scopes)),
            ),
        ),
        state=State(row["state"]),
        consent=Consent(row["consent"]),
        ceiling=Nano(row["ceiling"]),
        actual=None if actual is None else Nano(actual),
        **{name: row[name] for name in _AS_THEY_STAND},
    )


_AS_THEY_STAND = (
    "digest", "plan", "provider", "model", "count", "quote", "attempt", "created_at", "started_at",
    "finished_at", "stage", "done", "total", "cancel", "error_code", "error_sentence", "outcome",
    "group", "request",
)  # fmt: skip


def quote_of(row: Found) -> Quote:
    """The quote that a row of the quotes table is."""
    return Quote(
        id=row["id"],
        digest=row["digest"],
        provider=row["provider"],
        model=row["model"],
        count=row["count"],
        size=row["size"],
        ceiling=Nano(row["ceiling"]),
        estimate=row["estimate"],
        expires_at=row["expires_at"],
        told=_told_of(row["told"]),
    )


def quote_values(quote: Quote) -> Values:
    """A quote's own columns."""
    return {
        "id": quote.id,
        "digest": quote.digest,
        "provider": quote.provider,
        "model": quote.model,
        "count": quote.count,
        "size": quote.size,
        "ceiling": quote.ceiling,
        "estimate": quote.estimate,
        "expires_at": quote.expires_at,
        "told": None if quote.told is None else json.dumps(asdict(quote.told)),
    }


def _told_of(text: str | None) -> Told | None:
    if text is None:
        return None
    found = json.loads(text)
    return Told(**{**found, "fallbacks": tuple(found["fallbacks"])})


def accounts_text(accounts: Iterable[Account]) -> str:
    """Accounts as the jobs table keeps them, in their order."""
    return json.dumps([[each.level.value, each.key, each.period] for each in accounts])


def accounts_of(text: str) -> tuple[Account, ...]:
    """The accounts that `accounts_text` wrote."""
    return tuple(
        Account(level=Level(level), key=key, period=period)
        for level, key, period in json.loads(text)
    )


def image_values(image: Image, subject: int) -> Values:
    """An image's columns; its tags and lineage have tables of their own."""
    prompt, revised = storable(image.prompt) or "", storable(image.revised_prompt)
    return {
        "id": image.id,
        "subject": subject,
        "job": image.job,
        "index": image.index,
        "origin": image.origin.value,
        "path": image.path,
        "sha256": image.sha256,
        **_picture_values(image.picture),
        "provider": image.provider,
        "model": image.model,
        "prompt": prompt,
        "revised_prompt": revised,
        "seed": image.seed,
        "asked_size": image.asked_size,
        "tags": json.dumps(image.tags),
        "words": folded("\n".join([prompt, revised or "", image.path, *image.tags])),
        "created_at": image.created_at,
    }


def _picture_values(picture: Picture) -> Values:
    return {
        "format": picture.format.value,
        "width": picture.size.width,
        "height": picture.size.height,
        "frames": picture.frames,
        "alpha": picture.alpha,
        "bytes": picture.bytes,
    }


def image_of(row: Found, parents: tuple[Parent, ...]) -> Image:
    """The image that a row of the images table is."""
    return Image(
        id=row["id"],
        job=row["job"],
        index=row["index"],
        origin=Origin(row["origin"]),
        path=row["path"],
        sha256=row["sha256"],
        picture=Picture(
            format=Format(row["format"]),
            size=Size(row["width"], row["height"]),
            frames=row["frames"],
            alpha=row["alpha"],
            bytes=row["bytes"],
        ),
        provider=row["provider"],
        model=row["model"],
        prompt=row["prompt"],
        revised_prompt=row["revised_prompt"],
        seed=row["seed"],
        asked_size=row["asked_size"],
        tags=tuple(json.loads(row["tags"])),
        created_at=row["created_at"],
        parents=parents,
    )
