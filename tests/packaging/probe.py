"""Runs in the service's sandbox, in the place of the service, and tries to leave it.

The unit starts it through a drop-in of the tests. It writes what came of each attempt into
$STATE_DIRECTORY/probe.json: the error's name, or "allowed". Nothing of it is in the product.
"""

import asyncio
import ctypes
import errno
import json
import mmap
import os
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from imagewright.adapters.imaging.config import ImagingConfig
from imagewright.adapters.imaging.workers import Workers

STATE = Path(os.environ["STATE_DIRECTORY"])
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.mmap.restype = ctypes.c_void_p
LIBC.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
LIBC.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
READ, WRITE, EXEC, PRIVATE = 1, 2, 4, 0x22
PRIVATE_PLACES = ("/tmp", "/var/tmp")  # noqa: S108 - they are the service's alone

# Of x86-64; asm/unistd_64.h.
CALLS: dict[str, tuple[Any, ...]] = {
    "ptrace": (101, 0, 0, 0, 0),
    "mount": (165, 0, 0, 0, 0, 0),
    "umount2": (166, b"/proc", 2),
    "pivot_root": (155, b"/", b"/"),
    "chroot": (161, b"/tmp"),
    "setns": (308, 0, 0),
    "unshare user namespace": (272, 0x10000000),
    "unshare network namespace": (272, 0x40000000),
    "unshare mount namespace": (272, 0x00020000),
    "bpf": (321, 0, 0, 0),
    "perf_event_open": (298, 0, 0, -1, -1, 0),
    "userfaultfd": (323, 0),
    "memfd_create": (319, b"x", 0),
    "memfd_secret": (447, 0),
    "io_uring_setup": (425, 1, 0),
    "keyctl": (250, 0, -3, 0),
    "add_key": (248, b"user", b"x", b"x", 1, -3),
    "process_vm_readv": (310, 1, 0, 0, 0, 0, 0),
    "kexec_load": (246, 0, 0, 0, 0),
    "init_module": (175, 0, 0, 0),
    "finit_module": (313, -1, b"", 0),
    "reboot": (169, 0, 0, 0),
    "swapon": (167, b"/tmp/x", 0),
    "acct": (163, 0),
    "personality": (135, 0x0400000),
    "sethostname": (170, b"x", 1),
    "settimeofday": (164, 0, 0),
    "clock_settime": (227, 0, 0),
    "setuid 0": (105, 0),
    "setgid 0": (106, 0),
    "capset": (126, 0, 0),
    "iopl": (172, 3),
    "quotactl": (179, 0, 0, 0, 0),
    "syslog": (103, 3, 0, 0),
    "open_by_handle_at": (304, 0, 0, 0),
    "name_to_handle_at then open": (303, -100, b"/etc", 0, 0, 0),
    "modify_ldt": (154, 0, 0, 0),
    "fanotify_init": (300, 0, 0),
    "lookup_dcookie": (212, 0, 0, 0),
    "sched_setscheduler real time": (144, 0, 1, ctypes.byref(ctypes.c_int(1))),
    "setpriority": (141, 0, 0, -20),
    "shmget": (29, 0, 4096, 0o1600 | 0o200000),
}


FAMILIES = {
    "NETLINK": (16, socket.SOCK_RAW),
    "PACKET": (17, socket.SOCK_RAW),
    "VSOCK": (40, socket.SOCK_STREAM),
    "ALG": (38, socket.SOCK_SEQPACKET),
    "BLUETOOTH": (31, socket.SOCK_RAW),
}
METADATA = (
    "169.254.169.254",
    "169.254.1.1",
    "100.100.100.200",
    "192.0.0.192",
    "fd00:ec2::254",
)
WRITTEN = "/x /usr/lib/x /usr/lib/imagewright/x /etc/x /etc/imagewright/x /run/x /var/x /home/x \
    /dev/x /dev/shm/x /sys/x /proc/sys/kernel/hostname"
SECRET = "/etc/shadow /etc/passwd /etc/imagewright/root-only /etc/imagewright/credentials/other \
    /etc/machine-id /proc/kallsyms /proc/1/environ /dev/mem /dev/kmsg /bin/sh /usr/bin/env \
    /run/dbus/system_bus_socket"
LISTED = "/home /root /boot /var/log /usr/bin /run/systemd/private /sys/kernel/security /dev/shm"


def syscall(number: int, *arguments: object) -> None:
    """A call of the kernel. Raises OSError."""
    if LIBC.syscall(number, *arguments) < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def writes(path: str) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    Path(path).unlink()


def reads(path: str) -> None:
    Path(path).read_bytes()


def lists(path: str) -> None:
    if not [*Path(path).iterdir()]:
        raise FileNotFoundError(errno.ENOENT, "empty")


def opens(family: int, kind: int, protocol: int = 0) -> None:
    socket.socket(family, kind, protocol).close()


def reaches(address: str, family: int = socket.AF_INET) -> None:
    """Refused is allowed: the packet went out."""
    with socket.socket(family, socket.SOCK_STREAM) as speaker:
        speaker.settimeout(1.5)
        try:
            speaker.connect((address, 80))
        except ConnectionRefusedError:
            return
        except TimeoutError:
            raise OSError(errno.ETIMEDOUT, "silence") from None


def dropped_program(place: str) -> None:
    """A copy of a good program, where the service can write."""
    path = Path(place, "dropped")
    path.write_bytes(Path(sys.executable).read_bytes())
    path.chmod(0o700)
    try:
        subprocess.run([path, "-V"], check=False, stdout=subprocess.DEVNULL)
    finally:
        path.unlink()


def dropped_library() -> None:
    path = STATE / "dropped.so"
    path.write_bytes(Path(sys.executable).read_bytes())
    try:
        with path.open("rb") as file:
            mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ | mmap.PROT_EXEC).close()
    finally:
        path.unlink()


def anonymous(protection: int) -> int:
    found = LIBC.mmap(None, 4096, protection, PRIVATE, -1, 0)
    if found == ctypes.c_void_p(-1).value:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return int(found)


def protects() -> None:
    if LIBC.mprotect(anonymous(READ | WRITE), 4096, READ | EXEC) < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def sets_uid_bit() -> None:
    path = STATE / "set-uid"
    path.touch()
    try:
        path.chmod(0o4700)
    finally:
        path.unlink()


def makes_device() -> None:
    os.mknod(STATE / "device", 0o20600, os.makedev(1, 3))


def gives_away() -> None:
    path = STATE / "given"
    path.touch()
    try:
        os.chown(path, 0, 0)
    finally:
        path.unlink()


def signals_init() -> None:
    os.kill(1, signal.SIGCONT)


def sees_others() -> None:
    seen = {int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit()}
    if seen == {os.getpid()}:
        raise FileNotFoundError(errno.ENOENT, "none")


def attempts() -> Iterator[tuple[str, Callable[[], object]]]:
    """Everything that is to fail."""
    for name, call in CALLS.items():
        yield f"call {name}", partial(syscall, *call)
    for verb, act, paths in (
        ("write", writes, WRITTEN),
        ("read", reads, SECRET),
        ("list", lists, LISTED),
    ):
        for path in paths.split():
            yield f"{verb} {path}", partial(act, path)
    for name, (family, kind) in FAMILIES.items():
        yield f"socket {name}", partial(opens, family, kind)
    yield "socket raw", lambda: opens(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    for address in METADATA:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        yield f"connect {address}", partial(reaches, address, family)
    for place in (str(STATE), *PRIVATE_PLACES):
        yield f"run a program dropped in {place}", partial(dropped_program, place)
    yield "run a shell", lambda: subprocess.run(["/bin/sh", "-c", "true"], check=True)
    yield "map a dropped library", dropped_library
    yield "memory to write and run", lambda: anonymous(READ | WRITE | EXEC)
    yield "memory turned to run", protects
    yield "a file with the set-uid bit", sets_uid_bit
    yield "a device", makes_device
    yield "a file for root", gives_away
    yield "a signal to init", signals_init
    yield "other processes", sees_others


def tried(act: Callable[[], object]) -> str:
    """What came of it."""
    try:
        act()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, repr(error))
    return "allowed"


async def pictures() -> str:
    """A jailed worker starts, and holds all of its limits."""
    workers = Workers(ImagingConfig(workers=1))
    await workers.open()
    await workers.call({"task": "rest"})
    held = " ".join(workers.held.values())
    await workers.close()
    return held


def database() -> None:
    place = STATE / "probe.db"
    with sqlite3.connect(place) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE x (y)")
        connection.execute("INSERT INTO x VALUES (1) RETURNING y")
    connection.close()
    place.unlink()


def certificates() -> None:
    """The system's authorities, which TLS to providers may be set to."""
    place = ssl.get_default_verify_paths().openssl_capath
    context = ssl.create_default_context(cafile=f"{place}/ca-certificates.crt")
    if len(context.get_ca_certs()) < 50:
        raise FileNotFoundError(errno.ENOENT, "no authorities")


def threads() -> None:
    pool = [threading.Thread(target=len, args=("",)) for _ in range(40)]
    for each in pool:
        each.start()
    for each in pool:
        each.join()


def own_files() -> None:
    for place in (STATE, *map(Path, PRIVATE_PLACES)):
        (place / "mine").write_text("x")
        (place / "mine").unlink()
    reads("/etc/imagewright/imagewright.toml")


def names() -> None:
    """From /etc/hosts, as there is no network."""
    socket.getaddrinfo("localhost", 80)


def credential() -> None:
    reads(f"{os.environ['CREDENTIALS_DIRECTORY']}/provider-openai-key")


def pair() -> None:
    for each in socket.socketpair():
        each.close()


NEEDS: dict[str, Callable[[], object]] = {
    "own files": own_files,
    "database": database,
    "threads": threads,
    "authorities": certificates,
    "names": names,
    "an address of this machine": lambda: reaches("192.0.2.1"),
    "loopback": lambda: reaches("127.0.0.1"),
    "IPv6": lambda: reaches("::1", socket.AF_INET6),
    "a socket pair": pair,
    "a credential": credential,
}


def status() -> dict[str, str]:
    """What the kernel says of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def main() -> None:
    """Try everything, and write it down."""
    found = {
        "attempts": {name: tried(act) for name, act in attempts()},
        "needs": {name: tried(act) for name, act in NEEDS.items()},
        "pictures": asyncio.run(pictures()),
        "status": status(),
    }
    (STATE / "probe.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main()
