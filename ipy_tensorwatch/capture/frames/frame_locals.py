"""Read the tensors behind the names of one frame of an error, as plain values."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from ...core.records.trace.cell_error import Local
from ..objects.inspect_object import attribute, is_number_or_text, name_of, pairs_of, value_at
from ..objects.walk import walk
from ..runtime.torch_private import plain_reads
from ..tensors.plain_reads import base_of, is_plain, is_view
from ..tensors.read_tensor import read
from .traceback_frames import frames_of, locals_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    import torch

    from ...core.records.path import AccessPath
    from ...core.records.reading import Reading
    from ..tensors.serials import StorageSerials


def read_locals(
    error: BaseException, place: int, storages: StorageSerials, names: Collection[str] | None = None
) -> tuple[Local, ...]:
    """Read the tensors that a frame's names lead to.

    Parameters
    ----------
    place
        The index of the frame, counted from the innermost.
    names
        The names to read, globals included; None for all local names.
    """
    with plain_reads():
        return tuple(
            Local(path, read(thing, "", 0, storages), _base_of(thing, storages))
            for branch in walk(_names(error, place, names)).branches.values()
            for path, thing in zip(branch.outline.paths(), branch.objects, strict=True)
            if is_plain(thing)
        )


def _names(error: BaseException, place: int, names: Collection[str] | None) -> Mapping[str, object]:
    """Return the objects behind names of a frame."""
    frame = next(islice(frames_of(error), place, None))
    own = locals_of(frame)
    if names is None:
        return own
    around = frame.f_globals if type(frame.f_globals) is dict else {}
    found = {one: own[one] if one in own else value_at(around, one) for one in names}
    return {one: value for one, value in found.items() if value is not None}


def _base_of(tensor: torch.Tensor, storages: StorageSerials) -> Reading | None:
    base = base_of(tensor) if is_view(tensor) else None
    return None if base is None else read(base, "", 0, storages)


def unassignable_among(error: BaseException, place: int, paths: Iterable[AccessPath]) -> frozenset[AccessPath]:
    """Return the paths that cannot be assigned: all but names, attributes and items of plain lists or dicts."""
    return frozenset(path for path in paths if not _may_assign(error, place, path))


def _may_assign(error: BaseException, place: int, path: AccessPath) -> bool:
    if not path.steps or path.steps[-1].startswith("."):
        return True
    thing = _names(error, place, [path.root]).get(path.root)
    for step in path.steps[:-1]:
        thing = attribute(thing, step[1:]) if step.startswith(".") else _item(thing, step)
    return type(thing) is list or type(thing) is dict


def _item(thing: Any, step: str) -> object:  # noqa: ANN401
    """Return an item of a plain container."""
    kind = type(thing)
    items: Any = enumerate(thing) if kind is list or kind is tuple else pairs_of(thing) if kind is dict else ()
    return next((one for key, one in items if is_number_or_text(key) and f"[{key!r}]" == step), None)


def read_keys(error: BaseException, place: int) -> dict[str, int | str]:
    """Return the local names with int or str values, which may be keys of items."""
    own = _names(error, place, None)
    return {name: cast("int | str", value) for name, value in own.items() if is_number_or_text(value)}


def inplace_module(error: BaseException, place: int) -> str | None:
    """Return the class name of the module whose `forward` a frame runs, if made with `inplace=True`."""
    module = _names(error, place, ["self"]).get("self")
    return name_of(type(module)) if attribute(module, "inplace") is True else None
