"""The fix of a hazard or a silent change, as data: a kind, the code to type, and the edits of cells."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

from ..syntax.magic_calls import MAGIC_CALL, find_body
from ..syntax.parsing import parse_cell, statements_around
from ..syntax.statement_text import header_end, spell

if TYPE_CHECKING:
    import ast
    from collections.abc import Callable, Iterator

    from .facts import TypedLine

    Lines = tuple[int, int, str]

Replacing = Literal[
    "out-of-place", "bind-detached", "bind-anew", "bind-out", "save-copy",
    "hand-copy", "hand-module-copy", "read-copy", "write-through-base", "one-by-one",
    "no-grad", "no-grad-view", "inference-mode", "assign-copy", "keep-copies", "copy-shared",
]  # fmt: skip
"""The code replaces a statement."""
Preceding = Literal[
    "write-copy", "write-copy-here", "copy-before-write", "own-elements", "own-view", "take-again", "use-detached",
    "detach-rounds", "module-keeps-input", "detach-state", "compute-anew",
]  # fmt: skip
"""The code goes before a statement."""
Displayed = Literal[
    "backward-before-statement", "compute-again", "record-out-of-place",
    "copy-for-checkpoint", "copy-for-function", "copy-or-later", "write-some-copy", "find-line",
    "part-gradients", "copy-gradient", "deep-copy", "give-memory", "drop",
    "modules-without-inplace", "module-without-inplace", "look-past-operators", "record-cell", "record-cells",
    "detach-name", "use-detach", "use-without-out", "hand-argument", "hand-function-copy", "read-some-copy",
    "take-later", "retain-graph", "make-optimizer", "add-group",
]  # fmt: skip
"""No edit is possible: the fix depends on the intent, or on the place."""
FixKind = Replacing | Preceding | Displayed

Tail = Literal["old-leaf", "base-alone", "compute-first", "base-too", "record-instead", "if-meant"]
"""The sentence after a fix: what it does not change, or an alternative."""
Applicability = Literal["safe", "unsafe", "display"]

_REPLACING, _PRECEDING = frozenset(get_args(Replacing)), frozenset(get_args(Preceding))


_BINDS_NOTHING = re.compile(r"\s*(?:if|with)\b(?!.*\bas\b).*:\s*")
"""A header with its body on the same line, before which code may stand as well as before that body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Lines of a cell to replace; `end_line` is `line - 1` for an insertion.

    Attributes
    ----------
    line, end_line
        The first and the last line, numbered as in a `Site`.
    text
        The new lines, with their indentation.
    """

    cell: int
    line: int
    end_line: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """What to write instead.

    Attributes
    ----------
    code
        What to type.
    other
        A second code in its sentence: the statement that the code goes before, or an alternative.
    names
        The variables, modules or classes concerned.
    cell
        The cell to run again.
    target
        The statement that the code replaces or precedes.
    says_where
        Whether the message must state the place of `target`: it is outside the cell that raised.
    tail
        The kind of sentence that follows.
    applicability
        `safe` if it was tried and changes no result but the hazard's, `unsafe` if it ends the hazard but other
        results may change, `display` if there is nothing to apply.
    """

    kind: FixKind
    code: str = ""
    other: str = ""
    names: tuple[str, ...] = ()
    cell: int | None = None
    target: TypedLine | None = None
    says_where: bool = False
    tail: Tail | None = None
    applicability: Applicability = "display"
    edits: tuple[Edit, ...] = ()


_CELL_MAGIC = f"{MAGIC_CALL}cell_magic("


def with_edits(fix: Fix, source_of: Callable[[int], str]) -> Fix:
    """Add the edits that apply a fix, if its statement is found in the source of its cell."""
    target = fix.target
    if not fix.code or target is None or target.cell is None or fix.kind not in _PRECEDING | _REPLACING:
        return fix
    make = _inserted if fix.kind in _PRECEDING else _replaced
    for source, above in _regions(source_of(target.cell)):
        found = make(source, replace(target, line=target.line - above), fix.code)
        if found is not None:
            edit = Edit(cell=target.cell, line=found[0] + above, end_line=found[1] + above, text=found[2])
            return replace(fix, edits=(edit,), applicability="unsafe")
    return fix


def _regions(source: str) -> Iterator[tuple[str, int]]:
    """Yield a cell's source and the code in it that magics run, each with its line offset."""
    yield source, 0
    tree = parse_cell(source) if MAGIC_CALL in source else None
    bodies = (find_body(node) for node in tree.body) if tree else ()
    yield from ((body.source, body.offset) for body in bodies if body is not None)


def _replaced(source: str, target: TypedLine, code: str) -> Lines | None:
    r"""Replace a statement with code, keeping the rest of its lines.

    Examples
    --------
    >>> from .facts import TypedLine
    >>> _replaced("a = 1; h.add_(1)  # twice", TypedLine(line=1, text="h.add_(1)"), "h = h.add(1)")
    (1, 1, 'a = 1; h = h.add(1)  # twice')
    """
    lines = source.split("\n")
    node = _find(source, lines, target)
    if node is None:
        return None
    end, column = header_end(node, lines)
    before, behind = lines[node.lineno - 1].encode()[: node.col_offset], lines[end - 1].encode()[column:]
    return _checked(lines, (node.lineno, end, before.decode() + code + behind.decode()))


def _inserted(source: str, target: TypedLine, code: str) -> Lines | None:
    r"""Put code before a statement: on a line of its own, or in front of it behind a header that binds names or a `;`.

    Examples
    --------
    >>> from .facts import TypedLine
    >>> _inserted("for _ in x:\n    h.add_(1)", TypedLine(line=2, text="h.add_(1)"), "h = h.clone()")
    (2, 1, '    h = h.clone()')
    >>> _inserted("with no_grad(): h.add_(1)", TypedLine(line=1, text="h.add_(1)"), "h = h.clone()")
    (1, 0, 'h = h.clone()')
    >>> _inserted("a = 1; h.add_(1)  # twice", TypedLine(line=1, text="h.add_(1)"), "h = h.clone()")
    (1, 1, 'a = 1; h = h.clone(); h.add_(1)  # twice')
    >>> text = "get_ipython().run_cell_magic('time', '', 'h.add_(1)')"
    >>> _inserted(text, TypedLine(line=1, text=text), "h = h.clone()")
    (2, 1, 'h = h.clone()')
    """
    lines = source.split("\n")
    node = _find(source, lines, target)
    if node is None:
        return None
    if target.text.startswith(_CELL_MAGIC):  # its header must stay the first line of the cell
        body = find_body(node)
        return None if body is None else (body.offset + 1, body.offset, code)
    row = lines[node.lineno - 1].encode()
    before = row[: node.col_offset].decode()
    if before.strip() and not _BINDS_NOTHING.fullmatch(before):
        return _checked(lines, (node.lineno, node.lineno, f"{before}{code}; {row[node.col_offset :].decode()}"))
    indent = before[: len(before) - len(before.lstrip())]
    return _checked(lines, (node.lineno, node.lineno - 1, indent + code))


def _find(source: str, lines: list[str], target: TypedLine) -> ast.stmt | None:
    """Return a statement by its line and text."""
    tree = parse_cell(source)
    around = statements_around(tree, lambda one: one.lineno <= target.line <= (one.end_lineno or 0)) if tree else ()
    return next((one for one in around if one.lineno == target.line and _spelled(one, lines) == target.text), None)


def _spelled(node: ast.stmt, lines: list[str]) -> str:
    end, column = header_end(node, lines)
    return spell(node, lines, node.lineno, end, column)


def _checked(lines: list[str], edit: Lines) -> Lines | None:
    """Return the edit, or None if the edited source is not valid Python."""
    first, last, text = edit
    edited = [*lines[: first - 1], *text.split("\n"), *lines[last:]]
    return edit if parse_cell("\n".join(edited)) else None
