"""Run the cell below `%%tensordiff` when it arrives as text, inside another cell magic."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from ..ipython.tensordiff_header import MAGIC

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..ipython.magic_options import DiffOptions
    from ..watcher import Watcher


def run_body(shell: InteractiveShell, watcher: Watcher, options: DiffOptions, line: str, cell: str) -> Any:  # noqa: ANN401
    """Run a cell's text once, recorded; return the value of its last expression if it is nested in a cell."""
    if not cell.strip():
        raise UsageError(f"{MAGIC}: there is no code below; %tensordiff shows the last cell")
    if not watcher.is_running:
        shell.run_cell(f"{MAGIC} {line}\n{cell}")
        return None
    watcher.record(options)
    return _execute(shell, *_numbered(shell, cell, watcher))


def _numbered(shell: InteractiveShell, cell: str, watcher: Watcher) -> tuple[str, str]:
    """Return the text with blank lines before it, so that its line numbers match the notebook, and a file name."""
    running = watcher.running
    whole = running.source.rstrip() if running else ""
    above = whole.count("\n") - cell.rstrip().count("\n") if whole.endswith(cell.rstrip()) else 0
    source = "\n" * above + shell.transform_cell(cell)
    return source, shell.compile.cache(source, running.count if running else shell.execution_count)


def _execute(shell: InteractiveShell, source: str, name: str) -> Any:  # noqa: ANN401
    tree = shell.transform_ast(shell.compile.ast_parse(source, filename=name))
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    body = shell.compile(tree, name, "exec")
    exec(body, shell.user_global_ns, shell.user_ns)  # noqa: S102  (the user's cell)
    if last is None:
        return None
    value = shell.compile(ast.Expression(last.value), name, "eval")  # type: ignore[arg-type]
    return eval(value, shell.user_global_ns, shell.user_ns)  # noqa: S307
