"""What a cell binds and then changes, told with the statement that bound it and the one that wrote."""

from __future__ import annotations

import pytest

from tests.support.notebook import Notebook, born, changes, silent

TRAINING = """
import copy, torch
from torch import nn
model = nn.Linear(2, 1)
opt = torch.optim.SGD(model.parameters(), lr=0.1)
def epoch():
    opt.zero_grad(); model(torch.ones(1, 2)).square().sum().backward(); opt.step()
def train(n):
    best = None
    for e in range(n):
        epoch()
        if e == 1: best = model.state_dict()
    return best
def train_to_the_end(n):
    for e in range(n):
        epoch()
    return model.state_dict()
def train_with_copies(n):
    for e in range(n):
        epoch()
        best = copy.deepcopy(model.state_dict())
    return best
class Trainer:
    def fit(self, n):
        for e in range(n):
            epoch()
            if e == 1: self.best = dict(model.state_dict())
trainer = Trainer()
"""


def told(report):
    """Give the silent changes of what the cell bound: the lines that bound and wrote, and through what."""
    return {
        path: (one["born"]["line"], [site["line"] for site in one["sites"]], one["via"])
        for path, one in born(report).items()
        if one["silent"]
    }


@pytest.mark.parametrize(
    ("before", "cell", "expected"),
    [
        ("", "x = list(a)\ndel x\na.add_(1)\nx = [a, a]\nx += [a]", {"a"}),
        ("", "x = list(a)\nx = [a, a]\na.add_(1)\nx += [a]", {"a", "x[0]", "x[1]"}),
        ("", "x = [a[:2], a[2:]]\nx.pop()\na.add_(1)\nx += [torch.ones(2)]", {"a", "x[0]"}),
        ("x = [a[:2]]", "x.pop()\na.add_(1)\nx.append(torch.ones(2))", {"a"}),
        ("x = [a[:2]]", "x.clear()\na.add_(1)\nx = [torch.ones(2)]", {"a"}),
        ("x = [a[:2]]", "a.add_(1)\nx.clear()\nx = [torch.ones(2)]", {"a", "x[0]"}),
        ("x = a[:2]", "del x\na.add_(1)\nx = torch.ones(2)", {"a"}),
        ("", "x = a[:2]\nx = None\na.add_(1)\nx = torch.ones(2)", {"a"}),
    ],
)
def test_a_path_is_not_told_of_a_write_while_it_did_not_exist(before: str, cell: str, expected: object):
    with Notebook(settings={"probe_floor": 2.0}) as nb:
        for source in ("import torch\na = torch.zeros(4)", before, cell):
            nb.cell(source)

        assert set(changes(nb.report(), "mutated")) == expected


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("x = torch.zeros(2, 3); y = x.detach(); y[0] = 1", {"x": (1, [1], ["y"])}),
        ("x = np.zeros(3)\nt = torch.from_numpy(x)\nt += 1", {"x": (1, [3], ["t"])}),
        ("x = torch.zeros(3)\nif True:\n    y = x[1:]\n    y.add_(1)", {"x": (1, [4], ["y"])}),
        ("with torch.no_grad():\n    x = torch.zeros(3)\n    y = x.view(3)\ny += 1", {"x": (2, [4], ["y"])}),
        ("d = {}\nd['a'] = torch.zeros(2)\nv = d['a'].view(2)\nv += 1", {"d['a']": (2, [4], ["v"])}),
        ("kept, buf = [], torch.zeros(2)\nfor i in range(2):\n    buf += 1\n    kept.append(buf)", {"kept[0]": (4, [3], ["buf"])}),
        ("class Box: pass\nbox = Box()\nbox.t = torch.zeros(2)\nv = box.t[:1]\nv += 1", {"box.t": (3, [5], ["v"])}),
        ("for i in range(3):\n    x = torch.zeros(2)\n    y = x[:]\n    y.fill_(i + 1)", {"x": (2, [4], ["y"])}),
        ("x = torch.zeros(3)\nx += 1\ny = x.view(3)\ny += 1", {"x": (1, [4, 2], ["y"])}),
        ("a = np.zeros(2)\nt = torch.from_numpy(a)\nt += 1\na += 1", {"a": (1, [3, 4], ["t"]), "t": (2, [4, 3], ["a"])}),
        ("x = torch.zeros(3)\ny = x[1:]\ny += 1\nx = x * 2", {"x": (1, [3], ["y"])}),
        ("h = [torch.zeros(2)] * 2\nh[0] += 1\nh[1] = h[1] + 5", {"h[1]": (1, [2], ["h[0]"])}),
        ("w = torch.ones(2, requires_grad=True)\nw.sum().backward()\nkept = [w.grad]\ng = w.grad.view(2)\ng += 1",
         {"w.grad": (2, [5], ["g"]), "kept[0]": (3, [5], ["g"])}),
        ("globals()['x' * 1] = torch.zeros(3)\nv = x[:2]\nv += 1", {"x": (1, [3], ["v"])}),
        ("n = 'x'\nglobals()[n] = torch.zeros(3)\nv = x[:2]\nv += 1", {"x": (2, [4], ["v"])}),
        ("globals().update(x=torch.zeros(3))\nv = x[:2]\nv += 1", {"x": (1, [3], ["v"])}),
        ("w = torch.ones(2, requires_grad=True)\nw.sum().backward()\ng = w.grad.view(2)\ng += 1", {"w.grad": (2, [4], ["g"])}),
        ("w = torch.ones(2, requires_grad=True)\nw.sum().backward()\ngrad = w.grad.numpy()\ngrad += 1", {"w.grad": (2, [4], ["grad"])}),
        ("w = torch.ones(2, requires_grad=True)\nw.grad = None\nw.sum().backward()\ng = [w.grad[:1]]\nfor one in g: one += 1",
         {"w.grad": (3, [5], ["g[0]"])}),
        ("x = torch.zeros(300, 300)\ny = x.detach()\ny += 1", {"x": (1, [3], ["y"])}),
        ("s = torch.eye(2).to_sparse()\nv = s._values()\nv += 1", {"s": (1, [3], ["v"])}),
        ("v = torch.ones(2)\nd = {'a': torch.sparse_csr_tensor([0, 1, 2], [0, 1], v)}\nv[0] = 5\nv[1] = 6",
         {"d['a']": (2, [3, 4], ["v"])}),
        ("s = torch.eye(2).to_sparse().coalesce()\nv = s.values()\nv += 1\ns = s * 2", {"s": (1, [3], ["v"])}),
    ],
)  # fmt: skip
def test_what_a_later_statement_changes_without_naming_it_is_told_with_both_lines(cell: str, expected: object):
    with Notebook() as nb:
        nb.run("import numpy as np, torch")

        assert told(nb.run(cell)) == expected


@pytest.mark.parametrize(
    "cell",
    [
        "x = torch.zeros(3)\nx += 1\nx[0] = 5",
        "h = torch.zeros(3)\nfor t in range(4):\n    h = torch.tanh(h + 1)",
        "for i in range(4):\n    x = torch.zeros(2)\n    x += i",
        "x = torch.zeros(3)\ny = x[1:]\ny += 1\nx = torch.ones(3)\ny = torch.ones(2)",
        "a, b = torch.ones(6), torch.zeros(6)\nfor t in range(5):\n    b[1:-1] = a[:-2] + a[2:]\n    a, b = b, a",
        "act = torch.nn.ReLU(inplace=True)\nx = torch.randn(3)\nx = act(x)\nx = x * 2\nx = act(x)",
        "net = torch.nn.Linear(2, 1)\nopt = torch.optim.Adam(net.parameters())\n"
        "for i in range(3):\n    opt.zero_grad()\n    net(torch.ones(1, 2)).sum().backward()\n    opt.step()",
        "bn = torch.nn.BatchNorm1d(2)\nfor i in range(3):\n    y = bn(torch.randn(4, 2))",
        "w = torch.zeros(2, requires_grad=True)\nfor i in range(3):\n    w.sum().backward()\n"
        "    with torch.no_grad():\n        w -= w.grad\n        w.grad.zero_()",
        "w, g = torch.ones(2, requires_grad=True), torch.zeros(2)\ng += 1\nw.grad = g",
        "w, flat = torch.ones(2, requires_grad=True), torch.zeros(4)\nflat += 1\nw.grad, n = flat[:2], 1",
        "data = np.random.rand(9, 2)\ndata -= data.mean(0)\nt = torch.from_numpy(data)\nhead = t[:3]",
        "s = torch.eye(2).to_sparse()\nv = s.to_dense()\nv += 1\nfor i in range(3):\n    s = s * 2",
    ],
)
def test_nothing_is_told_of_what_a_cell_makes_and_writes_by_name(cell: str):
    with Notebook() as nb:
        nb.run("import numpy as np, torch")
        nb.run(cell)

        assert nb.said[-1] == ""


def test_a_gradient_that_a_function_assigns_was_none_before():
    with Notebook() as nb:
        nb.run("import torch\ndef give(p, g):\n    p.grad = g")

        assert told(nb.run("w, g = torch.ones(2, requires_grad=True), torch.zeros(2)\ng += 1\ngive(w, g)")) == {}


@pytest.mark.parametrize(
    "cell",
    [
        "for e in range(5):\n    epoch()\n    if e < 2: best = model.state_dict()",
        "best = model.state_dict()\nepoch()",
        "best = train(5)",
        "trainer.fit(4)",
        "best = {}\nfor e in range(3):\n    epoch()\n    best[e] = model.state_dict()",
    ],
)
def test_a_state_dict_that_was_kept_while_training_went_on_is_told(cell: str):
    with Notebook() as nb:
        nb.run(TRAINING)
        [hazard] = nb.run(cell)["hazards"]

    assert hazard["code"] == "TW207"
    assert hazard["saved_at"] is not None
    assert hazard["written_at"] is not None


@pytest.mark.parametrize(
    "cell",
    [
        "last = train_to_the_end(3)",
        "best = train_with_copies(3)",
        "for e in range(3):\n    epoch()\nlast = model.state_dict()",
        "for e in range(3):\n    epoch()\n    best = copy.deepcopy(model.state_dict())",
    ],
)
def test_one_that_was_taken_last_or_copied_is_not(cell: str):
    with Notebook() as nb:
        nb.run(TRAINING)

        assert nb.run(cell)["hazards"] == []


def test_why_tells_the_write_and_claims_nothing_that_was_not_seen():
    with Notebook() as nb:
        nb.run("import torch\nx = torch.zeros(3); y = x.detach(); y[0] = 1")
        seen = nb.cell("%tensorwatch why x").stdout
        nb.run("z = torch.zeros(3)")
        unseen = nb.cell("%tensorwatch why z").stdout

    assert "y[0] = 1" in seen
    assert "no cell was seen to write to it" in unseen


def test_an_array_can_be_resized_in_the_cell_that_makes_it():
    with Notebook() as nb:
        nb.run("import numpy as np\na = np.zeros(3)\nb = 1\na.resize(5)\nc = 2")

        assert nb.ns["a"].shape == (5,)


@pytest.mark.parametrize(
    "resize",
    ["z.resize_(2)", "small = thing.resize((2, 2))", "r = np.ones(3)\nr.resize(5)", "z.data = torch.ones(2)"],
)
def test_what_a_cell_binds_is_told_where_something_is_resized(resize: str):
    with Notebook() as nb:
        nb.run("import types\nimport numpy as np, torch\nz = torch.zeros(3)")
        nb.run("thing = types.SimpleNamespace(resize=lambda size: size)")
        report = nb.run(f"x = torch.zeros(3)\ny = x[1:]\ny += 1\n{resize}\nw = 1")

        assert {"x", "y"} == set(born(report))
        assert {"x"} == silent(report)


def test_what_a_loop_makes_while_the_looks_rest_is_listed_as_not_compared():
    with Notebook() as nb:
        nb.run("import torch")
        long = nb.run("for i in range(20000):\n    x = torch.zeros(3)\n    y = x + 1")["coverage"]["unverified"]
        short = nb.run("for i in range(3):\n    x = torch.zeros(3)\n    y = x + 1")["coverage"]["unverified"]

    assert {one["path"] for one in long} == {"x", "y"}
    assert short == []


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("b.load_state_dict(a.state_dict(), assign=True)", {"b.weight", "b.bias"}),
        ("setattr(b, 'weight', nn.Parameter(a.weight.data))", {"b.weight"}),
        ("b.register_parameter('bias', nn.Parameter(a.bias.data))", {"b.bias"}),
        ("class Kept: weight = a.weight.detach()", {"Kept.weight"}),
        ("b.load_state_dict(a.state_dict())", set()),
        ("class Kept: weight = a.weight.detach().clone()", set()),
    ],
)
def test_what_a_call_or_a_class_makes_share_memory_in_the_cell_is_told(cell: str, expected: object):
    made = "import torch\nfrom torch import nn\na, b = nn.Linear(3, 1), nn.Linear(3, 1)\n"
    train = "\nopt = torch.optim.SGD(a.parameters(), lr=0.1)\na(torch.ones(1, 3)).sum().backward()\nopt.step()"
    with Notebook(settings={"probe_floor": 2.0}) as nb:
        assert expected == set(told(nb.run(made + cell + train)))
