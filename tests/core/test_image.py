"""Images: one way to name each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagewright.core.ids import Kind, new_id
from imagewright.core.image import image_uri, named_image

ID = "img_" + "a" * 26


@given(st.binary(min_size=26, max_size=26))
def test_an_image_is_found_in_its_own_uri(bits: bytes) -> None:
    image = new_id(Kind.IMAGE, lambda _: bits)

    assert named_image(image_uri(image)) == image


@pytest.mark.parametrize(
    "reference",
    [
        ID,
        f"image://{ID}",
        f"image://{ID}/view",
        f"image://{ID}/view?width=512&format=webp",
        f"image://{ID}?width=512",
        f"image://{ID}/metadata",
    ],
)
def test_an_id_and_its_uris_name_the_image(reference: str) -> None:
    assert named_image(reference) == ID


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "image://",
        "image://list",
        f"{ID}/view",
        f"{ID}?width=1",
        f"IMAGE://{ID}",
        f"image://image://{ID}",
        f"https://example.com/{ID}",
        f"image://{ID}\n",
        "job_" + "a" * 26,
        "../" + ID,
    ],
)
def test_other_text_names_no_image(reference: str) -> None:
    assert named_image(reference) is None
