"""OpenAI's Batch API (openai 3.51: `files`, `batches`): a file of requests, done within 24 hours.

An order is a batch of one line. Its metadata name the order, so that it is found in the list
of batches where the answer to its beginning was lost. What comes out is a line for each request:
`{custom_id, response: {status_code, request_id, body}, error}`, in the file of outputs for those
that were carried out, in that of errors for the others. A batch that is taken back or runs out of
time has done what its outputs say; the rest has `error.code` `batch_cancelled` or `batch_expired`.
"""

import asyncio
import json
import re
from collections.abc import Mapping

from imagewright.adapters.web.client import Answer, Call, Client, FilePart
from imagewright.adapters.web.failures import WebError
from imagewright.adapters.wire.judge import Judge
from imagewright.adapters.wire.line import Line, away
from imagewright.adapters.wire.pace import Pace
from imagewright.adapters.wire.refusals import VendorError, late, quota, refusal, unknown
from imagewright.adapters.wire.results import read_object
from imagewright.core.errors import Fault, OutcomeUnknown, ProviderRejected, Unsupported
from imagewright.ports.provider import NotYet, Order, Parts, Watch

_MIB = 1024 * 1024
_SMALL, _LIST = 64 * 1024, 4 * _MIB
_MOST_BYTES = 190 * _MIB
"""OpenAI takes files of 200 MB."""
_SECONDS = 60.0
_PAGES = 20
_MARK = "imagewright_order"
_ID = re.compile(r"[A-Za-z0-9_-]{1,128}\Z")
_AT_WORK = frozenset({"validating", "in_progress", "finalizing", "cancelling"})
_STOPPABLE = frozenset({"validating", "in_progress"})
_NOT_DONE = frozenset({"batch_cancelled", "batch_expired"})
_ENDED_EARLY = frozenset({"cancelled", "expired"})


class Batches:
    """The batches of one account."""

    def __init__(self, client: Client, line: Line, parts: Parts, pace: Pace) -> None:
        self._client = client
        self._line = line
        self._parts = parts
        self._pace = pace

    async def submit(self, order: Order, call: Call, watch: Watch) -> float:
        """Hand in the request of a call as a batch; see `ports.provider.Economical`."""
        until = self._parts.clock.monotonic() + self._pace.total
        judge = Judge(self._parts, order.plan.model)
        file = await self._upload(order, call, until, watch)
        await watch.accepted(_request(order.key, None))
        begin = Call(
            path="batches",
            headers={"Idempotency-Key": order.key},
            json={
                "input_file_id": file,
                "endpoint": f"/v1/{call.path}",
                "completion_window": "24h",
                "metadata": {_MARK: order.key},
            },
            limit=_SMALL,
        )
        answer = await self._line.ask(begin, judge, until, watch)
        batch = _id(read_object(answer.body))
        if batch is None:
            raise unknown()
        await watch.accepted(_request(order.key, batch))
        return self._pace.poll

    async def answer(self, order: Order, request: str, watch: Watch, limit: int) -> Answer:
        """The answer to the request of a batch that has ended, in at most so many bytes.

        Raises as `ports.provider.Economical.collect`.
        """
        batch = await self._found(order, request, watch)
        status = batch.get("status")
        if status in _AT_WORK:
            await self._take_back(order, batch)
            raise NotYet(self._pause(order))
        if status == "failed":
            raise _refused(batch)
        for name in ("output_file_id", "error_file_id"):
            line = await self._line_of(order, batch.get(name), limit)
            if line is not None:
                return _answer(line, order)
        counts = batch.get("request_counts")
        done = counts.get("completed") if isinstance(counts, dict) else None
        if status in _ENDED_EARLY and done == 0:
            raise late()
        raise unknown()

    async def _upload(self, order: Order, call: Call, until: float, watch: Watch) -> str:
        line = {
            "custom_id": order.key,
            "method": "POST",
            "url": f"/v1/{call.path}",
            "body": call.json,
        }
        data = await asyncio.to_thread(lambda: json.dumps(line).encode() + b"\n")
        if len(data) > _MOST_BYTES:
            raise Unsupported("The input images are too large for a batch.", hint="Give smaller.")
        part = FilePart(
            name="file", filename=f"{order.key}.jsonl", mime="application/jsonl", data=data
        )
        upload = Call(path="files", fields={"purpose": "batch"}, files=(part,), limit=_SMALL)
        try:
            answer = await self._line.ask(
                upload, Judge(self._parts, order.plan.model), until, watch
            )
        except OutcomeUnknown:
            fault: Fault = away()
        else:
            found = _id(read_object(answer.body))
            if found is not None:
                return found
            fault = away()
        # A file alone costs nothing.
        raise fault

    async def _found(self, order: Order, request: str, watch: Watch) -> Mapping[str, object]:
        """The batch of an order as it stands. Raises NotYet or OutcomeUnknown."""
        told = read_object(request.encode()) or {}
        name = told.get("batch")
        if not isinstance(name, str):
            name = await self._listed(str(told.get("key")))
            if name is None:
                raise unknown()
            await watch.accepted(_request(order.key, name))
        answer = await self._get(f"batches/{name}", {}, _SMALL)
        batch = read_object(answer.body)
        if answer.status == 404:
            raise unknown()
        if answer.status != 200 or batch is None:
            raise NotYet(self._pause(order))
        return batch

    async def _listed(self, key: str) -> str | None:
        """The id of the batch that names an order, looked for among the newest."""
        query = {"limit": "100"}
        for _ in range(_PAGES):
            answer = await self._get("batches", query, _LIST)
            page = read_object(answer.body)
            listed = page.get("data") if page is not None else None
            if answer.status != 200 or page is None or not isinstance(listed, list):
                raise NotYet(self._pace.poll)
            batches = [each for each in listed if isinstance(each, dict)]
            for each in batches:
                metadata = each.get("metadata")
                if isinstance(metadata, dict) and metadata.get(_MARK) == key:
                    return _id(each)
            last = _id(batches[-1]) if batches else None
            if page.get("has_more") is not True or last is None:
                return None
            query = {"limit": "100", "after": last}
        return None

    async def _take_back(self, order: Order, batch: Mapping[str, object]) -> None:
        """At the end of its time; what the vendor says to that is seen at the next look."""
        if order.until is None or self._parts.clock.now() < order.until:
            return
        name = _id(batch)
        if name is not None and batch.get("status") in _STOPPABLE:
            stop = Call(path=f"batches/{name}/cancel", limit=_SMALL)
            try:
                await self._client.send(stop, _SECONDS)
            except WebError:
                return

    async def _line_of(self, order: Order, file: object, limit: int) -> Mapping[str, object] | None:
        """The order's line of a file, if there are both. Raises NotYet where it does not come."""
        if not isinstance(file, str) or not _ID.match(file):
            return None
        answer = await self._get(f"files/{file}/content", {}, limit)
        if answer.status != 200:
            raise NotYet(self._pause(order))
        return await asyncio.to_thread(_read_line, answer.body, order.key)

    async def _get(self, path: str, query: Mapping[str, str], limit: int) -> Answer:
        call = Call(path=path, method="GET", query=query, limit=limit)
        try:
            return await self._client.send(call, self._pace.total)
        except WebError:
            pass
        raise NotYet(self._pace.poll)

    def _pause(self, order: Order) -> float:
        return self._pace.pause(order, self._parts.clock.now())


def _request(key: str, batch: str | None) -> str:
    return json.dumps({"key": key, "batch": batch})


def _id(found: Mapping[str, object] | None) -> str | None:
    name = found.get("id") if found is not None else None
    return name if isinstance(name, str) and _ID.match(name) else None


def _read_line(data: bytes, key: str) -> Mapping[str, object] | None:
    for text in data.splitlines():
        line = read_object(text)
        if line is not None and line.get("custom_id") == key:
            return line
    return None


def _answer(line: Mapping[str, object], order: Order) -> Answer:
    """What the API answered to the request. Raises the fault that it told."""
    response, error = line.get("response"), line.get("error")
    if isinstance(response, dict) and isinstance(response.get("body"), dict):
        answer = Answer(
            status=200 if response.get("status_code") == 200 else _status(response),
            headers={"x-request-id": str(response.get("request_id"))},
            body=json.dumps(response["body"]).encode(),
        )
        if answer.status != 200:
            raise refusal(answer, model=order.plan.model)
        return answer
    if isinstance(error, dict) and error.get("code") in _NOT_DONE:
        raise late()
    raise unknown()


def _status(response: Mapping[str, object]) -> int:
    """One that was not told proves nothing."""
    found = response.get("status_code")
    return found if isinstance(found, int) and 300 <= found < 600 else 504


def _refused(batch: Mapping[str, object]) -> Fault:
    """A batch that fails was not begun: its file was looked at, and refused."""
    errors = batch.get("errors")
    listed = errors.get("data") if isinstance(errors, dict) else None
    found = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    codes = frozenset(str(each.get("code")).lower() for each in found)
    if VendorError(codes=codes).quota:
        return quota()
    return ProviderRejected(
        "The provider refused the batch before it began.", hint="Ask again without economy."
    )
