"""The definitions of a notebook, and the classes of the objects behind its paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...runtime.record import field, record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..typed_line import TypedLine


@record
class Definition:
    """The statement of a cell that defines a function or a class, as plain Python.

    Attributes
    ----------
    offset
        The number of cell lines before it.
    """

    name: str
    cell: int
    source: str
    offset: int = 0


@record
class ShallowCopy:
    """A variable or an attribute that keeps what `copy.copy` gave.

    Attributes
    ----------
    target, owner
        The copy, and what it was made of, as typed.
    within
        The class whose method keeps it; empty for a statement elsewhere.
    is_several
        Whether a comprehension makes several.
    """

    target: str
    owner: str
    within: str = ""
    is_several: bool = False


FORWARD_HOOKS = "._forward_hooks"
"""The step from a module's path to the functions that are called after its forward."""
FORWARD_PRE_HOOKS = "._forward_pre_hooks"
"""The step to those that are called before it."""
_PARTIAL = "partial "


def name_of_partial(given: int, name: str) -> str:
    """Return the name of a function that `functools.partial` has given some of its positional arguments."""
    return f"{_PARTIAL}{given} {name}"


def given_by_partial(name: str) -> tuple[int, str]:
    """Return how many positional arguments a function was given, and its own name.

    Examples
    --------
    >>> given_by_partial(name_of_partial(2, "scale")), given_by_partial("scale")
    ((2, 'scale'), (0, 'scale'))
    """
    if not name.startswith(_PARTIAL):
        return 0, name
    given, own = name.removeprefix(_PARTIAL).split(" ", 1)
    return int(given), own


@record
class Notebook:
    """What the analysis may know of a running notebook, as plain values.

    Attributes
    ----------
    definitions
        The functions and classes that its cells define, by name.
    classes
        By spelled path, the name of the object's class, or of the function that it is; see `name_of_partial`.
    inplace
        The access paths of modules that write to their inputs, or to their own parameters.
    leftovers
        The names that loops have left over.
    renamed
        The paths of tensors that have a second name since they were made leaves: `adv = x.requires_grad_()`.
    objects
        By the same paths, a number that is the same where the object is.
    modules, optimizers
        The access paths of all modules, and of all optimizers.
    evaluating
        The access paths of the modules in evaluation mode.
    initializing
        The access paths of modules of imported files that set a mark of theirs when they are first called.
    collectives
        The sources of the last cells that started collectives and did not wait for them, by count.
    copies
        The shallow copies that its cells keep.
    cached
        The variables that are the very tensors that `functools` keeps as results, each with the function's name.
    loaded
        The paths of state dicts that its cells loaded, as typed, each with the statements that did, the oldest first.
    """

    definitions: Mapping[str, Definition] = field(default_factory=dict)
    classes: Mapping[str, str] = field(default_factory=dict)
    inplace: frozenset[str] = frozenset()
    leftovers: frozenset[str] = frozenset()
    renamed: frozenset[str] = frozenset()
    objects: Mapping[str, int] = field(default_factory=dict)
    optimizers: frozenset[str] = frozenset()
    modules: frozenset[str] = frozenset()
    evaluating: frozenset[str] = frozenset()
    initializing: frozenset[str] = frozenset()
    collectives: Mapping[int, str] = field(default_factory=dict)
    copies: tuple[ShallowCopy, ...] = ()
    cached: Mapping[str, str] = field(default_factory=dict)
    loaded: Mapping[str, tuple[TypedLine, ...]] = field(default_factory=dict)

    def loaded_in(self, cell: int) -> list[TypedLine]:
        """Return the statements of a cell that load a state dict."""
        return [one for several in self.loaded.values() for one in several if one.cell == cell]

    def source_of(self, cell: int) -> str:
        """Return the definitions of a cell, each on its lines, and blank lines for the rest of it."""
        lines: dict[int, str] = {}
        for one in self.definitions.values():
            if one.cell == cell:
                lines.update(enumerate(one.source.split("\n"), one.offset))
        return "\n".join(lines.get(number, "") for number in range(max(lines, default=-1) + 1))
