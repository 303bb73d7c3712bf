"""IPython's side of the probes: instrument the one cell that the watcher has announced, and nothing else."""

from __future__ import annotations

import builtins
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from ..core.instrument import instrument

if TYPE_CHECKING:
    import ast
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

PROBES = "__tensorwatch_probes__"
"""The name under which a running cell finds its probes, among the builtins, so not in the user's namespace."""


def transformers(shell: InteractiveShell) -> list[Any]:
    """Return the shell's list of transformers, of which it asks only that they have a `visit`."""
    return cast("list[Any]", shell.ast_transformers)


@dataclass(slots=True)
class ProbeTransformer:
    """An IPython AST transformer.

    `%timeit`, `%prun` and `%%time` pass code through the transformers too, while a cell runs; what they measure must
    be the user's code alone, so only the first tree after `arm` is instrumented.
    """

    _expected: Callable[[ast.Module], SimpleNamespace] | None = None

    def arm(self, on_cell: Callable[[ast.Module], SimpleNamespace]) -> None:
        """Expect a cell; `on_cell` gets its tree and returns its probes, none if it is to stay as it is."""
        self._expected = on_cell

    def disarm(self) -> None:
        """Expect nothing, and take the probes away."""
        self._expected = None
        vars(builtins).pop(PROBES, None)

    def retire(self, shell: InteractiveShell) -> None:
        """Let the cell that runs run on with probes that do nothing, and take them away when it has ended."""
        self._expected = None
        probes = vars(vars(builtins).get(PROBES, SimpleNamespace()))
        probes.update(dict.fromkeys(probes, _do_nothing))

        def disarm(_: object) -> None:
            self.disarm()
            shell.events.unregister("post_run_cell", disarm)

        shell.events.register("post_run_cell", disarm)

    def visit(self, node: ast.Module) -> ast.Module:
        """Return the instrumented tree, or the tree as it is."""
        expected, self._expected = self._expected, None
        if expected is None:
            return node
        try:
            probes = expected(node)
            if not vars(probes):
                return node
            probed = instrument(node, PROBES)
        except Exception:  # noqa: BLE001  (IPython would unregister us, and the cell must run)
            return node
        vars(builtins)[PROBES] = probes
        return probed


def _do_nothing() -> None:
    """Take a probe's place."""
