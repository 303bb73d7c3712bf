"""A statement's own lines and text: of a compound statement the header only."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from typing import TYPE_CHECKING

from .ast_queries import own_parts
from .syntax_tree import children_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORD = re.compile(r"\w+")


def words_in(text: str) -> list[str]:
    """Return the names, keywords and numbers of a text."""
    return _WORD.findall(text)


def header_end(node: ast.stmt, lines: list[str]) -> tuple[int, int | None]:
    """Return the last line of a statement's own text, and its end column if a block follows."""
    if not _has_block(node):
        return node.end_lineno or node.lineno, node.end_col_offset
    line, column = _last_header_part(node)
    for number in range(line, len(lines) + 1):
        text = lines[number - 1].encode()
        colon = text.find(b":", column if number == line else 0)
        if colon >= 0:
            return number, colon + 1
    return node.lineno, None


def _has_block(node: ast.stmt) -> bool:
    return hasattr(node, "body") or isinstance(node, ast.Match)


def _last_header_part(node: ast.stmt) -> tuple[int, int]:
    first = getattr(node, "body", None) or [case.pattern for case in getattr(node, "cases", ())]
    limit = (first[0].lineno, first[0].col_offset)
    ends = [(part.end_lineno or 0, part.end_col_offset or 0) for part in own_parts(node)]
    ends += [(part.end_lineno or 0, part.end_col_offset or 0) for part in _parameters(node)]
    return max([(node.lineno, node.col_offset), *(end for end in ends if end <= limit)])


def _parameters(node: ast.stmt) -> list[ast.arg]:
    arguments = getattr(node, "args", None)
    return [] if arguments is None else [part for part in children_of(arguments) if isinstance(part, ast.arg)]


def spell(node: ast.stmt, lines: list[str], start: int, end: int, column: int | None) -> str:
    """Return lines `start` to `end` as one line, without comments."""
    first = node.col_offset if start == node.lineno else 0
    own = [line.encode() for line in lines[start - 1 : end]]
    own[-1] = own[-1][:column]
    own[0] = own[0][first:]
    text = b"\n".join(own).decode(errors="replace")
    if "\n" not in text:
        return text.strip()
    return " ".join((_without_comments(text) if "#" in text else text).replace("\\\n", " ").split())


def _without_comments(text: str) -> str:
    lines = text.split("\n")
    for row, column in _comments(text):
        lines[row - 1] = lines[row - 1][:column]
    return "\n".join(lines)


def _comments(text: str) -> Iterator[tuple[int, int]]:
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                yield token.start
    except (tokenize.TokenError, SyntaxError):
        return


def spell_header(node: ast.stmt, lines: list[str]) -> str:
    """Return a statement's own text as one line, without decorators and comments."""
    return spell(node, lines, node.lineno, *header_end(node, lines))


def spell_line(line: str) -> str:
    """Return one line without its comment."""
    return _without_comments(line.strip()).strip() if "#" in line else line.strip()
