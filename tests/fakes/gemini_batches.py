"""A vendor that speaks Gemini's Batch API beside `generateContent`, with its requests inlined.

`test_gemini_batches.py` beside it proves its shapes by driving it with the vendor's own client.
"""

import json
from collections import deque
from collections.abc import Sequence
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tests.fakes.gemini import IMAGE, KEY, FakeGemini, error, right, wrong
from tests.fakes.vendor import VENDOR_WORDS, Received, Reply

CODES = {400: 3, 401: 16, 403: 7, 404: 5, 429: 8, 499: 1, 500: 13, 503: 14, 504: 4}
"""Those of `google.rpc.Code`, by the status of an answer that says the same."""
_MOST_BYTES = 20_000_000
_ENDS = {"SUCCEEDED", "FAILED", "CANCELLED", "EXPIRED"}


class FakeGeminiBatches(FakeGemini):
    """Each look at a batch takes the next of `states`, and `SUCCEEDED` when there are none left.

    What the requests answer is taken from `replies`. One that is not begun when the batch ends
    early is left out; `hurried` says how many of them were carried out by then. `deaf` says that
    the answer to a new batch is lost, `refusal` with what code a batch fails as a whole.
    """

    paid: ClassVar[str] = "/v1/models/"

    def __init__(self) -> None:
        super().__init__()
        self._clear()

    def _clear(self) -> None:
        self.states: deque[str] = deque()
        self.hurried = 0
        self.deaf = False
        self.refusal: int | None = None
        self.batches: dict[str, dict[str, Any]] = {}
        self.asked: dict[str, list[dict[str, Any]]] = {}
        self.page = 50
        self.troubles: deque[Reply] = deque()

    def forget(self) -> None:
        super().forget()
        self._clear()

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/v1/models/{model}:batchGenerateContent", self._begin, methods=["POST"]),
            Route("/v1/batches", self._list),
            Route("/v1/batches/{id}", self._look),
            Route("/v1/batches/{id}:cancel", self._cancel, methods=["POST"]),
            *super().routes(),
        ]

    @property
    def begun(self) -> int:
        """How many batches there are."""
        return len(self.batches)

    async def _begin(self, request: Request) -> Response:
        received = await self.note(request)
        model = f"models/{request.path_params['model']}"
        if (refused := self._trouble(received) or _refused(received, model)) is not None:
            return self.sent(refused, refused.body or b"")
        batch = received.values["batch"]
        name = f"batches/b{len(self.batches)}"
        self.asked[name] = batch["inputConfig"]["requests"]["requests"]
        count = str(len(self.asked[name]))
        self.batches[name] = {
            "name": name,
            "metadata": {
                "@type": "type.googleapis.com/google.ai.generativelanguage.v1.GenerateContentBatch",
                "name": name,
                "model": model,
                "displayName": batch["displayName"],
                "createTime": "2025-11-21T04:40:00Z",
                "updateTime": "2025-11-21T04:40:00Z",
                "state": "BATCH_STATE_PENDING",
                "batchStats": {"requestCount": count, "pendingRequestCount": count},
            },
        }
        if self.deaf:
            self.abort(request.scope)
        return JSONResponse(self.batches[name])

    async def _list(self, request: Request) -> Response:
        received = await self.note(request)
        if (trouble := self._trouble(received)) is not None:
            return self.sent(trouble, trouble.body or b"")
        newest = list(self.batches.values())[::-1]
        start = int(request.query_params.get("pageToken", "0"))
        end = start + min(self.page, int(request.query_params.get("pageSize", "50")))
        page: dict[str, Any] = {"operations": newest[start:end]} if newest else {}
        return JSONResponse(page | ({"nextPageToken": str(end)} if end < len(newest) else {}))

    async def _look(self, request: Request) -> Response:
        received = await self.note(request)
        if (trouble := self._trouble(received)) is not None:
            return self.sent(trouble, trouble.body or b"")
        batch = self.batches.get(f"batches/{request.path_params['id']}")
        if batch is None:
            lost = error(404)
            return self.sent(lost, lost.body or b"")
        if not batch.get("done"):
            self._proceed(batch)
        return JSONResponse(batch)

    async def _cancel(self, request: Request) -> Response:
        received = await self.note(request)
        if (trouble := self._trouble(received)) is not None:
            return self.sent(trouble, trouble.body or b"")
        self.states = deque(["RUNNING", "CANCELLED"])
        return JSONResponse({})

    def _proceed(self, batch: dict[str, Any]) -> None:
        state = self.states.popleft() if self.states else "SUCCEEDED"
        metadata = batch["metadata"]
        if self.refusal is not None:
            batch |= {"done": True, "error": {"code": self.refusal, "message": VENDOR_WORDS}}
            metadata["state"] = "BATCH_STATE_FAILED"
            return
        metadata["state"] = f"BATCH_STATE_{state}"
        if state not in _ENDS:
            return
        asked = self.asked[batch["name"]]
        begun = asked if state == "SUCCEEDED" else asked[: self.hurried]
        told = [self._carried_out(each) for each in begun]
        good = sum("response" in each for each in told)
        counts = {
            "requestCount": len(asked),
            "successfulRequestCount": good,
            "failedRequestCount": len(told) - good,
            "pendingRequestCount": len(asked) - len(told),
        }
        # Counts of nothing are left out (proto3), and those of 64 bits are text.
        metadata["batchStats"] = {name: str(each) for name, each in counts.items() if each}
        batch["done"] = True
        if told:
            metadata["output"] = {"inlinedResponses": {"inlinedResponses": told}}
            batch["response"] = {**metadata["output"], "@type": "GenerateContentBatchOutput"}

    def _carried_out(self, asked: dict[str, Any]) -> dict[str, Any]:
        metadata = {"metadata": asked["metadata"]} if "metadata" in asked else {}
        reply = self.replies.popleft() if self.replies else Reply()
        values = {name: each for name, each in asked["request"].items() if name != "model"}
        received = Received(path="", headers={}, query="", values=values, files=())
        if reply.body is None:
            reply = wrong(received, IMAGE) or reply
        body = json.loads(right(received, reply) if reply.body is None else reply.body)
        if reply.status == 200:
            return {"response": body, **metadata}
        return {"error": {"code": CODES[reply.status], "message": VENDOR_WORDS}, **metadata}

    def _trouble(self, received: Received) -> Reply | None:
        if received.headers.get("x-goog-api-key") != KEY:
            return error(
                400, details=[{"@type": "google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]
            )
        return self.troubles.popleft() if self.troubles else None


def _refused(received: Received, model: str) -> Reply | None:
    """The API's own refusal of a batch that is not right, or None."""
    batch = received.values.get("batch", {})
    asked = batch.get("inputConfig", {}).get("requests", {}).get("requests", [])
    right_names = {*batch} == {"displayName", "inputConfig"} and bool(asked)
    for each in asked:
        known = {*each} <= {"request", "metadata"}
        right_names &= known and each.get("request", {}).get("model", model) == model
    small = int(received.headers.get("content-length", "0")) <= _MOST_BYTES
    return None if right_names and small else error(400)
