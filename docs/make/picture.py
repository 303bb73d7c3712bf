"""The picture of the README: cells of a notebook, and what tensorwatch really says under them, drawn as SVG."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from pygments import lex
from pygments.lexers.python import PythonLexer
from pygments.token import Comment, Keyword, Number, String

from .kernel import run_cells

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SETTING = (
    "%load_ext tensorwatch",
    """\
import torch
from torch import nn
torch.manual_seed(0)
model = nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
loader = [(torch.randn(8, 3), torch.randn(8, 1)) for _ in range(4)]""",
)
"""Cells that are run but not drawn."""

SHOWN = (
    "best = model.state_dict()  # keep the best weights so far",
    """\
for inputs, targets in loader:
    loss = nn.functional.mse_loss(model(inputs), targets)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()""",
)

COLUMN, ROW = 7.2, 18
"""How wide a letter is, and how high a line."""

MARGIN, PROMPT, PAD, GAP = 14, 66, 9, 10
BASELINE = 13

COLOURS = {Keyword: "key", Keyword.Constant: "key", Number: "number", String: "text", Comment: "comment"}

STYLE = """
text { font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; fill: #1f2328; }
.page { fill: #ffffff; stroke: #d0d7de; }
.cell { fill: #f6f8fa; stroke: #d8dee4; }
.wash { fill: #fff4dc; }
.mark { fill: #9a5b00; }
.dim, .comment { fill: #656d76; }
.key { fill: #0a7a3c; }
.number { fill: #0550ae; }
.head { font-weight: 600; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .page { fill: #0d1117; stroke: #30363d; }
  .cell { fill: #161b22; stroke: #30363d; }
  .wash { fill: #332609; }
  .mark { fill: #f2b84b; }
  .dim, .comment { fill: #8d96a0; }
  .key { fill: #7ee787; }
  .number { fill: #79c0ff; }
}
"""


def make_picture() -> str:
    """Run the cells and draw those that are shown."""
    answers = run_cells(*SETTING, *SHOWN)[len(SETTING) :]
    return draw(SHOWN, answers, first=len(SETTING) + 1)


def draw(sources: Sequence[str], answers: Sequence[str], first: int) -> str:
    """Draw cells and the answers under them, one below the other."""
    longest = max(len(line) for text in (*sources, *answers) for line in text.splitlines())
    width = MARGIN + PROMPT + 2 * PAD + longest * COLUMN + MARGIN
    top, parts = float(MARGIN), []
    for count, (source, answer) in enumerate(zip(sources, answers, strict=True), first):
        lines = source.splitlines()
        height = len(lines) * ROW + 2 * PAD
        box = (MARGIN + PROMPT, top, width - 2 * MARGIN - PROMPT, height)
        parts += [_box("cell", *box), _line(f"[{count}]:", MARGIN, top + PAD, "dim")]
        parts += _code(source, MARGIN + PROMPT + PAD, top + PAD)
        top += height + GAP / 2
        for place, line in enumerate(answer.splitlines()):
            parts += _answer(line, top, width, is_head=place == 0)
            top += ROW
        top += GAP
    return _svg(width, top - GAP + MARGIN, parts, "\n".join(answers).strip())


def _answer(line: str, top: float, width: float, *, is_head: bool) -> Iterator[str]:
    left = MARGIN + PROMPT
    if not is_head:
        yield _box("wash", left, top, width - MARGIN - left, ROW)
        yield _box("mark", left, top, 3, ROW)
    yield _line(line, left, top, "head" if is_head else "")


def _code(source: str, left: float, top: float) -> Iterator[str]:
    """Draw a source, its tokens coloured."""
    rows: list[list[str]] = [[]]
    for kind, text in lex(source, PythonLexer(ensurenl=False, stripnl=False)):
        shade = next((COLOURS[one] for one in reversed(kind.split()) if one in COLOURS), "")
        for place, piece in enumerate(text.split("\n")):
            if place:
                rows.append([])
            if piece:
                rows[-1].append(f'<tspan class="{shade}">{escape(piece)}</tspan>' if shade else escape(piece))
    for place, (row, plain) in enumerate(zip(rows, source.split("\n"), strict=True)):
        yield _text("".join(row), len(plain), left, top + place * ROW, "")


def _line(line: str, left: float, top: float, shade: str) -> str:
    return _text(escape(line), len(line), left, top, shade)


def _text(inside: str, letters: int, left: float, top: float, shade: str) -> str:
    mark = f' class="{shade}"' if shade else ""
    size = f'textLength="{letters * COLUMN:.1f}" lengthAdjust="spacingAndGlyphs"'
    return f'<text x="{left:g}" y="{top + BASELINE:g}" {size} xml:space="preserve"{mark}>{inside}</text>'


def _box(shade: str, left: float, top: float, width: float, height: float) -> str:
    return f'<rect class="{shade}" x="{left:g}" y="{top:g}" width="{width:.1f}" height="{height:g}"/>'


def _svg(width: float, height: float, parts: Sequence[str], told: str) -> str:
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    page = f'<rect class="page" x="0.5" y="0.5" rx="6" width="{width - 1:.0f}" height="{height - 1:.0f}"/>'
    title = f"<title>A notebook under tensorwatch</title>\n<desc>{escape(told)}</desc>"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {size}>\n{title}\n<style>{STYLE}</style>'
    return "\n".join((head, page, *parts, "</svg>")) + "\n"
