"""What every audit promises. A suite gives the fixtures `audit` and `desk`."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from imagewright.core.chain import MOST, ChainKey
from imagewright.core.errors import InvalidRequest
from imagewright.core.ranges import HIGHEST, Ranges
from imagewright.ports.audit import Audit, Note
from imagewright.ports.books import Origin
from imagewright.services.auditor import Auditor, Choice, Finding, Head
from tests.contracts.samples import NOON, OWNER, SECOND, STRANGER, WHENCE, Desk

KEY = ChainKey(b"k" * 32)
ALL = Ranges(((1, HIGHEST),))


def note(place: int = 0, **changes: Any) -> Note:
    usual = Note(
        at=NOON + place,
        subject=OWNER.subject,
        credential="tok-1",
        action="call",
        thing="generate_image",
        outcome="denied",
        reason="scope",
        origin=WHENCE,
        shape='{"n": 2}',
        count=3,
    )
    return replace(usual, **changes)


async def sealed(audit: Audit, *notes: Note) -> None:
    """Each note in a seal of its own."""
    for each in notes:
        await audit.enter((each,))
        assert await audit.seal(NOON) is not None


async def verified(audit: Audit, key: ChainKey = KEY, head: str | None = None) -> Finding:
    return await Auditor(audit, key).verify(Head.read(head) if head else None)


async def exported(audit: Audit, **choice: Any) -> list[dict[str, Any]]:
    return [each async for each in Auditor(audit, KEY).export(Choice(**choice))]


class Keeping:
    async def test_a_note_comes_back_as_it_was_entered(self, audit: Audit) -> None:
        await audit.enter((note(),))
        (entry,) = await audit.entries(ALL, 10)
        assert entry.public() == {
            "id": 1, "at": NOON, "subject": OWNER.subject, "credential": "tok-1",
            "action": "call", "thing": "generate_image", "outcome": "denied", "reason": "scope",
            "request": "req-1", "address": "192.0.2.7", "client": "tests",
            "shape": {"n": 2}, "count": 3,
        }  # fmt: skip

    @pytest.mark.parametrize("text", ["\x00", "\ud800", "\n", "🦔" * 99])
    async def test_no_word_of_a_client_holds_up_the_others(self, audit: Audit, text: str) -> None:
        strange = Origin(request=text, client=text)
        await audit.enter((note(), note(origin=strange, thing=text, credential=text, shape=text)))
        assert await audit.count(ALL) == 2
        await audit.seal(NOON)
        assert (await verified(audit)).broken is None

    async def test_the_newest_are_in_order_and_of_the_subject(self, audit: Audit) -> None:
        others = [note(place, subject=STRANGER.subject) for place in range(3)]
        await audit.enter((note(), *others))
        assert [each.id for each in await audit.newest(2)] == [3, 4]
        newest = await audit.newest(9, OWNER.subject)
        assert {each.subject for each in newest} == {OWNER.subject}
        assert len(newest) == 1

    async def test_numbers_in_many_ranges_are_found(self, audit: Audit) -> None:
        await audit.enter(tuple(note(place) for place in range(500)))
        odd = Ranges.of(range(1, 501, 2))
        assert [each.id for each in await audit.entries(odd, 1000)] == list(odd.numbers())
        assert [each.id for each in await audit.entries(odd, 130)] == list(odd.numbers())[:130]
        assert await audit.count(odd) == 250


class Sealing:
    async def test_nothing_is_sealed_where_nothing_is_open(self, audit: Audit) -> None:
        assert await audit.seal(NOON) is None
        await sealed(audit, note())
        assert await audit.seal(NOON) is None
        assert len(await audit.seals(0, 10)) == 1

    async def test_a_seal_covers_what_was_open_and_holds(self, audit: Audit, desk: Desk) -> None:
        await desk.done()
        first = await audit.seal(NOON)
        await desk.done("another")
        second = await audit.seal(NOON + SECOND)
        assert first is not None
        assert second is not None
        assert (first.ids, second.ids, second.previous) == ("1-2", "3-4", first.mac)
        found = await verified(audit, head=second.head)
        assert found == Finding(seals=2, lines=4, waiting=0, head=second.head)

    async def test_more_than_one_seal_takes_is_closed_by_several(self, audit: Audit) -> None:
        await audit.enter(tuple(note(place) for place in range(MOST + 1)))
        ids = [seal.ids for _ in range(2) if (seal := await audit.seal(NOON))]
        assert ids == [f"1-{MOST}", f"{MOST + 1}"]
        assert (await verified(audit)).broken is None

    async def test_many_that_seal_at_once_seal_each_line_once(self, audit: Audit) -> None:
        await audit.enter(tuple(note(place) for place in range(20)))
        await asyncio.gather(*(audit.seal(NOON) for _ in range(8)))
        (seal,) = await audit.seals(0, 10)
        assert seal.ids == "1-20"

    async def test_admissions_go_on_while_the_chain_is_closed(
        self, audit: Audit, desk: Desk
    ) -> None:
        async def ask(place: int) -> None:
            await desk.admit(f"fox {place}", STRANGER if place % 2 else OWNER)

        async def close() -> None:
            for _ in range(20):
                await audit.seal(NOON)

        await asyncio.gather(close(), close(), *(ask(place) for place in range(8)))
        await audit.seal(NOON)
        found = await verified(audit)
        assert (found.broken, found.lines, found.waiting) == (None, 8, 0)

    async def test_what_is_open_is_said_to_wait(self, audit: Audit) -> None:
        await sealed(audit, note())
        await audit.enter((note(1), note(2)))
        found = await verified(audit)
        assert (found.broken, found.lines, found.waiting) == (None, 1, 2)

    async def test_another_key_proves_nothing(self, audit: Audit) -> None:
        await sealed(audit, note())
        found = await verified(audit, ChainKey(b"x" * 32))
        assert found.broken is not None
        assert "another key" in found.broken.sentence


class Heads:
    async def test_an_older_head_that_was_kept_holds(self, audit: Audit) -> None:
        await sealed(audit, note(), note(1), note(2))
        second = (await audit.seals(1, 1))[0]
        assert (await verified(audit, head=second.head)).broken is None

    async def test_a_head_that_is_not_reached_tells_of_a_cut(self, audit: Audit) -> None:
        await sealed(audit, note())
        found = await verified(audit, head="2:0123456789abcdef")
        assert found.broken is not None
        assert found.broken.sentence == "The chain was cut off: there is no seal 2."

    async def test_a_head_of_another_chain_is_told(self, audit: Audit) -> None:
        await sealed(audit, note(), note(1))
        found = await verified(audit, head="1:0123456789abcdef")
        assert found.broken is not None
        assert (found.broken.seal, found.seals) == (1, 0)

    @pytest.mark.parametrize(
        "text", ["", "7", "7:", "7:0123", "x:0123456789", "7:XYZ45678", "²:0123456789"]
    )
    def test_a_head_that_cannot_be_one_is_refused(self, text: str) -> None:
        with pytest.raises(InvalidRequest):
            Head.read(text)


class Exporting:
    async def test_lines_stand_before_their_seals(self, audit: Audit) -> None:
        await sealed(audit, note(), note(1))
        await audit.enter((note(2),))
        found = await exported(audit)
        assert [next(iter(each)) for each in found] == ["entry", "seal"] * 2 + ["entry"]
        assert found == await exported(audit)

    async def test_what_was_not_chosen_is_a_leaf_under_its_seal(self, audit: Audit) -> None:
        await audit.enter((note(), note(1, subject=STRANGER.subject)))
        await audit.seal(NOON)
        await sealed(audit, note(2))
        found = await exported(audit, subject=STRANGER.subject)
        kinds = [next(iter(each)) for each in found]
        assert sorted(kinds) == ["entry", "leaf", "seal"]
        assert OWNER.subject not in repr(found)

    async def test_times_choose_from_and_up_to(self, audit: Audit) -> None:
        await sealed(audit, note(), note(5), note(9))
        found = await exported(audit, since=NOON + 5, until=NOON + 9)
        assert [each["entry"]["at"] for each in found if "entry" in each] == [NOON + 5]
        await audit.enter((note(5), note(9)))
        found = await exported(audit, since=NOON + 5, until=NOON + 9)
        assert [each["entry"]["id"] for each in found if "entry" in each] == [2, 4]


class Following:
    async def test_what_is_new_is_what_was_not_seen(self, audit: Audit) -> None:
        auditor = Auditor(audit, KEY)
        await audit.enter(tuple(note(place) for place in range(1500)))
        seen = await auditor.seen()
        assert str(seen) == "1-1500"
        assert await auditor.later(seen) == ()
        await audit.enter((note(), note(subject=STRANGER.subject)))
        assert [each.id for each in await auditor.later(seen)] == [1501, 1502]

    async def test_of_an_empty_audit_everything_is_new(self, audit: Audit) -> None:
        auditor = Auditor(audit, KEY)
        seen = await auditor.seen()
        await audit.enter((note(),))
        assert [each.id for each in await auditor.later(seen)] == [1]
        assert [each.id for each in await auditor.newest(5)] == [1]

    async def test_a_number_that_was_left_out_may_still_appear(self, audit: Audit) -> None:
        await audit.enter((note(), note(1), note(2)))
        seen = (await Auditor(audit, KEY).seen()).minus(Ranges.of([2]))
        assert [each.id for each in await Auditor(audit, KEY).later(seen)] == [2]


class AuditContract(Keeping, Sealing, Heads, Exporting, Following):
    """The whole suite."""
