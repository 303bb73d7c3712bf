"""The owners of storages that are compared, held while their bytes are read."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from ...core.runtime.record import record
from ..runtime.threads import is_alone

if TYPE_CHECKING:
    import weakref
    from collections.abc import Callable, Mapping

    from ..memory.byte_block import Block


@record(kw_only=False, slots=False)
class StorageOwners:
    """The owners of the storages that are compared."""

    blocks: Mapping[int, Block]
    references: Callable[[], Mapping[int, weakref.ref[Any]]]

    @cached_property
    def are_safe(self) -> bool:
        """Whether a held owner's bytes cannot be freed, because no other thread runs."""
        return is_alone()

    def hold(self, storage: int) -> Any:  # noqa: ANN401  (a storage or an array)
        """Return the owner of a storage's bytes; None if it is gone, moved, or not known."""
        return self.blocks[storage].hold(self._reference(storage))

    def hold_if_safe(self, storage: int) -> Any:  # noqa: ANN401
        """Return the owner, if holding it makes reading its bytes safe."""
        return self.hold(storage) if self.are_safe else None

    def lies(self, storage: int) -> bool:
        """Return whether a storage is still in place; True for an unknown owner."""
        block = self.blocks[storage]
        return (block.owner or self._reference(storage)) is None or self.hold(storage) is not None

    def _reference(self, storage: int) -> weakref.ref[Any] | None:
        return None if self.blocks[storage].owner else self._arrays.get(storage)

    @cached_property
    def _arrays(self) -> Mapping[int, weakref.ref[Any]]:
        return self.references()
