"""What moved to another path and did not change is not read again, and is told as if it were."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ipy_tensorwatch.capture.memory.byte_block import WHOLE_LIMIT
from ipy_tensorwatch.capture.snapshot import branch_reader
from ipy_tensorwatch.capture.snapshot.snapshotter import Snapshotter

if TYPE_CHECKING:
    from collections.abc import Callable

    from ipy_tensorwatch.capture.snapshot.snapshotter import Shot

MANY = 40
KEPT: list[torch.Tensor] = []
SHARED = np.zeros(2, np.float32)


def zeros() -> torch.Tensor:
    return torch.zeros(2)


def frozen() -> torch.nn.Parameter:
    return torch.nn.Parameter(torch.zeros(2), requires_grad=False)


def with_history() -> torch.Tensor:
    return torch.zeros(2, requires_grad=True) * 2


def with_gradient() -> torch.Tensor:
    leaf = torch.zeros(2, requires_grad=True)
    leaf.grad = torch.ones(2)
    return leaf


def with_attribute() -> torch.Tensor:
    tensor = torch.zeros(2)
    tensor.mark = torch.ones(1)  # type: ignore[attr-defined]
    return tensor


def either() -> Any:
    return next(MIXED)()


def either_or_odd() -> Any:
    return next(ODD)()


MIXED = cycle([zeros, lambda: np.zeros(2), with_history, frozen])
ODD = cycle([with_gradient, lambda: np.zeros(2), with_attribute, lambda: np.zeros(2, object)])
MAKE: list[Callable[[], Any]] = [
    zeros,
    frozen,
    with_history,
    with_gradient,
    with_attribute,
    lambda: np.zeros(2),
    lambda: torch.zeros(2, 2).to_sparse(),
    lambda: torch.zeros(0),
    lambda: torch.nested.nested_tensor([torch.zeros(2)]),
    lambda: torch.from_numpy(np.zeros(3)),
    lambda: np.zeros(2, [("a", "f4"), ("b", "f4")]),
    either,
    either_or_odd,
]
ITEM = st.sampled_from(MAKE)


def is_strided(thing: object) -> bool:
    return type(thing) is torch.Tensor and not (thing.is_sparse or thing.is_nested)


def append(memory: list[Any], make: Callable[[], Any]) -> None:
    memory.append(make())


def rotate(memory: list[Any], make: Callable[[], Any]) -> None:
    del memory[:3]
    memory.extend(make() for _ in range(3))


def replace(memory: list[Any], make: Callable[[], Any]) -> None:
    memory[5] = make()


def drop_and_make(memory: list[Any], make: Callable[[], Any]) -> None:
    del memory[10]
    memory.insert(0, make())


def write(memory: list[Any], _: object) -> None:
    if is_strided(memory[4]):
        memory[4].detach().add_(1)


def give_other_memory(memory: list[Any], _: object) -> None:
    if is_strided(memory[6]):
        KEPT.append(memory[6].detach())
        memory[6].data = torch.ones_like(memory[6])


def give_the_same_memory(memory: list[Any], _: object) -> None:
    """Give a tensor memory that it may have had, as another storage."""
    if is_strided(memory[12]) and not memory[12].requires_grad:
        memory[12].data = torch.from_numpy(SHARED)


def lay_out_anew(memory: list[Any], _: object) -> None:
    if is_strided(memory[7]) and not memory[7].requires_grad:
        memory[7].unsqueeze_(0)


def require_grad(memory: list[Any], _: object) -> None:
    if is_strided(memory[8]) and memory[8].is_leaf:
        memory[8].requires_grad_(not memory[8].requires_grad)


def leave_the_graph(memory: list[Any], _: object) -> None:
    if type(memory[14]) is torch.Tensor and memory[14].grad_fn is not None:
        memory[14].detach_().requires_grad_()


def lay_out_without_a_version(memory: list[Any], _: object) -> None:
    if is_strided(memory[15]):
        memory[15].data = memory[15].data.unsqueeze(0)


def swap(memory: list[Any], _: object) -> None:
    memory[9], memory[11] = memory[11], memory[9]


def rename_fields(memory: list[Any], _: object) -> None:
    if type(memory[13]) is np.ndarray and memory[13].dtype.names:
        memory[13].dtype = np.dtype([("c", "f8")])


CHANGES = [
    *(append, rotate, replace, drop_and_make, swap, write),
    *(give_other_memory, give_the_same_memory, require_grad, leave_the_graph),
    *(lay_out_anew, lay_out_without_a_version, rename_fields),
]


def told(shot: Shot) -> Any:
    """Give all that a snapshot tells, without serial numbers."""
    (root,) = shot.snapshot.scenes.values()
    readings = [one._replace(object=0, storage=0) for one in root.readings]
    blocks = sorted((block.start, block.nbytes) for block in shot.blocks.values())
    return [*map(str, root.paths)], readings, blocks


def serials(shot: Shot) -> list[int]:
    (root,) = shot.snapshot.scenes.values()
    return [one.object for one in root.readings if one.kind != "component"]


def check(make: Callable[[], Any], steps: list[list[tuple[Any, Any]]], *, in_records: bool) -> None:
    memory = [make() for _ in range(MANY)]
    watched = Snapshotter()
    for changes in [[], *steps]:
        for change, another in changes:
            change(memory, another)
        namespace = {"memory": [{"x": one} for one in memory] if in_records else memory}
        assert told(Snapshotter().take(namespace)) == told(watched.take(namespace, patience=1))


@pytest.mark.parametrize("make", MAKE)
@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_while_it_moves_is_told_as_a_first_snapshot_tells_it(change: Any, make: Any):
    check(
        make, [[(change, zeros)], [(change, zeros), (append, make)], [(change, make), (rotate, make)]], in_records=False
    )


CHANGE = st.tuples(st.sampled_from(CHANGES), ITEM)


@given(ITEM, st.lists(st.lists(CHANGE, max_size=3), max_size=4), st.booleans())
def test_a_snapshot_of_what_moved_tells_what_a_first_one_tells(make: Any, steps: Any, in_records: bool):
    check(make, steps, in_records=in_records)


@pytest.mark.parametrize("make", [zeros, frozen, lambda: np.zeros(2)])
def test_what_moved_keeps_its_serial_and_what_is_new_gets_one(make: Callable[[], Any]):
    memory = [make() for _ in range(MANY)]
    watched = Snapshotter()
    before = serials(watched.take({"memory": memory}))
    del memory[:3]
    memory.append(make())
    after = serials(watched.take({"memory": memory}))

    assert before[3:] == after[:-1]
    assert after[-1] not in before


def test_the_version_counters_of_large_tensors_that_moved_are_kept():
    memory, watched = [torch.zeros(WHOLE_LIMIT) for _ in range(2)], Snapshotter()
    watched.take({"memory": memory})
    memory.append(zeros())
    shot = watched.take({"memory": memory})

    assert [one.object for one in shot.counters] == serials(shot)[:2]


def test_an_array_in_the_place_of_a_freed_one_gets_a_serial():
    memory: list[Any] = [SHARED[:] for _ in range(MANY)]
    watched = Snapshotter()
    before = serials(watched.take({"memory": memory}))
    freed, memory[5] = id(memory[5]), None
    memory[5] = SHARED[:]
    memory.append(SHARED[:])
    after = serials(watched.take({"memory": memory}))

    assert before[5] not in after
    assert id(memory[5]) == freed


@pytest.mark.parametrize("make", [zeros, frozen, lambda: np.zeros(2)])
@pytest.mark.parametrize("change", [append, rotate])
def test_what_moved_is_not_read_again(make: Callable[[], Any], change: Any, monkeypatch: pytest.MonkeyPatch):
    memory = [make() for _ in range(MANY)]
    watched = Snapshotter()
    watched.take({"memory": memory})
    read: list[object] = []
    add = branch_reader.Gathering.add
    monkeypatch.setattr(
        branch_reader.Gathering, "add", lambda found, thing, *more: (read.append(thing), add(found, thing, *more))
    )
    change(memory, make)
    watched.take({"memory": memory})

    assert [id(one) for one in read] == [id(one) for one in memory[-len(read) :]]
    assert len(read) == {append: 1, rotate: 3}[change]


def test_a_buffer_that_is_kept_without_its_module_is_a_tensor():
    module, watched = torch.nn.Module(), Snapshotter()
    module.register_buffer("seen", zeros())
    buffer = module.seen
    kinds = [
        [one.kind for scene in watched.take({"memory": things}).snapshot.scenes.values() for one in scene.readings]
        for things in ([module], [[buffer], 1])
    ]

    assert kinds == [["buffer"], ["tensor"]]


def test_tensors_that_were_swapped_while_others_came_are_the_same_with_other_bytes():
    memory = [torch.zeros(2) for _ in range(MANY)] + [torch.ones(2) for _ in range(MANY)]
    watched = Snapshotter()
    before = serials(watched.take({"memory": memory}))
    for one, other in zip(memory[:MANY], memory[MANY:], strict=True):
        torch.utils.swap_tensors(one, other)
    memory.append(zeros())

    assert serials(watched.take({"memory": memory}))[:-1] == before
