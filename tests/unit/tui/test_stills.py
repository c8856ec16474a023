import io

import pytest
from PIL import Image

from homechain.crypto.hashing import sha256
from homechain.model.ids import digest_text
from homechain_tui.stills import STILL_SIDE_PIXELS, BadStill, decoded_still
from tests.fakes.dashboard_stills import still_jpeg


def digest(data: bytes) -> str:
    return digest_text(sha256(data))


def test_the_still_that_the_ledger_names_is_shown() -> None:
    data = still_jpeg()
    assert decoded_still(data, digest=digest(data)).size == (160, 90)


def test_another_picture_is_refused() -> None:
    with pytest.raises(BadStill, match="another picture"):
        decoded_still(still_jpeg(), digest=digest(b"what the ledger names"))


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff\xe0 no picture", still_jpeg()[:700]])
def test_a_damaged_picture_is_refused(data: bytes) -> None:
    with pytest.raises(BadStill, match="damaged"):
        decoded_still(data, digest=digest(data))


def test_other_formats_are_refused() -> None:
    written = io.BytesIO()
    Image.new("RGB", (4, 4)).save(written, "PNG")
    with pytest.raises(BadStill, match="damaged"):
        decoded_still(written.getvalue(), digest=digest(written.getvalue()))


def test_a_picture_of_unbearable_size_is_refused_before_it_is_decoded() -> None:
    data = still_jpeg(width=STILL_SIDE_PIXELS + 1, height=1)
    with pytest.raises(BadStill, match="pixels"):
        decoded_still(data, digest=digest(data))


@pytest.mark.parametrize("side", [12_000, 65_500])
def test_a_picture_that_claims_billions_of_pixels_is_refused(side: int) -> None:
    data = bytearray(still_jpeg())
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = side.to_bytes(2, "big") * 2  # height and width
    with pytest.raises(BadStill, match="pixels"):
        decoded_still(bytes(data), digest=digest(bytes(data)))
