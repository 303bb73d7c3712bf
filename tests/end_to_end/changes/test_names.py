"""What a statement names as written, whatever the spelling: loop variables, setters, containers reached twice."""

from __future__ import annotations

import textwrap

import pytest

from tests.support.notebook import Notebook


def changed(notebook: Notebook, *cells: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Run cells; return the silent changes of the last, each with its cause and what it was changed through."""
    for source in cells:
        report = notebook.run(source)
    return {one["path"]: (one["cause"], tuple(one["via"])) for one in report["changes"] if one["silent"]}


@pytest.fixture
def notebook():
    with Notebook() as one:
        one.run("import itertools, torch; from torch import nn")
        yield one


LISTS = "xs = [torch.zeros(2) for _ in range(3)]; ys = [torch.zeros(2) for _ in range(3)]"
QUIET = [
    "for x in xs: x += 1",
    "for i, x in enumerate(xs): x += i + 1",
    "for i, (x, y) in enumerate(zip(xs, ys)):\n    x += 1\n    y.mul_(2).add_(x)",
    "for x in reversed(xs): x.data.add_(1)",
    "for x in itertools.chain(xs, ys): x.view(-1).add_(1)",
    "for x in xs + ys: x[0] = 1",
    "for x in [xs[0], ys[1]]: x.fill_(3)",
    "for _ in range(3000):\n    for x in xs: x += 1",
    "[x.add_(1) for x in xs]",
]


class TestLoopVariables:
    @pytest.mark.parametrize("cell", QUIET)
    def test_a_loop_over_a_named_container_writes_its_elements_by_name(self, notebook, cell):
        assert {} == changed(notebook, LISTS, cell)
        assert notebook.last.told == ""

    def test_whoever_else_shares_the_elements_is_silent(self, notebook):
        others = "keep, part, array = xs[1], xs[0][:1], xs[2].numpy()"

        found = changed(notebook, LISTS, others, "for x in xs: x += 1")

        assert {"keep": ("alias", ("xs[1]",)), "part": ("alias", ("xs[0]",)), "array": ("alias", ("xs[2]",))} == found

    def test_a_loop_over_items_of_a_dict_writes_them_by_name(self, notebook):
        made = "d = {k: torch.zeros(2) for k in 'ab'}; kept = d['b']"

        assert {"kept": ("alias", ("d['b']",))} == changed(notebook, made, "for k, v in d.items(): v.add_(1)")

    def test_a_loop_over_a_state_dict_is_no_update_of_its_module(self, notebook):
        made = "net = nn.Linear(2, 1); state = net.state_dict()"

        found = changed(notebook, made, "for k, v in state.items(): v.mul_(2)")

        assert {"net.weight": ("alias", ("state['weight']",)), "net.bias": ("alias", ("state['bias']",))} == found

    @pytest.mark.parametrize("rows", ["m", "m.unbind()", "m[1:]", "m.T"])
    def test_the_rows_of_a_tensor_are_views_and_no_names_of_it(self, notebook, rows):
        assert {"m": ("alias", ("row",))} == changed(notebook, "m = torch.zeros(3, 2)", f"for row in {rows}: row += 1")

    def test_a_nested_loop_writes_by_name(self, notebook):
        made = "grid = [[torch.zeros(2) for _ in range(3)] for _ in range(2)]"

        assert {} == changed(notebook, made, "for row in grid:\n    for x in row: x += 1")

    def test_a_loop_over_many_views_names_them_and_not_what_they_are_views_of(self, notebook):
        made = "x = torch.zeros(400, 3); views = [x[i] for i in range(400)]"

        assert ["x"] == [*changed(notebook, made, "for v in views: v += 1")]

    def test_only_elements_that_the_variable_led_to_are_named(self, notebook):
        made = "xs = [torch.zeros(2) for _ in range(3)]; xs.append(xs[0].detach())"

        assert {"xs[3]": ("alias", ("xs[0]",))} == changed(notebook, made, "for x in xs[:2]: x += 1")

    def test_objects_that_a_users_own_iterator_gives_are_named(self, notebook):
        notebook.run(
            "class Buffer:\n"
            "    def __init__(self): self.held = [torch.zeros(2), torch.zeros(2)]\n"
            "    def __iter__(self): return iter(self.held)\n"
        )
        assert {} == changed(notebook, "buffer = Buffer()", "for one in buffer: one += 1")

    def test_a_batch_that_is_a_view_of_a_dataset_is_no_name_of_it(self, notebook):
        notebook.run(
            "class Rows:\n"
            "    def __init__(self): self.a = torch.zeros(4, 2)\n"
            "    def __len__(self): return 4\n"
            "    def __getitem__(self, i): return self.a[i]\n"
        )
        made = "rows = Rows(); loader = torch.utils.data.DataLoader(rows, batch_size=None)"

        assert {"rows.a": ("alias", ("xb",))} == changed(notebook, made, "for xb in loader: xb += 1")

    def test_a_variable_that_the_body_has_rebound_names_nothing(self, notebook):
        found = changed(notebook, LISTS, "for x in xs:\n    x = x.float()\n    x += 1")

        assert ["xs[0]", "xs[1]", "xs[2]"] == [*found]

    def test_what_a_function_writes_through_the_variable_is_silent(self, notebook):
        notebook.run("def predict(t): t.add_(1)")

        assert ["xs[0]", "xs[1]", "xs[2]"] == [*changed(notebook, LISTS, "for x in xs: predict(x)")]

    def test_updates_by_hand_of_every_layer_are_expected(self, notebook):
        made = "net = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1)); x = torch.ones(4, 2)"
        train = """
            for epoch in range(30):
                net(x).square().mean().backward()
                with torch.no_grad():
                    for l in net:
                        if hasattr(l, "weight"):
                            l.weight -= l.weight.grad * .1; l.bias -= l.bias.grad * .1
                            l.weight.grad.zero_(); l.bias.grad.zero_()
        """
        kept = "kept = net[0].weight.detach()"

        assert ["kept"] == [*changed(notebook, made, kept, train)]


class TestNamesLeftOverFromLoops:
    LATER = (
        ("xs[2] += 1", []),
        ("change()", ["xs[2]"]),
        ("y = xs[2].detach()\ny += 1", ["xs[2]"]),
        ("for x in xs: pass\nchange()", ["xs[2]"]),
        ("for x in xs: predict(x)", ["xs[0]", "xs[1]", "xs[2]"]),
        ("x += 1", ["xs[2]"]),
        ("predict(x)", ["x", "xs[2]"]),
        ("x = xs[2]\nchange()", ["x", "xs[2]"]),
    )

    @pytest.mark.parametrize(("cell", "silent"), LATER)
    def test_a_name_that_a_loop_left_over_is_not_told_beside_its_tensor(self, notebook, cell, silent):
        notebook.run("def change(): xs[2].add_(1)\ndef predict(t): t.add_(1)")

        assert silent == sorted(changed(notebook, LISTS, "for x in xs: print(x.shape)", cell))

    @pytest.mark.parametrize("loop", ["for x in xs: break", "for x in xs: pass\nx = xs[2]", "x = xs[2]"])
    def test_a_name_that_was_bound_on_purpose_is_told(self, notebook, loop):
        notebook.run("def change():\n    for x in xs: x.add_(1)")

        assert "x" in changed(notebook, LISTS, loop, "change()")

    def test_a_tensor_that_has_no_other_path_is_told(self, notebook):
        notebook.run("def change(): array[:] = 1")
        made = "for t in [torch.zeros(2)]: pass\narray = t.numpy()"

        assert ["array", "t"] == sorted(changed(notebook, made, "del array", "array = t.numpy()", "change()"))

    def test_a_name_counts_again_once_it_is_bound_otherwise(self, notebook):
        found = changed(notebook, LISTS, "for x in xs: pass", "x = xs[0]", "y = xs[0].detach(); y += 1")

        assert ["x", "xs[0]"] == sorted(found)

    def test_the_cause_is_told(self, notebook):
        report = [
            notebook.run(one) for one in (LISTS, "for x in xs: pass", "xs[2].detach().add_(1); y = xs[2].numpy()")
        ]

        assert {"direct", "leftover"} == {one["cause"] for one in report[-1]["changes"] if one["kind"] == "mutated"}


SAME = [
    "z = x.to(x.dtype)",
    "z = x.float(); x.cpu(); x.to('cpu')",
    "z, w = x.contiguous(), (x if True else y).float()",
    "z = x.requires_grad_(False)",
    "x.requires_grad_(False); x.share_memory_(); x.detach_()",
    "x = x.float()",
    "x.sort()",
    "z = x.numpy(); z = __import__('numpy').asarray(z)",
]
ASSIGNED_ITSELF = [
    ("b.x", "b.x = b.x.float()"),
    ("d['x']", "d['x'] = d['x'].cpu()"),
    ("xs[0]", "xs[0] = xs[0].to('cpu')"),
]


class TestOneObjectUnderTwoNames:
    @pytest.mark.parametrize("cell", SAME)
    def test_a_name_that_is_bound_to_the_same_tensor_is_no_write_to_it(self, notebook, cell):
        made = "x = torch.zeros(3); y = x[:2]"

        assert ("alias", ("y",)) == changed(notebook, made, f"y.detach().add_(1)\n{cell}")["x"]

    @pytest.mark.parametrize(("name", "cell"), ASSIGNED_ITSELF)
    def test_an_attribute_or_item_that_is_assigned_its_own_tensor_is_not_written(self, notebook, name, cell):
        notebook.run("class Box: pass")
        made = f"b, d, xs = Box(), {{}}, [None]; {name} = torch.zeros(3); y = {name}[:2]"

        assert {name: ("alias", ("y",))} == changed(notebook, made, f"y += 1\n{cell}")

    def test_what_is_assigned_the_result_of_the_call_that_wrote_it_is_written_by_name(self, notebook):
        notebook.run("def norm(t):\n    t -= 1\n    return t\nclass Box: pass")

        assert {} == changed(notebook, "b = Box(); b.x = torch.zeros(3)", "b.x = norm(b.x)")

    def test_a_module_is_converted_in_place(self, notebook):
        assert {} == changed(notebook, "net = nn.Linear(2, 2)", "net.half()", "net = net.to(torch.float64)")


SETTERS = """
import contextlib
class K:
    def __init__(self): self.__dict__["raw"] = torch.ones(3)
    @property
    def scale(self): return self.raw.mean()
    @scale.setter
    def scale(self, v): self.raw.fill_(v)
    def __setitem__(self, i, v): self.raw[i] = v
    def __iadd__(self, v):
        self.raw.add_(v)
        return self
    def __setattr__(self, name, v): object.__setattr__(self, name, v) if name == "scale" else self.raw.fill_(v)
"""
ASSIGNED = [
    "k.scale = 2.",
    "k[0] = 5.",
    "k[...] = 6.",
    "k += 1",
    "k.scale += 1",
    "k.data_ = 7.",
    "k.scale, z = 3., 4",
    "setattr(k, 'scale', 9.)",
    "k.scale = float(k.raw.sum())",
    "for one in (k,): one.scale = 8.",
    "for k.scale in (3., 4.): pass",
    "for i, k[0] in enumerate((3., 4.)): pass",
    "with contextlib.nullcontext(5.) as k.scale: pass",
]


class TestSetters:
    @pytest.mark.parametrize("cell", ASSIGNED)
    def test_what_a_class_writes_when_it_is_assigned_to_is_named(self, notebook, cell):
        found = changed(notebook, SETTERS, "k = K(); view = k.raw[:2]", cell)

        assert {"view": ("alias", ("k.raw",))} == found

    def test_the_line_of_the_setter_is_told(self, notebook):
        report = [notebook.run(one) for one in (SETTERS, "k = K(); view = k.raw[:2]", "k.scale = 2.")][-1]

        (found,) = [one for one in report["changes"] if one["silent"]]
        assert "self.raw.fill_(v)" in found["sites"][0]["inner"]["text"]

    @pytest.mark.parametrize("cell", ["o.loss = predict(o.raw)", "o.loss = [predict(t) for t in (o.raw,)]"])
    def test_what_the_value_writes_is_not_written_by_the_assignment(self, notebook, cell):
        notebook.run("class O: pass\ndef predict(t):\n    t += 1\n    return t.sum()")

        assert ["o.raw"] == [*changed(notebook, "o = O(); o.raw = torch.ones(3)", cell)]


BOXES = """
from dataclasses import dataclass
class Box:
    def __init__(self, x): self.x = x
    @property
    def scale(self): return 1
    @scale.setter
    def scale(self, v): self.x.fill_(v)
@dataclass
class Pair:
    first: Box
    second: object = None
box = Box(torch.zeros(2)); one = [box]; d = {"b": box}; held = Pair(box); several = (held, held)
held.second = held; around = Box(box)
def change(b): b.x.add_(1)
def change_one(): d["b"].x.add_(1)
def fill(t): t.fill_(7)
"""
OVER = [
    ("one[0].x += 1", "one[0].x"),
    ("d['b'].x.add_(1)", "d['b'].x"),
    ("d['b'].x[0] = 9", "d['b'].x"),
    ("held.first.x.mul_(2).add_(1)", "held.first.x"),
    ("several[1].first.x += 1", "several[1].first.x"),
    ("held.second.second.first.x += 1", "held.second.second.first.x"),
    ("around.x.x.data.add_(1)", "around.x.x"),
    ("torch.add(one[0].x, 1, out=one[0].x)", "one[0].x"),
    ("for i in range(1): one[i].x += 1", "one[0].x"),
    ("for b in [0]:\n    for b in one: b.x += 1", "one[0].x"),
    ("[b.x.add_(1) for b in one]", "one[0].x"),
    ("one[0].scale = 4", "one[0].x"),
    ("change(d['b'])", "d['b'].x"),
    ("change_one()", "d['b'].x"),
    ("fill(held.first.x)", "held.first.x"),
]


class TestContainersReachedTwice:
    @pytest.mark.parametrize(("cell", "way"), OVER)
    def test_a_plain_object_is_changed_through_the_path_that_was_typed(self, notebook, cell, way):
        found = changed(notebook, BOXES, "b = None", cell)

        assert {"box.x": ("alias", (way,))} == {path: told for path, told in found.items() if path != "b.x"}

    def test_the_path_under_which_it_is_known_names_it(self, notebook):
        assert {} == changed(notebook, BOXES, "box.x += 1")

    def test_a_path_counts_from_the_cell_that_made_it(self, notebook):
        assert {"box.x": ("alias", ("late[0].x",))} == changed(notebook, BOXES, "late = [box]", "late[0].x += 1")

    def test_a_path_that_leads_elsewhere_now_is_forgotten(self, notebook):
        found = changed(notebook, BOXES, "one[0] = Box(torch.zeros(2)); alias = one[0].x", "one[0].x += 1")

        assert {"alias": ("alias", ("one[0].x",))} == found

    def test_an_update_by_hand_over_a_second_way_is_expected(self, notebook):
        made = "w = Box(torch.ones(2, requires_grad=True)); both = [w]"

        assert {} == changed(notebook, BOXES, made, "with torch.no_grad(): both[0].x.sub_(1)")


ROUNDABOUT = [
    "globals()['x'].add_(1)",
    "vars()['x'] += 1",
    "vars(b)['x'].mul_(2).add_(1)",
    "b.__dict__['x'][0] = 5",
    "getattr(b, 'x').add_(1)",
    "operator.attrgetter('x.data')(b).add_(1)",
    "operator.itemgetter('x')(d).add_(1)",
    "operator.methodcaller('add_', 1)(x)",
    "functools.partial(torch.Tensor.add_, x)(1)",
]


@pytest.mark.parametrize("cell", ROUNDABOUT)
def test_a_roundabout_spelling_names_what_it_writes(notebook, cell):
    notebook.run("import functools, operator\nclass Box: pass\nb = Box(); x = b.x = torch.zeros(3); d = {'x': x}")

    found = changed(notebook, "y = x.detach()", cell)

    assert found["y"][0] == "alias"
    assert len(found["y"][1]) > 0
    assert len(found) == 3  # of x, b.x and d['x'], one is named


def test_a_parameter_that_a_module_is_asked_for_by_name_is_named(notebook):
    ask = "with torch.no_grad():\n    net.get_parameter('0.weight').fill_(1); net.get_buffer('1.running_mean').add_(1)"

    assert {} == changed(notebook, "net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))", ask)


def test_a_lazy_module_that_initializes_its_parameters_changes_nothing(notebook):
    made = "net = nn.Sequential(nn.LazyLinear(3), nn.LazyBatchNorm1d()); also = net[0]; x = torch.ones(4, 2)"

    assert {} == changed(notebook, made, "y = net(x)")
    assert ["also.weight", "net[0].weight"] == sorted(changed(notebook, "w = also.weight.detach(); w += 1"))


NESTED = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2)])
        self.kept = [torch.zeros(2), 3]
net, stack = Net(), nn.Sequential(nn.Linear(2, 2), nn.ReLU())
for one in (net, stack): one.requires_grad_(False)
xs = [torch.zeros(2), torch.zeros(2), "no tensor"]
"""


class TestItemsCountedFromTheEnd:
    @pytest.mark.parametrize(
        "cell",
        [
            "xs[-2] += 1",
            "xs[-3].add_(1); xs[-2][0] = 5",
            "net.layers[-1].weight *= 0.1",
            "stack[-2].bias.zero_(); net.kept[-2] += 1",
            "for i in range(-3, -1): xs[i].add_(1)",
            "i = 1\nxs[i - 3].add_(1)",
            "ys = [torch.zeros(2), torch.zeros(2)]; ys[-1] += 1",
            "for t in range(300):\n    xs[-2].add_(1)\n    if t % 99 == 98: xs.insert(0, torch.zeros(2))",
        ],
    )
    def test_they_are_written_by_name(self, notebook, cell):
        assert {} == changed(notebook, NESTED, cell)

    def test_another_item_over_the_same_memory_is_silent(self, notebook):
        found = changed(notebook, "a = torch.zeros(3); pair = [a[:2], a]", "pair[-1] += 1")

        assert {"a": ("alias", ("pair[1]",)), "pair[0]": ("alias", ("pair[1]",))} | found == found


def test_a_gradient_that_is_dropped_through_a_loop_variable_is_no_write(notebook):
    made = "C, W = (torch.ones(3, requires_grad=True) for _ in 'ab'); params = [C, W]"
    cell = """
    with torch.no_grad():
        for i in range(20):
            h = C @ W
            for p in params:
                p.grad = None
            for p, g in zip(params, [torch.ones(3), torch.ones(3)]):
                p.data += -0.1 * g
    """

    assert {} == changed(notebook, made, textwrap.dedent(cell))


def test_children_of_a_sequential_are_numbered_by_their_place_unless_they_have_a_name(notebook):
    made = """
    net = nn.Sequential(nn.Linear(2, 2)); net.add_module("last", nn.Linear(2, 1)); net.add_module("9", nn.Linear(1, 1))
    several = nn.ModuleList([None, nn.Linear(2, 1)])
    kept = [net[0].bias.detach(), net.last.bias.detach(), net[2].bias.detach(), several[1].bias.detach()]
    """
    cell = "for one in (net[0], net.last, net[2], several[1]): one.bias.data += 1"

    found = changed(notebook, textwrap.dedent(made), cell)

    paths = "net[0].bias", "net.last.bias", "net[2].bias", "several[1].bias"
    assert {f"kept[{place}]": ("alias", (path,)) for place, path in enumerate(paths)} == found


def test_what_a_statement_stores_of_a_call_is_not_what_the_call_wrote_through():
    with Notebook() as nb:
        nb.run("import torch\ndef half(t): return t.mul_(0.5), 1\nxs = [torch.ones(2), torch.ones(3)]\nkept = {}")
        report = nb.run("for n, x in enumerate(xs):\n    kept[n] = half(x)")

    assert [("xs[0]", []), ("xs[1]", ["x"])] == [
        (one["path"], one["via"]) for one in report["changes"] if one["silent"]
    ]


@pytest.mark.parametrize("loop", ["for p in net.parameters(): print(p.shape)", "pass"])
def test_what_a_step_wrote_is_named_by_the_model_before_the_variable_that_a_loop_left_over(loop):
    with Notebook() as nb:
        nb.run(
            "import torch\nnet = torch.nn.Linear(1, 1)\nkept = net.bias.data\nopt = torch.optim.SGD(net.parameters(), lr=.1)"
        )
        nb.run("for p in net.parameters(): print(p.shape)\nnet(torch.ones(2, 1)).sum().backward()")
        report = nb.run(f"opt.step()\n{loop}")
        [kept] = [one for one in report["changes"] if one["silent"]]

    assert ("kept", ["net.bias", "p"], (1, 3)) == (
        kept["path"],
        kept["via"],
        (kept["shared_since"]["cell"], kept["shared_since"]["line"]),
    )
