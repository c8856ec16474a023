"""A camera's still: checked against the digest that stands in the ledger, then decoded.

Pure. A still comes from a device by way of a hub, so both its bytes and its size are hostile.
"""

import io
import warnings
from typing import Final

from PIL import Image, UnidentifiedImageError

from homechain.crypto.hashing import sha256
from homechain.model.ids import digest_text

STILL_SIDE_PIXELS: Final = 4_096
"""Longest side that is decoded."""


class BadStill(ValueError):
    """The bytes are not the still that they should be; the message says why."""


def decoded_still(data: bytes, *, digest: str) -> Image.Image:
    """The picture. Raises `BadStill` unless it is the JPEG of that digest, of bearable size."""
    if digest_text(sha256(data)) != digest:
        raise BadStill("the hub sent another picture than the ledger names")
    try:
        with warnings.catch_warnings():
            # Pillow only warns of a picture that is not yet monstrous; its size is judged below.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=["JPEG"])
        if max(image.size) > STILL_SIDE_PIXELS:
            raise BadStill(f"a picture of {image.width}×{image.height} pixels is not shown")
        image.load()
    except Image.DecompressionBombError as error:
        raise BadStill("a picture of billions of pixels is not shown") from error
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise BadStill("the picture is damaged") from error
    return image
