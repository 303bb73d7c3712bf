"""What the expressions of a statement lead to: tensors of the notebook, and views of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...memory.view_layouts import ViewLayout
from ...records.reading import Reading, extent
from ...statements.whole_numbers import whole_numbers
from ...statements.writes.view_expressions import chain_of, layout_of_view
from ...syntax.ast_queries import spell_path
from ...syntax.parsing import parse_path

if TYPE_CHECKING:
    import ast
    from collections.abc import Mapping

    from ...records.path import AccessPath
    from ...statements.writes.write_target import KeyValues


class ViewScene:
    """What the expressions of a statement lead to.

    Parameters
    ----------
    source
        The source that the statement is of.
    path
        What the line of a function writes, by its path in the notebook.
    """

    def __init__(self, watched: Mapping[str, Reading], source: str, path: AccessPath | None = None) -> None:
        self._watched, self.numbers = watched, whole_numbers(source)
        parts = map(path.first, range(len(path.steps), -1, -1)) if path is not None else ()
        self._written = next((one for one in parts if str(one) in watched), path)

    def path_of(self, spelled: str) -> str:
        """Return the path in the notebook of the tensor that a path leads to; empty if it leads to none."""
        if self._written is None:
            return spelled if spelled in self._watched else ""
        steps = parse_path(spelled).steps
        is_it = not steps or self._written.steps[-len(steps) :] == steps
        return str(self._written) if is_it and str(self._written) in self._watched else ""

    def tensor_of(self, node: ast.expr) -> str:
        """Return the path of the tensor that a view is taken from; empty if it is not known."""
        spelled = filter(None, map(spell_path, chain_of(node)))
        return next(filter(None, map(self.path_of, spelled)), "")

    def view(self, node: ast.expr, values: KeyValues) -> Reading | None:
        """Return a view as a reading; None if it is not known."""
        reading = self._watched.get(self.tensor_of(node))
        if reading is None or reading.unknown:
            return None
        layout = layout_of_view(node, lambda one: reading_layout(reading) if self.path_of(one) else None, values)
        return None if layout is None else _laid_out(reading, layout)


def reading_layout(reading: Reading) -> ViewLayout:
    """Return where the elements of a reading lie, counted from address 0."""
    return ViewLayout(reading.shape, reading.strides, reading.data_ptr)


def _laid_out(reading: Reading, layout: ViewLayout) -> Reading:
    low, high = extent(layout.shape, layout.strides, reading.itemsize)
    return reading._replace(shape=layout.shape, strides=layout.strides, data_ptr=layout.offset, low=low, high=high)
