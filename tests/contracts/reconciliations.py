"""What every keeper of reconciliations promises. A suite gives `reconciliations` and `told`."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date

from imagewright.core.audit import Entry
from imagewright.core.bill import Reconciliation
from imagewright.core.money import Nano
from imagewright.ports.reconciliations import Reconciliations
from tests.contracts.samples import NOON

Told = Callable[[], Awaitable[tuple[Entry, ...]]]

FOUND = Reconciliation(
    provider="painter",
    at=NOON,
    first=date(2026, 11, 1),
    last=date(2026, 11, 21),
    billed=Nano(5),
    spent=Nano(7),
    held=Nano(2**62),
)


class ReconciliationsContract:
    async def test_the_last_of_each_provider_is_kept(
        self, reconciliations: Reconciliations
    ) -> None:
        assert await reconciliations.last() == ()
        other = replace(FOUND, provider="another")
        later = replace(FOUND, at=NOON + 1, billed=Nano(-9), last=date(2026, 11, 30))
        for each in (FOUND, other, later):
            await reconciliations.enter(each, "root")
        assert await reconciliations.last() == (other, later)

    async def test_each_is_audited_in_the_operators_name(
        self, reconciliations: Reconciliations, told: Told
    ) -> None:
        await reconciliations.enter(FOUND, "root")
        await reconciliations.enter(FOUND, "root")
        lines = await told()
        assert len(lines) == 2
        (line, _) = (each.public() for each in lines)
        shape = {"first": "2026-11-01", "last": "2026-11-21"}
        shape |= {"billed": "0.000000005", "spent": "0.000000007"}
        assert line == {
            "id": 1, "at": NOON, "subject": "operator", "credential": "root",
            "action": "reconcile", "thing": "painter", "outcome": "compared", "amount": -2,
            "shape": shape,
        }  # fmt: skip
