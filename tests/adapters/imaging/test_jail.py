"""What the jail refuses, asked by a process that entered it: the product has no such hook."""

import json
import subprocess
import sys
import textwrap

import pytest

from imagewright.adapters.imaging.process import environment

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="seccomp is Linux's")

PROBE = """
import ctypes, errno, json, mmap, os, resource, signal, socket, subprocess, sys, threading
from imagewright.adapters.imaging import jail

libc = ctypes.CDLL(None, use_errno=True)
parent = os.getppid()
existing = "/proc/self/status"
waiting = threading.Event()
early = {}
def elsewhere():
    waiting.wait()
    try:
        os.open(existing, os.O_RDONLY)
        early["open"] = "done"
    except OSError as error:
        early["open"] = errno.errorcode[error.errno]
thread = threading.Thread(target=elsewhere, daemon=True)
thread.start()
held = jail.enter(256 << 20, 60)

def attempt(what):
    try:
        what()
        return "done"
    except OSError as error:
        return errno.errorcode[error.errno]
    except MemoryError:
        return "MemoryError"

def call(name, *arguments):
    def asked():
        ctypes.set_errno(0)
        if getattr(libc, name)(*arguments) == -1:
            raise OSError(ctypes.get_errno(), name)
    return asked

answers = {
    "socket": attempt(socket.socket),
    "socketpair": attempt(socket.socketpair),
    "execve": attempt(lambda: os.execv("/bin/true", ["true"])),
    "fork": attempt(os.fork),
    "popen": attempt(lambda: subprocess.Popen(["/bin/true"])),
    "read a file": attempt(lambda: os.open(existing, os.O_RDONLY)),
    "write a file": attempt(lambda: os.open("/tmp/imagewright-probe", os.O_WRONLY | os.O_CREAT)),
    "mkdir": attempt(lambda: os.mkdir("/tmp/imagewright-probe")),
    "unlink": attempt(lambda: os.unlink("/tmp/imagewright-probe")),
    "rename": attempt(lambda: os.rename("/tmp/imagewright-probe", "/tmp/imagewright-other")),
    "stat": attempt(lambda: os.stat(existing)),
    "list": attempt(lambda: os.listdir("/")),
    "kill": attempt(lambda: os.kill(parent, signal.SIGTERM)),
    "ptrace": attempt(call("ptrace", 16, parent, 0, 0)),
    "memfd": attempt(lambda: os.memfd_create("x")),
    "limits": attempt(call("prlimit", 0, resource.RLIMIT_NOFILE, None, None)),
    "unshare": attempt(call("unshare", 0x10000000)),
    "executable memory": attempt(
        lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    ),
    "memory": attempt(lambda: bytearray(400 << 20)),
    "some memory": attempt(lambda: bytearray(100 << 20)),
}
worked = []
late = threading.Thread(target=worked.append, args=(1,))
late.start()
late.join()
waiting.set()
thread.join()
answers["a thread"] = "done" if worked else "none"
answers["an earlier thread opens"] = early["open"]
os.write(1, json.dumps({"answers": answers, "held": held}).encode())
"""


def probe(source: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-S", "-P", "-c", textwrap.dedent(source)],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_jail_denies_everything_but_computing() -> None:
    done = probe(PROBE)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    allowed = {name for name, answer in said["answers"].items() if answer == "done"}
    assert allowed == {"some memory", "a thread"}
    assert said["answers"].pop("memory") == "MemoryError"
    denied = {answer for answer in said["answers"].values() if answer != "done"}
    assert denied == {"EPERM"}
    assert "seccomp" in said["held"]["system calls"]


def test_a_path_is_neither_confirmed_nor_denied() -> None:
    done = probe("""
        import os
        from imagewright.adapters.imaging import jail
        jail.enter(1 << 28, 60)
        os.write(1, f"{os.access('/no/such/path', os.R_OK)}".encode())
    """)
    assert done.stdout == "True", done.stderr


def test_too_much_processor_time_ends_the_process() -> None:
    done = probe("""
        from imagewright.adapters.imaging import jail
        jail.enter(1 << 28, 1)
        while True:
            pass
    """)
    assert done.returncode == -24


def test_the_worker_imports_little() -> None:
    done = probe("""
        import sys
        import imagewright.adapters.imaging.worker
        heavy = {"asyncio", "pydantic", "fastmcp", "dataclasses", "inspect", "ssl", "socket"}
        print(sorted(heavy & set(sys.modules)))
    """)
    assert done.stdout.strip() == "[]", done.stderr


def test_the_environment_holds_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    assert "sk-secret" not in environment().values()
    assert not any("KEY" in name or "TOKEN" in name for name in environment())
