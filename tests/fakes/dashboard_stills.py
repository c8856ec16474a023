"""Pictures for cameras in memory."""

import io

from PIL import Image, ImageDraw


def still_jpeg(*, width: int = 160, height: int = 90) -> bytes:
    """A small picture of a garden at dusk."""
    image = Image.new("RGB", (width, height))
    draw = ImageDraw.Draw(image)
    for row in range(height):
        shade = 255 * row // height
        draw.line((0, row, width, row), fill=(40 + shade // 3, 60 + shade // 4, 120 - shade // 4))
    draw.rectangle((0, height * 2 // 3, width, height), fill=(30, 90, 40))
    draw.ellipse((width * 3 // 4, 8, width * 3 // 4 + 18, 26), fill=(250, 230, 140))
    draw.rectangle((width // 4, height // 3, width // 2, height * 3 // 4), fill=(140, 90, 60))
    written = io.BytesIO()
    image.save(written, "JPEG", quality=80)
    return written.getvalue()
