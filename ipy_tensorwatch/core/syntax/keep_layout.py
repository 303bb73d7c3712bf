"""Rewritten code in the layout of the statement that it replaces: only the tokens that differ change."""

from __future__ import annotations

import ast
import io
import tokenize
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    TokenChange = tuple[str, int, int, int, int]

_LAYOUT = (
    tokenize.NL, tokenize.COMMENT, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER,
)  # fmt: skip
MOST_TOKENS = 2_000
"""Longer statements are not compared token by token."""


class _Token(NamedTuple):
    """A token as it is compared, and its place in the text."""

    key: str
    start: int
    end: int


def keep_layout(original: str, code: str) -> str:
    r"""Return code with the lines and comments of the statement that it replaces; the code itself if that fails.

    Examples
    --------
    >>> print(keep_layout("h.mul_(\n    2,  # twice\n)", "h = h.mul( 2, )"))
    h = h.mul(
        2,  # twice
    )
    >>> print(keep_layout("h += \\\n    1", "h = h + 1"))
    h = h + \
        1
    """
    if "\n" not in original:
        return code
    old, new = _tokens(original), _tokens(code)
    if not old or not new or len(old) + len(new) > MOST_TOKENS:
        return code
    matcher = SequenceMatcher(None, [one.key for one in old], [one.key for one in new], autojunk=False)
    blocks = [one for one in matcher.get_opcodes() if one[0] != "equal"]
    kept = [one for one in (_but_brackets(each, old) for each in blocks) if one is not None]
    variants = [_spliced(original, code, several, old, new) for several in (kept, blocks)]
    return next((one for one in variants if _is_same(one, code)), code)


def _tokens(text: str) -> list[_Token]:
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    return [*_places(text, starts)]


def _places(text: str, starts: Sequence[int]) -> Iterator[_Token]:
    try:
        for one in tokenize.generate_tokens(io.StringIO(text).readline):
            if one.type == tokenize.ERRORTOKEN:  # before Python 3.12, where it raises
                return
            if one.type not in _LAYOUT:
                start, end = (starts[row - 1] + column for row, column in (one.start, one.end))
                yield _Token(_joined(one.string), start, end)
    except (tokenize.TokenError, SyntaxError):
        return


def _joined(text: str) -> str:
    """Return a token, which may be a string of several lines, as `spell` writes it."""
    return " ".join(text.replace("\\\n", " ").split()) if "\n" in text else text


def _but_brackets(block: TokenChange, old: Sequence[_Token]) -> TokenChange | None:
    """Return a block that leaves the brackets around what it replaces; None if nothing is left of it."""
    kind, start, end, first, last = block
    while kind != "insert" and end > start and old[end - 1].key in ("(", ")"):
        end -= 1
    return (kind, start, end, first, last) if end > start or last > first else None


def _spliced(original: str, code: str, blocks: Sequence[TokenChange], old: list[_Token], new: list[_Token]) -> str:
    """Replace the tokens of some blocks."""
    text = original
    for _, start, end, first, last in reversed(blocks):
        put = code[new[first].start : new[last - 1].end] if first < last else ""
        if start < end:
            left, right = old[start].start, old[end - 1].end
        else:  # the new tokens go before the next one, or behind the last
            left = right = old[start].start if start < len(old) else old[-1].end
            put = _apart(put, code, new[last - 1].end) if start < len(old) else code[new[first - 1].end :]
        text = text[:left] + put + text[right:]
    return text


def _apart(put: str, code: str, end: int) -> str:
    """Return new tokens with the spaces behind them."""
    rest = code[end:]
    return put + rest[: len(rest) - len(rest.lstrip())]


def _is_same(text: str, code: str) -> bool:
    """Return whether two spellings are the same code."""
    try:
        return ast.dump(ast.parse(_without_lines(text))) == ast.dump(ast.parse(code))
    except (SyntaxError, ValueError):
        return False


def _without_lines(text: str) -> str:
    """Return text whose strings of several lines are spelled in one, as in the code."""
    for one in reversed(_tokens(text)):
        text = text[: one.start] + one.key + text[one.end :]
    return text
