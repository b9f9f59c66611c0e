import pytest

from imagewright.core.errors import InvalidRequest
from imagewright.core.quantity import bytes_text, parse_bytes, parse_seconds


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, 0), (5, 5), ("5", 5), ("200kB", 200_000), ("20MiB", 20 * 1024**2), ("2 GiB", 2 * 1024**3)],
)
def test_sizes(value: object, expected: int) -> None:
    assert parse_bytes(value) == expected


@pytest.mark.parametrize(
    "value", [-1, True, 1.5, None, "", "1.5GiB", "-1", "1e3", "20mib", "9" * 99]
)
def test_what_is_no_size(value: object) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_bytes(value)
    assert "20MiB" in refused.value.hint


@pytest.mark.parametrize(
    ("value", "expected"), [(40, 40), ("40s", 40), ("10m", 600), ("1h", 3600), ("2 d", 172_800)]
)
def test_durations(value: object, expected: int) -> None:
    assert parse_seconds(value) == expected


@pytest.mark.parametrize("value", ["1w", "h", "1h30m", False, 2.0])
def test_what_is_no_duration(value: object) -> None:
    with pytest.raises(InvalidRequest):
        parse_seconds(value)


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "0B"),
        (1023, "1023B"),
        (1024, "1KiB"),
        (1536 * 1024, "1.5MiB"),
        (2 * 1024**3, "2GiB"),
        (3 * 1024**4, "3TiB"),
    ],
)
def test_bytes_as_people_read_them(count: int, said: str) -> None:
    assert bytes_text(count) == said
