"""An operand that a statement overwrites is told, where its result may differ from one computed with a copy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ipy_tensorwatch.core.memory.element_order import reads_overwritten
from ipy_tensorwatch.core.memory.view_layouts import ViewLayout, expand
from tests.support.mending import mend
from tests.support.notebook import Notebook

if TYPE_CHECKING:
    from collections.abc import Callable

START = "import torch\nimport numpy as np\na = torch.arange(84.0).reshape(4, 21) + 1\nn = a.numpy().copy()\n"
STACK = """class Stack:
    def __init__(self): self.buf = torch.arange(84.0).reshape(4, 21)
    def push(self, x):
        self.buf[:, 1:] = self.buf[:, :-1]
        self.buf[:, 0] = x
stack = Stack()"""
SHUFFLE = "def turn(m):\n    for i in range(len(m) // 2):\n        m[i], m[-1 - i] = m[-1 - i], m[i]"
CELLS = {
    "a row's first element": ("1 + 1", "a -= a[:, :1]", "risk", "a = a - a[:, :1]"),
    "a name of a view": ("b = a[:, 3:4]", "a.div_(b)", "risk", "a = a / b.clone()"),
    "out=": ("1 + 1", "torch.mul(a, a[:, :1], out=a);", "risk", "a = a * a[:, :1]"),
    "a shift": ("1 + 1", "a[:, 1:] += a[:, :-1]", "risk", "a[:, 1:] += a[:, :-1].clone()"),
    "a shift in a method": (
        STACK,
        "stack.push(0.); a = stack.buf",
        "risk",
        "a = torch.cat([torch.zeros(4, 1), stack.buf[:, :-1]], 1)",
    ),
    "an exchange of rows": ("1 + 1", "a[0], a[1] = a[1], a[0]", "wrong", "a = a[[1, 0, 2, 3]]"),
    "an exchange of columns": (
        "1 + 1",
        "a[:, 0], a[:, 1] = a[:, 1], a[:, 0]",
        "wrong",
        "a = torch.cat([a[:, [1, 0]], a[:, 2:]], 1)",
    ),
    "an exchange in an array": (
        "1 + 1",
        "n[0], n[1] = n[1], n[0]\na = torch.tensor(n)",
        "wrong",
        "a = a[[1, 0, 2, 3]]",
    ),
    "exchanges in a function": (SHUFFLE, "turn(a)", "risk", "a = a.flip(0)"),
}


@pytest.mark.parametrize(("setting", "cell", "outcome", "instead"), CELLS.values(), ids=CELLS)
def test_an_operand_that_is_overwritten_is_told_and_a_copy_mends_it(
    setting: str, cell: str, outcome: str, instead: str
):
    wrong, cells = result_of([START, setting, cell]), [START, setting, cell]
    with Notebook() as nb:
        *_, report = [nb.run(one) for one in cells]
        [hazard] = [one for one in report["hazards"] if one["code"] == "TW206"]
        after = nb.run("1 + 1")

    mended = mend(cells, hazard)

    expected = result_of([START, setting, instead])
    assert outcome == hazard["outcome"]
    assert not torch.equal(expected, wrong)
    assert torch.equal(expected, result_of(mended))
    assert after["hazards"] == []


def result_of(cells: list[str]) -> torch.Tensor:
    names: dict[str, torch.Tensor] = {}
    for one in cells:
        exec(one, names)
    return names["a"]


@pytest.mark.parametrize(
    "cell",
    [
        "a -= a[:, -1:]",
        "a[:, :-1] = a[:, 1:]",
        "a -= a.mean(1, keepdim=True)",
        "a[[0, 1]] = a[[1, 0]]",
        "rows = list(a.clone())\nrows[0], rows[1] = rows[1], rows[0]\na = torch.stack(rows)",
        "n -= n[:, :1]\nn[:, 1:] += n[:, :-1]",
        "for i in range(3):\n    for j in range(i + 1, 4):\n        a[j] -= a[j, i] / a[i, i] * a[i]",
        "a *= a\na += a\na[0] += a[1]",
    ],
)
def test_an_operand_that_is_read_in_time_is_not_told(cell: str):
    with Notebook() as nb:
        nb.run(START)

        assert nb.run(cell)["hazards"] == []


SLICES = st.tuples(st.integers(0, 5), st.integers(1, 40), st.sampled_from([1, 1, 2]))
ADD: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = torch.Tensor.add_


@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=3),
    written=st.lists(SLICES, min_size=3, max_size=3),
    read=st.lists(SLICES, min_size=3, max_size=3),
    is_turned=st.booleans(),
    compute=st.sampled_from([ADD, torch.Tensor.copy_]),
)
def test_every_result_that_differs_from_one_with_a_copy_reads_what_it_overwrote(
    sizes, written, read, is_turned, compute
):
    made = torch.rand(sizes) + 1
    a, b = (view_of(made, is_turned), view_of(made.clone(), is_turned))
    to, source = (tuple(slice(*one) for one in several[: a.dim()]) for several in (written, read))
    broad = expand(layout_of(a[source]), a[to].shape)
    if broad is None:
        return
    compute(b[to], b[source].clone())
    try:
        compute(a[to], a[source])
    except RuntimeError:
        return  # PyTorch refuses

    assert torch.equal(a, b) or reads_overwritten(layout_of(a[to]), broad)


def view_of(tensor: torch.Tensor, is_turned: bool) -> torch.Tensor:
    return tensor.permute(*range(tensor.dim())[::-1]) if is_turned else tensor


def layout_of(tensor: torch.Tensor) -> ViewLayout:
    size = tensor.element_size()
    return ViewLayout(tuple(tensor.shape), tuple(one * size for one in tensor.stride()), tensor.data_ptr())
