"""litellm's proxy as a process of its own, and what it was asked."""

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.end_to_end.program import free_port
from tests.fakes.openai_images import KEY

MASTER = "sk-relay-0123456789"
_ASKED = re.compile(r'"POST (/v1/(?:images|responses)\S*) HTTP')
_LONGEST = 120.0
_PATIENCE = 2
"""Seconds that it waits for its upstream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """A running proxy; its log names every request that it answered."""

    base_url: str
    log: Path

    def asked(self) -> list[str]:
        """The paths of requests for pictures, in the order of its answers."""
        return _ASKED.findall(self.log.read_text(errors="replace"))


@contextmanager
def running(program: Path, directory: Path, models: Mapping[str, str]) -> Iterator[Relay]:
    """Serve models, each with the address of its upstream, until the context ends."""
    port, log = free_port(), directory / "relay.log"
    file = directory / "relay.json"
    file.write_text(json.dumps(_configured(models)))
    command = [
        *(str(program), "--config", str(file)),
        *("--host", "127.0.0.1", "--port", str(port)),
    ]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(directory),
        "PYTHONUNBUFFERED": "1",
        # Prices come from the package, not from the network.
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=directory, env=environment, stdout=output, stderr=output
        )
    relay = Relay(base_url=f"http://127.0.0.1:{port}/v1", log=log)
    try:
        _await(process, port, log)
        yield relay
    finally:
        process.terminate()
        process.wait(30)


def _configured(models: Mapping[str, str]) -> dict[str, object]:
    """Its settings, which are JSON as well as the YAML that it reads."""
    return {
        "model_list": [
            {
                "model_name": name,
                "litellm_params": {
                    "model": f"openai/{name}",
                    "api_base": upstream,
                    "api_key": KEY,
                    "timeout": _PATIENCE,
                },
            }
            for name, upstream in models.items()
        ],
        "litellm_settings": {"telemetry": False},
        # A model that was refused would be left alone for a while, and so spoil what comes next.
        "router_settings": {"num_retries": 0, "disable_cooldowns": True},
        "general_settings": {"master_key": MASTER},
    }


def _await(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + _LONGEST
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"the relay ended:\n{log.read_text(errors='replace')[-2000:]}")
        try:
            if httpx.get(f"http://127.0.0.1:{port}/health/liveliness").status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.2)
    raise TimeoutError("the relay does not listen")
