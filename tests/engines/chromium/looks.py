"""How pages look and behave in the browser."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.engines.chromium.browser import Chromium

_CONTRASTS = Path(__file__).with_name("contrasts.js").read_text("utf-8")


async def drive(act: Callable[..., None], *arguments: Any) -> None:
    """Drive the browser from a thread, while the service answers on this one."""
    await asyncio.to_thread(act, *arguments)


def own_errors(browser: Chromium, base: str) -> list[str]:
    """What the browser complained of on our pages, but for the answer to a wrong token."""
    return [each for each in browser.errors() if each.startswith(base) and "403" not in each]


def looked_at(browser: Chromium, picture: Path, *, controls: bool = True) -> None:
    """Every text has contrast, every control a size, if it has any, and nothing is cut off."""
    assert browser.run("return document.documentElement.scrollWidth <= window.innerWidth")
    assert browser.run("return document.documentElement.lang") == "en"
    faint = [each for each in browser.run(_CONTRASTS) if each["ratio"] < 4.5]
    assert not faint
    small = "return [...document.querySelectorAll('button, input:not([type=hidden])')]"
    sizes = browser.run(f"{small}.map(each => each.getBoundingClientRect().height)")
    assert bool(sizes) == controls
    assert min(sizes, default=40) >= 40
    assert browser.picture(picture).stat().st_size > 5000
