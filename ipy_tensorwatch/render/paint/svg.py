"""Draw one strip of a picture as SVG that needs no style sheet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.runtime.grouped import grouped
from .style import MARK, SHADES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ...core.memory.strided_layout import ByteRun
    from ..page import Strip

WIDTH, HEIGHT = 240, 16
LEAST = 1.5
"""Minimum width of a run, so that one element in a gigabyte stays visible."""

BAR, LAYER, LAYERS = 10, 2, (3, 7, 11)
"""Height of a bar; height and positions of the three layers of overlapping elements."""

MIDDLE, UNDERLINE, PITCH = 7, 14.5, 4
"""Positions of the bar and of the underline, and the period of the hatching."""


def draw_svg(strip: Strip, nbytes: int, title: str) -> str:
    """Draw where a variable lies in a block of `nbytes` bytes, and which of its bytes changed.

    A solid bar is bytes of elements. Hatching is stripes too fine to draw, as dense as the stripes. Three layers are
    elements that overlap. The underline marks changed bytes; it is thin where only some of them changed.

    Parameters
    ----------
    title
        The same in words, already escaped.
    """
    shade = strip.shade % len(SHADES)
    heights, width = (LAYERS, LAYER) if strip.lane.folds > 1 else ((MIDDLE,), BAR)
    bars = _paths(strip.lane.runs, nbytes, heights, is_exact=strip.lane.is_exact)
    parts = [_path(f"ipytw-{shade}", SHADES[shade].light, width, *one) for one in bars]
    if strip.dirty is not None:
        height = 3 if strip.dirty.is_exact else 1
        lines = _paths(strip.dirty.runs, nbytes, (UNDERLINE,), is_exact=True)
        parts += [_path("ipytw-dirty", MARK, height, *one) for one in lines]
    return (
        f'<svg width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"><title>{title}</title>'
        f'<path class="ipytw-block" d="M0 8h{WIDTH}" stroke="#888" stroke-opacity=".14" stroke-width="{HEIGHT}"/>'
        f"{''.join(parts)}</svg>"
    )


def _paths(runs: Sequence[ByteRun], nbytes: int, heights: Iterable[float], *, is_exact: bool) -> list[tuple[str, str]]:
    """Return the runs as SVG paths with their dash patterns, one path per density."""
    found = grouped(runs, lambda run: "" if run.is_solid and is_exact else _dashes(run))
    return [(" ".join(_line(run, nbytes, y) for y in heights for run in alike), dash) for dash, alike in found.items()]


def _line(run: ByteRun, nbytes: int, y: float) -> str:
    width = max(LEAST, WIDTH * run.width / nbytes)
    left = min(WIDTH * run.low / nbytes, WIDTH - width)
    return f"M{left:.4g} {y}h{width:.4g}"


def _dashes(run: ByteRun) -> str:
    dense = min(max(PITCH * run.covered / run.width, 1), PITCH - 1)
    return f"{dense:.2g} {PITCH - dense:.2g}"


def _path(name: str, colour: str, width: float, line: str, dashes: str) -> str:
    dash = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<path class="{name}" d="{line}" stroke="{colour}" stroke-width="{width}"{dash}/>'
