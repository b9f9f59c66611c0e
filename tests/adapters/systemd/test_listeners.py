"""Sockets that another process opened."""

import os
import socket
import tempfile
from pathlib import Path

import pytest

from imagewright.adapters.systemd.listeners import inherited, local_only
from imagewright.core.errors import Unavailable


def listening(address: str = "127.0.0.1", family: int = socket.AF_INET) -> socket.socket:
    found = socket.socket(family, socket.SOCK_STREAM)
    found.bind((address, 0))
    found.listen()
    return found


def passed(there: socket.socket) -> int:
    """A descriptor as a child process has it."""
    number = os.dup(there.fileno())
    os.set_inheritable(number, True)
    return number


def test_a_listening_socket_takes_connections_and_no_child_has_it() -> None:
    with listening() as there:
        address, number = there.getsockname(), passed(there)
    (found,) = inherited([number])
    with found, socket.create_connection(address):
        assert (found.getsockname(), found.getblocking()) == (address, False)
        assert not os.get_inheritable(number)


def test_a_socket_that_does_not_listen_is_refused() -> None:
    with socket.socket() as there, listening() as good:
        numbers = [passed(good), passed(there)]
    with pytest.raises(Unavailable, match="does not listen"):
        inherited(numbers)
    for number in numbers:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(number)


def test_datagrams_are_refused() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as there:
        number = passed(there)
    with pytest.raises(Unavailable, match="does not listen"):
        inherited([number])


def test_a_file_is_refused(tmp_path: Path) -> None:
    with (
        tempfile.TemporaryFile(dir=tmp_path) as file,
        pytest.raises(Unavailable, match="is no socket"),
    ):
        inherited([file.fileno()])


@pytest.mark.parametrize(
    ("family", "address", "local"),
    [
        (socket.AF_INET, "127.0.0.2", True),
        (socket.AF_INET, "0.0.0.0", False),  # noqa: S104 - it is to be told apart
        (socket.AF_INET6, "::1", True),
        (socket.AF_INET6, "::", False),
    ],
)
def test_who_can_reach_it(family: int, address: str, local: bool) -> None:
    with listening(address, family) as there:
        assert local_only(there) is local


def test_a_socket_in_the_file_system_is_of_this_machine(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as there:
        there.bind(str(tmp_path / "http"))
        assert local_only(there)
