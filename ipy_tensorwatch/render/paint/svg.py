"""Draw one strip of a picture as SVG: numbers only, readable without a style sheet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .style import MARK, SHADES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ...core.memory.strided_layout import ByteRun
    from ..page import Strip

WIDTH, HEIGHT = 240, 16
LEAST = 1.5
"""How wide the smallest run is drawn, so that a number in a gigabyte is still seen."""

BAR, LAYER, LAYERS = 10, 2, (3, 7, 11)
"""How high a bar is, and the layers of one whose elements lie over each other."""

MIDDLE, UNDERLINE, PITCH = 7, 14.5, 4
"""Where the bar and the line below it lie, and from one stripe of a hatching to the next."""


def draw_svg(strip: Strip, nbytes: int, title: str) -> str:
    """Draw where in a block of so many bytes a variable lies, and which of its bytes changed.

    Solid bars are bytes of elements. A hatching is stripes too fine to be drawn one by one, as dense as they are. Three
    layers are elements that lie over each other. The line below marks changed bytes: thin where only some of them are.

    Parameters
    ----------
    title
        The same in words, escaped.
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
    """Write runs as paths, those of one density together, each with its dashes."""
    found: dict[str, list[ByteRun]] = {}
    for run in runs:
        found.setdefault("" if run.is_solid and is_exact else _dashes(run), []).append(run)
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
