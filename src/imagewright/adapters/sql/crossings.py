"""Soft limits: which of them a hold is the first to reach."""

from collections.abc import Iterable

from sqlalchemy import BigInteger, Connection, bindparam, or_, update

from imagewright.adapters.sql.ledger import HERE, Holding, place_of
from imagewright.adapters.sql.tables import budgets
from imagewright.core.budget import Crossing
from imagewright.core.money import Nano

_SOFT = bindparam("soft", type_=BigInteger)
_USED = budgets.c.held + budgets.c.settled
_TELL = (
    update(budgets)
    .where(*HERE, _USED >= _SOFT, or_(budgets.c.told.is_(None), budgets.c.told < _SOFT))
    .values(told=_SOFT)
    .returning(_USED)
)


def crossings(connection: Connection, held: Iterable[Holding]) -> tuple[Crossing, ...]:
    """The soft limits that are reached and were not told of, told of from now on.

    The holds' rows are locked by this transaction: of all who ask at a moment, one is told.
    """
    found = []
    for holding in held:
        soft = holding.charge.soft
        if soft is None:
            continue
        used = connection.scalar(_TELL, {**place_of(holding.account), "soft": soft})
        if used is not None:
            found.append(Crossing(account=holding.charge.account, soft=soft, used=Nano(used)))
    return tuple(found)
