"""What a simulated camera sees: a porch at the hour of the day, and whoever crosses it.

May live here: drawing, from given time and seed. May not: clocks or hubs.
"""

from datetime import datetime
from io import BytesIO
from math import cos, pi, sin
from random import Random
from typing import Final

from PIL import Image, ImageDraw, ImageFont

WIDTH: Final = 640
HEIGHT: Final = 360
_HORIZON: Final = 200
_QUALITY: Final = 82
_NIGHT_SKY, _DAY_SKY = (14, 18, 40), (135, 190, 235)
_NIGHT_LAWN, _DAY_LAWN = (16, 28, 18), (88, 140, 70)

Colour = tuple[int, int, int]


def draw_still(*, name: str, at: datetime, figure: float | None, chance: Random) -> bytes:
    """A JPEG of `WIDTH` × `HEIGHT` pixels: the porch at the local time `at`.

    `figure` is how far across the view somebody is (0 to 1), None for nobody. `chance` moves the
    leaves and the grain, so no two stills are equal.
    """
    hour = at.hour + at.minute / 60
    light = max(0.0, min(1.0, 0.5 - 0.75 * cos(hour * pi / 12)))
    image = Image.new("RGB", (WIDTH, HEIGHT), _mixed(_NIGHT_SKY, _DAY_SKY, light))
    draw = ImageDraw.Draw(image)
    _draw_sky(draw, hour, light)
    _draw_porch(draw, light, chance)
    if figure is not None:
        _draw_figure(draw, figure, light)
    _draw_grain(draw, chance)
    _draw_label(draw, name, at)
    jpeg = BytesIO()
    image.save(jpeg, format="JPEG", quality=_QUALITY)
    return jpeg.getvalue()


def _draw_sky(draw: ImageDraw.ImageDraw, hour: float, light: float) -> None:
    top, low = _mixed(_NIGHT_SKY, _DAY_SKY, light), _mixed((40, 44, 70), (225, 236, 245), light)
    for y in range(_HORIZON):
        draw.line((0, y, WIDTH, y), fill=_mixed(top, low, y / _HORIZON))
    angle = (hour - 6) / 12 * pi
    by_day = 0 <= angle <= pi
    x, y = int(WIDTH / 2 - cos(angle) * 260), int(_HORIZON - abs(sin(angle)) * 150)
    draw.ellipse(
        (x - 16, y - 16, x + 16, y + 16), fill=(255, 226, 120) if by_day else (214, 218, 230)
    )


def _draw_porch(draw: ImageDraw.ImageDraw, light: float, chance: Random) -> None:
    draw.rectangle((0, _HORIZON, WIDTH, HEIGHT), fill=_mixed(_NIGHT_LAWN, _DAY_LAWN, light))
    path = [(280, HEIGHT), (400, HEIGHT), (352, _HORIZON), (318, _HORIZON)]
    draw.polygon(path, fill=_mixed((44, 42, 40), (176, 168, 156), light))
    wall, roof = (
        _mixed((50, 42, 38), (206, 176, 140), light),
        _mixed((40, 20, 18), (140, 66, 50), light),
    )
    draw.rectangle((400, 110, 620, 290), fill=wall)
    draw.polygon([(386, 112), (634, 112), (510, 44)], fill=roof)
    draw.rectangle((440, 170, 500, 290), fill=_mixed((26, 30, 44), (60, 78, 120), light))
    draw.ellipse((488, 230, 495, 237), fill=(220, 190, 90))
    # Behind the window somebody is at home when it is dark.
    lit = _mixed((250, 208, 110), (170, 205, 225), light)
    draw.rectangle((530, 150, 596, 210), fill=lit, outline=roof, width=3)
    draw.line((563, 150, 563, 210), fill=roof, width=3)
    draw.rectangle((106, 190, 122, 280), fill=_mixed((24, 16, 10), (96, 64, 40), light))
    for _ in range(60):
        x, y = chance.gauss(114, 34), chance.gauss(150, 26)
        leaf = _mixed((12, 34, 16), (56, 128, 52), light * chance.uniform(0.7, 1.0))
        draw.ellipse((x - 9, y - 7, x + 9, y + 7), fill=leaf)


def _draw_figure(draw: ImageDraw.ImageDraw, progress: float, light: float) -> None:
    x, feet = int(20 + progress * (WIDTH - 40)), 316
    stride = int(14 * sin(progress * 40))
    coat, skin = (
        _mixed((60, 14, 14), (186, 40, 40), light),
        _mixed((90, 70, 60), (232, 196, 168), light),
    )
    legs = _mixed((10, 10, 16), (44, 48, 76), light)
    draw.line((x, feet - 44, x - stride, feet), fill=legs, width=9)
    draw.line((x, feet - 44, x + stride, feet), fill=legs, width=9)
    draw.rounded_rectangle((x - 15, feet - 98, x + 15, feet - 40), radius=9, fill=coat)
    draw.ellipse((x - 11, feet - 124, x + 11, feet - 100), fill=skin)


def _draw_grain(draw: ImageDraw.ImageDraw, chance: Random) -> None:
    for _ in range(400):
        grey = chance.randint(0, 255)
        draw.point((chance.randrange(WIDTH), chance.randrange(HEIGHT)), fill=(grey, grey, grey))


def _draw_label(draw: ImageDraw.ImageDraw, name: str, at: datetime) -> None:
    font = ImageFont.load_default(size=16)
    draw.rectangle((0, 0, WIDTH, 26), fill=(0, 0, 0))
    draw.text((8, 4), name[:40], fill=(255, 255, 255), font=font)
    stamp = at.strftime("%Y-%m-%d %H:%M:%S")
    draw.text((WIDTH - 8, 4), stamp, fill=(255, 255, 255), font=font, anchor="ra")


def _mixed(dark: Colour, bright: Colour, light: float) -> Colour:
    """The colour `light` of the way (0 to 1) from one to the other."""
    red, green, blue = (
        round(low + (high - low) * light) for low, high in zip(dark, bright, strict=True)
    )
    return red, green, blue
