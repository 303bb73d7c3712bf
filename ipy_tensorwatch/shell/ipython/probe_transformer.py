"""The AST transformer that instruments the announced cell with probes, and no other code."""

from __future__ import annotations

import builtins
import itertools
from functools import partial
from threading import get_ident
from typing import TYPE_CHECKING, Any, cast

from ...core.runtime.guard import GUARD
from ...core.runtime.record import field, mutable
from ...core.statements.statement import walk_statements
from ...core.syntax.probe_insertion import can_instrument, instrument, make_probes, probe_name, silence

if TYPE_CHECKING:
    import ast
    from collections.abc import Callable
    from types import ModuleType

    from IPython.core.interactiveshell import InteractiveShell

PROBES = "__tensorwatch_probes_{}__"
"""The builtin name under which a running cell finds its probes; the user's namespace stays untouched.

Each cell has its own name: cells may overlap, and one may continue after the extension was reloaded.
"""
_numbers = itertools.count(1)


def transformers(shell: InteractiveShell) -> list[Any]:
    """Return the shell's list of AST transformers; they need only a method `visit`."""
    return cast("list[Any]", shell.ast_transformers)


@mutable(eq=False)
class ProbeTransformer:
    """An IPython AST transformer.

    `%timeit`, `%prun` and `%%time` also pass code through the transformers while a cell runs; they must measure the
    user's code alone, so only the first tree after `arm` is instrumented.

    It is the last in the shell's list, and only until it has seen the cell's tree: all others see the tree as typed.

    Attributes
    ----------
    shell
        The shell that runs the cells.
    expected
        By thread, the callback that takes the tree of the next cell.
    installed
        By thread, the names of the running cell's probes.
    """

    shell: InteractiveShell
    expected: dict[int, Callable[[ast.Module], ModuleType]] = field(default_factory=dict)
    installed: dict[int, list[str]] = field(default_factory=dict)

    def come(self) -> None:
        """Append it to the shell's list, behind all other transformers."""
        found = transformers(self.shell)
        if not found or found[-1] is not self:
            found[:] = [*(one for one in found if one is not self), self]

    def go(self) -> None:
        """Remove it from the shell's list."""
        found = transformers(self.shell)
        found[:] = [one for one in found if one is not self]

    def arm(self, on_cell: Callable[[ast.Module], ModuleType]) -> None:
        """Expect a cell in this thread; `on_cell` takes its tree and returns its probes."""
        self.expected[get_ident()] = on_cell

    def disarm(self) -> None:
        """Expect no cell in this thread, and remove its probes from the builtins."""
        self.expected.pop(get_ident(), None)
        if not self.expected:
            self.go()
        for name in self.installed.pop(get_ident(), ()):
            vars(builtins).pop(name, None)

    def retire(self) -> None:
        """Replace the probes of running cells by ones that do nothing, so that these cells can finish."""
        self.expected.clear()
        for name in [names[0] for names in self.installed.values()]:
            silence(vars(builtins).get(name, make_probes({})))

    def visit(self, node: ast.Module) -> ast.Module:
        """Return the instrumented tree if a cell is expected, else the tree unchanged."""
        thread = get_ident()
        if thread in self.installed:
            return node
        expected = self.expected.pop(thread, None)
        probed = GUARD.run("before-cell", self._instrument, node, expected, default=None) if expected else None
        if probed is None and GUARD.signals.are_waiting:
            probed = GUARD.run("before-cell", self._instrument, node, _delivering, default=None)
        GUARD.run("before-cell", self._step_aside, default=None)
        return node if probed is None else probed

    def _step_aside(self) -> None:
        found = transformers(self.shell)
        if not self.expected and found and found[-1] is self:  # else IPython would skip the next one
            del found[-1]

    def _instrument(self, node: ast.Module, expected: Callable[[ast.Module], ModuleType]) -> ast.Module:
        probes = expected(node)
        if not hasattr(probes, probe_name(0)) or not can_instrument(node):
            return node
        probed, names = instrument(node, PROBES.format(next(_numbers)))
        self.installed[get_ident()] = names
        vars(builtins).update(dict.fromkeys(names, probes))
        return probed


def _delivering(tree: ast.Module) -> ModuleType:
    """Return probes that only deliver the signals that arrived before the cell began."""
    count = sum(1 for _ in walk_statements(tree.body))
    probes = make_probes(dict.fromkeys(range(count), bool))
    vars(probes).update({probe_name(0): partial(bool, 1), "deliver": GUARD.signals.take()})
    return probes
