"""Pictures: what their formats are called, and which renditions can be made."""

from typing import Any

import pytest

from imagewright.core.errors import InvalidRequest
from imagewright.core.picture import FORMATS_WITH_ALPHA, LOSSY_FORMATS, Format, Rendition


@pytest.mark.parametrize("each", Format)
def test_a_format_has_a_media_type_and_a_suffix(each: Format) -> None:
    assert each.mime == f"image/{each.value}"
    assert each.suffix == ("jpg" if each is Format.JPEG else each.value)


def test_jpeg_is_the_format_without_alpha_and_png_and_gif_the_lossless() -> None:
    assert set(Format) - FORMATS_WITH_ALPHA == {Format.JPEG}
    assert set(Format) - LOSSY_FORMATS == {Format.PNG, Format.GIF}


@pytest.mark.parametrize(
    "given", [{}, {"width": 1}, {"height": 4096}, {"quality": 1}, {"quality": 100}]
)
def test_a_rendition_within_bounds_is_accepted(given: dict[str, Any]) -> None:
    rendition = Rendition(**given)

    assert {name: getattr(rendition, name) for name in given} == given


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"width": 0}, "width"),
        ({"height": -1}, "height"),
        ({"quality": 0}, "quality"),
        ({"quality": 101}, "quality"),
    ],
)
def test_a_rendition_out_of_bounds_names_what_is(given: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidRequest, match=named):
        Rendition(**given)
