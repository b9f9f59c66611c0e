"""The one place where an error becomes a page."""

import functools
import logging
from collections.abc import Callable
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from imagewright.api.http.errors import Route
from imagewright.api.http.pages.cookies import drop_stale
from imagewright.api.http.pages.door import SignInNeeded
from imagewright.api.http.pages.paper import Paper
from imagewright.core.errors import Fault, Internal
from imagewright.core.ids import Kind
from imagewright.core.local_path import local_path

_log = logging.getLogger(__name__)


def paging(route: Route, paper: Paper, new_id: Callable[[Kind], str]) -> Route:
    """A route whose faults are pages; whoever is not signed in is sent to do that."""

    @functools.wraps(route)
    async def answered(request: Request) -> Response:
        try:
            return await route(request)
        except SignInNeeded as needed:
            path = quote(local_path(needed.path), safe="/")
            answer = leading_to(f"/ui/sign-in?next={path}")
            drop_stale(request, answer)
            return answer
        except Fault as fault:
            return fault_page(paper, fault)
        except Exception:  # noqa: BLE001 - whatever breaks becomes an incident
            name = new_id(Kind.INCIDENT)
            _log.error("incident", exc_info=True, extra={"incident": name})
            broken = Internal(f"Internal error ({name}).", hint="Give the id to the operator.")
            return fault_page(paper, broken)

    return answered


def fault_page(paper: Paper, fault: Fault) -> Response:
    """The fault's sentence, and what to do."""
    values = {"sentence": fault.sentence, "hint": fault.hint or fault.advice}
    answer = paper.page("error", values, origin="'none'", status=fault.status)
    if "retry_after" in fault.details:
        answer.headers["Retry-After"] = str(fault.details["retry_after"])
    return answer


def leading_to(path: str) -> Response:
    """Another page, to be got with GET, and not remembered."""
    return RedirectResponse(
        path, 303, headers={"Cache-Control": "no-store", "Referrer-Policy": "same-origin"}
    )
