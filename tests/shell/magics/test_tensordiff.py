"""`%%tensordiff`: a cell that runs as it would without, and what is shown of it."""

from __future__ import annotations

import gc
import re
import weakref
from typing import TYPE_CHECKING

import pytest
import torch
from IPython.core.error import UsageError
from torch.utils._python_dispatch import TorchDispatchMode

from tests.support.notebook import Notebook, changes, lines, mutated, silent, texts

if TYPE_CHECKING:
    from collections.abc import Iterator

ALIASED = """import torch, numpy as np, asyncio
x = torch.zeros(6)
y = x.view(2, 3)
def scale(t):
    t.mul_(2)
    if t.sum() > -1:
        t.add_(
            1
        )
    return t
"""


@pytest.fixture
def aliased(notebook: Notebook) -> Notebook:
    notebook.run(ALIASED)
    return notebook


@pytest.fixture
def pointing() -> Iterator[Notebook]:
    """Open the same where a traceback points at the line, as IPython's does."""
    with Notebook(tracebacks="Context") as nb:
        nb.run(ALIASED)
        yield nb


def recorded(nb: Notebook, body: str, options: str = "", **more):
    """Run a body under the magic and return its report."""
    return nb.run(f"%%tensordiff {options}\n{body}", **more)


def written(report) -> list[tuple[str, tuple[str, ...], int]]:
    """Give operator, paths and line of every write."""
    return [
        (w["op"].removeprefix("aten."), tuple(w["paths"]), w["site"] and w["site"]["line"]) for w in report["writes"]
    ]


# --- as a normal cell ------------------------------------------------------------------------------

BODIES = {
    "a value": "x.add_(1)\nx",
    "a value that is silenced": "x.add_(1)\nx;",
    "a value behind a comment": "x.add_(1)  # in place\nx  # the value",
    "a last statement that is no expression": "z = x + 1",
    "output": "print('a')\nprint('b')",
    "an exception": "x.add_(1)\n\n1 / 0\nprint('never')",
    "an exception in a function": "def f():\n    raise ValueError('no')\nf()",
    "a name that does not exist": "nobody",
    "a syntax error": "x = = 1",
    "top-level await": "await asyncio.sleep(0)\nx",
    "a line magic": "a = %pwd\nlen(a) > 0",
    "a shell command": "!true\nx",
    "a definition": "def g(t):\n    return t + 1\ng(x)",
    "a loop": "for i in range(3):\n    x.add_(i)\nelse:\n    x.mul_(2)\nx",
    "a future import": "from __future__ import annotations\nx",
    "a docstring": "'''Text.'''\nx",
    "a warning": "import warnings\nwarnings.warn('mind')\nx",
    "help": "x?",
    "a string that looks like magic": "'''\n%%time\n'''",
    "Ctrl-C": "x.add_(1)\nraise KeyboardInterrupt",
    "blank lines first": "\n\nx.add_(1)\nx",
    "indentation": "    x.add_(1)\n    x",
    "pasted prompts": ">>> x.add_(1)\n>>> x",
    "blank lines and indentation": "\n  \n    x.add_(1)\n    x",
}


def outcome(nb: Notebook, cell: str, shift: int) -> dict:
    """Describe what a person sees of a cell, lines counted without the heading."""
    ran = nb.cell(cell)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", ran.stdout + ran.stderr)
    shown = plain.split(" tensordiff  [")[0].rstrip()
    last = ran.error.__traceback__ if ran.error else None
    raised = []
    while last is not None:
        if "ipython-input" in last.tb_frame.f_code.co_filename:
            raised.append((last.tb_frame.f_code.co_name, last.tb_lineno - shift))
        last = last.tb_next
    return {
        "result": repr(ran.result),
        "error": repr(ran.error) if not isinstance(ran.error, SyntaxError) else "SyntaxError",
        "raised": raised,
        "shown": "" if ran.error else shown,
        "tracebacks": plain.count("Traceback (most recent call last)"),
        "warned": ran.warned,
        "names": {name for name in nb.ns if not name.startswith("_")},
        "x": nb.ns["x"].tolist(),
        "out": {count: repr(value) for count, value in nb.shell.user_ns["Out"].items()},
        "underscore": repr(nb.shell.user_ns.get("_")),
        "success": nb.shell.last_execution_succeeded,
    }


@pytest.mark.parametrize("name", BODIES)
def test_a_cell_runs_under_the_magic_as_it_runs_without(name: str):
    body = BODIES[name]
    found = []
    for heading, shift in (("", 0), ("%%tensordiff\n", 1)):
        with Notebook(watched=bool(heading)) as nb:
            nb.cell(ALIASED)
            found.append(outcome(nb, heading + body, shift))

    assert found[0] == found[1]


def test_it_runs_once(aliased: Notebook):
    aliased.run("calls = []")
    recorded(aliased, "calls.append(1)\ncalls;")

    assert aliased.ns["calls"] == [1]


def test_a_traceback_shows_the_line_that_the_user_sees(pointing: Notebook):
    told = re.sub(r"\x1b\[[0-9;]*m", "", pointing.cell("%%tensordiff\nx.add_(1)\n\n1 / 0").stdout)

    assert "----> 4 1 / 0" in told
    assert "the cell raised an error" in told


@pytest.mark.parametrize(
    ("body", "status"),
    [("x", "ok"), ("1/0", "error"), ("x = = 1", "error"), ("raise KeyboardInterrupt", "interrupted")],
)
def test_the_report_tells_how_the_cell_ended(aliased: Notebook, body: str, status: str):
    aliased.cell(f"%%tensordiff\n{body}")

    assert aliased.report()["cell"]["status"] == status


def test_no_mode_stays_behind_whatever_the_cell_does(aliased: Notebook):
    for body in ("1/0", "raise KeyboardInterrupt", "x = = 1", "raise SystemExit", "x.add_(torch.ones(7))"):
        aliased.cell(f"%%tensordiff\n{body}")
        assert torch._C._len_torch_dispatch_stack() == 0, body


def test_inputs_are_kept_as_they_were_typed_and_run_again(aliased: Notebook):
    recorded(aliased, "x.add_(1);")

    assert aliased.shell.user_ns["_i2"] == "%%tensordiff \nx.add_(1);"
    assert aliased.shell.user_ns["In"][2] == "# %%tensordiff \nx.add_(1);"


def test_a_terminal_waits_for_a_blank_line_as_with_any_cell_magic(notebook: Notebook):
    check = notebook.shell.input_transformer_manager.check_complete

    assert [check(text)[0] for text in ("%%tensordiff", "%%tensordiff\nx = 1", "%%tensordiff\nx = 1\n\n")] == [
        "incomplete",
        "incomplete",
        "complete",
    ]


# --- lines ------------------------------------------------------------------------------------------


def test_sites_count_the_heading_as_the_first_line(aliased: Notebook):
    report = recorded(aliased, "a = 1\ny.add_(1);")

    assert lines(changes(report)["x"]) == {3}
    assert changes(report)["x"]["sites"][0]["certainty"] == "observed"


def test_the_line_inside_a_function_is_observed(aliased: Notebook):
    (site, inside) = changes(recorded(aliased, "scale(y);"))["x"]["sites"]

    assert [(one["line"], one["certainty"], one["inner"]) for one in (site, inside)] == [
        (2, "observed", {"cell": 1, "line": 5, "text": "t.mul_(2)"}),
        (2, "observed", {"cell": 1, "line": 7, "text": "t.add_( 1 )"}),
    ]


def test_a_function_defined_in_the_cell_itself_has_lines_of_that_cell(aliased: Notebook):
    report = recorded(aliased, "def f(t):\n    t.fill_(3)\nf(y)")

    assert changes(report)["x"]["sites"][0]["inner"] == {"cell": 2, "line": 3, "text": "t.fill_(3)"}


def test_a_lambda_and_a_comprehension_typed_in_the_statement_have_no_line_of_their_own(aliased: Notebook):
    report = recorded(aliased, "[row.add_(1) for row in y]\n(lambda t: t.mul_(2))(y);")

    assert [site["inner"] for site in changes(report)["x"]["sites"]] == [None, None]
    assert lines(changes(report)["x"]) == {2, 3}


def test_two_statements_on_one_line_are_told_apart(aliased: Notebook):
    report = recorded(aliased, "a = torch.zeros(3); b = torch.zeros(3)\na.add_(1); b.mul_(2);")

    assert [(w["op"], w["site"]["text"]) for w in report["writes"]] == [
        ("aten.add_", "a.add_(1)"),
        ("aten.mul_", "b.mul_(2)"),
    ]


def test_a_write_that_no_operator_made_keeps_its_own_line(aliased: Notebook):
    report = recorded(aliased, "x.add_(0)\nx.numpy()[0] = 5\ny.add_(0);")

    assert texts(changes(report)["y"]) == {"x.numpy()[0] = 5"}


def test_a_large_tensor_gets_the_line_of_every_write(aliased: Notebook):
    aliased.run("big = torch.zeros(100_000)\npart = big[10:20]")
    report = recorded(aliased, "big.numpy()[3] = 7\npart.fill_(4);")

    assert (lines(changes(report)["big"]), lines(changes(report)["part"])) == ({2, 3}, {3})


# --- before and after -------------------------------------------------------------------------------


def test_the_elements_of_a_large_tensor_are_counted(aliased: Notebook):
    aliased.run("big = torch.zeros(100_000)")
    plain = aliased.run("big[5] = 1")
    elements = changes(recorded(aliased, "big[7:9] = 3"))["big"]["elements"]

    assert changes(plain)["big"]["elements"]["changed"] is None
    assert (elements["changed"], elements["max_abs"], elements["examples"][0]) == (
        2,
        3.0,
        {"index": [7], "before": 0.0, "after": 3.0},
    )


@pytest.mark.parametrize("count", [0, 1, 5])
def test_as_many_values_are_kept_as_asked_for(aliased: Notebook, count: int):
    aliased.run("big = torch.zeros(100_000)")
    report = recorded(aliased, "x.add_(1)\nbig.add_(1);", f"--values {count}")

    assert [len(changes(report)[path]["elements"]["examples"]) for path in ("x", "big")] == [count, count]
    assert len(changes(aliased.run("x.add_(1);"))["x"]["elements"]["examples"]) == 3


def test_every_kind_of_change_is_shown(aliased: Notebook):
    aliased.run("gone = torch.ones(2)\nold = torch.ones(2)\nturned = torch.ones(2, 3)\nsame = torch.ones(2)")
    told = aliased.cell(
        "%%tensordiff\ny.add_(1)\ndel gone\nold = old + 1\nturned.t_()\nsame.add_(0)\nnew = 1 * x;"
    ).stdout
    rows = {
        line.split()[1 if line.startswith(" ▲") else 0]: " ".join(line.split()[2 if line.startswith(" ▲") else 1 :])
        for line in told.split("\n")[4:10]
    }

    assert rows == {
        "x": "changed through y line 2 y.add_(1) 6 of 6 elements, max |Δ| 1 v0 → v1 [0] 0 → 1, [1] 0 → 1, [2] 0 → 1, …",
        "y": "written by name line 2 y.add_(1) 6 of 6 elements, max |Δ| 1 v0 → v1 [0, 0] 0 → 1, [0, 1] 0 → 1, [0, 2] 0 → 1, …",
        "same": "same bytes, but the version counter rose v0 → v1",
        "turned": "shape, strides changed 3×2 float32 v0 → v1",
        "old": "another tensor now 2 float32",
        "new": "new 6 float32",
    }
    assert "   gone     gone" in told


def test_unchanged_tensors_are_shown_on_request(aliased: Notebook):
    aliased.run("z = torch.ones(2)")

    assert (
        " Unchanged\n   tensor   form\n   z        2 float32" in aliased.cell("%%tensordiff --all\ny.add_(1);").stdout
    )
    assert "Unchanged" not in aliased.cell("%%tensordiff\ny.add_(1);").stdout


def test_rows_are_limited_on_request(aliased: Notebook):
    told = aliased.cell("%%tensordiff --max-rows 1\ny.add_(1)\nx.mul_(2);").stdout

    assert told.count("… and 1 more row: --max-rows 2") == 2


def test_operators_are_left_out_on_request(aliased: Notebook):
    report = recorded(aliased, "y.add_(1);", "--no-ops")

    assert report["writes"] == []
    assert silent(report) == {"x"}


def test_what_an_earlier_budget_did_not_reach_is_compared_before_the_cell_begins():
    with Notebook(settings={"budget_floor": 0.0, "budget_share": 0.0, "budget_limit": 0.0, "idle_share": 0.0}) as nb:
        nb.run(ALIASED)
        nb.run("a = 1")
        report = recorded(nb, "y.add_(1);")

    assert (mutated(report), report["coverage"]["unverified"]) == ({"x", "y"}, [])


def test_it_works_while_the_watcher_is_off(aliased: Notebook):
    aliased.cell("%tensorwatch off")
    aliased.cell("x.add_(1);")
    report = recorded(aliased, "y.add_(1);")
    quiet = aliased.cell("y.add_(1);")

    assert changes(report)["x"]["versions"] == [1, 2]
    assert quiet.stdout == ""


# --- operators --------------------------------------------------------------------------------------

OPERATORS = {
    "in place": ("x.add_(1)", [("add_", ("x", "y"), 2)]),
    "an index": ("x.index_fill_(0, torch.tensor([0]), 5.)", [("index_fill_", ("x", "y"), 2)]),
    "out=": ("torch.add(x, 1, out=x)", [("add", ("x", "y"), 2)]),
    "a mask": ("x[x == 0] = torch.ones(6)", [("index_put_", ("x", "y"), 2)]),
    "foreach": ("torch._foreach_add_([x], 1)", [("_foreach_add_", ("x", "y"), 2)]),
    "through .data": ("x.data.add_(1)", [("add_", ("x", "y"), 2)]),
    "through a view": ("x[2:].zero_()", [("zero_", ("x", "y"), 2)]),
    "through DLPack": ("torch.from_dlpack(x).add_(1)", [("add_", ("x", "y"), 2)]),
    "through NumPy and back": ("torch.from_numpy(x.numpy()).add_(1)", [("add_", ("x", "y"), 2)]),
    "storage": ("x.untyped_storage().fill_(0)", [("fill_", ("x", "y"), 2)]),
    "in no_grad": ("with torch.no_grad():\n    x.add_(1)", [("add_", ("x", "y"), 3)]),
    "in inference mode": ("with torch.inference_mode():\n    x.add_(1)", [("add_", ("x", "y"), 3)]),
    "metadata only": ("x.unsqueeze_(0).squeeze_(0)", []),
    "nothing in place": ("z = x + 1", []),
    "by NumPy": ("x.numpy()[0] = 1", []),
    "a temporary": ("torch.zeros(3).add_(1)", [("add_", (), 2)]),
    "a tensor of the cell": ("z = torch.zeros(3)\nz.add_(1)", [("add_", ("z",), 3)]),
    "a variable that leads elsewhere afterwards": ("x.add_(1)\nx = y = None", [("add_", ("x", "y"), 2)]),
    "under vmap": ("torch.vmap(lambda row: row.add_(1))(y)", [("add_", ("x", "y"), 2)]),
    "batch norm in training": (
        "bn = torch.nn.BatchNorm1d(3, track_running_stats=True)\nbn(y)",
        [("zero_", ("bn.running_mean",), 2), ("fill_", ("bn.running_var",), 2), ("zero_", ("bn.num_batches_tracked",), 2), ("fill_", ("bn.weight",), 2), ("zero_", ("bn.bias",), 2), ("add_", ("bn.num_batches_tracked",), 3), ("native_batch_norm", ("bn.running_mean", "bn.running_var"), 3)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OPERATORS)
def test_writes_are_told_with_operator_variables_and_line(aliased: Notebook, name: str):
    body, expected = OPERATORS[name]

    assert written(recorded(aliased, body)) == expected


def test_batch_norm_in_evaluation_writes_nothing(aliased: Notebook):
    aliased.run("bn = torch.nn.BatchNorm1d(3).eval()")

    assert written(recorded(aliased, "bn(y)")) == []


def test_a_fused_optimizer_is_not_said_to_write_gradients(aliased: Notebook):
    aliased.run(
        "net = torch.nn.Linear(3, 2)\nopt = torch.optim.SGD(net.parameters(), lr=0.1, fused=True)\nnet(y + 1).sum().backward()"
    )
    report = recorded(aliased, "opt.step()")

    assert written(report) == [("_fused_sgd_", ("net.weight", "net.bias"), 2)]
    assert mutated(report) == {"net.weight", "net.bias"}


def test_an_operator_that_fails_half_way_is_told(aliased: Notebook):
    report = recorded(aliased, "x[[0, 1, 99]] = torch.tensor([1., 2., 3.])", raises=IndexError)

    assert written(report) == [("index_put_", ("x", "y"), 2)]
    assert mutated(report) == {"x", "y"}


def test_operators_come_in_the_order_in_which_they_first_ran_with_how_often(aliased: Notebook):
    report = recorded(aliased, "for i in range(3):\n    x.add_(1)\n    y.mul_(2)\nx.zero_();")

    assert [(w["op"], w["times"]) for w in report["writes"]] == [("aten.add_", 3), ("aten.mul_", 3), ("aten.zero_", 1)]


def test_temporaries_of_a_loop_are_one_line(aliased: Notebook):
    report = recorded(
        aliased, "kept = []\nfor i in range(5):\n    t = torch.zeros(3)\n    t.add_(1)\n    kept.append(t)\ndel kept, t"
    )

    assert [(w["op"], w["paths"], w["times"]) for w in report["writes"]] == [("aten.add_", [], 5)]


def test_only_variables_whose_own_bytes_were_touched_are_named(aliased: Notebook):
    aliased.run("head, tail = x[:3], x[3:]\nodd = x[1::2]")

    assert written(recorded(aliased, "tail[0].fill_(5.)")) == [("fill_", ("x", "y", "tail", "odd"), 2)]
    assert written(recorded(aliased, "head[2].fill_(5.)")) == [("fill_", ("x", "y", "head"), 2)]


def test_a_change_without_an_operator_is_said_to_have_gone_past_pytorch(aliased: Notebook):
    told = aliased.cell("%%tensordiff\nx.numpy()[0] = 1").stdout

    assert told.rstrip().endswith(
        "no operator was seen to write x, y; writes by NumPy, raw pointers and compiled code are not recorded"
    )


# --- nothing of the user's is changed ----------------------------------------------------------------

MODE = """from torch.utils._python_dispatch import TorchDispatchMode
class Mine(TorchDispatchMode):
    seen = 0
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        Mine.seen += 1
        return func(*args, **(kwargs or {}))
mine = Mine()
"""


def test_modes_that_the_cell_enters_and_leaves_are_its_own(aliased: Notebook):
    aliased.run(MODE)
    recorded(aliased, "with Mine():\n    x.add_(1)")

    assert aliased.ns["Mine"].seen == 1


def test_a_mode_that_one_cell_enters_and_another_leaves_is_left_as_the_user_meant(aliased: Notebook):
    aliased.run(MODE)
    for body, depth in (("mine.__enter__();", 1), ("x.add_(1)\nmine.__exit__(None, None, None)", 0)):
        recorded(aliased, body)
        assert torch._C._len_torch_dispatch_stack() == depth
    assert aliased.ns["Mine"].seen == 1


def test_a_compiled_function_stays_compiled():
    """PyTorch's compiler itself leaves marks on its classes, so those are not looked at.

    Where a mode cannot ask to be left out of the compiled code, the compiler runs once more for the recorded cell.
    """
    with Notebook(check_leaks=False) as nb:
        nb.run(ALIASED)
        nb.run(
            "compiled, ran = [], []\n"
            "def backend(graph, example):\n    compiled.append(graph)\n    return lambda *args: ran.append(1) or graph(*args)\n"
            "@torch.compile(backend=backend)\ndef f(t):\n    return t.sin() + 1\n"
        )
        nb.run("f(x);")
        recorded(nb, "f(x);")
        nb.run("f(x);")

        again = not hasattr(TorchDispatchMode, "ignore_compile_internals")
        assert (len(nb.ns["compiled"]), len(nb.ns["ran"])) == (1 + again, 3)


def test_training_gives_the_same_numbers_to_the_last_bit():
    body = """torch.manual_seed(3)
net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8), torch.nn.ReLU(inplace=True), torch.nn.Dropout(0.5), torch.nn.Linear(8, 1))
opt = torch.optim.AdamW(net.parameters())
for _ in range(5):
    opt.zero_grad()
    loss = net(torch.randn(16, 4)).pow(2).mean()
    loss.backward()
    opt.step()
"""
    weights = []
    for heading in ("", "%%tensordiff\n"):
        with Notebook(watched=bool(heading)) as nb:
            nb.cell("import torch")
            assert nb.cell(heading + body).error is None
            weights.append(
                [
                    *map(torch.Tensor.tolist, nb.ns["net"].state_dict().values()),
                    nb.ns["loss"].item(),
                    torch.get_rng_state().tolist(),
                ]
            )

    assert weights[0] == weights[1]


@pytest.mark.parametrize(
    "body",
    [
        "s = torch.eye(3).to_sparse()\ns.mul_(2)",
        "from torch._subclasses import FakeTensorMode\nwith FakeTensorMode():\n    torch.empty(3).add_(1)",
        "torch.func.grad(lambda t: t.clone().mul_(2).sum())(x)",
        "torch.func.jacrev(lambda t: t.clone().mul_(2))(x)",
        "torch.func.functionalize(lambda t: t.add_(1))(x)",
        "m = torch.empty(3, device='meta')\nm.add_(1)",
        "q = torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8)\nq.copy_(torch.zeros(3))",
        "lazy = torch._lazy_clone(x)\nlazy.add_(1)",
        "from torch.nn.attention.flex_attention import flex_attention\nk = torch.randn(1, 1, 16, 16)\nflex_attention(k, k, k);",
        "class Mine(torch.Tensor):\n    pass\nx.as_subclass(Mine).add_(1)",
        "class Mine(torch.Tensor):\n    pass\nm = x.as_subclass(Mine)\nx.add_(m + 1)\nassert type(m + 1) is Mine",
        "class Mine(torch.Tensor):\n    pass\nimport threading\nt = threading.Thread(target=lambda: x.as_subclass(Mine).add_(1))\nt.start()\nt.join()",
        "from torch.testing._internal.two_tensor import TwoTensor\nTwoTensor(torch.zeros(2), torch.zeros(2)).add_(1)",
        "torch.jit.script(scale) if False else scale(x)",
        "from torch.utils.checkpoint import checkpoint\nw = torch.ones(3, requires_grad=True)\ncheckpoint(lambda t: (t * 2).add_(1), w, use_reentrant=False).sum().backward()",
        "import copy, io\nbuffer = io.BytesIO()\ntorch.save(x, buffer)\ncopy.deepcopy(x);",
        "import threading\nt = threading.Thread(target=lambda: x.add_(1))\nt.start()\nt.join()",
    ],
)
def test_unusual_tensors_are_written_as_without_us(body: str):
    """What the recorder cannot describe it leaves alone; the cell ends as it does in a plain shell."""
    ended = []
    for heading in ("", "%%tensordiff\n"):
        with Notebook(watched=bool(heading), check_leaks=False) as nb:
            nb.cell(ALIASED)
            ran = nb.cell(heading + body)
            ended.append((repr(ran.error), nb.ns["x"].tolist()))
            if heading:
                assert nb.report()["writes"] == [] or "(more, not kept)" not in {w["op"] for w in nb.report()["writes"]}
        assert torch._C._len_torch_dispatch_stack() == 0

    assert ended[0] == ended[1]


def test_nothing_is_kept_alive(aliased: Notebook):
    recorded(aliased, "big = torch.zeros(1_000_000)\nbig.add_(1);")
    recorded(aliased, "big.mul_(2);")
    gone = weakref.ref(aliased.shell.user_ns["big"].untyped_storage())
    gc.disable()
    try:
        aliased.run("del big")
        assert gone() is None
    finally:
        gc.enable()


# --- inside other magics -------------------------------------------------------------------------------


@pytest.mark.parametrize("outer", ["%%time", "%%capture out"])
def test_inside_another_magic_the_body_runs_and_lines_are_those_of_the_cell(aliased: Notebook, outer: str):
    aliased.run("a = out = None")
    report = aliased.run(f"{outer}\n%%tensordiff\na = 1\ny.add_(1)\n")

    assert silent(report) == {"x"}
    assert changes(report)["x"]["sites"][0]["inner"] == {"cell": 3, "line": 4, "text": "y.add_(1)"}
    assert written(report) == [("add_", ("x", "y"), 1)]
    assert aliased.ns["a"] == 1


@pytest.mark.parametrize("inner", ["%%time", "%%capture out"])
def test_another_magic_may_stand_below(aliased: Notebook, inner: str):
    aliased.run("a = out = None")
    report = aliased.run(f"%%tensordiff\n{inner}\na = 1\ny.add_(1)\n")

    assert (silent(report), aliased.ns["a"]) == ({"x"}, 1)
    assert [w["op"] for w in report["writes"]] == ["aten.add_"]


def test_inside_another_magic_the_value_is_the_cells_value(aliased: Notebook):
    assert aliased.cell("%%time\n%%tensordiff\nx.add_(1)\n41 + 1").result == 42
    assert aliased.cell("%%time\n%%tensordiff\nx.add_(1)\n41 + 1;").result is None


def test_inside_another_magic_an_exception_is_shown_once_and_ends_the_cell_as_that_magic_does(pointing: Notebook):
    alone = pointing.cell("%%time\nx.add_(1)\n1 / 0")
    ran = pointing.cell("%%time\n%%tensordiff\nx.add_(1)\n1 / 0")

    assert repr(ran.error) == repr(alone.error)
    assert ran.stdout.count("Traceback (most recent call last)") == 1


def test_called_from_a_program_it_runs_a_cell(aliased: Notebook):
    aliased.shell.run_cell_magic("tensordiff", "--no-ops", "y.add_(1);")

    assert aliased.ns["x"].tolist() == [1.0] * 6


# --- nonsense ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("%%tensordiff\n", "the cell body is empty"),
        ("%%tensordiff\n\n\n", "there is no code below"),
        ("%%tensordiff --nonsense\nx.add_(1)", "unrecognized arguments: --nonsense"),
        ("%%tensordiff x y\nx.add_(1)", "the code goes on the lines below"),
        ("%%tensordiff --values many\nx.add_(1)", "'many' is not a whole number"),
    ],
)
def test_nonsense_is_answered_with_one_line_and_the_body_is_not_run(aliased: Notebook, cell: str, expected: str):
    ran = aliased.cell(cell)

    assert isinstance(ran.error, UsageError)
    assert expected in ran.stderr
    assert ran.stderr.strip().count("\n") == 0
    assert aliased.ns["x"].tolist() == [0.0] * 6


def test_help_does_not_run_the_body(aliased: Notebook):
    ran = aliased.cell("%%tensordiff --help\nx.add_(1)")

    assert (ran.error, aliased.ns["x"].tolist()) == (None, [0.0] * 6)
    assert "usage: %%tensordiff" in ran.stdout


def test_a_comment_that_looks_like_the_heading_records_nothing(aliased: Notebook):
    assert aliased.run("# %%tensordiff\ny.add_(1);")["writes"] == []
