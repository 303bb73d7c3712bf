"""Read what a node saved, as stored, and whether a backward has freed it since.

Nothing is checked, unpacked or recomputed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from ..runtime.graph_private import error_message_of, has_hook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import torch

    from ..tensors.node_readers import NodeKind, Slot

    RawSave = tuple[Slot, int, Callable[[Any], object], Any, torch.Tensor | None]
    """A saved tensor: its slot and the index in a list, what reads it as backward does, how it is stored, and the
    tensor, None if hooks packed it."""
    NodeState = Literal["freed", "holds", "saves-nothing"]

NO_SAVES: Sequence[RawSave] = ()


def raw_saves(node: object, kind: NodeKind) -> list[RawSave] | None:
    """Return what a node saved and did not release; None if it released a list, of which it holds nothing."""
    found: list[RawSave] = []
    for slot in kind.saved:
        try:
            saved = slot.read(node)
        except RuntimeError:  # released by backward
            return None
        if type(saved) is tuple:
            found += _items_of(slot, saved)
        elif saved is None:
            continue
        elif has_hook(saved):
            found.append((slot, 0, slot.check, saved, None))
        elif (tensor := saved.data) is not None:
            found.append((slot, 0, slot.check, saved, tensor))
    return found


def _items_of(slot: Slot, several: tuple[Any, ...]) -> Iterator[RawSave]:
    packed = [one is not None and has_hook(one) for one in several]
    check = _pass_by if several[1:] and any(packed) else slot.check
    for place, (saved, is_packed) in enumerate(zip(several, packed, strict=True)):
        if is_packed:
            yield slot, place, check, saved, None
        elif saved is not None and saved.data is not None:
            yield slot, place, check, saved, saved.data


def _pass_by(_: object) -> None:
    """Replace the check of a list, which would run the hooks of its items."""


def state_of(node: object, kind: NodeKind) -> NodeState:
    """Return whether a node holds what it saved; what hooks packed counts as held."""
    saves = raw_saves(node, kind)
    if saves:
        return "holds"
    return "freed" if is_freed(node, kind, saves) else "saves-nothing"


def is_freed(node: object, kind: NodeKind, saves: Sequence[RawSave] | None) -> bool:
    """Return whether a backward has freed a node of which nothing is stored."""
    return saves is None or any(_is_released(slot.check, node) for slot in kind.saved)


def _is_released(check: Callable[[Any], object], node: object) -> bool:
    """Return whether reading as backward does raises; an optional tensor that was not given does not."""
    found = error_message_of(check, node)
    return found is not None and found.trouble == "freed"
