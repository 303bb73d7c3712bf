"""The fix of a hazard or a silent change, as data: a kind, the code to type, and the edits of cells."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, get_args

from ..runtime.record import record
from ..syntax.keep_layout import keep_layout
from ..syntax.magic_calls import MAGIC_CALL, find_body
from ..syntax.parsing import parse_body, parse_cell, statements_on
from ..syntax.statement_text import header_end, spell_header
from ..syntax.syntax_tree import all_nodes
from ..syntax.unrecorded_block import unrecorded_block

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..records.reading import Reading
    from ..records.typed_line import TypedLine

    Lines = tuple[int, int, str]

Replacing = Literal[
    "out-of-place", "bind-detached", "bind-anew", "bind-out", "save-copy",
    "hand-copy", "hand-module-copy", "read-copy", "write-through-base", "one-by-one",
    "no-grad", "no-grad-view", "inference-mode", "assign-copy", "keep-copies", "copy-shared", "make-each",
    "keep-detached", "return-new",
]  # fmt: skip
"""The code replaces a statement."""
Preceding = Literal[
    "write-copy", "write-copy-here", "copy-before-write", "own-elements", "own-view", "take-again", "use-detached",
    "detach-rounds", "module-keeps-input", "copy-before-read", "detach-state", "compute-anew", "copy-captured",
]  # fmt: skip
"""The code goes before a statement."""
Displayed = Literal[
    "backward-before-statement", "compute-again", "record-out-of-place",
    "copy-for-checkpoint", "copy-for-function", "copy-or-later", "write-some-copy", "find-line",
    "part-gradients", "copy-gradient", "deep-copy", "give-memory", "drop",
    "modules-without-inplace", "module-without-inplace", "look-past-operators", "record-cell", "record-cells",
    "detach-name", "use-detach", "use-without-out", "hand-argument", "hand-function-copy", "read-some-copy",
    "take-later", "retain-graph", "make-optimizer", "add-group", "register",
]  # fmt: skip
"""No edit is possible: the fix depends on the intent, or on the place."""
FixKind = Replacing | Preceding | Displayed

Tail = Literal["old-leaf", "base-alone", "compute-first", "base-too", "record-instead", "if-meant", "default-too"]
"""The sentence after a fix: what it does not change, or an alternative."""
Applicability = Literal["safe", "unsafe", "display"]

_REPLACING, _PRECEDING = frozenset(get_args(Replacing)), frozenset(get_args(Preceding))


_BINDS_NOTHING = re.compile(r"\s*(?:if|with)\b(?!.*\bas\b).*:\s*")
"""A header with its body on the same line, before which code may stand as well as before that body."""

_IMPORTS_COPY = re.compile(r"\bimport\b.*\bcopy\b")


@record
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


@record
class Fix:
    """What to write instead.

    Attributes
    ----------
    code
        What to type.
    other
        A second code in its sentence: the statement that the code goes before, or an alternative. Of a write out of
        place without a tail: what lets it write to a copy of a tensor instead.
    names
        The variables, modules or classes concerned.
    cell
        The cell to run again.
    target
        The statement that the code replaces or precedes.
    also
        More statements to replace, each with its code: one alone would mend nothing.
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
    also: tuple[tuple[TypedLine, str], ...] = ()
    says_where: bool = False
    tail: Tail | None = None
    applicability: Applicability = "display"
    edits: tuple[Edit, ...] = ()


def copy_call(reading: Reading) -> str:
    """Spell the call that copies a tensor or an array."""
    return ".copy()" if reading.kind == "ndarray" else ".clone()"


_CELL_MAGIC = f"{MAGIC_CALL}cell_magic("


def _copying(fix: Fix, text: str) -> str:
    """Return what lets a statement write to a copy; nothing if it may write to an array by an operator."""
    if fix.kind == "write-copy" and fix.code.partition(" = ")[0].isidentifier():
        return fix.code
    if fix.kind != "out-of-place" or fix.tail is not None:
        return ""
    name = fix.code.partition(" = ")[0]
    return fix.other or (f"{name} = {name}.clone()" if name.isidentifier() and text.startswith(f"{name}.") else "")


def importing(fix: Fix, line: str, source: str) -> Fix:
    """Add an import at the top of the cell of a fix's first edit, whose source is given."""
    edit, *others = fix.edits
    if source.startswith(MAGIC_CALL):  # its first line as typed must stay the magic's
        indent = edit.text[: len(edit.text) - len(edit.text.lstrip())]
        return replace(fix, edits=(replace(edit, text=f"{indent}{line}\n{edit.text}"), *others))
    if edit.line == 1:
        return replace(fix, edits=(replace(edit, text=f"{line}\n{edit.text}"), *others))
    return replace(fix, edits=(Edit(cell=edit.cell, line=1, end_line=0, text=line), edit, *others))


def with_import(fix: Fix, source_of: Callable[[int], str]) -> Fix:
    """Import the module `copy` for the edits of a fix, if their cell does not."""
    source = source_of(fix.edits[0].cell) if fix.edits and "copy.deepcopy(" in fix.code else "import copy"
    return fix if _IMPORTS_COPY.search(source) else importing(fix, "import copy", source)


def with_edits(fix: Fix, source_of: Callable[[int], str]) -> Fix:
    """Add the edits that apply a fix, if its statement is found in the source of its cell."""
    target = fix.target
    if not fix.code or target is None or target.cell is None or fix.kind not in _PRECEDING | _REPLACING:
        return fix
    if fix.also:
        several = [replace(fix, target=one, code=code, also=()) for one, code in ((target, fix.code), *fix.also)]
        parts = [with_edits(one, source_of).edits for one in several]
        edits = tuple(edit for each in parts for edit in each)
        return replace(fix, edits=edits, applicability="unsafe") if all(parts) else fix
    is_loop = fix.kind == "one-by-one" and bool(fix.names)
    for source, above in _regions(source_of(target.cell)):
        at = replace(target, line=target.line - above)
        copying = _copying(fix, target.text)  # in such a block, a new tensor would lose its graph
        block = unrecorded_block(source, at.line, copying.partition(" ")[0]) if copying else None
        if block is not None:
            fix, found = replace(fix, kind="write-copy", code=copying), _before(source, block, copying)
        elif is_loop:
            found = _with_rows(source, at, fix)
        else:
            found = (_inserted if fix.kind in _PRECEDING else _replaced)(source, at, fix.code)
        if found is not None:
            edit = Edit(cell=target.cell, line=found[0] + above, end_line=found[1] + above, text=found[2])
            return replace(fix, edits=(edit,), applicability="unsafe")
    return fix


def _regions(source: str) -> Iterator[tuple[str, int]]:
    """Yield a cell's source and the code in it that magics run, each with its line offset."""
    yield source, 0
    bodies = map(find_body, parse_body(source) if MAGIC_CALL in source else ())
    yield from ((body.source, body.offset) for body in bodies if body is not None)


def _replaced(source: str, target: TypedLine, code: str) -> Lines | None:
    r"""Replace a statement with code, keeping the rest of its lines.

    Examples
    --------
    >>> from ..records.typed_line import TypedLine
    >>> _replaced("a = 1; h.add_(1)  # twice", TypedLine(line=1, text="h.add_(1)"), "h = h.add(1)")
    (1, 1, 'a = 1; h = h.add(1)  # twice')
    """
    lines = source.split("\n")
    node = _find(source, lines, target)
    if node is None:
        return None
    end, column = header_end(node, lines)
    own = [one.encode() for one in lines[node.lineno - 1 : end]]
    before, behind = own[0][: node.col_offset].decode(), own[-1][column:].decode()
    own[-1] = own[-1][:column]
    original = b"\n".join(own)[node.col_offset :].decode()
    return _checked(lines, (node.lineno, end, _placed(before, keep_layout(original, code), behind)))


def _placed(before: str, code: str, behind: str) -> str:
    r"""Return code between what shares its lines, on lines of its own if it has a header that must not be shared.

    Examples
    --------
    >>> print(_placed("for p in ps: ", "with no_grad(): p.zero_()", "; n += 1"))
    for p in ps:
        with no_grad(): p.zero_()
        n += 1
    >>> _placed("    ", "with no_grad(): p.zero_()", "  # all")
    '    with no_grad(): p.zero_()  # all'
    """
    rest = behind.strip().removeprefix(";").strip()
    is_alone = not before.strip() and (not rest or rest.startswith("#"))
    if is_alone or not code.startswith("with "):
        return before + code + behind
    indent = before[: len(before) - len(before.lstrip())]
    head = before.rstrip().removesuffix(";")
    inner = f"{indent}    " if head.endswith(":") else indent
    tail = behind if not rest or rest.startswith("#") else f"\n{inner}{rest}"
    return (f"{head}\n{inner}" if head.strip() else before) + code + tail


def _with_rows(source: str, target: TypedLine, fix: Fix) -> Lines | None:
    r"""Replace the header of a loop, and the loop variable in its body.

    Examples
    --------
    >>> from ..records.typed_line import TypedLine
    >>> fix = Fix(kind="one-by-one", code="for i in range(len(h)):", other="row", names=("h[i]",))
    >>> _with_rows("for row in h:\n    row += 1\nn = 1", TypedLine(line=1, text="for row in h:"), fix)
    (1, 2, 'for i in range(len(h)):\n    h[i] += 1')
    """
    lines = source.split("\n")
    node = _find(source, lines, target)
    if not isinstance(node, ast.For):
        return None
    edited = [one.encode() for one in lines]
    inside = (part for one in (*node.body, *node.orelse) for part in all_nodes(one))
    names = [one for one in inside if isinstance(one, ast.Name) and one.id == fix.other]
    for one in sorted(names, key=lambda one: -one.col_offset):
        row, stop = edited[one.lineno - 1], one.end_col_offset or 0
        edited[one.lineno - 1] = row[: one.col_offset] + fix.names[0].encode() + row[stop:]
    last = max((one.lineno for one in names), default=node.lineno)
    done = "\n".join(one.decode() for one in edited)
    head = _replaced(done, target, fix.code)
    if head is None or last <= head[1]:
        return head
    return _checked(lines, (head[0], last, "\n".join([head[2], *done.split("\n")[head[1] : last]])))


def _inserted(source: str, target: TypedLine, code: str) -> Lines | None:
    r"""Put code before a statement: on a line of its own, or in front of it behind a header that binds names or a `;`.

    Examples
    --------
    >>> from ..records.typed_line import TypedLine
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


def _before(source: str, node: ast.stmt, code: str) -> Lines | None:
    """Put code on a line of its own before a statement."""
    lines = source.split("\n")
    before = lines[node.lineno - 1].encode()[: node.col_offset].decode()
    return None if before.strip() else _checked(lines, (node.lineno, node.lineno - 1, before + code))


def _find(source: str, lines: list[str], target: TypedLine) -> ast.stmt | None:
    """Return a statement by its line and text."""
    around = statements_on(source, target.line)
    return next((one for one in around if one.lineno == target.line and spell_header(one, lines) == target.text), None)


def _checked(lines: list[str], edit: Lines) -> Lines | None:
    """Return the edit, or None if the edited source is not valid Python."""
    first, last, text = edit
    edited = [*lines[: first - 1], *text.split("\n"), *lines[last:]]
    return edit if parse_cell("\n".join(edited)) else None
