"""A cell's own statements tell what they name as written, what they mention and what they bind."""

import ast

import pytest

from ipy_tensorwatch.core.records.path import AccessPath
from ipy_tensorwatch.core.statements.statement import (
    Target,
    parse_statements,
    spell_target,
    statements_of,
    walk_statements,
)
from ipy_tensorwatch.core.statements.writes.write_target import key_names
from ipy_tensorwatch.core.syntax.parsing import parse_path


def only(source):
    (statement,) = parse_statements(source)
    return statement


def spelled(statement):
    return {(str(one.path), one.below, one.same_object) for one in statement.targets}


EXACT, BELOW, OTHER = (False, True), (True, True), (False, False)

WRITTEN = [
    ("y += 1", {("y", *EXACT)}),
    ("y[0] = 1", {("y[0]", *EXACT)}),
    ("h[0][0] = 1", {("h[0][0]", *EXACT)}),
    ("y[-1] = 1", {("y[-1]", *EXACT)}),
    ("y[:] = x", {("y[:]", *EXACT)}),
    ("y[0] += x", {("y[0]", *EXACT)}),
    ("d['a'][i] = x", {("d['a'][i]", *EXACT)}),
    ("a, b[0] = x, y", {("b[0]", *EXACT)}),
    ("y.data = x", {("y.data", *EXACT)}),
    ("w.grad = g", {("w.grad", *EXACT)}),
    ("p.data -= lr * p.grad", {("p.data", *EXACT)}),
    ("y.add_(x)", {("y", *EXACT)}),
    ("y.sub_(5).div_(3)", {("y", *EXACT)}),
    ("y.data.fill_(0)", {("y.data", *EXACT)}),
    ("model.layers[0].weight.data.fill_(0)", {("model.layers[0].weight.data", *EXACT)}),
    ("y.contiguous().add_(1)", {("y", *EXACT)}),
    ("y.copy_(x)", {("y", *EXACT)}),
    ("y.view(-1)[0] = 1", {("y", *OTHER)}),
    ("y.detach().add_(1)", {("y", *OTHER)}),
    ("y.T.add_(1)", {("y", *OTHER)}),
    ("y[1:].add_(1)", {("y[1:]", *OTHER)}),
    ("y[:, :1][mask[:, :1]] = 7", {("y[:, :1]", *OTHER)}),
    ("y.numpy()[0] = 9", {("y", *OTHER)}),
    ("np.asarray(y)[0] = 9", {("y", *OTHER)}),
    ("torch.from_numpy(a)[0] = 9", {("a", *OTHER)}),
    ("torch.from_numpy(a).add_(1)", {("a", *OTHER)}),
    ("memoryview(y.numpy())[0] = 9", {("y", *OTHER)}),
    ("y.storage()[0] = 9", {("y", *OTHER)}),
    ("y.untyped_storage().fill_(0)", {("y", *OTHER)}),
    ("torch.empty(0).set_(y.untyped_storage()).add_(1)", {("y", *OTHER)}),
    ("ctypes.memset(y.data_ptr(), 0, 4)", {("y", *OTHER)}),
    ("ctypes.memmove(y.data_ptr(), x.data_ptr(), 4)", {("y", *OTHER)}),
    ("torch.add(x, 1, out=y)", {("y", *EXACT)}),
    ("torch.max(x, 0, out=(y, i))", {("y", *EXACT), ("i", *EXACT)}),
    ("np.multiply(x, 2, y)", {("y", *EXACT)}),
    ("F.relu(y, inplace=True)", {("y", *EXACT)}),
    ("z = nn.ReLU(inplace=True)(y)", {("y", *EXACT)}),
    ("act = nn.ReLU(inplace=True)", set()),
    ("nn.init.zeros_(w)", {("w", *EXACT)}),
    ("init.normal_(w, 0, s)", {("w", *EXACT)}),
    ("torch.relu_(y)", {("y", *EXACT)}),
    ("torch._foreach_add_([y, z], x)", {("y", *EXACT), ("z", *EXACT)}),
    ("torch._foreach_mul_(ys, 2)", {("ys", *BELOW)}),
    ("torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=m)", {("model", *BELOW)}),
    ("clip_grad_norm_(params, m)", {("params", *BELOW)}),
    ("normalize_(batch)", {("batch", *BELOW)}),
    ("agent.t.add_(1)", {("agent.t", *EXACT)}),
    ("rollout.storage.values.add_(1)", {("rollout.storage.values", *EXACT)}),
    ("y.T.add_(1)", {("y", *OTHER)}),
    ("np.copyto(y, x)", {("y", *EXACT)}),
    ("dist.all_reduce(y, op=dist.ReduceOp.SUM)", {("y", *EXACT)}),
    ("work = dist.all_reduce(y, async_op=True)", {("y", *EXACT)}),
    ("torch.distributed.broadcast(src=0, tensor=y)", {("y", *EXACT)}),
    ("dist.scatter(y, parts if rank == 0 else None)", {("y", *EXACT)}),
    ("dist.gather(x, parts if rank == 0 else None)", {("parts", *EXACT)}),
    ("dist.gather(x, gather_list=[y, z])", {("y", *EXACT), ("z", *EXACT)}),
    ("dist.gather(x)", set()),
    ("dist.all_gather([y, z], x)", {("y", *EXACT), ("z", *EXACT)}),
    ("all_to_all_single(y, x)", {("y", *EXACT)}),
    ("dist.reduce_scatter(output=y, input_list=xs)", {("y", *EXACT)}),
    ("dist.all_reduce_coalesced([y, z])", {("y", *EXACT), ("z", *EXACT)}),
    ("c10d.recv(y, 0)", {("y", *EXACT)}),
    ("dist.send(x, 0)", set()),
    ("ops = [dist.P2POp(dist.isend, x, 1), dist.P2POp(dist.irecv, y, 1)]", {("y", *EXACT)}),
    ("torch.gather(x, 1, i)", set()),
    ("torch.scatter(x, 1, i, z)", set()),
    ("accelerator.gather(x)", set()),
    ("np.put(y, [0], x)", {("y", *EXACT)}),
    ("np.place(y, m, x)", {("y", *EXACT)}),
    ("np.putmask(y, m, x)", {("y", *EXACT)}),
    ("np.fill_diagonal(y, 1)", {("y", *EXACT)}),
    ("np.add.at(y, i, x)", {("y", *EXACT)}),
    ("np.random.shuffle(y)", {("y", *EXACT)}),
    ("nn.init.normal(y)", {("y", *EXACT)}),
    ("z = init.xavier_uniform(y.data)", {("y.data", *EXACT)}),
    ("z = np.random.normal(y)", set()),
    ("rng.shuffle(y)", {("y", *EXACT)}),
    ("random.shuffle(y)", {("y", *EXACT)}),
    ("np.nan_to_num(y, copy=False)", {("y", *EXACT)}),
    ("y.sort()", {("y", *EXACT)}),
    ("y.fill(0)", {("y", *EXACT)}),
    ("z = y.sort()", set()),
    ("struct.pack_into('f', y, 0, x)", {("y", *EXACT)}),
    ("vector_to_parameters(vec, model.parameters())", {("model", *BELOW)}),
    ("torch.utils.swap_tensors(y, z)", {("y", *EXACT), ("z", *EXACT)}),
    ("setattr(y, 'data', x)", {("y.data", *EXACT)}),
    ("y.__setitem__(0, x)", {("y", *EXACT)}),
    ("y.__iadd__(x)", {("y", *EXACT)}),
    ("operator.iadd(y, x)", {("y", *EXACT)}),
    ("operator.setitem(y, 0, x)", {("y", *EXACT)}),
    ("getattr(y, 'data').fill_(1)", {("y.data", *EXACT)}),
    ("getattr(box, name).fill_(1)", {("box", *BELOW)}),
    ("getattr(y, 'fill_')(1)", {("y", *EXACT)}),
    ("box.__dict__['w'].fill_(1)", {("box.w", *EXACT)}),
    ("vars(box)['w'] += 1", {("box.w", *EXACT)}),
    ("globals()['y'].fill_(1)", {("y", *EXACT)}),
    ("vars()['y'] += 1", {("y", *EXACT)}),
    ("locals()['y'][0] = 1", {("y[0]", *EXACT)}),
    ("get_ipython().user_ns['y'].fill_(1)", {("y", *EXACT)}),
    ("operator.methodcaller('fill_', 1)(y)", {("y", *EXACT)}),
    ("operator.attrgetter('w.data')(box).fill_(1)", {("box.w.data", *EXACT)}),
    ("itemgetter('w')(box).fill_(1)", {("box['w']", *EXACT)}),
    ("functools.partial(torch.Tensor.add_, y)(1)", {("y", *EXACT)}),
    ("bump = functools.partial(torch.Tensor.add_, y)", set()),
    ("model.get_submodule(name).weight.data.fill_(0)", {("model", *BELOW)}),
    ("model.get_parameter('0.weight').data.fill_(0)", {("model", *BELOW)}),
    ("next(model.parameters()).fill_(0)", {("model", *BELOW)}),
    ("list(model.parameters())[0].data.fill_(0)", {("model", *BELOW)}),
    ("model.state_dict()['w'].fill_(0)", {("model", *BELOW)}),
    ("model.load_state_dict(sd)", {("model", *BELOW)}),
    ("self.rnn.flatten_parameters()", {("self.rnn", *BELOW)}),
    ("z = solve(x, func.flatten_parameters())", set()),
    ("flat = func.flatten_parameters()", set()),
    ("model.half()", {("model", *BELOW)}),
    ("model = model.to(device)", {("model", *BELOW)}),
    ("model.apply(init)", {("model", *BELOW)}),
    ("model.requires_grad_(False)", {("model", *EXACT)}),
    ("opt.step()", {("opt", *BELOW)}),
    ("opt.zero_grad()", {("opt", *BELOW)}),
    ("obs = env.step(action)", set()),
    ("y.requires_grad_()", {("y", *EXACT)}),
    ("[p.zero_() for p in model.parameters()]", {("model", *BELOW)}),
    ("[q.mul_(x) for q in (y, z)]", {("y", *EXACT), ("z", *EXACT)}),
    ("(y if ok else z).add_(x)", {("y", *EXACT), ("z", *EXACT)}),
    ("d.get('k').add_(1)", {("d['k']", *EXACT)}),
    ("get_ipython().run_cell_magic('time', '', 'y.add_(x)\\nz[0] = 1')", {("y", *EXACT), ("z[0]", *EXACT)}),
    ("get_ipython().run_line_magic('timeit', '-n 10 y.add_(x)')", {("y", *EXACT)}),
    ("get_ipython().run_line_magic('pip', 'y.add_(x)')", set()),
]  # fmt: skip


@pytest.mark.parametrize(("source", "expected"), WRITTEN)
def test_a_statement_names_what_it_writes_to(source, expected):
    assert expected == spelled(only(source))


ONLY_READ = [
    "x = 1",
    "del x",
    "y = x.clone().add_(1)",
    "y = (x + 1).mul_(2)",
    "y = f(x).add_(1)",
    "y = model(x)",
    "y = pgd(x.requires_grad_(), x.float())",
    "torch.tensor(x).zero_()",
    "f = lambda t: x.add_(t)",
    "def f(t=x):\n    x.add_(t)",
    "class A:\n    x.add_(1)",
    "y[x] = x[0]",
    "print(x)",
    "for i in x: pass",
    "with f(x): pass",
]


@pytest.mark.parametrize("source", ONLY_READ)
def test_what_is_only_read_is_no_target(source):
    targets = [target for one in parse_statements(source) for target in one.targets]
    assert [] == [target for target in targets if target.path.root == "x"]


def test_statements_come_in_source_order_with_those_of_blocks_but_not_of_functions():
    source = """import torch
@deco
def f(a,
      b=1):
    a.add_(1)
for i in range(3):
    if i:
        x[i] = 1
    elif i > 1: y = 2
    else:
        z = 3
else:
    w = 4
with torch.no_grad(), open(
    'f'
) as g:
    try:
        p += 1
    except ValueError as e: print(e)
    finally:
        q = 1
match k:
    case [a, *b] if a: r = 1
s = 1; t = 2"""
    expected = [
        (1, 1, "import torch"),
        (2, 4, "@deco def f(a, b=1):"),
        (6, 6, "for i in range(3):"),
        (7, 7, "if i:"),
        (8, 8, "x[i] = 1"),
        (9, 9, "elif i > 1:"),
        (9, 9, "y = 2"),
        (11, 11, "z = 3"),
        (13, 13, "w = 4"),
        (14, 16, "with torch.no_grad(), open( 'f' ) as g:"),
        (17, 17, "try:"),
        (18, 18, "p += 1"),
        (19, 19, "print(e)"),
        (21, 21, "q = 1"),
        (22, 22, "match k:"),
        (23, 23, "r = 1"),
        (24, 24, "s = 1"),
        (24, 24, "t = 2"),
    ]
    found = parse_statements(source)
    assert expected == [(one.line, one.end_line, one.text) for one in found]
    assert list(range(len(expected))) == [one.index for one in found]


def test_nodes_are_walked_in_the_order_of_the_indices():
    source = "if a:\n    b = 1\nelse:\n    c = 2\nwhile d:\n    e = 3"
    tree = ast.parse(source)
    lines = [node.lineno for node in walk_statements(tree.body)]
    assert lines == [one.line for one in statements_of(tree, source)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x.add_(1)   # why", "x.add_(1)"),
        ("f(x,  # one\n  y)", "f(x, y)"),
        ("s = '#'  # two", "s = '#'"),
        ("é = x.add_(1); y = 2", "é = x.add_(1)"),
        ("x = '''a\n  b'''", "x = '''a b'''"),
        ("def f(k={1: 2}) -> dict[str, int]: return k", "def f(k={1: 2}) -> dict[str, int]:"),
        ("class A(B): pass", "class A(B):"),
        ("while (x :=\n       f()): y()", "while (x := f()):"),
        ("async with a as b: pass", "async with a as b:"),
    ],
)
def test_a_text_is_one_line_without_comments_or_blocks(source, expected):
    assert expected == parse_statements(source)[0].text


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("y = x", ["y", "x"]),
        ("x.add_(y[0], d['k'].w)", ["x", "y[0]", "d['k'].w"]),
        ("y = net.block(x[:, 0])", ["y", "net", "x"]),
        ("y = net.blocks[1](x[i])", ["y", "net.blocks[1]", "x", "i"]),
        ("f(x.T, y.data)", ["f", "x", "y.data"]),
        ("f(lambda t: t + w)", ["f", "w"]),
        ("y = [p + q for p in ps]", ["y", "q", "ps"]),
        ("x[0].w[i].b = 1", ["x[0].w", "i"]),
        ("get_ipython().run_cell_magic('time', '', 'z(u)')", ["get_ipython", "z", "u"]),
    ],
)  # fmt: skip
def test_mentions_are_the_longest_plain_chains(source, expected):
    assert sorted(expected) == sorted(str(one) for one in only(source).mentions)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a = b.c = d[0] = 1", {"a"}),
        ("a, (b, *c) = x", {"a", "b", "c"}),
        ("a += 1", set()),
        ("a: int = 1", {"a"}),
        ("for a, b in x: pass", {"a", "b"}),
        ("with x as a, y as (b, c): pass", {"a", "b", "c"}),
        ("import a.b, c as d", {"a", "d"}),
        ("from m import a, b as c", {"a", "c"}),
        ("f((a := 1))", {"a"}),
        ("[a := p for p in x]", {"a"}),
        ("def a(): pass", {"a"}),
        ("class a: pass", {"a"}),
        ("del a", {"a"}),
        ("try: pass\nexcept E as a: pass", {"a"}),
        ("match x:\n    case [a, {'k': b, **c}]: pass", {"a", "b", "c"}),
    ],
)
def test_names_bound_are_told(source, expected):
    assert expected == set(parse_statements(source)[0].binds)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("y += 1", False),
        ("y[:] = x + 1", False),
        ("f(x)", True),
        ("await x", True),
        ("for b in loader: pass", True),
        ("[b for b in loader]", True),
        ("with x: pass", True),
        ("@f\ndef g(): pass", True),
        ("if x: f()", False),
    ],
)
def test_a_statement_tells_whether_it_may_run_a_function(source, expected):
    assert expected == parse_statements(source)[0].calls


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("h[i] = 1", {"i"}),
        ("h[i + 1]['k'].add_(x[j])", {"i"}),
        ("h[f'layer{n}'].zero_()", {"n"}),
        ("h[i, j] = 1", set()),
        ("h[:i] = 1", set()),
        ("h[f(i)] = 1", set()),
        ("h[0] = 1", set()),
    ],
)
def test_the_names_that_tell_a_target_s_items_are_given(source, expected):
    assert expected == set().union(*(key_names(one.path) for one in only(source).targets))


@pytest.mark.parametrize(
    ("source", "values", "expected"),
    [
        ("h[0] = 1", {}, "h[0]"),
        ("h[-1] = 1", {}, "h[*]"),
        ("h[-1] = 1", {"len(h)": 3}, "h[2]"),
        ("h.a[i - 2].w.add_(1)", {"i": 0, "len(h.a)": 3}, "h.a[1].w"),
        ("h[i].a[-1] = 1", {"i": 1, "len(h[i].a)": 2}, "h[1].a[1]"),
        ("h['a b'] = 1", {}, "h['a b']"),
        ("h[i] = 1", {"i": 2}, "h[2]"),
        ("h[-i] = 1", {"i": 2}, "h[*]"),
        ("h[-i] = 1", {"i": 2, "len(h)": 5}, "h[3]"),
        ("h[2 * i - 1] = 1", {"i": 2}, "h[3]"),
        ("h[i // 2][i % 2] = 1", {"i": 3}, "h[1][1]"),
        ("h[k].add_(1)", {"k": "w"}, "h['w']"),
        ("h[f'l{n}.w'].add_(1)", {"n": 3}, "h['l3.w']"),
        ("h[i] = 1", {}, "h[*]"),
        ("h[i // 0] = 1", {"i": 1}, "h[*]"),
        ("h[k * 2] = 1", {"k": "w"}, "h[*]"),
        ("h[mask] = 1", {}, "h[*]"),
        ("h[:, j] = 1", {"j": 1}, "h[*]"),
        ("h[...] = 1", {}, "h[*]"),
        ("h[f(i)].w.add_(1)", {"i": 1}, "h[*].w"),
        ("h[(1).__class__] = 1", {}, "h[*]"),
    ],
)
def test_dynamic_items_are_resolved_by_safe_evaluation(source, values, expected):
    assert expected == str(spell_target(only(source).targets[0], values))


def test_a_target_resolves_to_an_access_path_that_leads_to_what_was_written():
    target = Target(path=AccessPath("h", ("[i]", ".weight")), below=False, same_object=True)
    assert AccessPath("h", ("[1]", ".weight")) == spell_target(target, {"i": 1})


@pytest.mark.parametrize("source", ["", "# nothing", "f(", "x = = 1", "%time x", "\x00", "(" * 10_000])
def test_what_is_no_python_has_no_statements(source):
    assert () == parse_statements(source)


def test_await_at_the_top_level_is_python():
    assert ["y"] == [str(one.path) for one in only("y += await f(x)").targets]


@pytest.mark.parametrize("terms", [300, 900, 3_000])
def test_an_expression_of_any_depth_raises_nothing(terms):
    found = parse_statements("y[0] = " + "+".join(["x"] * terms) + "\nz += 1")
    assert [{("z", *EXACT)}] == [spelled(one) for one in found[1:2]] or found == ()


def test_a_deep_nest_of_calls_is_read_in_time():
    assert {("y", *EXACT)} == spelled(only("g(" * 80 + "y.add_(1)" + ")" * 80))


@pytest.mark.parametrize(
    ("text", "steps"),
    [("x", ()), ("a.b[0]", (".b", "[0]")), ("d['a.b']['[x]'].c", ("['a.b']", "['[x]']", ".c")), ("d[-1]", ("[-1]",))],
)
def test_a_spelled_path_is_read_back(text, steps):
    assert steps == parse_path(text).steps
    assert text == str(parse_path(text))
