import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagewright.adapters.wire.refusals import read_error
from imagewright.adapters.wire.results import decode_base64, decode_data_url, read_results

BYTES = b"\xfb\xff\xfe picture"
TEXT = base64.b64encode(BYTES).decode()


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        TEXT.rstrip("="),
        base64.urlsafe_b64encode(BYTES).decode(),
        f" {TEXT[:4]}\r\n{TEXT[4:]}\n",
        f"data:image/png;base64,{TEXT}",
        f"data:image/png;base64, {TEXT}\n",
        f"DATA:;BASE64,{TEXT.replace('+', '%2B').replace('/', '%2F')}",
    ],
)
def test_base64_is_read_in_every_dress(text: str) -> None:
    assert decode_base64(text) == BYTES


@pytest.mark.parametrize("text", ["", "=", "!", "A", "data:", "data:,", "data:;base64,", "é"])
def test_what_is_no_base64_is_nothing(text: str) -> None:
    assert decode_base64(text) is None


def test_a_data_url_may_be_plain() -> None:
    assert decode_data_url("data:text/plain,a%20b") == b"a b"
    assert decode_data_url("http://x,y") is None


@given(st.binary(min_size=1))
def test_bytes_survive(data: bytes) -> None:
    assert decode_base64(base64.b64encode(data).decode()) == data


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda each: (
        st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=8), each, max_size=3)
    ),
    max_leaves=5,
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "data": st.lists(
                st.fixed_dictionaries(
                    {},
                    optional={
                        "b64_json": JSON,
                        "url": JSON,
                        "seed": JSON,
                        "revised_prompt": JSON,
                    },
                ),
                max_size=3,
            )
            | JSON,
            "usage": JSON,
            "error": JSON,
            "detail": JSON,
        },
    )
)
def test_no_answer_of_a_vendor_breaks_the_reader(answer: object) -> None:
    body = json.dumps(answer).encode()
    results = read_results(body, inputs=False)
    assert results is None or len(results.entries) <= results.listed
    read_error(body)


@given(st.binary())
def test_no_bytes_of_a_vendor_break_the_reader(body: bytes) -> None:
    assert read_results(body, inputs=True) is None
    assert read_error(body) is None


def test_an_address_in_the_wrong_field_is_an_address() -> None:
    body = b'{"data":[{"b64_json":"https://x/y"},{"url":"https://x/z","b64_json":"AAAA"}]}'
    results = read_results(body, inputs=False)
    assert results is not None
    assert [(entry.url, entry.data) for entry in results.entries] == [
        ("https://x/y", None),
        (None, b"\0\0\0"),
    ]
