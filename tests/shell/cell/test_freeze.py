"""What is frozen stays what it is, through whichever alias somebody writes, and costs nothing where nothing is."""

from __future__ import annotations

import linecache
import sys
import weakref
from shutil import which

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from IPython import version_info
from IPython.core.error import UsageError

import ipy_tensorwatch
from ipy_tensorwatch import FrozenError
from tests.end_to_end.changes.test_channels import CHANNELS, FAMILY, INFERENCE, NORM, Channel
from tests.support import oracle
from tests.support.notebook import Notebook
from tests.support.older_pytorch import IS_OLD, needs
from tests.support.own_process import run_apart
from tests.support.programs import Program, programs

UNSEEN = {
    "data is replaced",
    "NumPy array",
    "NumPy out=",
    "NumPy augmented",
    "NumPy copyto",
    "NumPy method",
    "numpy()",
    "asarray",
    "__array__",
    "NumPy DLPack",
    "memoryview",
    "ctypes",
    "map_",
    "apply_",
}
"""The channels that PyTorch's dispatcher does not see."""

FREEZABLE = [one for one in CHANNELS if one.setup != INFERENCE]


def frozen_in(channel: Channel) -> str:
    return {FAMILY: "x", NORM: "norm"}.get(channel.setup, "p")


def differing(nb: Notebook, before: dict) -> set[str]:
    return set(oracle.compare(before, oracle.walk(nb.ns)).mutated)


@pytest.mark.parametrize("channel", FREEZABLE, ids=lambda c: c.name)
def test_no_channel_writes_to_what_is_frozen_until_it_is_thawed(notebook: Notebook, channel: Channel):
    notebook.run(channel.setup)
    before = oracle.copies(notebook.ns)
    notebook.cell(f"%tensorwatch freeze {frozen_in(channel)}")
    ran = notebook.cell(channel.write)

    assert isinstance(ran.error, FrozenError), ran.error
    assert differing(notebook, before) & channel.changed.keys() == set()
    ends = "its bytes have been put back" if channel.name in UNSEEN else "would write to it"
    assert str(ran.error).endswith(ends)

    notebook.cell("%tensorwatch thaw")
    report = notebook.run(channel.write, raises=channel.raises)

    assert channel.changed.keys() <= {one["path"] for one in report["changes"] if one["kind"] == "mutated"}


@pytest.mark.filterwarnings("ignore:TypedStorage is deprecated:UserWarning")  # said once a process
@pytest.mark.parametrize("channel", FREEZABLE, ids=lambda c: c.name)
def test_no_channel_writes_to_what_is_frozen_while_a_block_runs(channel: Channel):
    names: dict = {}
    exec(channel.setup, names)
    before = oracle.copies(names)
    with pytest.raises(FrozenError), ipy_tensorwatch.freeze(names[frozen_in(channel)]):
        exec(channel.write, names)

    assert oracle.compare(before, oracle.walk(names)).mutated & channel.changed.keys() == set()
    assert torch._C._len_torch_dispatch_stack() == 0


# --- which line ------------------------------------------------------------------------------------


def test_the_error_comes_from_the_line_that_would_write_and_before_it_writes(notebook: Notebook):
    notebook.run("import torch\nx = torch.zeros(3)\ny = x[:2]\ndone = []\ndef fill(t):\n    t.fill_(7)")
    notebook.cell("%tensorwatch freeze x")
    ran = notebook.cell("done.append(1)\nfill(y)\ndone.append(2)")

    assert str(ran.error) == "x is frozen (cell 2): t.fill_(7) would write to it"
    assert (notebook.ns["done"], notebook.ns["x"].tolist(), notebook.ns["x"]._version) == ([1], [0, 0, 0], 0)


has_columns = pytest.mark.skipif(
    sys.version_info < (3, 11), reason="Python 3.10 keeps the line of each instruction, but not its place in the line"
)
STATEMENTS = {
    "%time y.add_(1)": "y.add_(1)",
    "%%time\nq = 1\ny.add_(1)\nw = 2": "y.add_(1)",
    "%timeit -n 1 -r 1 y.add_(1)": "y.add_(1)",
    "%tensorwatch off\ntry: y.add_(1)\nfinally: pass": "y.add_(1)",
    "q = 1; y.add_(1); w = 2": "y.add_(1)",
    "for i in range(2): y[i] = 5": "y[i] = 5",
    "torch.add(x, 1,\n  out=y)  # here": "torch.add(x, 1, out=y)",
    "torch.nn.functional.dropout(y, inplace=True)": "torch.nn.functional.dropout(y, inplace=True)",
    "exec('y.add_(1)')": "exec('y.add_(1)')",
    "[t.add_(1) for t in [y]]": "[t.add_(1) for t in [y]]",
    "contextlib.nullcontext(y).__enter__().add_(1)": "contextlib.nullcontext(y).__enter__().add_(1)",
    "with contextlib.ExitStack() as stack: stack.callback(y.add_, 1)": "with contextlib.ExitStack() as stack:",
}


SHOWS_TIMED = version_info < (9,)
"""IPython before 9 shows the error of what is timed, and ends the cell without it."""
NEEDS_COLUMNS = ("q = 1; y.add_(1); w = 2", "with contextlib.ExitStack() as stack: stack.callback(y.add_, 1)")


@pytest.mark.parametrize(
    "cell", [pytest.param(one, marks=has_columns if one in NEEDS_COLUMNS else ()) for one in STATEMENTS]
)
def test_the_error_names_the_users_statement_and_shows_no_frame_of_ours(cell: str):
    with Notebook(tracebacks="Context") as nb:
        nb.run("import contextlib, torch\nx = torch.zeros(3)\ny = x.view(3)")
        nb.cell("%tensorwatch freeze x")
        ran = nb.cell(cell)
    told = f"x is frozen (cell 2): {STATEMENTS[cell]} would write to it"

    assert told == str(ran.error) or (SHOWS_TIMED and "%time" in cell and told in ran.stdout)
    assert "dispatch_mode" not in ran.stdout
    assert "hidden" not in ran.stdout


def test_what_python_was_started_with_is_not_taken_for_the_users_statement(notebook: Notebook, monkeypatch):
    monkeypatch.setitem(linecache.cache, "<string>", (10, None, ["import sys\n"], "<string>"))
    notebook.run("import torch\nx = torch.zeros(3)\ny = x.view(3)")
    notebook.cell("%tensorwatch freeze x")

    ran = notebook.cell("exec('y.add_(1)')")

    assert "x is frozen (cell 2): exec('y.add_(1)') would write to it" == str(ran.error)


@pytest.mark.skipif(sys.version_info >= (3, 11), reason="since 3.11 Python knows which one it is")
def test_of_several_statements_on_a_line_none_is_accused_wrongly(notebook: Notebook):
    notebook.run("import torch\nx = torch.zeros(3)\ny = x.view(3)")
    notebook.cell("%tensorwatch freeze x")

    assert str(notebook.cell("q = 1; y.add_(1); w = 2").error).endswith("aten.add_.Tensor would write to it")


@pytest.mark.parametrize(
    "cell",
    [
        "try:\n    y.add_(1)\nexcept RuntimeError:\n    {}[1]",
        "try:\n    y.add_(1)\nexcept RuntimeError as error:\n    raise ValueError from error",
        "try:\n    y.add_(1)\nfinally:\n    {}[1]",
        "@contextlib.contextmanager\ndef around():\n    yield\nwith around():\n    y.add_(1)",
    ],
)
def test_no_frame_of_ours_is_shown_where_another_error_follows(notebook: Notebook, cell: str):
    notebook.run("import contextlib, torch\nx = torch.zeros(3)\ny = x.view(3)")
    notebook.cell("%tensorwatch freeze x")
    ran = notebook.cell(cell)

    assert "x is frozen (cell 2)" in ran.stdout
    assert "y.add_(1)" in ran.stdout
    assert "dispatch_mode" not in ran.stdout


def test_a_write_that_nothing_can_stop_is_undone_before_the_next_statement(notebook: Notebook):
    notebook.run("import torch\nx = torch.zeros(3)\nn = x.numpy()\nseen = []")
    notebook.cell("%tensorwatch freeze x")
    ran = notebook.cell("seen.append(1)\nn[0] = 5\nseen.append(n[0])")

    assert str(ran.error) == "x is frozen (cell 2): n[0] = 5 (line 2) wrote to it; its bytes have been put back"
    assert (notebook.ns["seen"], notebook.ns["x"].tolist()) == ([1], [0, 0, 0])


def test_the_last_statement_of_a_cell_is_no_exception(notebook: Notebook):
    notebook.run("import torch\nx = torch.zeros(3)\nn = x.numpy()")
    notebook.cell("%tensorwatch freeze x")
    ran = notebook.cell("n[0] = 5")

    assert str(ran.error) == "x is frozen (cell 2): n[0] = 5 (line 1) wrote to it; its bytes have been put back"
    assert "FrozenError" in ran.stdout
    assert notebook.report()["cell"]["status"] == "error"
    assert notebook.report()["changes"] == []


def test_an_error_of_the_cell_stays_its_error(notebook: Notebook):
    notebook.run("import torch\nx = torch.zeros(3)\nn = x.numpy()\ndef fail():\n    n[0] = 5\n    raise ValueError")
    notebook.cell("%tensorwatch freeze x")
    ran = notebook.cell("fail()")

    assert isinstance(ran.error, ValueError)
    assert "FrozenError: x is frozen (cell 2): fail() (line 1) wrote to it" in ran.stderr
    assert notebook.ns["x"].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    "cell",
    [
        "with contextlib.nullcontext():\n    fail()",
        "with contextlib.suppress(KeyError):\n    with contextlib.nullcontext():\n        fail()",
        "try:\n    fail()\nexcept ValueError:\n    seen.append(n[0])\n    raise",
    ],
)
def test_an_error_stays_the_error_of_a_cell_in_a_block_too(notebook: Notebook, cell: str):
    notebook.run("import contextlib, torch\nx = torch.zeros(3)\nn = x.numpy()\nseen = []")
    notebook.run("def fail():\n    n[0] = 5\n    raise ValueError")
    notebook.cell("%tensorwatch freeze x")
    ran = notebook.cell(cell)

    assert isinstance(ran.error, ValueError)
    assert "FrozenError: x is frozen (cell 3)" in ran.stderr
    assert notebook.ns["x"].tolist() == [0, 0, 0]
    assert set(notebook.ns["seen"]) <= {0}


def test_a_write_is_raised_once_the_error_beside_it_has_been_handled(notebook: Notebook):
    notebook.run("import torch\nx = torch.zeros(3)\nn = x.numpy()\nseen = []")
    notebook.run("def fail():\n    n[0] = 5\n    raise ValueError")
    notebook.cell("%tensorwatch freeze x")
    ran = notebook.cell("try:\n    fail()\nexcept ValueError:\n    seen.append(n[0])\nseen.append(2)")

    assert "FrozenError" in repr(ran.error)
    assert notebook.ns["seen"] == [0]


def test_an_interrupted_cell_is_undone_too(notebook: Notebook):
    notebook.run(
        "import torch\nx = torch.zeros(3)\nn = x.numpy()\ndef stop():\n    n[0] = 5\n    raise KeyboardInterrupt"
    )
    notebook.cell("%tensorwatch freeze x")
    ran = notebook.cell("stop()")

    assert isinstance(ran.error, KeyboardInterrupt)
    assert notebook.ns["x"].tolist() == [0, 0, 0]
    assert torch._C._len_torch_dispatch_stack() == 0


def test_what_is_frozen_in_a_cell_is_frozen_for_the_rest_of_it(notebook: Notebook):
    notebook.run("import torch\nx = torch.zeros(3)\nn = x.numpy()")

    assert isinstance(notebook.cell("%tensorwatch freeze x\nx.add_(1)").error, FrozenError)
    notebook.cell("%tensorwatch thaw")
    assert isinstance(notebook.cell("%tensorwatch freeze x\nn += 1\nprint()").error, FrozenError)
    assert notebook.ns["x"].tolist() == [0, 0, 0]


def test_a_loop_that_runs_hot_is_looked_after_to_its_end(notebook: Notebook):
    notebook.run("import torch\nx = torch.zeros(3)\nn = x.numpy()")
    notebook.cell("%tensorwatch freeze x")
    ran = notebook.cell("for i in range(5000):\n    n[0] = i > 4000")

    assert isinstance(ran.error, FrozenError)
    assert notebook.ns["x"].tolist() == [0, 0, 0]


def test_a_write_between_two_cells_is_undone_and_said(notebook: Notebook):
    notebook.run("import torch\nx = torch.zeros(3)")
    notebook.cell("%tensorwatch freeze x")
    notebook.ns["x"].add_(1)
    ran = notebook.cell("x.tolist()")

    assert ran.result == [0, 0, 0]
    assert "x is frozen (cell 2): it was written to between cells; its bytes have been put back" in ran.stdout


def test_what_is_frozen_stays_frozen_while_nothing_is_watched(notebook: Notebook):
    notebook.run("import torch\nx = torch.zeros(3)\nn = x.numpy()")
    notebook.cell("%tensorwatch freeze x\n%tensorwatch off")

    assert isinstance(notebook.cell("x.add_(1)").error, FrozenError)
    assert isinstance(notebook.cell("n += 1").error, FrozenError)
    assert notebook.ns["x"].tolist() == [0, 0, 0]


def test_an_operator_that_was_stopped_is_not_recorded_as_one_that_wrote(notebook: Notebook):
    notebook.run("import torch\nx, z = torch.zeros(3), torch.zeros(3)")
    notebook.cell("%tensorwatch freeze x")
    report = notebook.run("%%tensordiff\nz.add_(1)\nx.add_(1)", raises=FrozenError)

    assert [one["paths"] for one in report["writes"]] == [["z"]]


# --- how far it reaches ----------------------------------------------------------------------------

MATRIX = "import torch, numpy as np\nx = torch.zeros(4, 4)\nn = x.numpy()\nleft, right, diagonal = x[:, :2], x[:, 2:], x.diagonal()"


@pytest.mark.parametrize(
    "write",
    [
        "right.fill_(1)",
        "x[:, 3] = 1",
        "n[:, 2] = 1",
        "torch.ones(4, out=x[:, 2])",
        "torch.from_numpy(n[:, 2:]).add_(1)",
    ],
)
def test_a_write_beside_frozen_bytes_goes_through(notebook: Notebook, write: str):
    notebook.run(MATRIX)
    notebook.cell("%tensorwatch freeze left")
    notebook.run(write)

    assert notebook.ns["left"].sum() == 0
    assert notebook.ns["right"].sum() > 0


@pytest.mark.parametrize(
    "write", ["diagonal.fill_(1)", "x[1, 1] = 1", "n[3, 0] = 1", "torch.from_numpy(n[:, 1:3]).add_(1)"]
)
def test_a_write_to_one_common_byte_does_not(notebook: Notebook, write: str):
    notebook.run(MATRIX)
    notebook.cell("%tensorwatch freeze left")

    assert isinstance(notebook.cell(write).error, FrozenError)
    assert notebook.ns["left"].sum() == 0


def test_what_lies_beside_frozen_bytes_keeps_what_was_written_with_them(notebook: Notebook):
    notebook.run(MATRIX)
    notebook.cell("%tensorwatch freeze left")
    notebook.cell("n[:] = 1")

    assert notebook.ns["x"].tolist() == [[0, 0, 1, 1]] * 4


def test_freezing_a_container_freezes_all_tensors_in_it(notebook: Notebook):
    notebook.run(
        "import torch\nmodel = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))\nopt = torch.optim.SGD(model.parameters(), lr=1)"
    )
    told = notebook.cell("%tensorwatch freeze model").stdout

    assert "7 tensors" in told
    for write in ("model[0].bias.data.zero_()", "model(torch.randn(4, 2))", "torch.nn.init.ones_(model[0].weight)"):
        assert isinstance(notebook.cell(write).error, FrozenError), write
    assert isinstance(notebook.cell("model.eval()(torch.randn(4, 2)).sum().backward()\nopt.step()").error, FrozenError)


def test_a_frozen_module_keeps_its_type(notebook: Notebook):
    notebook.run("import torch\nmodel = torch.nn.Linear(2, 2)")
    notebook.cell("%tensorwatch freeze model")
    before = [p.clone() for p in notebook.ns["model"].parameters()]

    assert isinstance(notebook.cell("model.half()").error, FrozenError)
    assert all(torch.equal(a, b) for a, b in zip(before, notebook.ns["model"].parameters(), strict=True))


@pytest.mark.parametrize(
    "write",
    [
        "x.data = torch.ones(3)",
        "x.data = x.data[:2]",
        "x.untyped_storage().resize_(0)",
        "x.set_(torch.ones(3))",
        "x.resize_(2)",
        "x.unsqueeze_(0)",
        "x.t_()",
        "torch.ops.aten.resize_as_(x, torch.ones(9))",
    ],
)
def test_a_frozen_tensor_keeps_its_memory_and_its_shape(notebook: Notebook, write: str):
    notebook.run("import torch\nx = torch.arange(3.0)")
    address = notebook.ns["x"].data_ptr()
    notebook.cell("%tensorwatch freeze x")

    assert isinstance(notebook.cell(write).error, FrozenError)
    assert notebook.ns["x"].tolist() == [0, 1, 2]
    assert address == notebook.ns["x"].data_ptr() or "resize_(0)" in write or "data = torch" in write


def test_a_frozen_tensor_is_not_swapped(notebook: Notebook):
    notebook.run("import torch\nx, other = torch.zeros(3), torch.ones(3)")
    notebook.cell("%tensorwatch freeze x")

    assert isinstance(notebook.cell("torch.utils.swap_tensors(x, other)").error, RuntimeError)
    assert notebook.ns["x"].tolist() == [0, 0, 0]


def test_memory_that_is_borrowed_is_put_back_without_a_pointer(notebook: Notebook):
    notebook.run("import torch, numpy as np\nn = np.zeros((3, 2), np.float32)\nx = torch.from_numpy(n)[:, 0]")
    notebook.cell("%tensorwatch freeze x")
    ran = notebook.cell("n += 1")

    assert isinstance(ran.error, FrozenError)
    assert notebook.ns["n"].tolist() == [[0, 1]] * 3


# --- nothing else changes --------------------------------------------------------------------------


def test_while_nothing_is_frozen_no_mode_is_on(notebook: Notebook):
    notebook.run("import torch\nx = torch.zeros(3)")
    count = "torch._C._len_torch_dispatch_stack()"
    before = notebook.cell(count).result
    notebook.cell("%tensorwatch freeze x")
    during = notebook.cell(count).result
    after = notebook.cell(f"%tensorwatch thaw\n{count}").result
    notebook.cell("%tensorwatch freeze x")
    notebook.cell("del x")

    assert (before, during, after, notebook.cell(count).result) == (0, 1, 0, 0)


TRAINING = """
import torch, torch.utils.checkpoint
torch.manual_seed(3)
frozen = torch.randn(5)
model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8), torch.nn.Dropout(), torch.nn.TransformerEncoderLayer(8, 2, 8, batch_first=True), torch.nn.Linear(8, 1))
opt = torch.optim.AdamW(model.parameters(), fused={fused})
{freeze}
for _ in range(3):
    opt.zero_grad()
    hidden = torch.utils.checkpoint.checkpoint(model[:2], torch.randn(6, 4), use_reentrant=False)
    hidden.register_hook(lambda grad: grad * 2)
    loss = model[2:](hidden).pow(2).mean()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    opt.step()
out = model.eval()(torch.randn(6, 4))
state = torch.get_rng_state()
"""


@pytest.mark.parametrize("fused", [False, True])
def test_results_are_bitwise_the_same_while_something_else_is_frozen(notebook: Notebook, fused: bool):
    def train(freeze: str) -> list[torch.Tensor]:
        notebook.run(TRAINING.format(freeze=freeze, fused=fused))
        model = notebook.ns["model"]
        return [
            t.clone()
            for t in (
                *model.state_dict().values(),
                *(p.grad for p in model.parameters()),
                notebook.ns["out"],
                notebook.ns["state"],
            )
        ]

    plain, guarded = train(""), train("%tensorwatch freeze frozen")

    assert all(torch.equal(a, b) for a, b in zip(plain, guarded, strict=True))


FIRST = """
import sys
from tests.support.notebook import Notebook
with Notebook() as nb:
    nb.run("import torch\\nx, z = torch.zeros(3), torch.zeros(3)")
    nb.cell("%tensorwatch freeze x")
    nb.cell("z = z + 1")
    nb.cell("x.add_(1)")
    nb.cell("%%tensordiff\\nz.add_(1)")
sys.exit("torch._dynamo" in sys.modules)
"""


@pytest.mark.skipif(torch.__version__ < "2.7", reason="older PyTorch cannot keep its compiler away from a function")
def test_the_first_operator_does_not_import_the_compiler():
    assert run_apart(FIRST).returncode == 0


BREAKS = """
import torch, torch._dynamo
@torch.compile(backend="eager")
def f(t):
    u = t + 1
    for _ in range(2):
        torch._dynamo.graph_break()
        u.mul_(2)
    return u
x, z = torch.zeros(3), torch.ones(3)
"""


@needs("compiler-may-notice")
def test_the_compiler_takes_no_code_of_ours():
    def frames(nb: Notebook, ask: str) -> int:
        nb.run(BREAKS)
        nb.cell(ask)
        torch._dynamo.reset()
        torch._dynamo.utils.counters.clear()
        nb.cell("f(z);")
        return torch._dynamo.utils.counters["frames"]["total"]

    with Notebook(check_leaks=False) as nb:  # the compiler puts its functions among the variables
        assert frames(nb, "%tensorwatch freeze x") == frames(nb, "%tensorwatch thaw")
        torch._dynamo.reset()


ADD = """
import torch
x, z = torch.zeros(3), torch.zeros(3)
@torch.compile(backend={!r})
def add(t):
    t.add_(1)
    return t * 2
"""


@pytest.mark.parametrize(
    ("backend", "told"),
    [
        ("eager", "would write to it"),
        pytest.param(
            "aot_eager", "would write to it", marks=pytest.mark.skipif(IS_OLD, reason="its compiler adds lines")
        ),
        pytest.param("inductor", "put back", marks=pytest.mark.skipif(not which("g++"), reason="needs a C++ compiler")),
    ],
)
def test_compiled_functions_run_as_before_and_cannot_write_to_what_is_frozen(backend: str, told: str):
    with Notebook(check_leaks=False) as nb:  # the compiler puts its functions among the variables
        nb.run(ADD.format(backend) + "add(z);")
        nb.cell("%tensorwatch freeze x")
        nb.run("doubled = add(z)")
        ran = nb.cell("add(x)")

        assert isinstance(ran.error, FrozenError)
        assert str(ran.error).startswith("x is frozen (cell 2): ")
        assert str(ran.error).endswith(told)
        assert "arg0_1" not in str(ran.error)
        assert (nb.ns["x"].tolist(), nb.ns["doubled"].tolist()) == ([0, 0, 0], [4, 4, 4])


def test_a_write_by_another_thread_is_undone(notebook: Notebook):
    notebook.run("import threading, torch\nx = torch.zeros(3)")
    notebook.cell("%tensorwatch freeze x")
    ran = notebook.cell("thread = threading.Thread(target=lambda: x.add_(1))\nthread.start()\nthread.join()\nprint()")

    assert isinstance(ran.error, FrozenError)
    assert notebook.ns["x"].tolist() == [0, 0, 0]


# --- nothing is kept -------------------------------------------------------------------------------


def test_what_is_frozen_dies_with_its_last_reference_and_its_copy_with_it(notebook: Notebook):
    notebook.run("import torch\nx = torch.zeros(3)")
    notebook.cell("%tensorwatch freeze x")
    storage = weakref.ref(notebook.ns["x"].untyped_storage())
    freezer = ipy_tensorwatch.shell.extension._loaded[0].watcher.freezing.freezer
    notebook.cell("del x")

    assert (storage(), freezer.frozen) == (None, {})
    assert "nothing is frozen" in notebook.cell("%tensorwatch frozen").stdout


def test_bytes_stay_frozen_as_long_as_an_alias_lives(notebook: Notebook):
    notebook.run("import torch\nx = torch.zeros(3)\ny = x.view(3)")
    notebook.cell("%tensorwatch freeze x")
    notebook.cell("del x")

    assert str(notebook.cell("y.add_(1)").error) == "x is frozen (cell 2): y.add_(1) would write to it"


def test_unloading_thaws_everything(plain: Notebook):
    plain.cell("%load_ext ipy_tensorwatch\nimport torch\nx = torch.zeros(3)\nn = x.numpy()")
    plain.cell("%tensorwatch freeze x")
    ran = plain.cell("%unload_ext ipy_tensorwatch\nx.add_(1)\nn += 1\nx.tolist()")

    assert ran.result == [2, 2, 2]
    assert torch._C._len_torch_dispatch_stack() == 0


def test_a_mode_that_the_user_entered_stays_where_it_is(notebook: Notebook):
    notebook.run(
        "import torch\nfrom torch.utils._python_dispatch import TorchDispatchMode\nclass Mine(TorchDispatchMode):\n    def __torch_dispatch__(self, f, types, args=(), kwargs=None):\n        return f(*args, **(kwargs or {}))\nmode, x = Mine(), torch.zeros(3)"
    )
    notebook.cell("%tensorwatch freeze x")
    notebook.run("mode.__enter__();")
    inner = notebook.cell("torch.utils._python_dispatch._get_current_dispatch_mode() is mode").result
    ran = notebook.cell("x.add_(1)")
    notebook.run("mode.__exit__(None, None, None)")

    assert (inner, type(ran.error)) == (True, FrozenError)


# --- what is asked for -----------------------------------------------------------------------------

ODD = """
import torch, numpy as np
meta, sparse = torch.ones(2, device="meta"), torch.eye(2).to_sparse()
with torch.inference_mode():
    inferred = torch.ones(2)
w, number, model = torch.ones(2), 5, torch.nn.Linear(2, 2)
"""


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("freeze meta", "meta cannot be frozen: it is a meta tensor"),
        ("freeze sparse", "sparse cannot be frozen: it is a sparse coo tensor"),
        ("freeze inferred", "inferred cannot be frozen: it is an inference tensor"),
        ("freeze wieght", "there is no variable wieght"),
        ("freeze model.wieght", "there is no model.wieght: did you mean model.weight, model.bias?"),
        ("freeze number", "no tensor was found in number, which is of type int"),
        ("freeze w nonsense", "there is no variable nonsense"),
        ("freeze w+1", "w + 1 is not a path: write a variable with attributes and items, like model.layers[0].weight"),
        (
            "freeze",
            "%tensorwatch freeze: the following arguments are required: PATH; see %tensorwatch freeze --help",
        ),
        ("thaw w", "w is not frozen; nothing is"),
    ],
)
def test_nonsense_is_answered_with_one_line_and_changes_nothing(notebook: Notebook, asked: str, told: str):
    notebook.run(ODD)
    ran = notebook.cell(f"%tensorwatch {asked}")

    assert isinstance(ran.error, UsageError)
    assert (ran.stdout + ran.stderr).strip() == f"UsageError: {told}"
    assert "nothing is frozen" in notebook.cell("%tensorwatch frozen").stdout


def test_what_is_frozen_is_not_frozen_again(notebook: Notebook):
    notebook.run(ODD)
    notebook.cell("%tensorwatch freeze w")

    assert str(notebook.cell("%tensorwatch freeze w").error) == "w cannot be frozen: w is frozen already (cell 2)"


def test_of_a_container_what_cannot_be_frozen_is_named(notebook: Notebook):
    notebook.run(ODD + "batch = {'x': w, 'm': meta, 's': sparse}")
    told = notebook.cell("%tensorwatch freeze batch").stdout

    assert "frozen: batch['x']\n" in told
    assert "not frozen: batch['m']: it is a meta tensor" in told


def test_thaw_takes_containers_and_other_spellings(notebook: Notebook):
    notebook.run("import torch\nxs = [torch.ones(1), torch.ones(2)]\nmodel = torch.nn.Linear(2, 2)")
    notebook.cell("%tensorwatch freeze xs model")
    notebook.cell("%tensorwatch thaw xs[-1] model")
    told = notebook.cell("%tensorwatch frozen").stdout

    assert "xs[0]" in told
    assert "1 tensor" in told
    notebook.run("xs[1] += 1\nmodel.weight.data.zero_()")


@pytest.mark.parametrize("thing", [5, [], torch.ones(2, device="meta"), torch.eye(2).to_sparse()])
def test_a_block_refuses_what_cannot_be_frozen(thing: object):
    with pytest.raises(TypeError), ipy_tensorwatch.freeze(thing):
        pytest.fail("it must not get here")


def test_a_block_lets_an_exception_through_and_leaves_nothing_behind():
    x = torch.zeros(3)
    with pytest.raises(ValueError, match="mine"), ipy_tensorwatch.freeze(x):
        raise ValueError("mine")
    x.add_(1)

    assert torch._C._len_torch_dispatch_stack() == 0
    torch.utils.swap_tensors(x, torch.ones(3))


def test_arrays_are_frozen_too():
    n = np.zeros(3)
    with pytest.raises(FrozenError, match="n is frozen: "), ipy_tensorwatch.freeze(n):
        torch.from_numpy(n).add_(1)
    with (
        pytest.raises(FrozenError, match=r"the container\['n'\] is frozen: this block wrote to it"),
        ipy_tensorwatch.freeze({"n": n}),
    ):
        n += 1

    assert n.tolist() == [0, 0, 0]


# --- random programs -------------------------------------------------------------------------------


@settings(max_examples=settings.default.max_examples // 4)
@given(programs())
def test_whatever_a_program_does_frozen_bytes_stay_what_they_are(program: Program):
    with Notebook(check_leaks=False) as nb:
        kept: dict = {}
        for cell in program.cells:
            nb.cell(cell.source)
            now = oracle.walk(nb.ns)
            assert {p for p, b in kept.items() if p in now and now[p] is b[0]() and raw(now[p]) != b[1]} == set()
            if not kept:
                kept = freeze_one(nb, now)


def freeze_one(nb: Notebook, now: dict) -> dict:
    path = next((p for p, one in now.items() if raw(one)), None)
    if path is None or nb.cell(f"%tensorwatch freeze {path}").error is not None:
        return {}
    return {path: (weakref.ref(now[path]), raw(now[path]))}


def raw(array: object) -> bytes:
    tensor = torch.from_numpy(array.copy()) if isinstance(array, np.ndarray) else array.detach()
    return tensor.resolve_conj().resolve_neg().reshape(-1).view(torch.uint8).numpy().tobytes()
