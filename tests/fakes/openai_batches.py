"""A vendor that speaks OpenAI's Batch API beside its Images API.

`test_openai_batches.py` proves its shapes by driving it with the vendor's own client.
"""

import json
from collections import deque
from collections.abc import Sequence
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tests.fakes.openai_images import KEY, FakeOpenAI, error
from tests.fakes.vendor import Received, Reply

_ENDS = {"completed", "expired", "cancelled", "failed"}
_NOT_DONE = {"expired": "batch_expired", "cancelled": "batch_cancelled"}


class FakeBatches(FakeOpenAI):
    """Each look at a batch takes the next of `states`, and `completed` when there are none left.

    What the lines answer is taken from `replies`. A batch that is cancelled is `cancelling` at the
    next look and then `cancelled`; with `hurried` it is completed all the same. `deaf` says that
    the answer to a new batch is lost, `refusal` how a batch fails before it begins.
    """

    paid: ClassVar[str] = "/v1/batches"

    def __init__(self) -> None:
        super().__init__()
        self._clear()

    def _clear(self) -> None:
        self.states: deque[str] = deque()
        self.hurried = self.deaf = False
        self.refusal: str | None = None
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.page = 100
        self.troubles: deque[Reply] = deque()

    def forget(self) -> None:
        super().forget()
        self._clear()

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/v1/files", self._upload, methods=["POST"]),
            Route("/v1/files/{id}/content", self._content),
            Route("/v1/batches", self._begin, methods=["POST"]),
            Route("/v1/batches", self._list),
            Route("/v1/batches/{id}", self._look),
            Route("/v1/batches/{id}/cancel", self._cancel, methods=["POST"]),
            *super().routes(),
        ]

    @property
    def begun(self) -> int:
        """How many batches there are."""
        return len(self.batches)

    async def _upload(self, request: Request) -> Response:
        received = await self.note(request)
        if (wrong := self._trouble(received)) is not None:
            return wrong
        [(name, filename, _, data)] = received.files
        if (name, received.values.get("purpose")) != ("file", "batch"):
            return self._refused(error(400, "invalid_value"))
        id = self._keep(data)
        told = {"id": id, "object": "file", "bytes": len(data), "filename": filename}
        return JSONResponse(
            {**told, "created_at": 1_763_700_000, "purpose": "batch", "status": "processed"}
        )

    def _keep(self, data: bytes) -> str:
        id = f"file-{len(self.files)}"
        self.files[id] = data
        return id

    async def _content(self, request: Request) -> Response:
        received = await self.note(request)
        if (wrong := self._trouble(received)) is not None:
            return wrong
        found = self.files.get(request.path_params["id"])
        return self._refused(error(404, None)) if found is None else Response(found)

    async def _begin(self, request: Request) -> Response:
        received = await self.note(request)
        if (wrong := self._trouble(received)) is not None:
            return wrong
        values = received.values
        known = {"input_file_id", "endpoint", "completion_window", "metadata"}
        if {*values} != known or values["completion_window"] != "24h":
            return self._refused(error(400, "invalid_value"))
        if values["input_file_id"] not in self.files:
            return self._refused(error(400, "invalid_value", param="input_file_id"))
        id = f"batch_{len(self.batches)}"
        self.batches[id] = {
            "id": id,
            "object": "batch",
            "status": "validating",
            "created_at": 1_763_700_000,
            "errors": None,
            "output_file_id": None,
            "error_file_id": None,
            "request_counts": {"total": 0, "completed": 0, "failed": 0},
            **values,
        }
        if self.deaf:
            self.abort(request.scope)
        return JSONResponse(self.batches[id])

    async def _list(self, request: Request) -> Response:
        received = await self.note(request)
        if (wrong := self._trouble(received)) is not None:
            return wrong
        newest = list(self.batches.values())[::-1]
        ids = [each["id"] for each in newest]
        after = request.query_params.get("after")
        start = ids.index(after) + 1 if after else 0
        shown = newest[start : start + self.page]
        more = len(newest) > start + self.page
        return JSONResponse({"object": "list", "data": shown, "has_more": more})

    async def _look(self, request: Request) -> Response:
        received = await self.note(request)
        if (wrong := self._trouble(received)) is not None:
            return wrong
        batch = self.batches.get(request.path_params["id"])
        if batch is None:
            return self._refused(error(404, None))
        if batch["status"] not in _ENDS:
            self._proceed(batch)
        return JSONResponse(batch)

    async def _cancel(self, request: Request) -> Response:
        received = await self.note(request)
        if (wrong := self._trouble(received)) is not None:
            return wrong
        batch = self.batches[request.path_params["id"]]
        self.states = deque(["cancelling", "completed" if self.hurried else "cancelled"])
        return JSONResponse({**batch, "status": "cancelling"})

    def _proceed(self, batch: dict[str, Any]) -> None:
        status = self.states.popleft() if self.states else "completed"
        if self.refusal is not None:
            problem = {"code": self.refusal, "message": "no", "line": None, "param": None}
            batch |= {"status": "failed", "errors": {"object": "list", "data": [problem]}}
            return
        batch["status"] = status
        if status not in _ENDS:
            return
        lines = [json.loads(each) for each in self.files[batch["input_file_id"]].splitlines()]
        outputs: list[dict[str, Any]] = []
        errors: list[dict[str, Any]] = []
        for line in lines:
            told = self._carried_out(line, status)
            good = told["response"] is not None and told["response"]["status_code"] == 200
            (outputs if good else errors).append(told)
        for name, found in (("output_file_id", outputs), ("error_file_id", errors)):
            if found:
                batch[name] = self._keep(
                    b"".join(json.dumps(each).encode() + b"\n" for each in found)
                )
        counts = {"total": len(lines), "completed": len(outputs), "failed": len(errors)}
        batch["request_counts"] = counts

    def _carried_out(self, line: dict[str, Any], status: str) -> dict[str, Any]:
        told = {
            "id": "batch_req_1",
            "custom_id": line["custom_id"],
            "response": None,
            "error": None,
        }
        if status in _NOT_DONE:
            return {**told, "error": {"code": _NOT_DONE[status], "message": "late"}}
        reply = self.replies.popleft() if self.replies else Reply()
        received = Received(
            path=line["url"],
            headers={"authorization": f"Bearer {KEY}"},
            query="",
            values=line["body"],
            files=(),
        )
        reply = self.wrong(received) or reply
        body = self.right(received, reply) if reply.body is None else reply.body
        answer = {"status_code": reply.status, "request_id": "req_batch_1"}
        return {**told, "response": {**answer, "body": json.loads(body)}}

    def _trouble(self, received: Received) -> Response | None:
        if received.headers.get("authorization") != f"Bearer {KEY}":
            return self._refused(error(401, "invalid_api_key"))
        return self._refused(self.troubles.popleft()) if self.troubles else None

    def _refused(self, reply: Reply) -> Response:
        return self.sent(reply, reply.body or b"")
