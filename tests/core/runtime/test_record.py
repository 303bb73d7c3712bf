"""Records and mutable objects against the same classes made by the standard library."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, dataclass, field, fields, is_dataclass, replace
from functools import cached_property

import pytest

from ipy_tensorwatch.core.runtime import record as module
from ipy_tensorwatch.core.runtime.record import mutable, record


class Fields:
    first: int
    second: str = "b"
    third: list = field(default_factory=list)
    aside: int = field(default=7, compare=False, repr=False)
    later: int = field(init=False, default=3)
    made: dict = field(init=False, default_factory=dict)


class Counted(Fields):
    first: int
    third: list
    later: int = field(init=False, compare=False)

    def __post_init__(self):
        object.__setattr__(self, "later", self.first + len(self.third))


class Named:
    first: int = field(default=0, kw_only=True)
    second: int

    def __repr__(self):
        return f"named {self.first}"

    def __hash__(self):
        return 5


class Pair:
    one: int
    two: tuple = ()


class Empty:
    pass


def remade(kind, decorate):
    body = {name: one for name, one in vars(kind).items() if name not in ("__dict__", "__weakref__")}
    return decorate(type(kind.__name__, (), body))


MADE = {
    "frozen": (record(kw_only=False), dataclass(frozen=True, slots=True)),
    "named": (record, dataclass(frozen=True, slots=True, kw_only=True)),
    "apart": (record(eq=False, kw_only=False), dataclass(frozen=True, slots=True, eq=False)),
    "open": (record(slots=False), dataclass(frozen=True, kw_only=True)),
    "mutable": (mutable, dataclass(slots=True, repr=False)),
    "mutable and named": (mutable(kw_only=True), dataclass(slots=True, repr=False, kw_only=True)),
    "mutable and open": (mutable(slots=False), dataclass(repr=False)),
    "mutable and apart": (mutable(eq=False), dataclass(slots=True, eq=False, repr=False)),
}
CALLS = (
    ((), {}),
    ((1,), {}),
    ((), {"first": 1}),
    ((1, 2), {}),
    ((1, "c", [4], 9), {}),
    ((1, 2, 3, 4, 5), {}),
    ((), {"second": 2, "first": 1}),
    ((), {"first": 1, "third": [1, 2]}),
    ((), {"first": 1, "unknown": 2}),
)


def outcome(call):
    try:
        return call()
    except TypeError as error:
        return str(error).rpartition(".")[2]  # without the place of the class


def seen(kind, positional, named):
    """Return all that a value shows, beside an equal one and one that differs."""
    one, same = (outcome(lambda: kind(*positional, **copy.deepcopy(named))) for _ in range(2))
    if isinstance(one, str):
        return one
    other = copy.copy(one)
    object.__setattr__(other, fields(kind)[0].name, 1000) if fields(kind) else None
    values = [(each.name, getattr(one, each.name)) for each in fields(kind)]
    told = repr(one).rpartition(".")[2].partition(" object at ")[0]
    hashed = type(outcome(lambda: hash(one)))
    copied = outcome(lambda: replace(one))
    return (
        values,
        told,
        hashed,
        one == one,
        one == same,
        one == other,
        one == values,
        copied == one,
        hasattr(one, "__dict__"),
    )


@pytest.mark.parametrize("way", MADE)
@pytest.mark.parametrize("kind", [Fields, Counted, Named, Empty])
@pytest.mark.parametrize(("positional", "named"), CALLS)
def test_a_class_does_what_a_dataclass_does(kind, way, positional, named):
    ours, theirs = (remade(kind, decorate) for decorate in MADE[way])
    assert seen(ours, positional, named) == seen(theirs, positional, named)


def test_equal_records_hash_alike():
    kind = remade(Fields, record)
    one, same, other = (kind(first=first, third=(), aside=aside) for first, aside in ((1, 2), (1, 3), (2, 2)))
    for each in (one, same, other):
        object.__setattr__(each, "made", ())
    assert {one: "told"}[same] == "told"
    assert other not in {one, same}


def test_each_record_gets_containers_of_its_own():
    kind = remade(Fields, record)
    one, other = kind(first=1), kind(first=1)
    assert one.third is not other.third
    assert one.made is not other.made


@pytest.mark.parametrize("name", ["first", "unknown"])
def test_a_record_is_frozen(name):
    one = remade(Fields, record)(first=1)
    with pytest.raises(FrozenInstanceError, match=f"'{name}' is frozen"):
        setattr(one, name, 2)
    with pytest.raises(FrozenInstanceError, match=f"'{name}' is frozen"):
        delattr(one, name)
    assert one.first == 1


@record
class Kept:
    one: int
    two: tuple = ()


@record(slots=False)
class Cached:
    one: int

    @cached_property
    def twice(self):
        return 2 * self.one


@mutable
class Growing:
    items: list = field(default_factory=list)


@pytest.mark.parametrize("through", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
@pytest.mark.parametrize(
    "one", [Kept(one=1, two=(2,)), Cached(one=1), Growing([1])], ids=["record", "cached", "mutable"]
)
def test_copies_are_equal(one, through):
    assert through(one) == one
    assert through(one) is not one


def test_a_record_that_contains_itself_has_a_repr():
    items = []
    items.append(Kept(one=1, two=items))
    assert repr(items[0]) == "Kept(one=1, two=[...])"


def test_a_record_of_a_record_has_the_fields_of_both():
    @record
    class More(Kept):
        three: int = 3

    assert repr(More(one=1)).endswith("More(one=1, two=(), three=3)")
    assert More(one=1) != Kept(one=1)
    assert [one.name for one in fields(More)] == ["one", "two", "three"]
    assert is_dataclass(More)


def test_a_method_is_compiled_when_it_is_first_called(monkeypatch):
    compiled, compile_now = [], module._compile

    def noted(kind, head, body, known):
        compiled.append(head.partition("(")[0])
        return compile_now(kind, head, body, known)

    monkeypatch.setattr(module, "_compile", noted)
    kind = remade(Pair, record)
    assert compiled == []
    one, other = kind(one=1), kind(one=1)
    assert compiled == ["__init__"]
    assert (one == other, one == other, one != other) == (True, True, False)
    assert compiled == ["__init__", "__eq__"]
    assert hash(one) == hash(other)
    assert compiled == ["__init__", "__eq__", "__hash__"]
