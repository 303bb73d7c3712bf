"""Why a cell would raise."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...hazards.error_facts import Trouble
    from ...records.trace.evidence import Position
    from .abstract_values import AbstractTensor, GraphNode


class StoppedError(Exception):
    """The cell would raise here; this error never leaves the package.

    Attributes
    ----------
    trouble, tensor, position
        Why a write is refused, if one is, and to what; or what a node had saved, if a backward raises.
    root
        The path whose backward raises, if one does.
    freed
        The path whose backward has freed what that one needs, if that is why it raises; "?" if none leads there.
    node
        The node that the cell made, if it raises because what that one saved was overwritten.
    """

    def __init__(  # noqa: PLR0913  (all but three are by name)
        self,
        trouble: Trouble | None = None,
        tensor: AbstractTensor | None = None,
        position: Position | None = None,
        *,
        root: str = "",
        freed: str = "",
        node: GraphNode | None = None,
    ) -> None:
        super().__init__(trouble)
        self.trouble, self.tensor, self.position = trouble, tensor, position
        self.root, self.freed, self.node = root, freed, node
