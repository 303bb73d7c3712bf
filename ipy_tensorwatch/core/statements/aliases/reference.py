"""What an expression refers to: an access path, and whether it is the same object."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from ...records.path import ANY_ITEM, AccessPath
from ...syntax.torch_vocabulary import VIEW_ATTRIBUTES

if TYPE_CHECKING:
    from collections.abc import Iterable


class Reference(NamedTuple):
    """One object that an expression may refer to, by an access path of the notebook.

    A tuple, because following one call makes thousands, and compares them.

    Attributes
    ----------
    same
        Whether it is the object at `path`, not another tensor object over its memory.
    below
        Whether it is anything behind `path`.
    sealed
        Whether a step without a spelling was taken, so that later steps are not spelled either.
    depth
        How many new containers the code has put around it.
    sure
        False if an unknown function may have returned it.
    grad
        For `below`: True for gradients only, False for all but gradients, None for either.
    """

    path: AccessPath
    same: bool = True
    below: bool = False
    sealed: bool = False
    depth: int = 0
    sure: bool = True
    grad: bool | None = None

    @property
    def is_spelled(self) -> bool:
        """Whether it is exactly the object at `path`."""
        return not self.below and not self.sealed and not self.depth


References = tuple[Reference, ...]


def union(*parts: Iterable[Reference]) -> References:
    """Return the union of references, in order, without duplicates."""
    found = [*chain.from_iterable(parts)]
    return tuple(dict.fromkeys(found) if len(found) > 1 else found)


def take_attribute(refs: References, name: str) -> References:
    """Return the references of the attribute `name`."""
    if name in VIEW_ATTRIBUTES:
        return view(refs)
    return member(refs, name)


def member(refs: References, name: str) -> References:
    """Return the references of the attribute `name`, even if tensors have an attribute of that name."""
    return union(_attribute(one, name) for one in refs if not one.depth)


def _attribute(one: Reference, name: str) -> Reference:
    if one.below:
        return one._replace(grad=True) if name == "grad" else one
    return one if one.sealed else step_to(one, f".{name}")


def item(refs: References, step: str, *, several: bool = False) -> References:
    """Return the references of one item; with `several`, of a slice, which is another object over a part."""
    return union(_item(one, step, several=several) for one in refs)


def _item(one: Reference, step: str, *, several: bool) -> Reference:
    if one.depth:
        return one if several else one._replace(depth=one.depth - 1)
    if one.below:
        return one
    if one.sealed:
        return one._replace(same=False)
    return step_to(one, step)._replace(same=one.same and not several, sealed=several)


def step_to(one: Reference, step: str) -> Reference:
    """Return the reference of a spelled step."""
    return one._replace(path=one.path.then(step))


def element(refs: References) -> References:
    """Return the references of any one item, as in a loop."""
    return item(refs, ANY_ITEM)


def wrap(refs: References) -> References:
    """Return the references inside a new container."""
    return union(one._replace(depth=one.depth + 1) for one in refs)


def view(refs: References) -> References:
    """Return other objects over the same memory."""
    return union(one._replace(same=False, sealed=True) for one in refs)


def behind(refs: References, *, grad: bool | None = None) -> References:
    """Return everything behind the references."""
    return union(one._replace(below=True, depth=0, grad=one.grad if grad is None else grad) for one in refs)


def doubt(refs: References) -> References:
    """Return the result of an unknown call: it may alias any argument."""
    return union(one._replace(same=False, below=True, sealed=True, depth=0, sure=False) for one in refs)
