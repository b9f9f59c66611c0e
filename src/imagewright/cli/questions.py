"""Questions on a terminal, asked until the answer is good."""

import sys
from collections.abc import Callable
from getpass import getpass
from typing import TypeVar

from imagewright.core.errors import Fault, InvalidRequest

Answer = TypeVar("Answer")


class Stopped(Fault):
    """Whoever was asked went away."""


def ask(question: str, default: str, read: Callable[[str], Answer]) -> Answer:
    """What `read` makes of the answer, or of the default where it is empty.

    `read` raises InvalidRequest for what is not good; then it is said and asked again.
    Raises Stopped at the end of the input.
    """
    while True:
        shown = f" [{default}]" if default else ""
        print(f"{question}{shown}: ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:
            raise _stopped()
        try:
            return read(line.strip() or default)
        except InvalidRequest as fault:
            print(f"  {fault.sentence} {fault.hint}".rstrip(), file=sys.stderr)


def ask_secret(question: str) -> str:
    """A line that is not shown. Raises Stopped at the end of the input."""
    while True:
        try:
            answer = getpass(f"{question}: ", stream=sys.stderr).strip()
        except EOFError:
            raise _stopped() from None
        if answer:
            return answer
        print("  It may not be empty.", file=sys.stderr)


def yes(text: str) -> bool:
    """Whether an answer is yes. Raises InvalidRequest for what is neither yes nor no."""
    if text.lower() in {"y", "yes"}:
        return True
    if text.lower() in {"n", "no"}:
        return False
    raise InvalidRequest("Answer y or n.")


def _stopped() -> Stopped:
    return Stopped("Stopped; nothing was written.")
