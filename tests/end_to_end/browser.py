"""What a browser does with pages, in plain HTTP: cookies, forms, links, and `refresh`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from typing import Self
from urllib.parse import urljoin, urlsplit

import httpx

_MOST = 12


@dataclass
class Form:
    """A form, and the fields that it came with."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)


class Page(HTMLParser):
    """The forms of a page, and where it leads by itself."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.refresh = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(found.get("action", "")))
        elif tag == "input" and self.forms and "name" in found:
            self.forms[-1].fields[found["name"]] = found.get("value", "")
        elif tag == "meta" and found.get("http-equiv") == "refresh":
            self.refresh = found["content"].partition("url=")[2]


class Browser:
    """Keeps cookies by host and port, Secure ones on loopback too, as browsers do."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.cookies: dict[str, dict[str, str]] = {}
        self.set_cookies: list[str] = []
        self._http = httpx.AsyncClient(timeout=30)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    @property
    def own(self) -> dict[str, str]:
        """The service's cookies."""
        return self.cookies.setdefault(urlsplit(self.base).netloc, {})

    async def get(self, address: str, **headers: str) -> httpx.Response:
        """One answer."""
        return await self._send("GET", address, None, headers)

    async def post(self, address: str, fields: Mapping[str, str], **headers: str) -> httpx.Response:
        """One answer to a form that a page of the same origin sent."""
        parts = urlsplit(urljoin(self.base, address))
        headers.setdefault("Origin", f"{parts.scheme}://{parts.netloc}")
        return await self._send("POST", address, fields, headers)

    async def follow(self, answer: httpx.Response, until: str = "") -> httpx.Response:
        """Where redirects and refreshes lead, or the first address that begins with `until`."""
        for _ in range(_MOST):
            place = answer.headers.get("location") or Page(answer.text).refresh
            if not place:
                return answer
            address = urljoin(str(answer.url), place)
            if until and address.startswith(until):
                return httpx.Response(303, headers={"location": address}, request=answer.request)
            answer = await self.get(address)
        raise AssertionError("it leads in circles")

    async def sign_in(self, token: str, path: str = "/ui") -> httpx.Response:
        """The answer to a pasted token."""
        form = await self.form(path)
        return await self.post("/ui/sign-in", {**form, "token": token})

    async def form(self, path: str = "/ui") -> dict[str, str]:
        """The hidden fields of the sign-in form."""
        page = Page((await self.get(f"/ui/sign-in?next={path}")).text)
        return {name: page.forms[-1].fields[name] for name in ("csrf", "next")}

    async def begin(self, path: str = "/ui") -> str:
        """Choose the provider; the address that the browser is sent to."""
        fields = {**await self.form(path), "with": "provider"}
        answer = await self.post("/ui/sign-in", fields)
        assert answer.status_code == 200, answer.text
        return Page(answer.text).refresh

    async def at_provider(self, address: str, name: str) -> str:
        """Sign in there and consent; the address that it sends the browser back to."""
        back = f"{self.base}/ui/sign-in/callback"
        answer = await self.follow(await self.get(address), back)
        while answer.status_code == 200:
            (form, *_) = Page(answer.text).forms
            fields = dict(form.fields)
            if "login" in fields:
                fields |= {"login": name, "password": "any"}
            answer = await self.post(urljoin(str(answer.url), form.action), fields)
            answer = await self.follow(answer, back)
        return answer.headers["location"]

    async def _send(
        self, method: str, address: str, fields: Mapping[str, str] | None, headers: dict[str, str]
    ) -> httpx.Response:
        url = urljoin(self.base, address)
        jar = self.cookies.setdefault(urlsplit(url).netloc, {})
        if jar:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in jar.items())
        answer = await self._http.request(method, url, data=fields, headers=headers)
        self._http.cookies.clear()
        for line in answer.headers.get_list("set-cookie"):
            self.set_cookies.append(line)
            for name, morsel in SimpleCookie(line).items():
                gone = morsel["max-age"] == "0" or "1970" in morsel["expires"]
                if gone:
                    jar.pop(name, None)
                else:
                    jar[name] = morsel.value
        return answer
