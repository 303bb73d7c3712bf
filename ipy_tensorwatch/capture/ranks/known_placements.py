"""What PyTorch itself knows of a tensor's part on this rank: shards, and what `DistributedDataParallel` keeps equal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...core.runtime.record import field, mutable
from ..objects.inspect_object import attribute, module_of, mro_of, name_of
from ..objects.walk import walk
from ..runtime.torch_private import plain_reads
from ..tensors.plain_reads import is_plain, local_of

if TYPE_CHECKING:
    from collections.abc import Mapping

SHARDERS = frozenset({"FullyShardedDataParallel", "ZeroRedundancyOptimizer", "FlatParameter"})
"""PyTorch's classes whose tensors are another part on each rank."""
MAX_VALUES = 1024


@mutable
class KnownPlacements:
    """The addresses of the tensors of which PyTorch knows that they are shards, or that it keeps them equal."""

    shards: set[int] = field(default_factory=set)
    wrapped: set[int] = field(default_factory=set)


def known_placements(names: Mapping[str, Any]) -> KnownPlacements:
    """Return what is known of the tensors that some variables lead to.

    An optimizer that shards its state has whole parameters.
    """
    known = KnownPlacements()
    for name, value in names.items():
        kind = _known_kind(type(value))
        for _, thing in _tensors_of({name: value}):
            if _is_shard(thing) or (kind == "shard" and name_of(type(thing)) != "Parameter"):
                known.shards.add(id(thing))
            elif kind == "wrapped":
                known.wrapped.add(id(thing))
    return known


def read_values(names: Mapping[str, Any], path: str) -> list[float]:
    """Return elements of a tensor, evenly spaced, as numbers; empty if it is no plain tensor of numbers."""
    things = [thing for known, thing in _tensors_of(names) if known == path]
    local: Any = local_of(things[0]) if things else None
    if local is None or not is_plain(local):
        return []
    with plain_reads():
        flat = local.detach().reshape(-1)
        step = max(1, -(-flat.numel() // MAX_VALUES))
        return [float(one) for one in flat[::step].double().tolist()]


def _tensors_of(names: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [
        (str(path), thing)
        for branch in walk(dict(names)).branches.values()
        for path, thing in zip(branch.outline.paths(), branch.objects, strict=True)
    ]


def _known_kind(kind: type) -> str:
    names = {name_of(one) for one in mro_of(kind) if (module_of(one) or "").startswith("torch.")}
    if names & SHARDERS:
        return "shard"
    return "wrapped" if "DistributedDataParallel" in names else ""


def _is_shard(thing: Any) -> bool:  # noqa: ANN401
    """Return whether a tensor is a `DTensor` of which each rank has another part."""
    if is_plain(thing):
        return False
    if _known_kind(type(thing)) == "shard":
        return True
    if local_of(thing) is thing:
        return False
    placements = getattr(attribute(thing, "_spec") or getattr(thing, "_spec", None), "placements", ())
    return any(name_of(type(one)) != "Replicate" for one in placements)
