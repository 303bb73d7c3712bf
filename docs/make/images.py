"""Pictures as small files: few colours, which is all that a screen of text has."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Sequence

COLOURS = 256


def shrink(png: bytes) -> bytes:
    """Store a picture with few colours."""
    file = BytesIO()
    _reduced(png).save(file, "PNG", optimize=True)
    return file.getvalue()


def animate(pngs: Sequence[bytes], seconds: Sequence[float]) -> bytes:
    """Show pictures one after the other, each for its time, again and again."""
    first, *others = map(_reduced, pngs)
    file = BytesIO()
    duration = [round(1000 * one) for one in seconds]
    first.save(file, "GIF", save_all=True, append_images=others, duration=duration, loop=0, optimize=True)
    return file.getvalue()


def _reduced(png: bytes) -> Image.Image:
    image = Image.open(BytesIO(png)).convert("RGB")
    return image.quantize(COLOURS, dither=Image.Dither.NONE)
