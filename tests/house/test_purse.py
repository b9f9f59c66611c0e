"""One purse: only services.work spends, only the gate knows the money rules of core."""

import ast
from collections.abc import Iterator

import pytest

from tests.house import locks

PACKAGE = locks.TOP / "src" / "imagewright"
SPENDER = "services/work.py"
SPENDING = frozenset({"edit", "generate", "submit"})

GATE = frozenset({"services/accounts.py", "services/gate.py"})
MONEY = frozenset({"budget", "pricing", "purse", "quote", "spending"})
# When a budget begins again is no secret: the books and the usage page say it.
CALENDAR = frozenset({"day_began", "period", "resets_at"})


def spends(source: str) -> list[int]:
    """Lines that call `generate`, `edit` or `submit` on what is, or is called, a provider."""
    tree = ast.parse(source)
    knows = any("Provider" in names for names in _imported_from_ports(tree))
    return [
        call.lineno
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in SPENDING
        and (knows or "provider" in ast.unparse(call.func.value).lower())
    ]


def _imported_from_ports(tree: ast.Module) -> Iterator[list[str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("imagewright.ports"):
            yield [alias.name for alias in node.names]


def test_only_the_spender_calls_a_provider() -> None:
    found = {
        f"{name}:{line}"
        for path in PACKAGE.rglob("*.py")
        if (name := path.relative_to(PACKAGE).as_posix()) != SPENDER
        for line in spends(path.read_text(encoding="utf-8"))
    }
    assert found == set()


@pytest.mark.parametrize(
    "source",
    [
        "await self._provider.generate(ask)",
        "providers[name].edit(ask)",
        "self.providers.get(name).generate(ask)",
        "from imagewright.ports.providers import Provider\nup.generate(ask)",
    ],
)
def test_spending_is_seen(source: str) -> None:
    assert spends(source)


@pytest.mark.parametrize(
    "source",
    [
        "await images.generate(caller, ask)",
        "provider.models()",
        "from imagewright.ports.providers import Health\nimages.edit(ask)",
    ],
)
def test_other_calls_are_not_mistaken_for_spending(source: str) -> None:
    assert spends(source) == []


def rules_known(source: str) -> set[str]:
    """Rules of money that the module imports; the value types, in capitals, travel freely."""
    return {
        name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in _rules_imported(node)
    }


def _rules_imported(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    names = [alias.name for alias in node.names]
    if isinstance(node, ast.Import):
        yield from (name for name in names if name.removeprefix("imagewright.core.") in MONEY)
    elif node.module == "imagewright.core":
        yield from MONEY.intersection(names)
    elif (node.module or "").removeprefix("imagewright.core.") in MONEY:
        yield from (name for name in names if not name[0].isupper() and name not in CALENDAR)


def test_only_the_gate_knows_the_rules_of_money() -> None:
    found = {
        f"{name}: {rule}"
        for path in PACKAGE.rglob("*.py")
        if (name := path.relative_to(PACKAGE).as_posix()) not in GATE
        and not name.startswith("core/")
        for rule in rules_known(path.read_text(encoding="utf-8"))
    }
    assert found == set()


@pytest.mark.parametrize(
    ("source", "rules"),
    [
        ("from imagewright.core.pricing import Ceiling, ceiling", {"ceiling"}),
        ("from imagewright.core import pricing, ask", {"pricing"}),
        ("import imagewright.core.budget as b", {"imagewright.core.budget"}),
        ("from imagewright.core.budget import Budget, period", set()),
        ("from imagewright.core.ask import narrow", set()),
    ],
)
def test_rules_are_told_from_values(source: str, rules: set[str]) -> None:
    assert rules_known(source) == rules


def test_the_rules_of_money_are_where_they_are_looked_for() -> None:
    rooms = {path.stem for path in (PACKAGE / "core").glob("*.py")} & MONEY
    assert rooms in (MONEY, set())
