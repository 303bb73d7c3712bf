"""A dataclass of ours is one of the standard library's in all but when its methods are compiled."""

import copy
import dataclasses
import pickle

import pytest

from ipy_tensorwatch.core.host.late_methods import dataclass as late


def _classes(make, **options):
    @make(**options)
    class Base:
        """One."""

        size: int
        names: tuple[str, ...] = ()
        found: list[int] = dataclasses.field(default_factory=list, compare=False)
        text: str = dataclasses.field(init=False, default="", compare=False)

    @make(**options)
    class Derived(Base):
        """One more."""

        more: int = 5

        def __post_init__(self):
            object.__setattr__(self, "text", f"{self.size}+{self.more}")

    return Base, Derived


OPTIONS = [
    {},
    {"slots": True},
    {"frozen": True},
    {"frozen": True, "slots": True},
    {"frozen": True, "slots": True, "kw_only": True},
    {"slots": True, "eq": False},
    {"slots": True, "eq": False, "repr": False},
]


def _behaviour(kind):
    one, same, other = kind(size=1), kind(size=1, found=[3]), kind(size=2, names=("a",))
    told = [one == same, one == other, one != same, one == 1, dataclasses.asdict(other), kind.__match_args__]
    told += [
        dataclasses.replace(one, size=7).text,
        copy.copy(other).names,
        kind.__doc__,
        one.found is kind(size=1).found,
    ]
    told += [kind.__hash__ is None, hasattr(one, "__dict__"), [field.name for field in dataclasses.fields(kind)]]
    told.append(repr(other).rpartition(".")[2].partition(" at ")[0])
    for attempt in (
        lambda: setattr(one, "size", 3),
        lambda: delattr(one, "size"),
        lambda: kind(),
        lambda: kind(1, 2, 3),
    ):
        try:
            attempt()
        except (AttributeError, TypeError) as error:
            told.append(type(error))
        else:
            told.append(None)
    return told


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_late_dataclass_behaves_as_the_one_of_the_standard_library(options):
    for ours, theirs in zip(_classes(late, **options), _classes(dataclasses.dataclass, **options), strict=True):
        assert _behaviour(ours) == _behaviour(theirs)


@late(frozen=True, slots=True)
class Kept:
    """A record that can be pickled."""

    size: int = 0


def test_equal_frozen_records_have_equal_hashes_and_can_be_pickled():
    assert hash(Kept(3)) == hash(Kept(3))
    assert {Kept(3), Kept(3), Kept(4)} == {Kept(3), Kept(4)}
    assert pickle.loads(pickle.dumps(Kept(3))) == Kept(3)


def test_a_method_of_its_own_is_kept():
    @late(slots=True)
    class Own:
        """Spells itself."""

        size: int

        def __repr__(self):
            return "own"

    assert Own(1) == Own(1)
    assert repr(Own(1)) == "own"
