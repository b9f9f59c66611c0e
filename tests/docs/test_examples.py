"""Every example is run, or read by what reads it in the product."""

import hashlib
import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from imagewright.adapters.acl.reader import Known, read_acl
from imagewright.adapters.auth.token_reader import read_tokens
from imagewright.adapters.toml.document import Document, parse_document
from imagewright.api.mcp.server import TOOLS
from imagewright.app.checking import faults_of
from imagewright.settings import load
from tests.docs.pages import PACKAGES, ROOT, Fence, fences, languages

RUN = {"python", "toml", "console", "json", "yaml"}
SHOWN = {"sh", "text", "ini"}
"""Not run: what a shell does to a machine, what stands in a tree, files of other programs."""
OTHERS = {"acl.toml": "[subjects]\n", "tokens.toml": "[tokens]\n"}
"""What the settings name beside keys."""
KNOWN = Known(
    tools=frozenset(tool.name for tool in TOOLS),
    providers=frozenset({"openai", "placeholder", "relay"}),
)
_KEY_FILE = re.compile(r'_file = "([^"/]+)"')


def named(each: Fence) -> str:
    return each.name


def alone(language: str) -> list[Fence]:
    """Programs that need nothing around them; files are run by `test_pipelines`."""
    return [each for each in fences(language) if not each.file.endswith(".py")]


def test_every_example_says_what_it_is() -> None:
    assert languages() <= RUN | SHOWN


@pytest.mark.parametrize("example", alone("python"), ids=named)
def test_python_runs(example: Fence, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error::SyntaxWarning", "-c", example.text],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout, "the example shows nothing"


def read_settings(example: Fence, directory: Path) -> None:
    write_settings(example, directory)
    for name, text in OTHERS.items():
        write(directory / name, text)
    load(
        config=directory / "imagewright.toml",
        environ={"HOME": str(directory)},
        check=faults_of,
    )


def write_settings(example: Fence, directory: Path) -> None:
    write(directory / "imagewright.toml", example.text)
    for name in _KEY_FILE.findall(example.text):
        write(directory / name, SECRETS.get(name, "a-key-for-an-example\n"))


def write(file: Path, text: str) -> None:
    file.write_text(text, "utf-8")
    file.chmod(0o600)


def check_acl(example: Fence, directory: Path) -> None:
    read_acl(document(example, directory), KNOWN, read_only=False)


def check_tokens(example: Fence, directory: Path) -> None:
    read_tokens(document(example, directory), None)


def document(example: Fence, directory: Path) -> Document:
    return parse_document(directory / example.file, example.text.encode())


SECRETS = {
    "webhook-url": "https://hooks.example.com/imagewright",
    "webhook-secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
}
"""What stands in the files of secrets that have a form."""
READERS: dict[str, Callable[[Fence, Path], None]] = {
    "imagewright.toml": read_settings,
    "acl.toml": check_acl,
    "tokens.toml": check_tokens,
}


@pytest.mark.parametrize(
    "example", [each for each in fences("toml") if each.page != PACKAGES], ids=named
)
def test_toml_is_read_by_its_reader(example: Fence, tmp_path: Path) -> None:
    assert example.file in READERS, "the first line of the example names no file that is read"
    READERS[example.file](example, tmp_path)


@pytest.mark.parametrize("example", fences("json"), ids=named)
def test_json_is_json(example: Fence) -> None:
    json.loads(example.text)


@pytest.mark.parametrize("example", fences("console"), ids=named)
def test_commands_answer_as_shown(example: Fence, tmp_path: Path) -> None:
    for other in fences("toml"):
        if other.page == example.page and other.file == "imagewright.toml":
            write_settings(other, tmp_path)
        elif other.page == example.page:
            write(tmp_path / other.file, other.text)
    for command, expected in commands(example):
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=tmp_path,
            env=environment(tmp_path),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        answer = done.stdout + done.stderr
        assert as_pattern(expected).fullmatch(answer), f"{' '.join(command)} printed:\n{answer}"


def test_the_demo_prints_what_the_tutorial_shows(tmp_path: Path) -> None:
    shown_first, shown_last = (
        each.text for each in fences("text") if each.page.name == "first-image.md"
    )
    demo = subprocess.Popen(
        [sys.executable, "-m", "imagewright", "demo"],
        cwd=tmp_path,
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert demo.stdout is not None
    shown = ""
    try:
        while not shown.endswith("until Ctrl-C.\n\n") and (line := demo.stdout.readline()):
            shown += line
    finally:
        demo.send_signal(signal.SIGINT)
        rest, _ = demo.communicate(timeout=30)
    assert as_pattern(shown_first + "\n").fullmatch(shown), shown
    assert (rest, demo.returncode) == (shown_last, 0)


def commands(example: Fence) -> list[tuple[list[str], str]]:
    """Each command of an example with what is shown below it."""
    found: list[tuple[list[str], str]] = []
    for part in re.split(r"^\$ ", example.text, flags=re.MULTILINE)[1:]:
        line, _, expected = part.partition("\n")
        words = line.split()
        assert words[0] == "imagewright", f"{example.name}: only imagewright is run: {line}"
        found.append((words, expected))
    assert found, f"{example.name}: there is no command"
    return found


def as_pattern(expected: str) -> re.Pattern[str]:
    """What is shown; a line of `...` stands for any lines, `...` in a line for any text."""
    lines = [
        r"(?:.*\n)*?" if line == "..." else r".*".join(map(re.escape, line.split("..."))) + r"\n"
        for line in expected.splitlines()
    ]
    return re.compile("".join(lines))


def environment(home: Path) -> dict[str, str]:
    return {"HOME": str(home), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT / "src")}


def test_the_hash_of_a_token_is_the_one_of_sha256sum(tmp_path: Path) -> None:
    done = subprocess.run(
        ["sha256sum"], input=b"a-token", capture_output=True, check=True, timeout=10
    )
    assert done.stdout.split()[0].decode() == hashlib.sha256(b"a-token").hexdigest()
