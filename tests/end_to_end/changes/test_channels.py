"""Every way to write into a tensor is found, and nothing is found where no byte changed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
import torch

from tests.support import oracle
from tests.support.notebook import Change, Notebook, Report, changes, lines, mutated, silent

FAMILY = """
import ctypes
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

x = torch.arange(1.0, 7.0).view(2, 3)
y = x[0]
xt = x.T
d = x.detach()
q = x.data
n = x.numpy()
z = torch.from_dlpack(x.detach())
other = torch.arange(11.0, 17.0).view(2, 3)
"""
"""Seven ways to the same memory: `x`, `y`, `xt` and `d` share a version counter, `q` and `z` have their own, `n` has none."""

COUNTED = ("x", "y", "xt", "d")
UNCOUNTED = ("q", "n", "z")


NUMPY_WRITES_THROUGH_DLPACK = hasattr(np, "from_dlpack") and np.from_dlpack(torch.zeros(1)).flags.writeable
"""NumPy has this function since 1.23, and arrays made by it can be written to since 2.1."""


@dataclass(frozen=True)
class Channel:
    """One way to write.

    Attributes
    ----------
    changed
        The paths whose bytes change, each with whether its version counter sees it.
    named
        The paths that the statement names as written, so that they are not silent.
    unsaid
        The paths that the statement names without being plain about whether it writes to them.
    """

    name: str
    write: str
    changed: dict[str, bool]
    named: tuple[str, ...] = ()
    unsaid: tuple[str, ...] = ()
    setup: str = FAMILY
    raises: type[BaseException] | None = None


def by(*versioned, without=()):
    """Say that the whole family changes, and whose version counter sees it."""
    return {p: p in versioned for p in (*COUNTED, *UNCOUNTED) if p not in without}


COUNTER = by(*COUNTED)
NO_COUNTER = by()

PARAMETER = """
import torch
p = torch.nn.Parameter(torch.ones(3))
alias, raw = p.detach(), p.data
(p * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
opt = torch.optim.{}([p], lr=0.1, fused={})
"""

NORM = """
import torch
norm = torch.nn.BatchNorm1d(2)
mean, buffers = norm.running_mean, dict(norm.named_buffers())
seen = torch.tensor([[1.0, 2.0], [4.0, 3.0]])
"""
STATISTICS = {
    **{f"norm.{n}": n == "num_batches_tracked" for n in ("running_mean", "running_var", "num_batches_tracked")},
    **{f"buffers[{n!r}]": n == "num_batches_tracked" for n in ("running_mean", "running_var", "num_batches_tracked")},
    "mean": False,
}

INFERENCE = """
import torch
with torch.inference_mode():
    x = torch.ones(2, 3)
    y = x[0]
"""
INFERRED = {"x": False, "y": False}

CHANNELS = [
    # the version counter sees these
    Channel("in-place method", "x.add_(1)", COUNTER, named=("x",)),
    Channel("augmented assignment", "x += 1", COUNTER, named=("x",)),
    Channel("item", "x[0, 0] = 9", COUNTER, named=("x",)),
    Channel("slice", "x[:, 0] = other[:, 0]", COUNTER, named=("x",)),
    Channel("mask", "x[x < 3] = -1", COUNTER, named=("x",)),
    Channel("masked_fill_", "x.masked_fill_(x < 3, 0)", COUNTER, named=("x",)),
    Channel("index_put_", "x.index_put_((torch.tensor([0]),), torch.tensor(5.0))", COUNTER, named=("x",)),
    Channel("copy_", "x.copy_(other)", COUNTER, named=("x",)),
    Channel("random_", "x.normal_()", COUNTER, named=("x",)),
    Channel("out=", "torch.add(x, 1, out=x)", COUNTER, named=("x",)),
    Channel("out= of a factory", "torch.zeros(2, 3, out=x)", COUNTER, named=("x",)),
    Channel(
        "out= tuple",
        "torch.sort(other, 1, descending=True, out=(x, torch.empty(0, dtype=torch.int64)))",
        COUNTER,
        unsaid=("x",),
    ),
    Channel("foreach", "torch._foreach_add_([x], 1)", COUNTER, unsaid=("x",)),
    Channel("foreach copy", "torch._foreach_copy_([x], [other])", COUNTER, unsaid=("x",)),
    Channel("detach", "x.detach().add_(1)", COUNTER, unsaid=("x",)),
    Channel("kept detach", "d.add_(1)", COUNTER, named=("d",)),
    Channel("view", "y.add_(1)", COUNTER, named=("y",)),
    Channel("transposed view", "xt.mul_(2)", COUNTER, named=("xt",)),
    Channel("as_strided", "x.as_strided((1,), (1,)).fill_(0)", COUNTER, unsaid=("x",)),
    Channel("bits as integers", "x.view(torch.int32).add_(1)", COUNTER, unsaid=("x",)),
    Channel("inplace function", "F.relu(x.sub_(2), inplace=True)", COUNTER, unsaid=("x",)),
    Channel("nn.init", "nn.init.constant_(x, 7)", COUNTER, unsaid=("x",)),
    Channel("no_grad", "with torch.no_grad():\n    x.add_(1)", COUNTER, named=("x",)),
    Channel("inference mode, normal tensor", "with torch.inference_mode():\n    x.add_(1)", COUNTER, named=("x",)),
    Channel("vmap", "torch.func.vmap(lambda row: row.add_(1))(x)", COUNTER, unsaid=("x",)),
    Channel("jit", "torch.ops.aten.add_(x, 1)", COUNTER, unsaid=("x",)),
    Channel("scatter_", "x.scatter_(0, torch.tensor([[0, 0, 0]]), 8.0)", COUNTER, named=("x",)),
    # the version counter is another one, or asleep
    Channel("data", "x.data.add_(1)", NO_COUNTER, named=("x",)),
    Channel("data fill", "x.data.fill_(0)", NO_COUNTER, named=("x",)),
    Channel("data item", "x.data[0] = 9", NO_COUNTER, named=("x",)),
    Channel("kept data", "q.add_(1)", by("q"), named=("q",)),
    Channel("data is replaced", "x.data = other.clone()", {"x": False}, named=("x",)),
    Channel("NumPy array", "n[0, 0] = 9", NO_COUNTER, named=("n",)),
    Channel("NumPy out=", "np.add(n, 1, out=n)", NO_COUNTER, named=("n",)),
    Channel("NumPy augmented", "n += 1", NO_COUNTER, named=("n",)),
    Channel("NumPy copyto", "np.copyto(n, 5)", NO_COUNTER, unsaid=("n",)),
    Channel("NumPy method", "n.fill(5)", NO_COUNTER, unsaid=("n",)),
    Channel("numpy()", "x.numpy()[0, 0] = 9", NO_COUNTER, unsaid=("x",)),
    Channel("asarray", "np.asarray(x)[0, 0] = 9", NO_COUNTER, unsaid=("x",)),
    Channel("__array__", "a = x.__array__()\na[0, 0] += 1", NO_COUNTER),
    Channel("from_numpy", "torch.from_numpy(n).add_(1)", NO_COUNTER, unsaid=("n",)),
    Channel("as_tensor", "torch.as_tensor(n).add_(1)", NO_COUNTER, unsaid=("n",)),
    Channel("kept DLPack", "z.add_(1)", by("z"), named=("z",)),
    Channel("DLPack", "torch.from_dlpack(x).add_(1)", NO_COUNTER, unsaid=("x",)),
    *(
        [Channel("NumPy DLPack", "np.from_dlpack(x)[0] = 9", NO_COUNTER, unsaid=("x",))]
        if NUMPY_WRITES_THROUGH_DLPACK
        else []
    ),
    Channel("frombuffer", "torch.frombuffer(n, dtype=torch.float32).add_(1)", NO_COUNTER, unsaid=("n",)),
    Channel("memoryview", "memoryview(n)[0, 0] = 9.0", NO_COUNTER, unsaid=("n",)),
    Channel("untyped storage item", "x.untyped_storage()[2] = 65", NO_COUNTER, unsaid=("x",)),
    Channel("untyped storage fill", "x.untyped_storage().fill_(1)", NO_COUNTER, unsaid=("x",)),
    Channel("untyped storage copy", "x.untyped_storage().copy_(other.untyped_storage())", NO_COUNTER, unsaid=("x",)),
    Channel("typed storage", "x.storage()[0] = 9", NO_COUNTER, unsaid=("x",)),
    Channel("set_ to the storage", "torch.empty(0).set_(x.untyped_storage()).add_(1)", NO_COUNTER, unsaid=("x",)),
    Channel("ctypes", "ctypes.memset(x.data_ptr(), 1, 8)", NO_COUNTER, unsaid=("x",)),
    Channel("kron out=", "torch.kron(other[:1], torch.ones(2, 1), out=x)", NO_COUNTER, named=("x",)),
    Channel("map_", "x.map_(other, lambda a, b: a + b)", NO_COUNTER, named=("x",)),
    Channel("apply_", "x.apply_(lambda v: v + 1)", NO_COUNTER, named=("x",)),
    Channel(
        "preserved counter",
        "with torch.autograd._unsafe_preserve_version_counter(x):\n    x.add_(1)",
        NO_COUNTER,
        named=("x",),
    ),
    # the tensor leads to other memory
    Channel("set_ to another tensor", "x.set_(other.clone())", {"x": True}, named=("x",)),
    # the write fails half-way
    Channel("failing item", "x[[0, 1, 99]] = torch.zeros(3, 3)", NO_COUNTER, named=("x",), raises=IndexError),
    Channel(
        "failing index_add_",
        "x.index_add_(0, torch.tensor([0, 9]), other)",
        NO_COUNTER,
        named=("x",),
        raises=RuntimeError,
    ),
    Channel(
        "failing scatter_",
        "x.scatter_(0, torch.tensor([[0], [7]]), 8.0)",
        NO_COUNTER,
        named=("x",),
        raises=RuntimeError,
    ),
    Channel(
        "failing put_",
        "x.put_(torch.tensor([0, 99]), torch.tensor([5.0, 5.0]))",
        NO_COUNTER,
        named=("x",),
        raises=IndexError,
    ),
    Channel(
        "failing foreach",
        "torch._foreach_add_([x, other], [other, torch.ones(7)])",
        COUNTER,
        unsaid=("x",),
        raises=RuntimeError,
    ),
    Channel("failing later", "y.zero_()\nraise ValueError", COUNTER, named=("y",), raises=ValueError),
    Channel("interrupted later", "y.zero_()\nraise KeyboardInterrupt", COUNTER, named=("y",), raises=KeyboardInterrupt),
    # inference tensors have no counter at all
    Channel(
        "inference tensor inside",
        "with torch.inference_mode():\n    x.add_(1)",
        INFERRED,
        named=("x",),
        setup=INFERENCE,
    ),
    Channel("inference tensor outside", "x.add_(1)", INFERRED, named=("x",), setup=INFERENCE, raises=RuntimeError),
    Channel("inference tensor item outside", "y[0] = 3", INFERRED, named=("y",), setup=INFERENCE, raises=RuntimeError),
    Channel(
        "inference tensor out= outside",
        "torch.zeros(2, 3, out=x)",
        INFERRED,
        named=("x",),
        setup=INFERENCE,
        raises=RuntimeError,
    ),
    Channel("inference tensor data", "x.data.add_(1)", INFERRED, named=("x",), setup=INFERENCE),
    # optimizers and modules
    *(
        Channel(
            f"{'fused' if fused else 'plain'} {name}",
            "opt.step()",
            {"p": not fused, "alias": not fused, "raw": False},
            named=("p",),
            setup=PARAMETER.format(name, fused),
        )
        for name in ("SGD", "Adam", "AdamW", "Adagrad")
        for fused in (False, True)
    ),
    Channel(
        "batch norm statistics",
        "norm(seen)",
        STATISTICS,
        named=tuple(p for p in STATISTICS if p.startswith("norm.")),
        unsaid=("mean",),
        setup=NORM,
    ),
    Channel(
        "functional batch norm",
        "torch.nn.functional.batch_norm(seen, mean, buffers['running_var'], training=True)",
        {
            "mean": False,
            "norm.running_mean": False,
            "norm.running_var": False,
            "buffers['running_mean']": False,
            "buffers['running_var']": False,
        },
        unsaid=("mean", "buffers['running_var']", "norm.running_mean", "norm.running_var"),
        setup=NORM,
    ),
]


BY_NAME = {one.name: one for one in CHANNELS}


@cache
def report_of(name: str) -> Report:
    """Run a channel once for all tests that ask for its report."""
    channel = BY_NAME[name]
    with Notebook() as nb:
        nb.run(channel.setup)
        return nb.run(channel.write, raises=channel.raises)


def existed(report: Report) -> dict[str, Change]:
    """Return the mutations of what existed before the cell."""
    return {path: one for path, one in changes(report, "mutated").items() if one["born"] is None}


def test_the_issue_names_twenty_channels_and_each_has_a_case():
    assert len(CHANNELS) >= 20
    assert len({c.name for c in CHANNELS}) == len(CHANNELS)


@pytest.mark.parametrize("channel", CHANNELS, ids=lambda c: c.name)
def test_the_table_says_what_the_bytes_and_the_counters_say(channel: Channel):
    with Notebook(watched=False) as nb:
        nb.cell(channel.setup)
        before = oracle.copies(nb.ns)
        nb.cell(channel.write)
        verdict = oracle.compare(before, oracle.walk(nb.ns))

    assert {p: verdict.versions[p][0] != verdict.versions[p][1] for p in verdict.mutated} == channel.changed


@pytest.mark.parametrize("channel", CHANNELS, ids=lambda c: c.name)
def test_every_path_to_the_bytes_is_reported_with_what_its_counter_saw(channel: Channel):
    report = report_of(channel.name)

    found = existed(report)
    assert {p for p in found if not p.startswith("opt.")} == channel.changed.keys()
    assert {p: bool(found[p]["versioned"]) for p in channel.changed} == channel.changed
    assert all(found[p]["verified"] for p in channel.changed)


@pytest.mark.parametrize("channel", CHANNELS, ids=lambda c: c.name)
def test_what_the_statement_names_is_no_surprise_and_the_rest_is(channel: Channel):
    hushed = silent(report_of(channel.name))

    assert hushed & set(channel.named) == set()
    assert {p for p in channel.changed if p not in (*channel.named, *channel.unsaid)} <= hushed
    assert {p for p in hushed if p not in channel.changed} == set()


@pytest.mark.parametrize("channel", CHANNELS, ids=lambda c: c.name)
def test_the_statement_that_wrote_is_found(channel: Channel):
    report = report_of(channel.name)

    written = next(
        i for i, row in reversed(list(enumerate(channel.write.split("\n"), 1))) if not row.startswith("raise")
    )
    assert {p: lines(c) for p, c in existed(report).items()} == dict.fromkeys(mutated(report), {written})


# ---------------------------------------------------------------- resizing


def test_a_tensor_that_shrinks_has_another_shape_and_no_surprise():
    with Notebook() as nb:
        nb.run(FAMILY)
        report = nb.run("x.resize_(1, 2)")

    assert {c["kind"] for c in report["changes"] if c["path"] == "x"} <= {"metadata", "mutated"}
    assert next(c["versions"] for c in report["changes"] if c["path"] == "x") == [0, 1]
    assert mutated(report) <= {"x"}
    assert silent(report) == set()


def test_a_tensor_that_grows_moves_and_leaves_its_aliases_their_numbers():
    with Notebook() as nb:
        nb.run("import torch\nx = torch.arange(4.0)\ny = x[:2]")
        report = nb.run("x.resize_(1000).zero_()")

    assert "y" in mutated(report)
    assert "y" in silent(report)
    assert "x" in changes(report)


def test_a_cell_that_swaps_two_tensors_changes_both():
    with Notebook() as nb:
        nb.run("import torch\na, b = torch.zeros(2), torch.ones(2)")
        report = nb.run("torch.utils.swap_tensors(a, b)")

    assert mutated(report) == {"a", "b"}


# ---------------------------------------------------------------- nothing changes

ZEROS = "import copy, io, pickle\nimport numpy as np\nimport torch\nx = torch.zeros(2, 3)\ny, xt, d, q = x[0], x.T, x.detach(), x.data\nn = x.numpy()\n"

QUIET = [
    "x.add_(0)",
    "x.mul_(1)",
    "x.zero_()",
    "x.fill_(0)",
    "x.copy_(x.clone())",
    "x.copy_(x)",
    "x[...] = x",
    "x[x > 9] = 1",
    "x[5:] = 1",
    "x[0:0].add_(1)",
    "x.masked_fill_(x > 9, 1)",
    "x.index_fill_(0, torch.tensor([], dtype=torch.int64), 1)",
    "x.index_put_((torch.tensor([], dtype=torch.int64),), torch.tensor(1.0))",
    "x.scatter_(0, torch.empty(0, 0, dtype=torch.int64), 1.0)",
    "torch.zeros(2, 3, out=x)",
    "x.clamp_(-1, 1)",
    "x.relu_()",
    "x.abs_()",
    "x.nan_to_num_()",
    "x.round_()",
    "x.set_(x)",
    "x.set_(x.untyped_storage(), 0, (2, 3), (3, 1))",
    "x.t_()\nx.t_()",
    "x.unsqueeze_(0)\nx.squeeze_(0)",
    "x.squeeze_()",
    "x.as_strided_((2, 3), (3, 1))",
    "x.t_()",
    "x.unsqueeze_(0)",
    "x.transpose_(0, 1)",
    "x.resize_(2, 3)",
    "x.requires_grad_()",
    "x.requires_grad_().requires_grad_(False)",
    "del n\nx.share_memory_()",
    "y.untyped_storage().nbytes()",
    "x.data = x.data",
    "x.data.mul_(1)",
    "q.add_(0)",
    "n += 0",
    "n[:, :0] = 5",
    "n.sort()",
    "np.copyto(n, 0)",
    "n.shape = (3, 2)",
    "torch._foreach_mul_([x], 1.0)",
    "torch.autograd.graph.increment_version(x)",
    "torch.nn.functional.dropout(x, 0.5, training=False, inplace=True)",
    "x.add_(torch.ones(7))",
    "y.copy_(torch.ones(5))",
    "torch.add(x, 1)",
    "b = x.clone().add_(1)",
    "b = x + 1\nb.zero_()",
    "b = np.array(x)\nb[:] = 1",
    "b = copy.deepcopy(x).fill_(3)",
    "b = x.expand(4, 2, 3).clone()\nb.fill_(1)",
    "b = pickle.loads(pickle.dumps(x))\nb.add_(1)",
    "torch.save(x, io.BytesIO())",
    "print(x, n)",
    "x.sum().item(), x.tolist(), n.sum()",
    "x.register_hook",
    "memoryview(n).tobytes()",
    "for row in x:\n    row = row + 1",
    "x = x",
    "x",
    "pass",
    "1 / 0",
    "def f():\n    x.add_(1)",
]


@pytest.mark.parametrize("write", QUIET)
def test_nothing_is_said_where_no_byte_changes(write: str):
    with Notebook(watched=False) as plain:
        plain.cell(ZEROS)
        before = oracle.copies(plain.ns)
        plain.cell(write)
        truth = oracle.compare(before, oracle.walk(plain.ns))
    with Notebook() as nb:
        nb.run(ZEROS)
        ran = nb.cell(write)
        report = nb.report()

    assert truth.mutated == set()
    assert mutated(report) == set()
    assert silent(report) == set()
    assert ran.told == ""
    bumped = {p for p, (old, new) in truth.versions.items() if old != new}
    assert set(changes(report, "touched")) == bumped


@pytest.mark.parametrize(
    ("make", "write", "changed", "untouched"),
    [
        ("a, b = x[:, 0], x[:, 1]", "a.add_(1)", {"x", "a"}, "b"),
        ("a, b = x[:2], x[2:]", "a.add_(1)", {"x", "a"}, "b"),
        ("a, b = x[:, ::2], x[:, 1::2]", "a.add_(1)", {"x", "a"}, "b"),
        ("a, b = x.chunk(2)", "b.zero_()", {"x", "b"}, "a"),
        ("a, b = x.diagonal(), x[0, 1:]", "a.fill_(-1)", {"x", "a"}, "b"),
        ("a, b = x[:, :2].data, x[:, 2:].detach()", "a.fill_(-1)", {"x", "a"}, "b"),
        ("n = x.numpy()\na, b = torch.from_numpy(n[:2]), torch.from_numpy(n[2:])", "a.zero_()", {"x", "a", "n"}, "b"),
        ("n = x.numpy()\na, b = n[::2], n[1::2]", "a[:] = -1", {"x", "a", "n"}, "b"),
        ("x = torch.ones(3, dtype=torch.complex64)\na, b = x.real, x.imag", "a.zero_()", {"x", "a"}, "b"),
        ("a, b = x.view(torch.uint8)[:, 0::4], x.view(torch.uint8)[:, 1::4]", "a.fill_(7)", {"x", "a"}, "b"),
        ("a, b = x.unfold(1, 2, 1)[:, 0], x[:, 2]", "a.fill_(7)", {"x", "a"}, "b"),
    ],
)
def test_a_neighbour_that_shares_the_storage_but_no_byte_is_not_changed(make, write, changed, untouched):
    with Notebook() as nb:
        nb.run(f"import torch\nx = torch.arange(1.0, 17.0).view(4, 4)\n{make}")
        report = nb.run(write)

    assert mutated(report) == changed
    assert untouched not in silent(report)


@pytest.mark.parametrize(
    ("make", "write", "changed"),
    [
        ("x = torch.full((3,), torch.nan)", "x.add_(1)", None),
        ("x = torch.full((3,), torch.nan)", "x[1] = torch.nan", None),
        ("x = torch.tensor([torch.nan, 1.0, torch.nan])", "x.mul_(2)", 1),
        ("x = torch.full((3,), torch.nan)", "x.view(torch.int32)[0] += 1", 1),
        ("x = torch.zeros(3)", "x.neg_()", 3),
        ("x = torch.tensor([0.0, 1.0, torch.inf])", "x.mul_(2)", 1),
        ("x = torch.tensor([0.0, 1.0, torch.inf])", "x.sub_(torch.inf)", 3),
        ("x = torch.ones(3, dtype=torch.float64)", "x[1] += 1e-16", None),
        ("x = torch.ones(3, dtype=torch.float64)", "x[1] += 3e-16", 1),
    ],
)
def test_numbers_that_compare_oddly_are_compared_as_bytes(make, write, changed):
    with Notebook() as nb:
        nb.run(f"import torch\n{make}")
        report = nb.run(write)

    found = changes(report, "mutated")
    assert {p: c["elements"]["changed"] for p, c in found.items()} == ({} if changed is None else {"x": changed})


@pytest.mark.parametrize(
    "dtype",
    [
        "bool",
        "uint8",
        "int8",
        "int16",
        "int32",
        "int64",
        "uint16",
        "uint32",
        "uint64",
        "float16",
        "bfloat16",
        "float32",
        "float64",
        "complex64",
        "complex128",
        "float8_e4m3fn",
        "float8_e5m2",
    ],
)
def test_every_element_type_is_compared_element_by_element(dtype):
    with Notebook() as nb:
        nb.run(f"import torch\nx = torch.zeros(5).to(torch.{dtype})\nv = x[2:4]\nw = x[:2]")
        report = nb.run("x[3].copy_(torch.ones(()))")

    assert {p: (c["elements"]["changed"], c["elements"]["total"]) for p, c in changes(report, "mutated").items()} == {
        "x": (1, 5),
        "v": (1, 2),
    }
    assert silent(report) == {"v"}


@pytest.mark.parametrize(
    ("dtype", "before", "after", "largest"),
    [
        ("float32", "[1.0, 2.0, 3.0]", "x[2] = -4.0", 7.0),
        ("int64", "[1, 2, 3]", "x.mul_(3)", 6.0),
        ("uint8", "[250, 0, 0]", "x.add_(10)", 246.0),
        ("bool", "[True, False, False]", "x[1] = True", 1.0),
        ("bfloat16", "[1.0, 1.0, 1.0]", "x[0] = 3.0", 2.0),
        ("complex64", "[0j, 1 + 0j, 0j]", "x[1] = 1 + 2j", 2.0),
    ],
)
def test_the_largest_difference_is_told(dtype, before, after, largest):
    with Notebook() as nb:
        nb.run(f"import torch\nx = torch.tensor({before}, dtype=torch.{dtype})")
        report = nb.run(after)

    assert changes(report)["x"]["elements"]["max_abs"] == pytest.approx(largest)


def test_a_write_that_is_undone_in_the_same_cell_is_a_touch():
    with Notebook() as nb:
        nb.run("import torch\nx = torch.ones(3)\ny = x[:2]")
        report = nb.run("y.add_(1)\ny.sub_(1)")

    assert mutated(report) == set()
    assert set(changes(report, "touched")) == {"x", "y"}


def test_an_undone_write_that_skips_the_counter_leaves_no_change():
    with Notebook() as nb:
        nb.run("import torch\nx = torch.ones(3)\nn = x.numpy()")
        report = nb.run("n += 1\nn -= 1")

    assert report["changes"] == []
