"""The jail a worker enters once everything it needs is loaded.

Resource limits first, then a seccomp filter that knows the calls a decoder needs and refuses every
other: no file is opened, no socket made, no program started, no memory made executable.
A refused call answers EPERM instead of killing: a library that merely asks (for a file, a clock)
then carries on, and an attacker who is told no is no further than one who is dead.
"""

import ctypes
import os
import resource
import struct
import sys
from pathlib import Path
from typing import NamedTuple

_SET_NO_NEW_PRIVS = 38
_SET_NAME = 15
_MODE_FILTER = 1
# All threads, or libvips's own that are already running would stay outside.
_FLAG_TSYNC = 1
_ALLOW = 0x7FFF0000
_KILL = 0x80000000
_ERRNO = 0x00050000
_EPERM = 1
_ENOSYS = 38
_CLONE_THREAD = 0x00010000
_PROT_EXEC = 4

# BPF: load a word, jump if equal, jump if any bit set, return.
_LD, _JEQ, _JSET, _RET = 0x20, 0x15, 0x45, 0x06
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16


class Machine(NamedTuple):
    """What the filter needs to know of a processor: numbers from the kernel's unistd tables."""

    audit: int
    seccomp: int
    clone: int
    clone3: int
    mmap: int
    mprotect: int
    prctl: int
    tgkill: int
    access: int
    allowed: dict[str, int]


_X86_64 = {
    "read": 0,
    "write": 1,
    "close": 3,
    "fstat": 5,
    "poll": 7,
    "lseek": 8,
    "munmap": 11,
    "brk": 12,
    "rt_sigaction": 13,
    "rt_sigprocmask": 14,
    "rt_sigreturn": 15,
    "sched_yield": 24,
    "mremap": 25,
    "madvise": 28,
    "nanosleep": 35,
    "getpid": 39,
    "exit": 60,
    "gettimeofday": 96,
    "getrusage": 98,
    "sysinfo": 99,
    "sigaltstack": 131,
    "gettid": 186,
    "futex": 202,
    "sched_getaffinity": 204,
    "restart_syscall": 219,
    "clock_gettime": 228,
    "clock_getres": 229,
    "clock_nanosleep": 230,
    "exit_group": 231,
    "set_robust_list": 273,
    "getrandom": 318,
    "membarrier": 324,
    "rseq": 334,
}
_AARCH64 = {
    "read": 63,
    "write": 64,
    "close": 57,
    "fstat": 80,
    "ppoll": 73,
    "lseek": 62,
    "munmap": 215,
    "brk": 214,
    "rt_sigaction": 134,
    "rt_sigprocmask": 135,
    "rt_sigreturn": 139,
    "sched_yield": 124,
    "mremap": 216,
    "madvise": 233,
    "nanosleep": 101,
    "getpid": 172,
    "exit": 93,
    "gettimeofday": 169,
    "getrusage": 165,
    "sysinfo": 179,
    "sigaltstack": 132,
    "gettid": 178,
    "futex": 98,
    "sched_getaffinity": 123,
    "restart_syscall": 128,
    "clock_gettime": 113,
    "clock_getres": 114,
    "clock_nanosleep": 115,
    "exit_group": 94,
    "set_robust_list": 99,
    "getrandom": 278,
    "membarrier": 283,
    "rseq": 293,
}
MACHINES = {
    "x86_64": Machine(0xC000003E, 317, 56, 435, 9, 10, 157, 234, 21, _X86_64),
    "aarch64": Machine(0xC00000B7, 277, 220, 435, 222, 226, 167, 131, 48, _AARCH64),
}


def enter(memory: int, processor: int) -> dict[str, str]:
    """Limit this process for good and tell what holds, by name.

    `memory` is in bytes on top of what is mapped now, `processor` in seconds in all.
    Raises OSError where the system has seccomp and refuses it: better no worker than a free one.
    """
    held = {
        "memory": _limit("RLIMIT_AS", _mapped() + memory, f"{memory >> 20} MiB for a picture"),
        "processor": _limit("RLIMIT_CPU", processor, f"{processor} s in a worker's life"),
        "files": _limit("RLIMIT_NOFILE", 3, "none can be opened"),
        "writing": _limit("RLIMIT_FSIZE", 0, "no file can grow"),
        "core dumps": _limit("RLIMIT_CORE", 0, "none"),
    }
    return {**held, "system calls": _filter()}


def program(machine: Machine, process: int) -> list[tuple[int, int, int, int]]:
    """The filter, as BPF instructions (code, jump if true, jump if false, operand)."""
    thread = _when_bit(machine.clone, 0, _CLONE_THREAD, (_ALLOW, _ERRNO | _EPERM))
    executable = (_ERRNO | _EPERM, _ALLOW)
    return [
        (_LD, 0, 0, _ARCH),
        (_JEQ, 1, 0, machine.audit),
        (_RET, 0, 0, _KILL),
        (_LD, 0, 0, _NUMBER),
        *(step for number in machine.allowed.values() for step in _when(number, _ALLOW)),
        # cairo asks before each word whether it may still read the font that it holds. It is told
        # yes without the kernel being asked, so nothing is learned of any path.
        *_when(machine.access, _ERRNO | 0),
        # Its flags are behind a pointer; told that it is missing, libc takes clone instead.
        *_when(machine.clone3, _ERRNO | _ENOSYS),
        *thread,
        *_when_bit(machine.mmap, 2, _PROT_EXEC, executable),
        *_when_bit(machine.mprotect, 2, _PROT_EXEC, executable),
        *_when_equal(machine.prctl, 0, _SET_NAME),
        # abort() sends itself a signal; any other process is out of reach.
        *_when_equal(machine.tgkill, 0, process),
        (_RET, 0, 0, _ERRNO | _EPERM),
    ]


def _when(number: int, answer: int) -> list[tuple[int, int, int, int]]:
    return [(_JEQ, 0, 1, number), (_RET, 0, 0, answer)]


def _when_bit(
    number: int, argument: int, bit: int, answers: tuple[int, int]
) -> list[tuple[int, int, int, int]]:
    """`answers` are for the bit set and not set."""
    return [
        (_JEQ, 0, 4, number),
        (_LD, 0, 0, _ARGUMENTS + 8 * argument),
        (_JSET, 0, 1, bit),
        (_RET, 0, 0, answers[0]),
        (_RET, 0, 0, answers[1]),
    ]


def _when_equal(number: int, argument: int, value: int) -> list[tuple[int, int, int, int]]:
    return [
        (_JEQ, 0, 4, number),
        (_LD, 0, 0, _ARGUMENTS + 8 * argument),
        (_JEQ, 0, 1, value),
        (_RET, 0, 0, _ALLOW),
        (_RET, 0, 0, _ERRNO | _EPERM),
    ]


def _limit(name: str, most: int, sentence: str) -> str:
    try:
        which = getattr(resource, name)
        # At the soft limit of processor time the signal says why; at the hard one it would not.
        resource.setrlimit(which, (most, most + 5 if name == "RLIMIT_CPU" else most))
    except (AttributeError, OSError, ValueError):
        return f"not limited: {sys.platform} does not take {name}"
    return sentence


def _mapped() -> int:
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
        return int(pages) * resource.getpagesize()
    except OSError:
        # Off Linux a process maps the shared system libraries, gigabytes of addresses.
        return 4 << 30


def _filter() -> str:
    machine = MACHINES.get(processor_name())
    if sys.platform != "linux" or machine is None:
        return f"not filtered: there is no filter for {sys.platform} on {processor_name()}"
    steps = program(machine, os.getpid())
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_void_p))

    filled = Program(len(steps), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the kernel refuses no_new_privs")
    if libc.syscall(machine.seccomp, _MODE_FILTER, _FLAG_TSYNC, ctypes.byref(filled)) != 0:
        raise OSError(ctypes.get_errno(), "the kernel refuses the seccomp filter")
    return f"{len(machine.allowed) + 5} allowed by seccomp, every other refused"


def processor_name() -> str:
    """The processor, in the kernel's word."""
    return os.uname().machine
