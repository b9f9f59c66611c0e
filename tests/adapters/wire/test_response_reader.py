"""What a response without a picture comes to, and responses that come as events."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagewright.adapters.wire.response_reader import ResponseStream, Turn, read_turn
from imagewright.core.errors import (
    Fault,
    ModerationBlocked,
    OutcomeUnknown,
    ProviderBusy,
    ProviderMisconfigured,
    ProviderQuota,
    ProviderRejected,
    ProviderUnavailable,
)
from imagewright.core.spending import Usage
from tests.adapters.wire.test_results import JSON
from tests.fakes.openai_images import EVENTS, sse
from tests.fakes.openai_responses import drawn, response, said, stream
from tests.fakes.orders import Watched
from tests.fakes.vendor import VENDOR_WORDS

DETAILS = {"moderation_stage": "output", "categories": ["sexual", VENDOR_WORDS]}


def failed(code: str | None, **more: Any) -> dict[str, Any]:
    told = {"code": code, "message": VENDOR_WORDS, "type": "x", **more}
    return drawn(None, status="failed", error=told)


ENDS: list[tuple[dict[str, Any], type[Fault]]] = [
    (response(failed("moderation_blocked", moderation_details=DETAILS)), ModerationBlocked),
    (response(failed("rate_limit_exceeded")), ProviderBusy),
    (response(failed("invalid_image_format")), ProviderRejected),
    (response(failed("server_error")), ProviderUnavailable),
    (response(drawn(None, status="failed")), ProviderUnavailable),
    (response(said(), failed("billing_hard_limit_reached")), ProviderQuota),
    (response(said()), ProviderRejected),
    (response(), ProviderRejected),
    (response(drawn("!")), OutcomeUnknown),
    (response(drawn(None, status="generating")), OutcomeUnknown),
    (response(status="incomplete"), OutcomeUnknown),
    (
        response(status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
        ProviderMisconfigured,
    ),
    (
        response(status="incomplete", incomplete_details={"reason": "content_filter"}),
        ModerationBlocked,
    ),
    (response(status="failed", error={"code": "server_error"}), OutcomeUnknown),
    (response(status="failed", error={"code": "rate_limit_exceeded"}), ProviderBusy),
    (response(status="failed", error={"code": "image_too_large"}), ProviderRejected),
    (response(status="in_progress"), OutcomeUnknown),
    ({}, OutcomeUnknown),
]


@pytest.mark.parametrize(("found", "expected"), ENDS)
def test_a_response_without_a_picture_says_why(
    found: dict[str, Any], expected: type[Fault]
) -> None:
    turn = read_turn(found)
    assert turn.picture is None
    assert type(turn.fault) is expected
    assert turn.fault is not None
    assert VENDOR_WORDS not in str(turn.fault.public())


def test_details_of_moderation_are_told() -> None:
    turn = read_turn(response(failed("moderation_blocked", moderation_details=DETAILS)))
    assert turn.fault is not None
    assert turn.fault.details == {"stage": "output", "categories": ["sexual"]}


def test_words_instead_of_a_picture_cost_what_they_cost() -> None:
    words = Usage(
        pictures=0,
        text_tokens=0,
        image_tokens=0,
        output_tokens=0,
        word_tokens=60,
        reader_tokens=900,
    )
    assert read_turn(response(said(), tool_usage=None)).usage == words
    # What a picture that failed took is not known where nothing tells it.
    usage = read_turn(response(failed("moderation_blocked"), tool_usage=None)).usage
    assert usage is not None
    assert (usage.output_tokens, usage.word_tokens) == (None, 60)


async def streamed(data: bytes, partials: int = 2) -> tuple[ResponseStream, Watched]:
    watched = Watched()
    reader = ResponseStream(watched, range(4, 4 + partials), watched.accepted)
    assert reader.wants(200, EVENTS)
    for start in range(0, len(data), 1000):
        if not await reader.take(data[start : start + 1000]):
            break
    return reader, watched


def turn_of(reader: ResponseStream) -> Turn:
    return read_turn(reader.response, reader.items, reader.error)


async def test_a_stream_tells_partials_and_ends_with_the_picture() -> None:
    reader, watched = await streamed(stream(response(drawn("AAAA")), partials=3))
    assert watched.partials == [(4, b"\0\0\0"), (5, b"\0\0\0")]
    assert ("The provider draws", 0, 0) in watched.stages
    turn = turn_of(reader)
    assert (turn.picture, turn.image, turn.response) == (b"\0\0\0", "ig_fake_1", "resp_fake_1")
    assert turn.usage is not None


async def test_a_picture_that_came_is_kept_where_the_end_did_not() -> None:
    whole = stream(response(drawn("AAAA")))
    reader, _ = await streamed(whole[: whole.index(b"event: response.completed")])
    turn = turn_of(reader)
    assert (turn.picture, turn.usage, turn.response) == (b"\0\0\0", None, None)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([{"type": "error", "code": "moderation_blocked", "message": "x"}], ModerationBlocked),
        ([{"type": "error", "error": {"code": "rate_limit_exceeded"}}], ProviderBusy),
        ([{"type": "error", "code": "server_error"}], OutcomeUnknown),
        ([{"type": "error"}, {"type": "response.completed"}], OutcomeUnknown),
        ([{"type": "response.failed", "response": 7}], OutcomeUnknown),
        (["x", 7, {"type": "response.output_item.done", "item": 7}], OutcomeUnknown),
        (
            [{"type": "response.incomplete", "response": ENDS[11][0]}],
            ProviderMisconfigured,
        ),
    ],
)
async def test_a_stream_without_a_picture_says_why(
    events: list[Any], expected: type[Fault]
) -> None:
    reader, _ = await streamed(sse(*events))
    assert type(turn_of(reader).fault) is expected


@given(
    st.dictionaries(
        st.sampled_from(["output", "usage", "tool_usage", "status", "error", "incomplete_details"]),
        JSON | st.just([{"type": "image_generation_call", "error": {"code": 7}}]),
    )
)
def test_no_response_breaks_the_reader(found: dict[str, Any]) -> None:
    turn = read_turn(found)
    assert (turn.picture is None) == (turn.fault is not None)
