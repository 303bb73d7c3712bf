"""What an expression gives in an abstract run: a tensor without bytes, an object without code, or a constant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ...runtime.record import field, mutable, record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from ...interpreter.definitions import Function
    from ...records.path import AccessPath
    from ...records.reading import Reading
    from ...records.trace.evidence import Position


class AbstractValue:
    """Anything that an expression gives."""

    __slots__ = ()


@record(kw_only=False, eq=False)
class Constant(AbstractValue):
    """A number, a text, a slice, or another plain value of Python."""

    value: object


@record(kw_only=False, eq=False)
class Unknown(AbstractValue):
    """A value of which nothing is known, or only that it is a number."""

    is_number: bool = False


RECORD_CLASS = "namedtuple()"
"""The name of the classes that `namedtuple` makes: their first argument is given, the names of their fields."""
UNKNOWN, NUMBER, NONE = Unknown(), Unknown(is_number=True), Constant(None)


@mutable(eq=False)
class AbstractTensor(AbstractValue):
    """A tensor or array that exists, or that the cell would make.

    Attributes
    ----------
    is_exact
        Whether shape and strides of the reading are known; if not, any part of its span may be meant.
    base
        The tensor that autograd takes it for a view of; of a leaf that is not known, the tensor whose graph ends in it.
    leaves
        The leaves that its backward gives gradients to.
    graph
        The nodes of its graph that the cell made and that surely save something.
    grad
        Its gradient; None if it has none.
    is_counted
        Whether a write through it moves the version counter.
    is_read_only
        Whether it is an array that refuses writes.
    is_piece
        Whether an operator made it that returns several views, to which autograd refuses writes.
    made_under
        The mode in which it was made as a view, if that is why autograd refuses writes outside of it.
    """

    reading: Reading
    is_exact: bool = True
    base: AbstractTensor | None = None
    leaves: frozenset[AbstractTensor] = frozenset()
    graph: frozenset[GraphNode] = frozenset()
    grad: AbstractTensor | None = None
    is_counted: bool = True
    is_read_only: bool = False
    is_piece: bool = False
    made_under: Literal["", "no-grad-view", "inference-view"] = ""
    parts: dict[str, AbstractValue] = field(default_factory=dict)
    since: dict[str, int] = field(default_factory=dict)

    @property
    def is_array(self) -> bool:
        """Whether it is a NumPy array."""
        return self.reading.kind == "ndarray"

    @property
    def is_leaf(self) -> bool:
        """Whether it is a leaf that requires grad."""
        return self.reading.requires_grad and self.reading.is_leaf

    @property
    def shape(self) -> tuple[int, ...] | None:
        """Its shape, if that is known."""
        return self.reading.shape if self.is_exact else None


class GraphNode:
    """A node that surely saves something.

    Attributes
    ----------
    number
        Backward runs the node with the highest one first.
    saved
        The tensors that it saved, each with the version that its memory had then.
    position
        The statement that made it.
    """

    __slots__ = ("number", "position", "saved")

    def __init__(self, number: int, saved: tuple[tuple[AbstractTensor, int], ...], position: Position) -> None:
        self.number, self.saved, self.position = number, saved, position


@mutable(eq=False)
class AbstractObject(AbstractValue):
    """A container, a module, an optimizer, or an instance of a class.

    Attributes
    ----------
    kind
        "list", "dict", "named tuple", "object", "module", "optimizer", or the name of a library's class.
    parts
        What it holds, by the step that leads there.
    is_whole
        Whether `parts` is all that it holds.
    held
        The parameters that an optimizer holds.
    others
        What any item is that is not among `parts`.
    since
        The moment at which the cell put each part there.
    hooks, pre_hooks
        The functions that a module calls after its `forward`, and before it.
    """

    kind: str
    class_name: str = ""
    parts: dict[str, AbstractValue] = field(default_factory=dict)
    is_whole: bool = True
    path: AccessPath | None = None
    is_training: bool = True
    held: list[AbstractTensor] = field(default_factory=list)
    others: AbstractValue = UNKNOWN
    since: dict[str, int] = field(default_factory=dict)

    hooks: list[AbstractValue] = field(default_factory=list)
    pre_hooks: list[AbstractValue] = field(default_factory=list)

    def items(self) -> list[AbstractValue]:
        """Return what its item steps lead to, in order."""
        if self.kind == "named tuple":
            return [*self.parts.values()]
        return [value for step, value in self.parts.items() if step[:1] in ("[", "l")]


@record(kw_only=False, eq=False)
class Either(AbstractValue):
    """One of several values."""

    options: tuple[AbstractValue, ...]


@record(kw_only=False, eq=False)
class AbstractFunction(AbstractValue):
    """A function of the notebook, with the names around it and the arguments that it is bound to."""

    function: Function
    around: object = None
    given: tuple[AbstractValue, ...] = ()
    named: Mapping[str, AbstractValue] = field(default_factory=dict)


@record(kw_only=False, eq=False)
class AbstractClass(AbstractValue):
    """A class of the notebook."""

    name: str


@record(kw_only=False, eq=False)
class LibraryName(AbstractValue):
    """A module, a function or a class of a library, by its dotted name; `given` is what it is bound to."""

    name: str
    given: tuple[AbstractValue, ...] = ()
    named: Mapping[str, AbstractValue] = field(default_factory=dict)


@record(kw_only=False, eq=False)
class LibraryMethod(AbstractValue):
    """A method of a library's object."""

    owner: AbstractValue
    name: str


@record(kw_only=False, eq=False)
class AbstractIterator(AbstractValue):
    """What yields values one by one.

    Attributes
    ----------
    visit
        Runs it, calls its argument with each value, and returns whether these are all.
    counts
        Whether it gives many numbers, as a range does.
    """

    visit: Callable[[Callable[[AbstractValue], None]], bool]
    counts: bool = False


@record(kw_only=False)
class CallArguments:
    """The arguments of a call; `is_open` if there may be more."""

    positional: tuple[AbstractValue, ...] = ()
    named: Mapping[str, AbstractValue] = field(default_factory=dict)
    is_open: bool = False

    def get(self, place: int, name: str = "") -> AbstractValue | None:
        """Return an argument by its place or its name."""
        if place < len(self.positional):
            return self.positional[place]
        return self.named.get(name)

    def after(self, place: int) -> CallArguments:
        """Return the arguments behind the first few."""
        return CallArguments(self.positional[place:], self.named, self.is_open)

    def everything(self) -> Iterator[AbstractValue]:
        """Yield all arguments."""
        yield from self.positional
        yield from self.named.values()


def constant_of(value: AbstractValue | None) -> object:
    """Return the value of a constant; None for everything else."""
    return value.value if isinstance(value, Constant) else None


def whole_number(value: AbstractValue | None) -> int | None:
    """Return the value of a whole number; None for everything else."""
    found = constant_of(value)
    return int(found) if isinstance(found, int) else None


def options_of(value: AbstractValue) -> tuple[AbstractValue, ...]:
    """Return the values that something may be."""
    return value.options if isinstance(value, Either) else (value,)


def either(values: list[AbstractValue]) -> AbstractValue:
    """Return one value for several possible ones."""
    found = dict.fromkeys(option for value in values for option in options_of(value))
    known = {one.value if isinstance(one, Constant) else id(one): one for one in found if _can_compare(one)}
    told = [one for one in found if not _can_compare(one)]
    every = [*known.values(), *told]
    return every[0] if len(every) == 1 else Either(tuple(every)) if every else UNKNOWN


def only_one(values: list[AbstractValue]) -> AbstractValue:
    """Return one of several values, of which only data decide which it is; nothing, if several lead to tensors."""
    found = either(values)
    several = [one for one in options_of(found) if isinstance(one, AbstractTensor | AbstractObject)]
    return UNKNOWN if len(several) > 1 else found


def _can_compare(one: AbstractValue) -> bool:
    return isinstance(one, Constant) and isinstance(one.value, int | str | float | None)


def tensors_of(value: AbstractValue | None, depth: int = 3) -> Iterator[AbstractTensor]:
    """Yield the tensors that a value is or holds, a few containers deep."""
    if isinstance(value, AbstractTensor):
        yield value
    elif isinstance(value, Either):
        for one in value.options:
            yield from tensors_of(one, depth)
    elif isinstance(value, AbstractObject) and depth:
        for one in list(value.parts.values()):
            yield from tensors_of(one, depth - 1)


def key_step(value: AbstractValue | None) -> str | None:
    """Return the step of an item; None if its key is not known."""
    found = constant_of(value)
    return f"[{found!r}]" if isinstance(found, int | str | float | bytes) else None


def make_iterator(values: list[AbstractValue], *, is_whole: bool) -> AbstractObject:
    """Return an iterator over some values: no path leads to what it holds."""
    return AbstractObject("list", "iterator", {f"[?{n}]": one for n, one in enumerate(values)}, is_whole)


def make_tuple(values: Iterable[AbstractValue]) -> AbstractObject:
    """Return a new tuple."""
    return AbstractObject("list", "tuple", make_list([*values]).parts)


def make_record(names: Sequence[str], given: CallArguments, class_name: str = "") -> AbstractObject:
    """Return a new named tuple; what no argument is for is unknown."""
    values = {**dict(zip(names, given.positional, strict=False)), **given.named}
    return AbstractObject("named tuple", class_name, {f".{one}": values.get(one, UNKNOWN) for one in names})


def make_list(values: list[AbstractValue], *, is_whole: bool = True) -> AbstractObject:
    """Return a new list."""
    return AbstractObject("list", parts={f"[{n}]": one for n, one in enumerate(values)}, is_whole=is_whole)
