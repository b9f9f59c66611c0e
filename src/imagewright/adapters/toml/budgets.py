"""A table `budget`, as it stands in the ACL and in a token's entry."""

from imagewright.adapters.toml.document import KeyPath
from imagewright.adapters.toml.findings import Findings, Table
from imagewright.core.budget import Budget
from imagewright.core.money import Nano, parse_usd, usd

BUDGET = ("per_call", "day", "month", "soft")
_HARD = ("per_call", "day", "month")
_SOFT = ("day", "month")
_ORDER = (("per_call", "day"), ("day", "month"), ("per_call", "month"))
_USD = 'Amounts are US dollars in double quotes, like "2.50".'

Amounts = dict[str, Nano | None]


def read_budget(found: Findings, path: KeyPath, table: Table) -> Budget:
    """The budget of an entry, unlimited where it has none; a ceiling never reached is warned of."""
    if "budget" not in table:
        return Budget()
    at = (*path, "budget")
    inner = found.table(at, table["budget"])
    found.unknown(at, inner, BUDGET)
    hard = _amounts(found, at, inner, _HARD)
    for small, large in _ORDER:
        if _more(hard.get(small), hard.get(large)):
            found.warn((*at, small), f"{small} is more than {large}, which is reached first.")
    soft = _soft(found, (*at, "soft"), inner, hard)
    return Budget(**hard, **{f"soft_{span}": amount for span, amount in soft.items()})


def _soft(found: Findings, at: KeyPath, inner: Table, hard: Amounts) -> Amounts:
    if "soft" not in inner:
        return {}
    table = found.table(at, inner["soft"])
    found.unknown(at, table, _SOFT)
    soft = _amounts(found, at, table, _SOFT)
    for span, amount in soft.items():
        if _more(amount, hard.get(span)):
            found.warn((*at, span), f"This is more than {span} itself, which is reached first.")
    return soft


def _amounts(found: Findings, at: KeyPath, table: Table, keys: tuple[str, ...]) -> Amounts:
    return {key: _usd(found, (*at, key), table[key]) for key in keys if key in table}


def _usd(found: Findings, at: KeyPath, value: object) -> Nano | None:
    text = found.text(at, value, _USD)
    return None if text is None else found.parsed(at, parse_usd, text)


def _more(one: Nano | None, other: Nano | None) -> bool:
    return one is not None and other is not None and one > other


def budget_table(budget: Budget) -> dict[str, object]:
    """A budget as the table that `read_budget` reads; empty where nothing is limited."""
    hard = {key: getattr(budget, key) for key in _HARD}
    soft = {key: getattr(budget, f"soft_{key}") for key in _SOFT}
    table, inner = _written(hard), _written(soft)
    return {**table, "soft": inner} if inner else table


def _written(amounts: Amounts) -> dict[str, object]:
    return {key: usd(amount) for key, amount in amounts.items() if amount is not None}
