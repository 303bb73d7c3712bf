"""Add a tensor's own tensors: the components of sparse tensors, and attributes that are tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from ...core.records.snapshots.outline import OutlineRun
from ..objects.containers import is_array
from ..objects.inspect_object import pairs_of, text_of
from ..runtime.torch_private import attributes_of, is_functorch, sparse_parts
from ..tensors.plain_reads import is_tensor, layout_of, method_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..objects.walk_state import Branch

_COMPONENTS = {
    torch.sparse_coo: sparse_parts,
    torch.sparse_csr: ("crow_indices", "col_indices", "values"),
    torch.sparse_csc: ("ccol_indices", "row_indices", "values"),
    torch.sparse_bsr: ("crow_indices", "col_indices", "values"),
    torch.sparse_bsc: ("ccol_indices", "row_indices", "values"),
}


COMPONENT = "component"
"""The role of a sparse tensor's component: a new Python object at every look, over the same memory."""


def add_parts(branch: Branch) -> None:
    """Add the components and tensor attributes of every tensor in a branch, spelled after its path."""
    stops = branch.outline.stops()
    for index, thing in enumerate(branch.objects[:]):
        if is_tensor(thing) and (parts := _parts(thing)):
            path = branch.outline.path_at(index, stops)
            node = -1
            for step in (path.root, *path.steps):
                node = branch.outline.add_node(node, step)
            for step, part, role in parts:
                branch.take(OutlineRun(node, "typed", (step,), role), [part])


def _parts(tensor: torch.Tensor) -> list[tuple[str, Any, str]]:
    own = attributes_of(tensor)
    is_bare = type(own) is dict and not own
    held = () if is_bare else [(key, value) for key, value in pairs_of(own) if is_array(type(value))]
    found = [(f".{text_of(key) or number}", value, "") for number, (key, value) in enumerate(held)]
    names = _COMPONENTS.get(layout_of(tensor)) if type(tensor) is torch.Tensor else None
    if names and not is_functorch(tensor):
        found += _components(tensor, names)
    return found


def _components(tensor: torch.Tensor, names: Iterable[str]) -> list[tuple[str, Any, str]]:
    try:
        return [(f".{name}()", method_of(name)(tensor), COMPONENT) for name in names]
    except RuntimeError:  # a backend of another library may have a layout without what takes it apart
        return []
