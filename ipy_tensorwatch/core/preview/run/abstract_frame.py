"""The names of one function, or of the cell, in an abstract run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...interpreter.definitions import Code
    from ..values.abstract_values import AbstractValue
    from .known_scene import KnownScene


class JumpError(Exception):
    """A `return`, `break` or `continue`; this error never leaves the package."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class AbstractFrame:
    """What names lead to; those of the cell itself are looked up in the notebook last.

    Attributes
    ----------
    top
        The frame of the cell.
    code
        The cell that the code stands in; None for the statements of the cell itself.
    owner
        The class whose method runs.
    results
        What the function may return.
    asked
        Of the cell: the names that functions have read there.
    elsewhere
        The frames of the names that are declared `global` or `nonlocal`.
    give
        Receives what the function yields.
    decided
        How many of its branches were taken because of a value that is known.
    returned
        How many of its branches may have left it, where what decides that is not known.
    """

    __slots__ = (
        *("around", "asked", "code", "decided", "elsewhere", "give", "names", "owner", "results", "returned"),
        *("scene", "top"),
    )

    def __init__(  # noqa: PLR0913  (all but two are by name)
        self,
        scene: KnownScene,
        names: dict[str, AbstractValue],
        *,
        around: AbstractFrame | None = None,
        top: AbstractFrame | None = None,
        code: Code | None = None,
        owner: str = "",
    ) -> None:
        self.scene, self.names, self.around, self.code, self.owner = scene, names, around, code, owner
        self.top = top or self
        self.decided = self.returned = 0
        self.results: list[AbstractValue] = []
        self.asked: set[str] = set()
        self.elsewhere: dict[str, AbstractFrame] = {}
        self.give: Callable[[AbstractValue], None] = lambda _: None

    def look_up(self, name: str) -> AbstractValue:
        """Return what a name leads to."""
        frame: AbstractFrame | None = self
        while frame is not None:
            frame = frame.elsewhere.get(name, frame)
            if frame is self.top and self.code is not None:
                frame.asked.add(name)
            if name in frame.names:
                return frame.names[name]
            frame = frame.around or (frame.top if frame.top is not frame else None)
        return self.scene.look_up(name)

    def binds(self, name: str) -> bool:
        """Return whether the code itself binds a name."""
        frame: AbstractFrame | None = self
        while frame is not None:
            if name in frame.names:
                return True
            frame = frame.around or (frame.top if frame.top is not frame else None)
        return False

    def inside(self) -> AbstractFrame:
        """Return the frame of a comprehension's own names."""
        made = AbstractFrame(self.scene, {}, around=self, top=self.top, code=self.code, owner=self.owner)
        made.give = self.give
        return made

    def holder_of(self, name: str) -> AbstractFrame:
        """Return the frame around this one that binds a name, or else the cell's."""
        frame = self.around
        while frame is not None and name not in frame.names:
            frame = frame.around
        return frame or self.top


def file_of(cell: int) -> str:
    """Return the file name that stands for a cell."""
    return f"cell {cell}"
