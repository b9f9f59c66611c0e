"""Runs in the sandbox of the profile imagewright-egress, and tries to reach others without it.

A drop-in of the tests starts it in the place of the service, with the port of something that
listens on the machine's loopback. It writes what came of each attempt into
$STATE_DIRECTORY/probe.json: the error's name, "allowed", or the proxy's status.
"""

import errno
import json
import os
import socket
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

STATE = Path(os.environ["STATE_DIRECTORY"])
PROXY = os.environ["IMAGEWRIGHT_EGRESS__SOCKET"]
ADDRESSES = ("127.0.0.1", "::1", "192.0.2.1", "169.254.169.254", "93.184.216.34", "fd00:ec2::254")
FAMILIES = {
    "INET": (2, socket.SOCK_STREAM),
    "INET datagram": (2, socket.SOCK_DGRAM),
    "INET raw": (2, socket.SOCK_RAW),
    "INET6": (10, socket.SOCK_STREAM),
    "NETLINK": (16, socket.SOCK_RAW),
    "PACKET": (17, socket.SOCK_RAW),
    "VSOCK": (40, socket.SOCK_STREAM),
}


def connects(address: str, port: int) -> None:
    """Refused is allowed: the packet went out."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as speaker:
        speaker.settimeout(1.5)
        try:
            speaker.connect((address, port))
        except ConnectionRefusedError:
            return


def opens(family: int, kind: int) -> None:
    socket.socket(family, kind).close()


def interfaces() -> None:
    """Another than the loopback of an empty network."""
    if {name for _, name in socket.if_nameindex()} <= {"lo"}:
        raise OSError(errno.ENODEV, "only lo")


def abstract(name: str) -> None:
    """A Unix socket of the host's that has no file."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as speaker:
        speaker.connect(f"\0{name}")


def attempts(port: int) -> Iterator[tuple[str, Callable[[], None]]]:
    """Everything that is to fail."""
    for address in ADDRESSES:
        yield f"connect {address}", partial(connects, address, port)
    for name, (family, kind) in FAMILIES.items():
        yield f"socket {name}", partial(opens, family, kind)
    yield "interfaces", interfaces
    yield "an abstract socket of the host's", partial(abstract, "imagewright-test")


def tried(act: Callable[[], None]) -> str:
    """What came of it."""
    try:
        act()
    except TimeoutError:
        return "ETIMEDOUT"
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, repr(error))
    return "allowed"


def asked(place: str) -> str:
    """The proxy's status for a place."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as speaker:
        speaker.settimeout(20)
        speaker.connect(PROXY)
        speaker.sendall(f"CONNECT {place} HTTP/1.1\r\n\r\n".encode())
        return speaker.recv(4096).split()[1].decode()


def main(port: int) -> None:
    """Try everything, and write it down."""
    places = (f"127.0.0.1:{port}", "127.0.0.1:22", "169.254.169.254:80", "93.184.216.34:443")
    found = {
        "attempts": {name: tried(act) for name, act in attempts(port)},
        "proxy": {place: asked(place) for place in places},
    }
    (STATE / "probe.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(int(sys.argv[1]))
