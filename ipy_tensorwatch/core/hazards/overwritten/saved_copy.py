"""Let a node save a copy: then no later write to the variable matters, and nothing else changes."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from ...interpreter.reached_lines import DefinitionReader
from ...records.trace.notebook import Notebook
from ...records.typed_line import typed_line
from ...statements.rewrite_statement import binds, cloned_value, with_clones
from ...statements.statement import parse_statements
from ...syntax.parsing import bound_around, parse_header, parse_path
from ..fix import Fix

if TYPE_CHECKING:
    from collections.abc import Collection

    from ...records.report_parts import Inner, Site
    from ...records.trace.saved_tensor import Writing


class Saving(NamedTuple):
    """How a node saved a tensor.

    Attributes
    ----------
    is_output
        Whether it saved its own result, not an input.
    paths
        The variables that lead to the tensor.
    notebook
        The functions in which it may have been saved.
    is_alone
        Whether no other statement saved it.
    """

    cell: int
    site: Site | None
    is_output: bool
    paths: tuple[str, ...]
    notebook: Notebook = Notebook()
    is_alone: bool = True


def comes_round(saved: Site | None, cell: int | None, writing: Writing) -> bool:
    """Return whether a write precedes the line that saved in the same cell: a loop that fills memory again."""
    site = writing.site
    return saved is not None and site is not None and cell == writing.cell and saved.line > site.line


def with_copy_saved(text: str, paths: Collection[str], *, is_output: bool) -> str | None:
    """Rewrite a statement that saves its input, or its result, to save a copy; None if it does not name that."""
    if is_output:
        return cloned_value(text) if binds(text, paths) else None
    return with_clones(text, paths)


def save_copy(saving: Saving, written: Site | None = None) -> Fix | None:
    """Rewrite the line that saved to use a copy; None if it does not name the tensor, or is not the only one.

    Parameters
    ----------
    written
        The statement that wrote: if it is the one that saved, a copy of what it is given or gives does not help.
    """
    site, paths = saving.site, saving.paths
    if site is None or not saving.is_alone:
        return None
    if written is not None and (site.line, site.text) == (written.line, written.text):
        code = None
    else:
        code = with_copy_saved(site.text, paths, is_output=saving.is_output)
    if code is not None:
        return Fix(kind="save-copy", code=code, target=typed_line(saving.cell, site), says_where=True)
    inner = None if saving.is_output else _only_reader(saving)
    code = with_clones(inner.text, paths) if inner else None
    return Fix(kind="save-copy", code=code, target=typed_line(saving.cell, inner), says_where=True) if code else None


def _only_reader(saving: Saving) -> Inner | None:
    """Return the only line of a function, reached by the statement that saved, that reads a variable by name."""
    node = parse_header(saving.site.text) if saving.site else None
    [statement] = parse_statements(saving.site.text)[:1] if saving.site and node else (None,)
    if node is None or statement is None:
        return None
    found = {inner: line for inner, line, *_ in DefinitionReader(saving.notebook).reached(statement, node)}
    reading = [inner for inner, line in found.items() if not isinstance(line, ast.Expr) and _reads(inner, saving)]
    return reading[0] if len(reading) == 1 else None


def _reads(inner: Inner, saving: Saving) -> bool:
    """Return whether a line reads one of the variables, whose name no local name hides."""
    own = bound_around(saving.notebook.source_of(inner.cell), inner.line)
    return bool(with_clones(inner.text, {path for path in saving.paths if parse_path(path).root not in own}))
