"""Many records are read level by level, as the walk would open them one by one."""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque, namedtuple
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ipy_tensorwatch.capture.objects import take_levels
from ipy_tensorwatch.capture.objects import walk as walk_module
from ipy_tensorwatch.capture.objects.look_limits import EXACT_OBJECTS, LIGHT, Limits
from ipy_tensorwatch.capture.objects.record_levels import LevelOutline, is_long, survey_records
from ipy_tensorwatch.capture.objects.walk import walk
from ipy_tensorwatch.core.records.reason import BUDGET
from tests.support.nested import Data, OwnDict, Plain, Slotted

if TYPE_CHECKING:
    from collections.abc import Callable

    from ipy_tensorwatch.capture.objects.walk_state import Walk

    Make = Callable[[], Any]

Step = namedtuple("Step", "state reward")  # noqa: PYI024  (a class without annotations)
MANY = 40


class Short(Step):
    """A named tuple whose fields do not fit."""

    __slots__ = ()
    _fields = ("state",)


class Kind(Enum):
    A = 1


class Own(torch.Tensor):
    """A tensor of a user's class."""


def zeros() -> torch.Tensor:
    return torch.zeros(2)


def with_attribute(name: Any) -> Plain:
    thing = Plain(zeros())
    thing.__dict__[name] = zeros()
    return thing


def reordered(**values: object) -> OrderedDict[str, object]:
    """Make a dict whose own order is not that of the dict beneath it."""
    made = OrderedDict(values)
    made.move_to_end("x")
    return made


RECORDS: dict[str, Make] = {
    "dict": lambda: {"x": zeros(), "n": 1},
    "numbered dict": lambda: {0: zeros(), 1.5: zeros()},
    "tuple": lambda: (zeros(), 1.0, zeros(), None),
    "list": lambda: [zeros(), zeros()],
    "named tuple": lambda: Step(zeros(), 1.0),
    "object": lambda: Plain(zeros()),
    "dataclass": lambda: Data(zeros()),
    "array": lambda: {"x": np.zeros(2), "w": torch.nn.Parameter(zeros())},
    "with a dict that holds no tensor": lambda: (zeros(), {"lives": 3}),
    "with an empty dict": lambda: (zeros(), {}),
    "state dict": lambda: torch.nn.Linear(1, 1).state_dict(),
    "reordered dict": lambda: reordered(x=zeros(), y=zeros()),
    "default dict": lambda: defaultdict(list, x=zeros()),
    "with what no tensor can be in": lambda: {"x": zeros(), "path": Path("a"), "kind": Kind.A},
    "episode": lambda: [{"x": zeros()}, {"x": zeros(), "r": 1}],
    "with tensors at two depths": lambda: {"x": zeros(), "hidden": (zeros(), zeros())},
    "object in a dict": lambda: {"it": Plain([zeros()])},
}
OTHERS: dict[str, Make] = {
    "own tensor": lambda: {"x": zeros(), "own": Own(zeros())},
    "number": lambda: 1,
    "text": lambda: {"text": "a"},
    "empty": list,
    "tensor": zeros,
    "keys of another kind": lambda: {("a", 1): zeros(), zeros(): 1},
    "slots": lambda: Slotted(zeros()),
    "own dict": lambda: OwnDict(x=zeros()),
    "module": lambda: torch.nn.Linear(1, 1),
    "two kinds": lambda: ([zeros()], {"x": zeros()}),
    "set": lambda: {zeros()},
    "named tuple of another length": lambda: Short(zeros(), 1),
    "attribute without a name": lambda: with_attribute(5),
    "long": lambda: [zeros() for _ in range(300)],
}
CONTAINERS: dict[str, Callable[[list[Any]], Any]] = {
    "list": list,
    "tuple": tuple,
    "deque": deque,
    "dict": lambda records: dict(enumerate(records)),
    "ordered dict": lambda records: OrderedDict(enumerate(records)),
    "inside an object": lambda records: Plain({"first": [], "memory": records}),
}


def told(found: Walk) -> Any:
    """Give all that a walk has found, spelled without live objects."""
    names = {id(branch): name for name, branch in found.branches.items()}
    branches = {
        name: (one.outline.nodes, [(run.node, run.style, [*run.keys], run.role) for run in one.outline.runs],
               [*map(id, one.objects)], one.kinds)
        for name, one in found.branches.items()
    }  # fmt: skip
    homes = {one: (names.get(id(branch)), node) for one, (branch, node) in found.homes.items()}
    return branches, homes, dict(found.followed), found.routes, found.limits.objects, found.containers


def one_by_one(namespace: dict[str, object]) -> Any:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(walk_module, "find_levels", lambda *_: None)
        return told(walk(namespace))


def number_of_levels(container: object) -> int:
    return len(survey_records(container, ())) if is_long(container) else 0


@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS)
@pytest.mark.parametrize("record", [*RECORDS.values(), *OTHERS.values()], ids=[*RECORDS, *OTHERS])
def test_the_walk_tells_the_same_with_levels_and_without(record: Make, container: Any):
    namespace = {"first": [zeros()], "memory": container([record() for _ in range(MANY)]), "last": [zeros()]}

    assert one_by_one(namespace) == told(walk(namespace))


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_records_of_one_kind_are_read_in_levels(record: Make):
    assert number_of_levels([record() for _ in range(MANY)]) > 1


@pytest.mark.parametrize("record", OTHERS.values(), ids=OTHERS)
def test_all_else_is_left_to_the_walk(record: Make):
    assert number_of_levels([record() for _ in range(MANY)]) == 0


def test_records_that_hold_no_tensor_here_and_there_are_left_to_the_walk():
    assert number_of_levels([{"x": zeros() if number % 2 else None} for number in range(MANY)]) == 0


def test_a_missing_tensor_leaves_a_record_a_record():
    records = [(zeros(), zeros() if number % 2 else None) for number in range(MANY)]

    assert number_of_levels(records) == 2
    assert one_by_one({"memory": records}) == told(walk({"memory": records}))


def test_few_records_are_left_to_the_walk():
    assert number_of_levels([{"x": zeros()} for _ in range(5)]) == 0


def with_many_inside() -> list[Any]:
    return [[[zeros()] for _ in range(200)] for _ in range(300)]


def in_cycle() -> list[Any]:
    records: list[Any] = [{"x": zeros()} for _ in range(MANY)]
    for record in records:
        record["all"] = records
    return records


def one_several_times() -> list[Any]:
    return [{"x": zeros()}] * MANY


def with_one_inside() -> list[Any]:
    shared = [zeros()]
    return [{"x": zeros(), "shared": shared} for _ in range(MANY)]


@pytest.mark.parametrize("make", [in_cycle, one_several_times, with_one_inside, with_many_inside])
def test_containers_that_are_reached_twice_or_very_many_are_left_to_the_walk(make: Make):
    namespace = {"memory": make()}

    assert number_of_levels(namespace["memory"]) == 0
    assert one_by_one(namespace) == told(walk(namespace))


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
@pytest.mark.parametrize("uses", [1, 20])
def test_records_that_another_variable_leads_to_are_walked_as_often(record: Make, uses: int):
    memory = [record() for _ in range(MANY)]
    namespace: dict[str, object] = {f"batch{number}": memory[3:5] for number in range(uses)}
    namespace |= {"memory": memory, "again": memory[2:], "twice": memory}

    assert one_by_one(namespace) == told(walk(namespace))


def append(memory: list[Any], make: Make) -> None:
    memory.append(make())


def replace(memory: list[Any], make: Make) -> None:
    memory[len(memory) // 2] = make()


def drop_first(memory: list[Any], _: Make) -> None:
    del memory[0]


def drop_last(memory: list[Any], _: Make) -> None:
    del memory[-1]


def change_one(memory: list[Any], _: Make) -> None:
    if type(memory[7]) is dict:
        memory[7]["another"] = zeros()
    elif type(memory[7]) is list:
        memory[7].append(memory[7][0])


def add_before(memory: list[Any], make: Make) -> None:
    memory.insert(0, make())


CHANGES = [append, replace, drop_first, drop_last, change_one, add_before]


def with_limits(namespace: dict[str, object], limits: Callable[[], Limits], *, in_levels: bool) -> Any:
    with pytest.MonkeyPatch.context() as patched:
        if not in_levels:
            patched.setattr(walk_module, "find_levels", lambda *_: None)
        return told(walk(namespace, limits=limits()))


def test_a_container_that_is_split_into_parts_stays_split():
    namespace: dict[str, object] = {"memory": Plain([{"x": zeros()} for _ in range(300)])}
    limits = lambda: Limits(cut={"memory.value"})  # noqa: E731

    assert with_limits(namespace, limits, in_levels=False) == with_limits(namespace, limits, in_levels=True)


def test_a_look_without_time_takes_no_levels():
    namespace: dict[str, object] = {"memory": Plain([{"x": zeros()} for _ in range(300)])}
    searched = walk(namespace).limits.searched
    limits = lambda: Limits(seconds=-1, objects=EXACT_OBJECTS - searched // LIGHT)  # noqa: E731

    assert with_limits(namespace, limits, in_levels=False) == with_limits(namespace, limits, in_levels=True)


def test_a_second_way_to_a_record_that_was_not_reached_is_left_out(monkeypatch: pytest.MonkeyPatch):
    memory = [[Plain(zeros())] for _ in range(MANY)]
    thing = Plain(0)
    thing.__dict__.update(memory=memory, best=[memory[0][0], {"x": zeros()}], last=[[zeros()]])
    limits = iter([None, None, None, BUDGET])  # it is over before the last, and before the levels below the first
    monkeypatch.setattr(walk_module, "_limit_of", lambda *_: next(limits))
    found = walk({"thing": thing})

    assert found.repeated != []
    assert found.ways() == ()


def test_more_containers_than_a_walk_may_open_are_left_to_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(take_levels, "MAX_CONTAINERS", MANY)
    namespace: dict[str, object] = {"memory": [{"x": zeros()} for _ in range(MANY)]}

    assert len(walk(namespace).levels) == 0


@given(
    st.sampled_from([*RECORDS.values()]),
    st.lists(st.tuples(st.sampled_from(CHANGES), st.sampled_from([*RECORDS.values(), *OTHERS.values()]))),
)
def test_what_the_last_walk_remembered_never_shows(record: Make, changes: list[tuple[Any, Make]]):
    memory = [record() for _ in range(MANY)]
    namespace: dict[str, object] = {"memory": memory}
    known: dict[tuple[str, int], LevelOutline] = {}
    for change, make in changes:
        change(memory, record if make is zeros else make)
        found = walk(namespace, levels=known)
        known = found.levels
        assert one_by_one(namespace) == told(found)


def test_an_unchanged_level_is_the_same_object():
    memory = [{"x": zeros()} for _ in range(MANY)]
    first = walk({"memory": memory})
    second = walk({"memory": memory}, levels=first.levels)

    assert [*map(id, first.levels.values())] == [*map(id, second.levels.values())]


def test_outlines_of_records_that_stayed_are_kept_as_the_memory_grows():
    memory = [{"x": zeros()} for _ in range(MANY)]
    first = walk({"memory": memory})
    runs = first.branches["memory"].outline.runs
    memory.append({"x": zeros()})
    second = walk({"memory": memory}, levels=first.levels)

    assert [*map(id, runs)] == [*map(id, second.branches["memory"].outline.runs[:MANY])]


@pytest.mark.parametrize("key", [True, 1.0])
def test_an_equal_key_of_another_type_is_spelled_anew(key: object):
    memory: list[Any] = [{1: zeros()} for _ in range(MANY)]
    first = walk({"memory": memory})
    memory[0] = {key: zeros()}
    second = walk({"memory": memory}, levels=first.levels)

    assert str(second.branches["memory"].outline.path_at(0)) == f"memory[0][{key!r}]"


def test_items_that_became_attributes_are_spelled_as_such():
    first = walk({"memory": [{"value": zeros()} for _ in range(MANY)]})
    second = walk({"memory": [Plain(zeros()) for _ in range(MANY)]}, levels=first.levels)

    assert str(second.branches["memory"].outline.path_at(0)) == "memory[0].value"
