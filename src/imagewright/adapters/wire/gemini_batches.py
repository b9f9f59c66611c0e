"""Gemini's Batch API (google-genai 3.4: `batches`, captured from it): done in a day as a rule.

    POST v1/models/{model}:batchGenerateContent
    {"batch": {"displayName": ..., "inputConfig": {"requests": {"requests": [
        {"request": {"model": ..., "contents": ..., ...}, "metadata": {"key": "0"}}]}}}}

An order is a batch with a request for each picture. Its display name tells the order, so that it is
found in the list of batches where the answer to its beginning was lost: a repeated call would be a
second batch. It answers, and is looked at, as an operation:

    {"name": "batches/...", "done": true, "error": {"code": ...}, "metadata": {
        "state": "BATCH_STATE_SUCCEEDED", "displayName": ...,
        "batchStats": {"requestCount": "2", "successfulRequestCount": "1", ...},
        "output": {"inlinedResponses": {"inlinedResponses": [
            {"response": {"candidates": ...}, "metadata": {"key": "0"}},
            {"error": {"code": 8, "message": ...}, "metadata": {"key": "1"}}]}}}}

The codes are those of google.rpc.Code. What a batch that has ended has no answer to was not made
only where its counts leave nothing over: counts of nothing are left out, those of 64 bits are text.
"""

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from imagewright.adapters.web.client import Answer, Call, Client
from imagewright.adapters.web.failures import TooLarge, WebError
from imagewright.adapters.wire.google_errors import judge
from imagewright.adapters.wire.line import Judge, Judgement, Line
from imagewright.adapters.wire.pace import Pace
from imagewright.adapters.wire.refusals import late, unknown
from imagewright.adapters.wire.results import read_object
from imagewright.core.errors import Fault, Unsupported
from imagewright.ports.provider import NotYet, Order, Parts, Watch

_SMALL = 64 * 1024
_MOST_BYTES = 20_000_000
"""Google takes inlined requests of 20 MB together."""
_SECONDS = 60.0
_PAGE, _PAGES = "10", 50
_ID = re.compile(r"batches/[A-Za-z0-9_-]{1,128}\Z")
_ENDED_EARLY = frozenset({"CANCELLED", "EXPIRED"})
_ENDED = _ENDED_EARLY | {"SUCCEEDED", "FAILED", "PARTIALLY_SUCCEEDED"}
_CANCELLED = 1
_STATUSES = {2: 500, 3: 400, 4: 504, 5: 404, 7: 403, 8: 429, 9: 400, 13: 500, 14: 503, 16: 401}
_NAMES = {5: "NOT_FOUND", 9: "FAILED_PRECONDITION"}

Outcome = Mapping[str, object] | Fault
"""The answer of `generateContent` to one request of a batch, or why there is none."""


class Batches:
    """The batches of one account."""

    def __init__(self, client: Client, line: Line, parts: Parts, pace: Pace) -> None:
        self._client = client
        self._line = line
        self._parts = parts
        self._pace = pace

    async def submit(
        self, order: Order, bodies: Sequence[Mapping[str, object]], watch: Watch
    ) -> float:
        """Hand in the bodies of `generateContent` as a batch; see `ports.provider.Economical`."""
        until = self._parts.clock.monotonic() + self._pace.total
        model = f"models/{order.plan.upstream}"
        content = await asyncio.to_thread(_batch, model, order.key, bodies)
        if len(content) > _MOST_BYTES:
            raise Unsupported(
                "The input images are too large for a batch: each of its images takes them again.",
                hint="Give fewer or smaller, or ask for fewer images at once.",
            )
        begin = Call(
            path=f"v1/models/{quote(order.plan.upstream, safe='')}:batchGenerateContent",
            headers={"Content-Type": "application/json"},
            content=content,
            limit=_SMALL,
        )
        await watch.accepted(_request(order.key, None))
        answer = await self._line.ask(begin, self._judge(order), until, watch)
        batch = _name(read_object(answer.body))
        if batch is None:
            raise unknown()
        await watch.accepted(_request(order.key, batch))
        return self._pace.poll

    async def outcomes(
        self, order: Order, request: str, watch: Watch, limit: int
    ) -> tuple[Outcome, ...]:
        """What became of each request of a batch that has ended, in order, in so many bytes each.

        Raises as `ports.provider.Economical.collect`.
        """
        batch = await self._found(order, request, watch, order.plan.ask.n * limit + _SMALL)
        if not _ended(batch):
            await self._take_back(order, batch)
            raise NotYet(self._pause(order))
        told = _told(batch)
        missing = self._missing(batch, told, order)
        indexes = range(order.plan.ask.n)
        return tuple(self._outcome(told.get(index), missing, order) for index in indexes)

    async def _found(
        self, order: Order, request: str, watch: Watch, limit: int
    ) -> Mapping[str, object]:
        """The operation of an order as it stands. Raises NotYet or OutcomeUnknown."""
        asked = read_object(request.encode()) or {}
        name = asked.get("batch")
        if not isinstance(name, str):
            name = await self._listed(str(asked.get("key")), limit)
            if name is None:
                raise unknown()
            await watch.accepted(_request(order.key, name))
        answer = await self._get(f"v1/{name}", {}, limit)
        if answer.status == 404:
            raise unknown()
        batch = await asyncio.to_thread(read_object, answer.body)
        if answer.status != 200 or batch is None:
            raise NotYet(self._pause(order))
        return batch

    async def _listed(self, key: str, limit: int) -> str | None:
        """The name of the batch that tells an order, looked for in the list."""
        query = {"pageSize": _PAGE}
        for _ in range(_PAGES):
            answer = await self._get("v1/batches", query, limit)
            page = await asyncio.to_thread(read_object, answer.body)
            if answer.status != 200 or page is None:
                raise NotYet(self._pace.poll)
            listed = page.get("operations")
            for each in listed if isinstance(listed, list) else []:
                if isinstance(each, dict) and _metadata(each).get("displayName") == _title(key):
                    return _name(each)
            following = page.get("nextPageToken")
            if not isinstance(following, str) or not following:
                return None
            query = {"pageSize": _PAGE, "pageToken": following}
        return None

    async def _take_back(self, order: Order, batch: Mapping[str, object]) -> None:
        """At the end of its time; what the vendor says to that is seen at the next look."""
        if order.until is None or self._parts.clock.now() < order.until:
            return
        name = _name(batch)
        if name is not None:
            try:
                await self._client.send(
                    Call(path=f"v1/{name}:cancel", json={}, limit=_SMALL), _SECONDS
                )
            except WebError:
                return

    async def _get(self, path: str, query: Mapping[str, str], limit: int) -> Answer:
        call = Call(path=path, method="GET", query=query, limit=limit)
        try:
            return await self._client.send(call, self._pace.total)
        except TooLarge:
            fault: Exception = unknown()
        except WebError:
            fault = NotYet(self._pace.poll)
        raise fault

    def _outcome(self, told: Mapping[str, object] | None, missing: Fault, order: Order) -> Outcome:
        if told is None:
            return missing
        response = told.get("response")
        return response if isinstance(response, dict) else self._fault(told.get("error"), order)

    def _missing(
        self, batch: Mapping[str, object], told: Mapping[int, Mapping[str, object]], order: Order
    ) -> Fault:
        """What became of the requests that a batch has no answer to."""
        stats = _metadata(batch).get("batchStats")
        made = _count(stats.get("successfulRequestCount")) if isinstance(stats, dict) else None
        if made is None or made > sum("response" in each for each in told.values()):
            return unknown()
        state = _state(batch)
        if state in _ENDED_EARLY:
            return late()
        return self._fault(batch.get("error"), order) if state == "FAILED" else unknown()

    def _fault(self, error: object, order: Order) -> Fault:
        """What a google.rpc.Status proves; Google does not charge for requests that failed."""
        code = error.get("code") if isinstance(error, dict) else None
        if code == _CANCELLED:
            return late()
        if not isinstance(error, dict) or not isinstance(code, int) or code not in _STATUSES:
            return unknown()
        told = {**error, "status": _NAMES.get(code, "")}
        body = json.dumps({"error": told}).encode()
        return self._judge(order)(Answer(status=_STATUSES[code], headers={}, body=body)).fault

    def _judge(self, order: Order) -> Judge:
        def read(answer: Answer) -> Judgement:
            return judge(answer, order.plan.model, self._parts.clock.now() / 1_000_000)

        return read

    def _pause(self, order: Order) -> float:
        return self._pace.pause(order, self._parts.clock.now())


def _batch(model: str, key: str, bodies: Sequence[Mapping[str, object]]) -> bytes:
    requests = [
        {"request": {"model": model, **body}, "metadata": {"key": str(index)}}
        for index, body in enumerate(bodies)
    ]
    config = {"requests": {"requests": requests}}
    return json.dumps({"batch": {"displayName": _title(key), "inputConfig": config}}).encode()


def _title(key: str) -> str:
    return f"imagewright-{key}"


def _request(key: str, batch: str | None) -> str:
    return json.dumps({"key": key, "batch": batch})


def _name(found: Mapping[str, object] | None) -> str | None:
    name = found.get("name") if found is not None else None
    return name if isinstance(name, str) and _ID.match(name) else None


def _metadata(batch: Mapping[str, object]) -> Mapping[str, object]:
    found = batch.get("metadata")
    return found if isinstance(found, dict) else {}


def _state(batch: Mapping[str, object]) -> str:
    """Without what it begins with: `BATCH_STATE_`, or `JOB_STATE_` as the client writes it."""
    return str(_metadata(batch).get("state")).rpartition("_STATE_")[2]


def _ended(batch: Mapping[str, object]) -> bool:
    return batch.get("done") is True or _state(batch) in _ENDED


def _told(batch: Mapping[str, object]) -> dict[int, Mapping[str, object]]:
    """What it answers by the number of the request; one without its number has its place's."""
    told: dict[int, Mapping[str, object]] = {}
    for index, each in enumerate(_inlined(batch)):
        if isinstance(each, dict):
            own = each.get("metadata")
            number = _count(own.get("key", "")) if isinstance(own, dict) else None
            told[index if number is None else number] = each
    return told


def _inlined(batch: Mapping[str, object]) -> list[object]:
    for holder in (_metadata(batch).get("output"), batch.get("response")):
        found = holder.get("inlinedResponses") if isinstance(holder, dict) else None
        found = found.get("inlinedResponses") if isinstance(found, dict) else found
        if isinstance(found, list):
            return found
    return []


def _count(found: object) -> int | None:
    """A whole number as proto3 JSON writes those of 64 bits; what is left out is 0."""
    text = "0" if found is None else str(found)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
