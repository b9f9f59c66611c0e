"""Debian's Chromium, without a window, driven by its WebDriver (W3C WebDriver Level 2)."""

import base64
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.end_to_end.program import free_port

PROGRAMS = {"chromium": "chromium", "chromedriver": "chromium-driver"}
"""Each with its package."""
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)


class Chromium:
    """One window with an empty profile."""

    def __init__(self, driver: httpx.Client) -> None:
        self._driver = driver

    def open(self, address: str) -> None:
        self._call("POST", "url", {"url": address})

    @property
    def address(self) -> str:
        return str(self._call("GET", "url"))

    @property
    def text(self) -> str:
        """What the page reads."""
        return str(self._of(self._find("body"), "text"))

    @property
    def title(self) -> str:
        return str(self._call("GET", "title"))

    def has(self, selector: str) -> bool:
        found = self._call("POST", "elements", {"using": "css selector", "value": selector})
        return bool(found)

    def fill(self, selector: str, text: str) -> None:
        self._call("POST", f"element/{self._find(selector)}/value", {"text": text})

    def click(self, selector: str) -> None:
        """Click, and return when the page that follows is there."""
        self._call("POST", f"element/{self._find(selector)}/click", {})

    def focused(self, property_: str) -> str:
        """An attribute of what has the focus."""
        element = self._call("GET", "element/active")[_ELEMENT]
        return str(self._call("GET", f"element/{element}/attribute/{property_}"))

    def type(self, text: str) -> None:
        """Press keys, wherever the focus is."""
        element = self._call("GET", "element/active")[_ELEMENT]
        self._call("POST", f"element/{element}/value", {"text": text})

    def role(self, selector: str) -> tuple[str, str]:
        """What a screen reader says of an element: its role and its name."""
        element = self._find(selector)
        return str(self._of(element, "computedrole")), str(self._of(element, "computedlabel"))

    def cookies(self) -> dict[str, Mapping[str, Any]]:
        """Those that the browser keeps for this page."""
        return {each["name"]: each for each in self._call("GET", "cookie")}

    def add_cookie(self, cookie: Mapping[str, Any]) -> None:
        self._call("POST", "cookie", {"cookie": dict(cookie)})

    def run(self, script: str) -> Any:
        """What a function body returns; the driver's scripts pass over the page's policy."""
        return self._call("POST", "execute/sync", {"script": script, "args": []})

    def emulate(self, scheme: str, width: int = 900, height: int = 900) -> None:
        """A window of that size whose user prefers a colour scheme."""
        self._devtools(
            "Emulation.setEmulatedMedia",
            {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
        )
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._devtools("Emulation.setDeviceMetricsOverride", size)

    def without_scripts(self) -> None:
        """Switch JavaScript off for every page to come."""
        self._devtools("Emulation.setScriptExecutionDisabled", {"value": True})

    def errors(self) -> list[str]:
        """What the console complained of since this was asked."""
        found = self._call("POST", "se/log", {"type": "browser"})
        return [str(each["message"]) for each in found]

    def picture(self, path: Path) -> Path:
        path.write_bytes(base64.b64decode(self._call("GET", "screenshot")))
        return path

    def until(self, start: str, seconds: float = 10) -> None:
        """Wait for an address that begins like that."""
        end = time.monotonic() + seconds
        while not self.address.startswith(start):
            if time.monotonic() > end:
                raise TimeoutError(f"the browser is at {self.address}: {self.text}")
            time.sleep(0.05)

    def wait_for(self, selector: str, seconds: float = 10) -> None:
        """Wait for something to stand on the page."""
        end = time.monotonic() + seconds
        while not self.has(selector):
            if time.monotonic() > end:
                raise TimeoutError(f"the browser is at {self.address}: {self.text}")
            time.sleep(0.05)

    def _find(self, selector: str) -> str:
        found = self._call("POST", "element", {"using": "css selector", "value": selector})
        return str(found[_ELEMENT])

    def _of(self, element: str, what: str) -> Any:
        return self._call("GET", f"element/{element}/{what}")

    def _devtools(self, command: str, parameters: Mapping[str, Any]) -> None:
        self._call("POST", "goog/cdp/execute", {"cmd": command, "params": dict(parameters)})

    def _call(self, method: str, path: str, body: object = None) -> Any:
        answer = self._driver.request(method, path, json=body)
        value = answer.json()["value"]
        assert answer.is_success, value
        return value


@contextmanager
def browsing(directory: Path) -> Iterator[Chromium]:
    """A browser until the context ends; its profile stands in the directory."""
    port = free_port()
    log = (directory / "chromedriver.log").open("wb")
    process = subprocess.Popen(
        ["chromedriver", f"--port={port}"], stdout=log, stderr=log, start_new_session=True
    )
    base = f"http://127.0.0.1:{port}"
    try:
        _await(process, base)
        flags = [*_FLAGS, f"--user-data-dir={directory / 'profile'}"]
        options = {"goog:chromeOptions": {"args": flags}, "goog:loggingPrefs": {"browser": "ALL"}}
        wanted = {"capabilities": {"alwaysMatch": options}}
        made = httpx.post(f"{base}/session", json=wanted, timeout=60).json()["value"]
        with httpx.Client(base_url=f"{base}/session/{made['sessionId']}/", timeout=60) as driver:
            yield Chromium(driver)
    finally:
        # The browser outlives its driver, which ends it only when it is asked politely.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
        log.close()


def _await(process: "subprocess.Popen[bytes]", base: str) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError("the driver ended")
        try:
            if httpx.get(f"{base}/status").json()["value"]["ready"]:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise TimeoutError("the driver does not answer")
