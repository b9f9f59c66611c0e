"""A vendor that speaks Gemini's `generateContent`, on its own API and on Vertex AI.

`test_gemini.py` beside it proves its shapes by driving it with the vendor's own client.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import jwt
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tests.fakes.pictures import encoded, facts
from tests.fakes.vendor import USUAL, VENDOR_WORDS, Received, Reply, Vendor

KEY = "AIza-fake-0123456789abcdef"
TOKEN = "ya29.fake-0123456789abcdef"
MODEL = "gemini-nano-banana-2.1"
SIGNATURE = base64.b64encode(b"what the model thought").decode()
USAGE: dict[str, Any] = {
    "promptTokenCount": 1130,
    "candidatesTokenCount": 1120,
    "thoughtsTokenCount": 173,
    "totalTokenCount": 2423,
    "promptTokensDetails": [
        {"modality": "TEXT", "tokenCount": 10},
        {"modality": "IMAGE", "tokenCount": 1120},
    ],
    "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1120}],
}
PIXELS = {
    ("1:1", "1K"): (1024, 1024),
    ("3:2", "1K"): (1264, 848),
    ("16:9", "2K"): (2752, 1536),
    ("3:2", None): (1248, 832),
}
_CONFIG = {
    "responseModalities", "imageConfig", "thinkingConfig", "seed", "maxOutputTokens",
}  # fmt: skip
IMAGE = {"aspectRatio", "imageSize"}
_VERTEX_IMAGE = IMAGE | {"imageOutputOptions", "personGeneration"}
_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def error(
    code: int,
    status: str | None = None,
    details: Sequence[object] = (),
    message: str = VENDOR_WORDS,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """A `google.rpc.Status` as JSON; `headers` are the answer's."""
    body = {
        "code": code,
        "message": message,
        "status": status or _STATUSES.get(code, "UNKNOWN"),
        "details": list(details),
    }
    return Reply(status=code, body=json.dumps({"error": body}).encode(), headers=headers or {})


def blocked(reason: str = "PROHIBITED_CONTENT", **more: Any) -> Reply:
    """A prompt that was blocked: no candidates, and status 200."""
    feedback = {"blockReason": reason, "blockReasonMessage": VENDOR_WORDS}
    return Reply(body=json.dumps({"promptFeedback": feedback, **more}).encode())


def finished(reason: str, *parts: Mapping[str, Any], **more: Any) -> Reply:
    """A candidate that ended for a reason, with these parts."""
    candidate: dict[str, Any] = {"finishReason": reason, "index": 0}
    candidate["finishMessage"] = VENDOR_WORDS
    if parts:
        candidate["content"] = {"role": "model", "parts": list(parts)}
    return Reply(body=json.dumps({"candidates": [candidate], **more}).encode())


def picture(data: bytes, form: str = "png", **more: Any) -> dict[str, Any]:
    """A part with a picture in it."""
    inline = {"mimeType": f"image/{form}", "data": base64.b64encode(data).decode()}
    return {"inlineData": inline, **more}


class FakeGemini(Vendor):
    """Serves both APIs for one key or token, and the endpoint that gives out tokens.

    `granted` is the next answer of that endpoint. Tokens expire when they are taken out of `good`.
    """

    paid: ClassVar[str] = "/v1/"

    def __init__(self) -> None:
        self.good = {TOKEN}
        self.public_key: Any = None
        self.granted: tuple[int, Mapping[str, Any]] | None = None
        self.assertions: list[dict[str, Any]] = []
        super().__init__()

    def forget(self) -> None:
        super().forget()
        self.good = {TOKEN}
        self.granted = None
        self.assertions.clear()

    def routes(self) -> Sequence[BaseRoute]:
        place = "/v1{beta:path}/projects/{project}/locations/{location}/publishers/google"
        return [
            Route("/v1/models", self._models),
            Route("/v1/models/{model}", self._make, methods=["POST"]),
            Route("/v1beta1/publishers/google/models", self._models),
            Route(f"{place}/models/{{model}}", self._make_on_vertex, methods=["POST"]),
            Route("/token", self._grant, methods=["POST"]),
        ]

    async def _make(self, request: Request) -> Response:
        received, reply = await self.take(request)
        if reply.body is None and request.headers.get("x-goog-api-key") != KEY:
            reply = error(
                400, details=[{"@type": "google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]
            )
        return self._answer(received, reply, IMAGE)

    async def _make_on_vertex(self, request: Request) -> Response:
        received, reply = await self.take(request)
        if reply.body is None and not self._known(request):
            reply = error(401)
        return self._answer(received, reply, _VERTEX_IMAGE)

    def _known(self, request: Request) -> bool:
        return request.headers.get("authorization", "") in {f"Bearer {each}" for each in self.good}

    def _answer(self, received: Received, reply: Reply, known: set[str]) -> Response:
        refused = wrong(received, known)
        if reply.body is None and refused is not None:
            reply = refused
        return self.sent(reply, right(received, reply) if reply.body is None else reply.body)

    async def _models(self, request: Request) -> Response:
        await self.note(request)
        if request.headers.get("x-goog-api-key") != KEY and not self._known(request):
            return JSONResponse(json.loads(error(403).body or b""), status_code=403)
        if "publishers" in request.url.path:
            names = [f"publishers/google/models/{MODEL}", "publishers/google/models/gemini-x"]
            return JSONResponse({"publisherModels": [{"name": name} for name in names]})
        if request.query_params.get("pageToken") == "2":
            return JSONResponse({"models": [_model("gemini-3-pro-image")]})
        listed = [_model(MODEL), _model("gemini-3.8-flash"), _model("x-image", "embedContent")]
        return JSONResponse({"models": listed, "nextPageToken": "2"})

    async def _grant(self, request: Request) -> Response:
        """The JWT bearer grant of RFC 7523."""
        form = await request.form()
        if self.granted is not None:
            status, body = self.granted
            return JSONResponse(body, status_code=status)
        assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
        claims = jwt.decode(
            str(form["assertion"]),
            self.public_key,
            algorithms=["RS256"],
            audience=f"{self.origin}/token",
            options={"verify_exp": False, "verify_iat": False},
        )
        header = jwt.get_unverified_header(str(form["assertion"]))
        self.assertions.append({**claims, "kid": header["kid"]})
        token = f"{TOKEN}-{len(self.assertions)}"
        self.good.add(token)
        return JSONResponse({"access_token": token, "expires_in": 3600, "token_type": "Bearer"})


def _model(name: str, method: str = "generateContent") -> dict[str, Any]:
    return {
        "name": f"models/{name}",
        "displayName": name.title(),
        "supportedGenerationMethods": [method, "countTokens"],
    }


def right(received: Received, reply: Reply) -> bytes:
    """The answer with a picture as asked for."""
    image = received.values["generationConfig"].get("imageConfig", {})
    shape = (image.get("aspectRatio") or _shape(received), image.get("imageSize"))
    width, height = PIXELS.get(shape) or PIXELS["1:1", "1K"]
    options = image.get("imageOutputOptions", {})
    form = options.get("mimeType", "image/png").partition("/")[2]
    parts = [
        {"thought": True, "text": VENDOR_WORDS},
        {"thought": True, **picture(encoded(8, 8))},
        picture(encoded(16, 16)),
        picture(encoded(width, height, form), form, thoughtSignature=SIGNATURE),
    ]
    answer = {
        "candidates": [
            {"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0}
        ],
        "usageMetadata": USAGE if reply.usage is USUAL else reply.usage,
        "modelVersion": MODEL,
        "responseId": "resp_fake_1",
    }
    return json.dumps({name: each for name, each in answer.items() if each is not None}).encode()


def _shape(received: Received) -> str:
    """The ratio of the first picture sent, as the API keeps it where none is asked for."""
    for part in received.values["contents"][-1]["parts"]:
        if "inlineData" in part:
            _, width, height, _ = facts(base64.b64decode(part["inlineData"]["data"]))
            return "3:2" if width * 2 == height * 3 else "1:1"
    return "1:1"


def wrong(received: Received, known: set[str]) -> Reply | None:
    """The API's own refusal of a request that is not right, or None."""
    values = received.values
    generation = values.get("generationConfig", {})
    unknown = {*values} - {"contents", "generationConfig", "safetySettings"}
    unknown |= {*generation} - _CONFIG
    unknown |= {*generation.get("imageConfig", {})} - known
    if unknown or not values.get("contents"):
        return error(400)
    turns = values["contents"]
    if turns[-1].get("role") != "user" or not turns[-1]["parts"][0].get("text"):
        return error(400)
    for turn in turns[:-1]:
        if turn["role"] == "model" and not turn["parts"][0].get("thoughtSignature"):
            return finished("MISSING_THOUGHT_SIGNATURE")
    return None
