"""Bodies, forms and queries: each name once, all of a bounded size."""

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import parse_qsl

from starlette.requests import Request

from imagewright.core.errors import InvalidRequest

_LARGEST = 65_536
_MOST_FIELDS = 64
_FORM = "application/x-www-form-urlencoded"

Form = Mapping[str, str]


async def read_form(request: Request) -> Form:
    """The fields of a body, each named once. Raises InvalidRequest."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise InvalidRequest("This is no form.")
    return _once(await read_body(request))


def read_query(request: Request) -> Form:
    """The parameters of an address, each named once. Raises InvalidRequest."""
    return _once(request.scope["query_string"])


async def read_body(request: Request) -> bytes:
    """The body, of 64 KiB at most. Raises InvalidRequest."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST:
            raise InvalidRequest("The form is too large.")
    return bytes(body)


def given(form: Form) -> Form:
    """As OAuth reads them: one without a value is as if it were left out (RFC 6749 3.1)."""
    return MappingProxyType({name: value for name, value in form.items() if value})


def _once(data: bytes) -> Form:
    try:
        fields = parse_qsl(
            data.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError:
        raise InvalidRequest("The form cannot be read.") from None
    found = dict(fields)
    if len(found) != len(fields):
        raise InvalidRequest("A field of the form stands there twice.")
    return MappingProxyType(found)
