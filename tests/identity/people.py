"""The certified provider with people who sign in, and the browser that they use."""

import html
import json
import queue
import re
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, ClassVar
from urllib.parse import urljoin

import httpx

from tests.identity.provider import Launched

CLIENT, SECRET = "imagewright", "a secret:of the test/with%signs"
DEVICE = "television"
"""A client without a browser, which may use the device flow and nothing else."""
_FORM = re.compile(r'<form[^>]*action="([^"]*)"')
_REFRESH = re.compile(r'<meta http-equiv="refresh" content="0;url=([^"]*)"')
_FIELD = re.compile(r'<input[^>]*name="([^"]*)"[^>]*value="([^"]*)"')


@dataclass(kw_only=True)
class People(Launched):
    """A restart forgets every session."""

    program: ClassVar[str] = "people.mjs"
    redirect: str
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    method: str = "client_secret_basic"
    revocation: bool = True
    _said: "queue.Queue[str]" = field(default_factory=queue.Queue)

    def told(self) -> dict[str, Any]:
        return {
            "client": CLIENT,
            "device": DEVICE,
            "secret": SECRET,
            "method": self.method,
            "redirect": self.redirect,
            "groups": {name: list(groups) for name, groups in self.groups.items()},
            "revocation": self.revocation,
        }

    def start(self) -> None:
        super().start()
        threading.Thread(target=self._listen, args=(self._process,), daemon=True).start()

    def stop(self) -> None:
        if (process := self._process) is None:
            return
        process.kill()
        process.wait()
        assert process.stdin is not None
        process.stdin.close()
        self._process = None

    def dismiss(self, *names: str) -> None:
        """These people are gone."""
        self._tell(names)
        self.await_word("heard")

    def await_word(self, wanted: str) -> None:
        """Return once the provider has said it. Raises queue.Empty after ten seconds."""
        while self._said.get(timeout=10) != wanted:
            pass

    def _tell(self, words: object) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(f"{json.dumps(words)}\n")
        self._process.stdin.flush()

    def _listen(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        with process.stdout as said:
            for line in said:
                self._said.put(line.strip())


class Browser(httpx.Client):
    """Keeps cookies as browsers do: loopback counts as secure."""

    def __init__(self) -> None:
        policy = DefaultCookiePolicy(secure_protocols=("http", "https"))
        limits = httpx.Limits(max_keepalive_connections=0)
        super().__init__(cookies=CookieJar(policy=policy), timeout=30, limits=limits)

    def build_request(self, *args: Any, **more: Any) -> httpx.Request:
        # The library asks a copy of the jar, which has its own opinion of what is secure.
        request = super().build_request(*args, **more)
        request.headers.pop("cookie", None)
        self.cookies.set_cookie_header(request)
        return request


@dataclass(kw_only=True)
class Visitor:
    """Somebody at a browser: agrees, signs in at the provider, and goes where he is sent."""

    name: str = "alice"
    answer: str = "yes"
    browser: httpx.Client = field(default_factory=Browser)
    pages: list[httpx.Response] = field(default_factory=list)

    def open(self, url: str, new: int = 0, autoraise: bool = True) -> bool:
        """As `webbrowser` opens an address: somebody works on, and the program waits."""
        threading.Thread(target=self.visit, args=(url,), daemon=True).start()
        return True

    def visit(
        self, url: str, until: str = "http://localhost", *, follow: bool = True
    ) -> httpx.Response | str:
        """The last page, or the address that begins with `until`, opened too with `follow`."""
        page = self.get(url)
        while True:
            self.pages.append(page)
            if place := _onward(page):
                onward = urljoin(str(page.url), place)
                if onward.startswith(until):
                    if follow:
                        self.get(onward)
                    return onward
                page = self.get(onward)
            elif (form := _FORM.search(page.text)) is not None and page.status_code < 400:
                page = self.submit(page, html.unescape(form[1]))
            else:
                return page

    def get(self, url: str) -> httpx.Response:
        return self.browser.get(url)

    def fields(self, page: httpx.Response) -> dict[str, str]:
        """What a page's form holds already."""
        return {name: html.unescape(value) for name, value in _FIELD.findall(page.text)}

    def submit(self, page: httpx.Response, action: str) -> httpx.Response:
        fields = self.fields(page)
        if fields.get("prompt") == "login":
            fields |= {"login": self.name, "password": "any"}
        elif "prompt" not in fields:
            fields["answer"] = self.answer
        where = urljoin(str(page.url), action)
        origin = f"{page.url.scheme}://{page.url.netloc.decode()}"
        return self.browser.post(where, data=fields, headers={"Origin": origin})


def _onward(page: httpx.Response) -> str:
    """Where an answer leads by itself."""
    if page.has_redirect_location:
        return str(page.headers["location"])
    found = _REFRESH.search(page.text)
    return html.unescape(found[1]) if found else ""
