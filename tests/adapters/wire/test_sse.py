"""Server-sent events, however their bytes are cut."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagewright.adapters.wire.sse import EventReader


def events(*pieces: bytes) -> list[tuple[str, bytes]]:
    reader = EventReader()
    return [(each.name, each.data) for piece in pieces for each in reader.feed(piece)]


STREAM = b'event: a\ndata: {"x":1}\n\n: a comment\nid: 7\n\ndata:1\ndata: 2\n\nevent: b\n\ndata\n\n'
READ = [("a", b'{"x":1}'), ("", b"1\n2"), ("", b"")]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_events_are_read_whatever_ends_their_lines(end: bytes) -> None:
    assert events(b"\xef\xbb\xbf" + STREAM.replace(b"\n", end)) == READ


@given(st.lists(st.integers(0, len(STREAM) * 2), max_size=12), st.sampled_from([b"\n", b"\r\n"]))
def test_events_are_the_same_however_they_are_cut(cuts: list[int], end: bytes) -> None:
    stream = STREAM.replace(b"\n", end)
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pieces = [stream[a:b] for a, b in itertools.pairwise(places)]
    assert events(*pieces) == READ


def test_what_is_not_closed_is_no_event() -> None:
    assert events(b"data: 1") == []
    assert events(b"data: 1\n") == []


def test_the_end_of_a_stream_is_known() -> None:
    (done,) = EventReader().feed(b"data: [DONE]\n\n")
    assert done.done
    (event,) = EventReader().feed(b"data: {}\n\n")
    assert not event.done


@given(st.binary())
def test_no_bytes_break_the_reader(data: bytes) -> None:
    assert all(isinstance(name, str) for name, _ in events(data))
