"""One purse: only services.work spends, only services.gate knows the money rules of core."""

import ast
from collections.abc import Iterator

import grimp
import pytest

from tests.house import locks

PACKAGE = locks.TOP / "src" / "imagewright"
SPENDER = "services/work.py"
SPENDING = frozenset({"edit", "generate"})

GATE = "imagewright.services.gate"
MONEY = frozenset({"budget", "confirm", "pricing"})
# The value types travel through the books; the rules run in the gate.
MAY_KNOW_MONEY = (
    GATE,
    "imagewright.core",
    "imagewright.ports",
    "imagewright.adapters.sql",
)


def spends(source: str) -> list[int]:
    """Lines that call `generate` or `edit` on what is, or is called, a provider."""
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


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("imagewright", cache_dir=None)


def test_only_the_gate_knows_the_rules_of_money(graph: grimp.ImportGraph) -> None:
    found = {
        f"{importer} -> {module}"
        for module in _money(graph)
        for importer in graph.find_modules_that_directly_import(module)
        if not any(importer == each or importer.startswith(f"{each}.") for each in MAY_KNOW_MONEY)
    }
    assert found == set()


def test_the_rules_of_money_are_where_they_are_looked_for(graph: grimp.ImportGraph) -> None:
    if GATE in graph.modules:
        assert _money(graph) == {f"imagewright.core.{name}" for name in MONEY}


def _money(graph: grimp.ImportGraph) -> set[str]:
    return {f"imagewright.core.{name}" for name in MONEY} & graph.modules
