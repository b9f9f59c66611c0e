"""The house's sizes: how long a function or module may be, how many parameters, which names.

Run as `python -m tests.house.sizes src tests` from the top of the repository. Modules below a
directory called `tests` are held to the lengths only.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FUNCTION_LINES = 40
MODULE_LINES = 400
PARAMETERS = 5
VAGUE = frozenset({"base", "common", "helper", "helpers", "manager", "util", "utils"})

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, order=True)
class Fault:
    """One breach of the house's sizes, where it stands."""

    path: Path
    line: int
    says: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.says}"


def _span(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def function_lines(function: Function) -> int:
    """Lines from `def` to the end, without the docstring's."""
    docstring = _span(function.body[0]) if ast.get_docstring(function, clean=False) else 0
    return _span(function) - docstring


def parameter_count(function: Function) -> int:
    """All parameters, a leading `self` or `cls` aside."""
    given = function.args
    names = [argument.arg for argument in (*given.posonlyargs, *given.args)]
    own = 1 if names and names[0] in {"self", "cls"} else 0
    stars = sum(star is not None for star in (given.vararg, given.kwarg))
    return len(names) - own + len(given.kwonlyargs) + stars


def _signature_is_schema(path: Path) -> bool:
    # A tool's arguments, and the variables of a resource's address.
    named = path.name.startswith("tools_") or path.name == "resources.py"
    return named and path.parts[-3:-1] == ("api", "mcp")


def _length_faults(path: Path, source: str, functions: list[Function]) -> Iterator[Fault]:
    lines = source.count("\n")
    if lines >= MODULE_LINES:
        yield Fault(path, 1, f"the module has {lines} lines, the house wants under {MODULE_LINES}")
    for function in functions:
        if (lines := function_lines(function)) > FUNCTION_LINES:
            says = f"{function.name} has {lines} lines, at most {FUNCTION_LINES}"
            yield Fault(path, function.lineno, says)


def _name_faults(path: Path) -> Iterator[Fault]:
    room = path.parent.name if path.stem == "__init__" else path.stem
    for word in VAGUE.intersection(room.split("_")):
        yield Fault(path, 1, f"'{word}' says nothing: name the module for its noun")


def _parameter_faults(path: Path, functions: list[Function]) -> Iterator[Fault]:
    for function in functions:
        if (count := parameter_count(function)) > PARAMETERS:
            says = f"{function.name} has {count} parameters, at most {PARAMETERS}"
            yield Fault(path, function.lineno, says)


def check(path: Path, source: str) -> list[Fault]:
    """Every fault of one module, in order of its lines."""
    nodes = ast.walk(ast.parse(source, filename=str(path)))
    functions = [node for node in nodes if isinstance(node, Function)]
    faults = [*_length_faults(path, source, functions)]
    if "tests" not in path.parts:
        faults += _name_faults(path)
        if not _signature_is_schema(path):
            faults += _parameter_faults(path, functions)
    return sorted(faults)


def main(roots: list[str]) -> int:
    """Prints every fault below the roots; 1 if there is one, 2 if there was nothing to read."""
    paths = sorted(path for root in roots for path in Path(root).rglob("*.py"))
    faults = [fault for path in paths for fault in check(path, path.read_text(encoding="utf-8"))]
    for fault in faults:
        print(fault)
    print(f"sizes: {len(paths)} modules, {len(faults)} faults")
    if not paths:
        return 2
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
