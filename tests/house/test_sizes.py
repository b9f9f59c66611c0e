import ast
from pathlib import Path

import pytest

from tests.house import sizes

MODULE = Path("src/imagewright/core/ask.py")
TOOLS = Path("src/imagewright/api/mcp/tools_images.py")
TEST = Path("tests/core/test_ask.py")
SIX = "def f(a, b, /, c, *d, e, **f):\n    pass\n"


def function(source: str) -> sizes.Function:
    node = ast.parse(source).body[0]
    assert isinstance(node, sizes.Function)
    return node


def body(lines: int) -> str:
    return "    x = 1\n" * lines


def said(path: Path, source: str) -> list[str]:
    return [fault.says for fault in sizes.check(path, source)]


def test_forty_lines_are_allowed_and_forty_one_are_not() -> None:
    assert said(MODULE, "def f():\n" + body(39)) == []
    assert said(MODULE, "async def f():\n" + body(40)) == ["f has 41 lines, at most 40"]


def test_a_docstring_and_decorators_do_not_count() -> None:
    source = '@cache\n@other\ndef f():\n    """One.\n\n    Two.\n    """\n    return 1\n'
    assert sizes.function_lines(function(source)) == 2


def test_nested_functions_and_methods_are_seen() -> None:
    inner = "class C:\n    def m(self):\n" + "        x = 1\n" * 40
    assert said(MODULE, inner) == ["m has 41 lines, at most 40"]


def test_a_module_stays_under_four_hundred_lines() -> None:
    assert said(MODULE, "x = 1\n" * 399) == []
    assert said(MODULE, "x = 1\n" * 400) == ["the module has 400 lines, the house wants under 400"]


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("def f(): ...", 0),
        ("def f(self, a): ...", 1),
        ("def f(cls, a, *, b): ...", 2),
        (SIX, 6),
    ],
)
def test_parameters_are_counted_without_the_first_self(source: str, count: int) -> None:
    assert sizes.parameter_count(function(source)) == count


def test_six_parameters_are_too_many_but_for_tools_and_tests() -> None:
    assert said(MODULE, SIX) == ["f has 6 parameters, at most 5"]
    assert said(TOOLS, SIX) == []
    assert said(TEST, SIX) == []


@pytest.mark.parametrize("name", ["utils.py", "http_base.py", "common/__init__.py"])
def test_vague_names_are_refused(name: str) -> None:
    assert len(said(Path("src/imagewright") / name, "")) == 1


def test_tests_are_held_to_lengths() -> None:
    assert said(TEST, "def f():\n" + body(40)) == ["f has 41 lines, at most 40"]


def test_faults_are_printed_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "utils.py").write_text(SIX)
    assert sizes.main([str(tmp_path)]) == 1
    out = capsys.readouterr().out.splitlines()
    assert len(out) == 3
    assert out[-1] == "sizes: 1 modules, 2 faults"


def test_nothing_to_read_is_no_success(tmp_path: Path) -> None:
    assert sizes.main([str(tmp_path)]) == 2
