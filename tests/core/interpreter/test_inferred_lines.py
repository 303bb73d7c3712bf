"""The line inside a called notebook function is inferred from the sources alone."""

import ast

import pytest

from ipy_tensorwatch.core.interpreter.ranking import NAMES_IT
from ipy_tensorwatch.core.interpreter.statement_effects import StatementEffects
from ipy_tensorwatch.core.records.path import AccessPath
from ipy_tensorwatch.core.records.trace.notebook import Definition, Notebook
from ipy_tensorwatch.core.statements.statement import parse_statements
from ipy_tensorwatch.core.syntax.parsing import parse_path


def make_notebook(*cells, classes=None, inplace=(), functions=None):
    definitions = {}
    for number, source in enumerate(cells, start=1):
        for node in ast.parse(source).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                definitions[node.name] = Definition(name=node.name, cell=number, source=source)
            elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
                definitions[node.targets[0].id] = Definition(name=node.targets[0].id, cell=number, source=source)
    for variable, name in (functions or {}).items():
        definitions[variable] = next(
            Definition(name=name, cell=number, source=source)
            for number, source in enumerate(cells, 1)
            if f"def {name}(" in source
        )
    return Notebook(definitions=definitions, classes=classes or {}, inplace=frozenset(inplace))


def infer(statement, changed, *group, notebook, **more):
    changed, group = parse_path(changed), frozenset(map(parse_path, group))
    return StatementEffects(notebook, **more).of(statement).narrow(changed, group)


def texts(reached):
    return [one.inner.text for one in reached.candidates]


PREDICT = """def predict(x):
    t = torch.from_numpy(x)
    t /= 255.0
    return float((t * w).sum())"""
DATASET = """class InRam(Dataset):
    def __init__(self, data):
        self.data = data
    def __len__(self):
        return len(self.data)
    def __getitem__(self, i):
        t = torch.from_numpy(self.data[i])     # "ToTensor"
        t.sub_(5.0).div_(3.0)                  # "Normalize"
        return t"""
RESIDUAL = """class ResBlock(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv = nn.Sequential(nn.ReLU(inplace=True), nn.Linear(c, c))
    def forward(self, input):
        out = self.conv(input)
        out += input
        return out"""
STEP = """def step(loss):
    x.detach_()
    x.copy_(torch.exp(mu))
    return loss + (x * x).sum()"""
SGD_STEP = """def sgd_step(p, lr=0.1, weight_decay=0.5):
    with torch.no_grad():
        d_p = p.grad
        d_p.add_(p, alpha=weight_decay)
        p.add_(d_p, alpha=-lr)"""
PGD = """def pgd(x, y, eps=0.1, steps=3):
    adv = x.detach()
    for _ in range(steps):
        adv.requires_grad_()
        loss = nn.functional.cross_entropy(model(adv), y)
        g, = torch.autograd.grad(loss, adv)
        with torch.no_grad():
            adv += eps * g.sign()
    return adv.detach()"""
EPOCH = """def epoch():
    opt.zero_grad()
    loss = nn.functional.mse_loss(model(X), y)
    loss.backward()
    opt.step()
    return loss.item()"""
BLOCK_CLASSES = {"block": "ResBlock", "block.conv": "Sequential", "block.conv[0]": "ReLU", "block.conv[1]": "Linear"}

BUGS = [
    (PREDICT, "p1 = predict(img)", "img", [], {}, [], ("t /= 255.0", 3, False, "img")),
    (
        DATASET,
        "m = [b for b in DataLoader(ds, batch_size=4)]",
        "images",
        ["ds.data"],
        {"ds": "InRam"},
        [],
        ("t.sub_(5.0).div_(3.0)", 8, False, "ds.data"),
    ),
    (
        DATASET,
        "m = [b for b in DataLoader(ds, batch_size=4)]",
        "ds.data",
        ["images"],
        {"ds": "InRam"},
        [],
        ("t.sub_(5.0).div_(3.0)", 8, False, "ds.data"),
    ),
    (RESIDUAL, "y = block(h)", "h", [], BLOCK_CLASSES, ["block.conv[0]"], ("out = self.conv(input)", 6, True, "h")),
    (STEP, "loss = step(loss)", "x", [], {}, [], ("x.copy_(torch.exp(mu))", 3, True, "x")),
    (SGD_STEP, "sgd_step(w)", "w", [], {}, [], ("p.add_(d_p, alpha=-lr)", 5, True, "w")),
    (SGD_STEP, "sgd_step(w)", "w.grad", ["log[0]"], {}, [], ("d_p.add_(p, alpha=weight_decay)", 4, True, "w.grad")),
    (SGD_STEP, "sgd_step(w)", "log[0]", ["w.grad"], {}, [], ("d_p.add_(p, alpha=weight_decay)", 4, True, "w.grad")),
    (PGD, "x_adv = pgd(x, y)", "x", [], {"model": "Linear"}, [], ("adv += eps * g.sign()", 8, False, "x")),
    (
        EPOCH,
        "losses = [epoch() for _ in range(3)]",
        "best['weight']",
        ["model.weight", "opt.param_groups[0]['params'][0]"],
        {},
        [],
        ("opt.step()", 5, True, "opt.param_groups[0]['params'][0]"),
    ),
]


@pytest.mark.parametrize(("source", "statement", "changed", "group", "classes", "inplace", "expected"), BUGS)
def test_the_writing_line_of_a_real_bug_is_the_likeliest(source, statement, changed, group, classes, inplace, expected):
    notebook = make_notebook(source, classes=classes, inplace=inplace)
    first = infer(statement, changed, *group, notebook=notebook).candidates[0]
    assert expected == (first.inner.text, first.inner.line, first.same_object, str(first.origin))


def fact(name, cell, statement, changed, expected, *group, classes=None, inplace=(), functions=None):
    return pytest.param(cell, statement, changed, group, classes, inplace, functions, expected, id=name)


FACTS = [
    fact("a slice of a parameter", "def f(x):\n    x[1:, 0][2:].zero_()", "f(a)", "a", "x[1:, 0][2:].zero_()"),
    fact("an item assignment", "def f(x):\n    x[x > 1] = 0", "f(a)", "a", "x[x > 1] = 0"),
    fact(
        "a label mask in a loss",
        "def loss(out, target):\n    target[target == 255] = -1\n    return F.nll_loss(out, target)",
        "l = loss(model(x), y)",
        "y",
        "target[target == 255] = -1",
    ),
    fact("out=", "def f(x):\n    torch.clamp(x, 0, 1, out=x)", "f(a)", "a", "torch.clamp(x, 0, 1, out=x)"),
    fact(
        "a NumPy view of a slice", "def f(x):\n    v = x.detach().cpu().numpy()[0]\n    v *= 2", "f(a)", "a", "v *= 2"
    ),
    fact(
        "np.random.shuffle",
        "def sample(rows):\n    np.random.shuffle(rows)\n    return rows[:2]",
        "s = sample(a)",
        "a",
        "np.random.shuffle(rows)",
    ),
    fact("sort of an array", "def f(v):\n    v.sort()\n    return v[0]", "s = f(a)", "a", "v.sort()"),
    fact(
        "a chain of views",
        "def f(x):\n    y = x.view(-1)\n    z = y.unsqueeze(0).expand(2, -1)[0]\n    z.mul_(2)",
        "f(a)",
        "a",
        "z.mul_(2)",
    ),
    fact(
        "unbind in zip",
        "def f(x):\n    for c, m, s in zip(x.unbind(0), mean, std):\n        c.sub_(m).div_(s)",
        "f(a)",
        "a",
        "c.sub_(m).div_(s)",
    ),
    fact("enumerate", "def f(xs):\n    for i, c in enumerate(xs):\n        c += i", "f(batch)", "batch[1]", "c += i"),
    fact(
        "a batch dict",
        "def prepare(batch):\n    for k, v in batch.items():\n        v.div_(2)",
        "prepare(b)",
        "b['x']",
        "v.div_(2)",
    ),
    fact(
        "an item of a batch dict",
        "def prepare(batch):\n    batch['x'].div_(2)\n    batch['y'].add_(1)",
        "prepare(b)",
        "b['y']",
        "batch['y'].add_(1)",
    ),
    fact(
        "a ternary", "def f(x, flag):\n    y = x if flag else x.clone()\n    y.add_(1)", "f(a, True)", "a", "y.add_(1)"
    ),
    fact("or default", "def f(x, out=None):\n    out = out or x\n    out.add_(1)", "f(a)", "a", "out.add_(1)"),
    fact(
        "a branch that clones",
        "def f(x, inplace=False):\n    if not inplace:\n        x = x.clone()\n    x.sub_(1)\n    return x",
        "f(a, inplace=True)",
        "a",
        "x.sub_(1)",
    ),
    fact("unpacking", "def f(pair):\n    x, y = pair\n    y.zero_()", "f((a, b))", "b", "y.zero_()"),
    fact("swapped names", "def f(x, y):\n    x, y = y, x\n    x.zero_()", "f(a, b)", "b", "x.zero_()"),
    fact("keyword arguments", "def f(*, x, y):\n    y.zero_()\n    x.add_(1)", "f(y=a, x=b)", "a", "y.zero_()"),
    fact("star arguments", "def f(*xs):\n    for x in xs:\n        x.zero_()", "f(a, b)", "b", "x.zero_()"),
    fact(
        "passed-on star arguments",
        "def g(x, y):\n    y.zero_()\ndef f(*args, **kw):\n    return g(*args, **kw)",
        "f(a, b)",
        "b",
        "y.zero_()",
    ),
    fact(
        "a nested call",
        "def inner(t):\n    t.add_(1)\ndef outer(x):\n    inner(x.view(-1))",
        "outer(a)",
        "a",
        "t.add_(1)",
    ),
    fact(
        "a call on the right of a comparison",
        "def inner(t):\n    t.add_(1)\n    return 1",
        "ok = 0 < inner(a) + 2",
        "a",
        "t.add_(1)",
    ),
    fact(
        "a returned view",
        "def view(t):\n    return t[0]\ndef f(x):\n    v = view(x)\n    v.zero_()",
        "f(a)",
        "a",
        "v.zero_()",
    ),
    fact(
        "a recursion",
        "def walk(x, n):\n    if n == 0:\n        x.zero_()\n    else:\n        walk(x[1:], n - 1)",
        "walk(a, 3)",
        "a",
        "x.zero_()",
    ),
    fact(
        "a mutual recursion",
        "def ping(x):\n    pong(x)\ndef pong(x):\n    x.add_(1)\n    ping(x)",
        "ping(a)",
        "a",
        "x.add_(1)",
    ),
    fact("a nested function", "def f(x):\n    def g(t):\n        t.neg_()\n    g(x)", "f(a)", "a", "t.neg_()"),
    fact("a captured name", "def f(x):\n    def g():\n        x.neg_()\n    g()", "f(a)", "a", "x.neg_()"),
    fact(
        "a lambda inside a function",
        "def f(x):\n    g = lambda t: t.neg_()  # flips\n    g(x)",
        "f(a)",
        "a",
        "g = lambda t: t.neg_()",
    ),
    fact("a lambda variable", "norm = lambda t: t.sub_(t.mean())", "norm(a)", "a", "norm = lambda t: t.sub_(t.mean())"),
    fact(
        "a function in map",
        "def norm(t):\n    return t.sub_(1)",
        "out = list(map(norm, images))",
        "images[0]",
        "return t.sub_(1)",
    ),
    fact(
        "a function in Module.apply",
        "def init(m):\n    if isinstance(m, nn.Linear):\n        nn.init.zeros_(m.weight)",
        "model.apply(init)",
        "model[0].weight",
        "nn.init.zeros_(m.weight)",
    ),
    fact(
        "a function in collate_fn",
        "def collate(rows):\n    out = torch.stack(rows)\n    rows[0].zero_()\n    return out",
        "for b in DataLoader(data, collate_fn=collate):",
        "data[0]",
        "rows[0].zero_()",
    ),
    fact(
        "a function in the collate_fn of a loader made before",
        "def collate(rows):\n    for one in rows:\n        one.zero_()\n    return torch.stack(rows)",
        "for b in loader:",
        "loader.dataset[0]",
        "one.zero_()",
        classes={"loader": "DataLoader", "loader.collate_fn": "collate"},
    ),
    fact(
        "a callback run by a function",
        "def log(t):\n    t.zero_()\ndef run(x):\n    for cb in callbacks:\n        cb(x)",
        "run(a)",
        "a",
        "t.zero_()",
        classes={"callbacks": "list", "callbacks[0]": "log"},
    ),
    fact(
        "a callback in a dict",
        "def log(t):\n    t.zero_()\ndef run(x):\n    hooks['post'](x)",
        "run(a)",
        "a",
        "t.zero_()",
        classes={"hooks['post']": "log"},
    ),
    fact(
        "a callback handed over in a list",
        "def log(t):\n    t.zero_()\ndef run(x, fs):\n    for f in fs:\n        f(x)",
        "run(a, [log])",
        "a",
        "t.zero_()",
    ),
    fact(
        "a decorator's wrapper",
        "def centred(fn):\n    def wrapper(x):\n        x.sub_(x.mean())\n        return fn(x)\n    return wrapper\n@centred\ndef f(x):\n    return x + 1",
        "f(a)",
        "a",
        "x.sub_(x.mean())",
    ),
    fact(
        "a decorated function",
        "def timed(fn):\n    def wrapper(*args):\n        return fn(*args)\n    return wrapper\n@timed\ndef f(x):\n    x.add_(1)",
        "f(a)",
        "a",
        "x.add_(1)",
    ),
    fact("torch.no_grad over a function", "@torch.no_grad()\ndef f(x):\n    x.add_(1)", "f(a)", "a", "x.add_(1)"),
    fact(
        "a generator",
        "def batches(x):\n    for row in x:\n        row.mul_(2)\n        yield row",
        "for b in batches(a):",
        "a",
        "row.mul_(2)",
    ),
    fact(
        "what a generator yields",
        "def rows(x):\n    for row in x:\n        yield row\ndef f(x):\n    for r in rows(x):\n        r.zero_()",
        "f(a)",
        "a",
        "r.zero_()",
    ),
    fact(
        "a generator made in an earlier cell",
        "def batches(x):\n    for row in x:\n        row.mul_(2)\n        yield row",
        "b = next(it)",
        "a",
        "row.mul_(2)",
        classes={"it": "batches"},
    ),
    fact("a coroutine", "async def f(x):\n    x.add_(1)", "await f(a)", "a", "x.add_(1)"),
    fact("a walrus", "def f(x):\n    if (y := x[0]).sum() > 0:\n        y.zero_()", "f(a)", "a", "y.zero_()"),
    fact(
        "a comprehension",
        "def f(xs):\n    return [t.add_(1) for t in xs]",
        "f(batch)",
        "batch[0]",
        "return [t.add_(1) for t in xs]",
    ),
    fact("a global", "def tick():\n    global state\n    state.mul_(0.9)", "tick()", "state", "state.mul_(0.9)"),
    fact(
        "a list of hidden states",
        "def cell(x):\n    h = hidden[-1]\n    h.mul_(0.5).add_(x)\n    return h",
        "y = cell(x)",
        "y0",
        "h.mul_(0.5).add_(x)",
        "hidden[0]",
    ),
    fact(
        "a mutable default",
        "def ema(x, buf=torch.zeros(3)):\n    buf.mul_(0.9).add_(x)\n    return buf",
        "b = ema(x)",
        "a",
        "buf.mul_(0.9).add_(x)",
    ),
    fact(
        "a default list of tensors",
        "def keep(x, seen=[]):\n    seen.append(x)\n    seen[0].add_(1)\n    return seen",
        "keep(b)",
        "a",
        "seen[0].add_(1)",
    ),
    fact(
        "a closure's own buffer",
        "def make():\n    buf = torch.zeros(3)\n    def push(x):\n        buf.copy_(x)\n        return buf\n    return push",
        "b = push(x)",
        "a",
        "buf.copy_(x)",
        functions={"push": "push"},
    ),
    fact(
        "an attribute of a function",
        "def f(x):\n    f.buf.copy_(x)\n    return f.buf",
        "b = f(x)",
        "a",
        "f.buf.copy_(x)",
    ),
    fact(
        "an ema helper",
        "def update(ema, model, d=0.9):\n    for e, p in zip(ema.parameters(), model.parameters()):\n        e.data.mul_(d).add_(p.data, alpha=1 - d)",
        "update(ema, net)",
        "ema.fc.weight",
        "e.data.mul_(d).add_(p.data, alpha=1 - d)",
    ),
    fact(
        "an ema of a state dict",
        "def update(sd, model):\n    for k, v in model.state_dict().items():\n        sd[k].mul_(0.9).add_(v)",
        "update(best, net)",
        "best['w']",
        "sd[k].mul_(0.9).add_(v)",
    ),
    fact(
        "weights and gradients apart",
        "def step(model):\n    for p in model.parameters():\n        p.data -= p.grad\n        p.grad.zero_()",
        "step(net)",
        "net.fc.weight.grad",
        "p.grad.zero_()",
    ),
    fact(
        "gradients and weights apart",
        "def step(model):\n    for p in model.parameters():\n        p.grad.mul_(2)\n        p.data -= p.grad",
        "step(net)",
        "net.fc.weight",
        "p.data -= p.grad",
    ),
    fact(
        "clipping",
        "def train():\n    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)\n    w.add_(1)",
        "train()",
        "saved[0]",
        "torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)",
        "model.weight.grad",
    ),
    fact(
        "a copied weight",
        "def reset(model):\n    model.load_state_dict(start)",
        "reset(net)",
        "net[0].weight",
        "model.load_state_dict(start)",
    ),
    fact(
        "an in-place activation of a function",
        "def f(x):\n    y = F.relu(x, inplace=True)\n    return y + 1",
        "f(a)",
        "a",
        "y = F.relu(x, inplace=True)",
    ),
    fact(
        "an in-place activation kept as a variable",
        "def f(x):\n    return act(x)",
        "f(a)",
        "a",
        "return act(x)",
        inplace=["act"],
    ),
    fact(
        "a renormalising embedding",
        "def f(i):\n    return emb(i) * 2",
        "f(idx)",
        "emb.weight",
        "return emb(i) * 2",
        inplace=["emb"],
    ),
    fact(
        "running statistics kept by reference",
        "def f(x):\n    return bn(x)",
        "f(x)",
        "saved['running_mean']",
        "return bn(x)",
        "bn.running_mean",
        classes={"bn": "BatchNorm1d"},
    ),
    fact(
        "an accumulated gradient kept by reference",
        "def f(x):\n    loss = model(x).sum()\n    loss.backward()",
        "f(x)",
        "grads[0]",
        "loss.backward()",
        "model.weight.grad",
    ),
    fact(
        "a function inside an opaque call's arguments",
        "def norm(t):\n    t.sub_(1)\n    return t",
        "print(torch.stack([norm(a), b]))",
        "a",
        "t.sub_(1)",
    ),
    fact(
        "getattr",
        "def f(m, name):\n    getattr(m, 'weight').zero_()",
        "f(net, 'w')",
        "net.weight",
        "getattr(m, 'weight').zero_()",
    ),
    fact(
        "a container built inside",
        "def f(x):\n    kept = []\n    kept.append(x)\n    for k in kept:\n        k.zero_()",
        "f(a)",
        "a",
        "k.zero_()",
    ),
    fact(
        "a dict built inside",
        "def f(x):\n    d = {}\n    d['x'] = x.view(-1)\n    d['x'].zero_()",
        "f(a)",
        "a",
        "d['x'].zero_()",
    ),
    fact(
        "a partial",
        "def f(k, x):\n    x.mul_(k)\ndef g(x):\n    h = functools.partial(f, 2)\n    h(x)",
        "g(a)",
        "a",
        "x.mul_(k)",
    ),
    fact(
        "a try",
        "def f(x):\n    try:\n        y = x.numpy()\n    except RuntimeError:\n        y = x.detach().numpy()\n    y[0] = 1",
        "f(a)",
        "a",
        "y[0] = 1",
    ),
    fact(
        "a try that a handler may replace",
        "def f(x):\n    try:\n        y = x.data\n    except KeyError:\n        y = torch.zeros(2)\n    y[0] = 1",
        "f(a)",
        "a",
        "y[0] = 1",
    ),
    fact(
        "a name bound late in a loop",
        "def f(x):\n    y = x.clone()\n    for _ in range(3):\n        y.add_(1)\n        y = x",
        "f(a)",
        "a",
        "y.add_(1)",
    ),
]


@pytest.mark.parametrize(
    ("cell", "statement", "changed", "group", "classes", "inplace", "functions", "expected"), FACTS
)
def test_the_line_of_a_function_is_inferred(cell, statement, changed, group, classes, inplace, functions, expected):
    notebook = make_notebook(cell, classes=classes, inplace=inplace, functions=functions)
    assert [expected] == texts(infer(statement, changed, *group, notebook=notebook))[:1]


METHODS = [
    fact(
        "an instance called",
        "class Block(nn.Module):\n    def forward(self, x):\n        x += self.pe[:x.size(0)]\n        return x",
        "y = block(h)",
        "h",
        "x += self.pe[:x.size(0)]",
        classes={"block": "Block"},
    ),
    fact(
        "a block inside a Sequential",
        "class PE(nn.Module):\n    def forward(self, x):\n        x += self.pe\n        return x",
        "y = net(h)",
        "h",
        "x += self.pe",
        classes={"net": "Sequential", "net[0]": "PE", "net[1]": "Linear"},
    ),
    fact(
        "a block inside a module list",
        "class PE(nn.Module):\n    def forward(self, x):\n        x += self.pe\n        return x\nclass Net(nn.Module):\n    def forward(self, x):\n        for layer in self.layers:\n            x = layer(x)\n        return x",
        "y = net(h)",
        "h",
        "x += self.pe",
        classes={"net": "Net", "net.layers": "ModuleList", "net.layers[0]": "PE"},
    ),
    fact(
        "super().forward",
        "class Base(nn.Module):\n    def forward(self, x):\n        return x.mul_(2)\nclass Net(Base):\n    def forward(self, x):\n        return super().forward(x) + 1",
        "y = net(h)",
        "h",
        "return x.mul_(2)",
        classes={"net": "Net"},
    ),
    fact(
        "an inherited method",
        "class Base:\n    def run(self, x):\n        x.mul_(2)\nclass Net(Base):\n    pass",
        "net.run(h)",
        "h",
        "x.mul_(2)",
        classes={"net": "Net"},
    ),
    fact(
        "a static method",
        "class Ops:\n    @staticmethod\n    def norm(x):\n        x.sub_(1)",
        "Ops.norm(a)",
        "a",
        "x.sub_(1)",
    ),
    fact(
        "a class method",
        "class Ops:\n    @classmethod\n    def norm(cls, x):\n        x.sub_(1)",
        "Ops.norm(a)",
        "a",
        "x.sub_(1)",
    ),
    fact(
        "a method called on its class",
        "class Ops:\n    def norm(self, x):\n        x.sub_(1)",
        "Ops.norm(ops, a)",
        "a",
        "x.sub_(1)",
    ),
    fact(
        "a method of an unknown instance",
        "class Ops:\n    def norm_rows(self, x):\n        x.sub_(1)",
        "build().norm_rows(a)",
        "a",
        "x.sub_(1)",
    ),
    fact(
        "a property",
        "class Box:\n    @property\n    def unit(self):\n        self.data.div_(2)\n        return self.data",
        "u = box.unit",
        "box.data",
        "self.data.div_(2)",
        classes={"box": "Box"},
    ),
    fact(
        "an item of a dataset",
        DATASET,
        "a = ds[0]",
        "images",
        "t.sub_(5.0).div_(3.0)",
        "ds.data",
        classes={"ds": "InRam"},
    ),
    fact(
        "a loop over a dataset",
        DATASET,
        "for a in ds:",
        "images",
        "t.sub_(5.0).div_(3.0)",
        "ds.data",
        classes={"ds": "InRam"},
    ),
    fact(
        "a loop over a loader",
        DATASET,
        "for a in loader:",
        "images",
        "t.sub_(5.0).div_(3.0)",
        "ds.data",
        "loader.dataset.data",
        classes={"ds": "InRam", "loader": "DataLoader", "loader.dataset": "InRam"},
    ),
    fact(
        "next(iter(loader))",
        DATASET,
        "x = next(iter(loader))",
        "images",
        "t.sub_(5.0).div_(3.0)",
        "ds.data",
        classes={"loader": "DataLoader", "loader.dataset": "InRam"},
    ),
    fact(
        "an instance made on the spot",
        DATASET,
        "xs = list(DataLoader(InRam(images)))",
        "images",
        "t.sub_(5.0).div_(3.0)",
    ),
    fact(
        "an instance made in a function",
        DATASET + "\ndef load(data):\n    ds = InRam(data)\n    return [ds[i] for i in range(len(ds))]",
        "xs = load(images)",
        "images",
        "t.sub_(5.0).div_(3.0)",
    ),
    fact(
        "a buffer of its own",
        "class Acc:\n    def __init__(self):\n        self.buf = torch.zeros(3)\n    def __call__(self, x):\n        self.buf.copy_(x)\n        return self.buf",
        "b = acc(x)",
        "a",
        "self.buf.copy_(x)",
        "acc.buf",
        classes={"acc": "Acc"},
    ),
    fact(
        "a replay buffer",
        "class Replay:\n    def push(self, s):\n        self.rows.append(s)\n    def sample(self):\n        s = random.choice(self.rows)\n        s.div_(255)\n        return s",
        "s = replay.sample()",
        "state",
        "s.div_(255)",
        "replay.rows[0]",
        classes={"replay": "Replay"},
    ),
    fact(
        "a replay buffer by index",
        "class Replay:\n    def sample(self, i):\n        s = self.rows[i]\n        s.div_(255)\n        return s",
        "s = replay.sample(0)",
        "state",
        "s.div_(255)",
        "replay.rows[0]",
        classes={"replay": "Replay"},
    ),
    fact(
        "a stateful environment",
        "class Env:\n    def step(self, action):\n        self.state += action\n        return self.state",
        "obs = env.step(a)",
        "history[0]",
        "self.state += action",
        "env.state",
        classes={"env": "Env"},
    ),
    fact(
        "what a constructor keeps",
        "class Norm:\n    def __init__(self, data):\n        self.data = data\n        self.fit()\n    def fit(self):\n        self.data -= 1",
        "n = Norm(images)",
        "images",
        "self.data -= 1",
    ),
    fact(
        "a dataclass",
        "@dataclass\nclass Batch:\n    x: torch.Tensor\n    y: torch.Tensor\n    def flip(self):\n        self.y.neg_()",
        "Batch(a, b).flip()",
        "b",
        "self.y.neg_()",
    ),
    fact(
        "an operator",
        "class Vec:\n    def __add__(self, other):\n        self.data += other.data\n        return self",
        "w = v + u",
        "v.data",
        "self.data += other.data",
        classes={"v": "Vec", "u": "Vec"},
    ),
    fact(
        "an operator of whole numbers",
        "class Vec:\n    def __floordiv__(self, other):\n        self.data //= other\n        return self",
        "w = v // 2",
        "v.data",
        "self.data //= other",
        classes={"v": "Vec"},
    ),
    fact(
        "an operator in place",
        "class Vec:\n    def __ixor__(self, other):\n        self.data ^= other.data\n        return self",
        "v ^= u",
        "v.data",
        "self.data ^= other.data",
        classes={"v": "Vec", "u": "Vec"},
    ),
    fact(
        "a context manager",
        "class Scaled:\n    def __init__(self, x):\n        self.x = x\n    def __enter__(self):\n        self.x.mul_(2)\n        return self.x\n    def __exit__(self, *e):\n        pass",
        "with Scaled(a) as t:",
        "a",
        "self.x.mul_(2)",
    ),
    fact(
        "contextlib.contextmanager",
        "@contextmanager\ndef scaled(x):\n    x.mul_(2)\n    yield x",
        "with scaled(a):",
        "a",
        "x.mul_(2)",
    ),
    fact(
        "autograd.Function.apply",
        "class Clip(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x):\n        return x.clamp_(0, 1)",
        "y = Clip.apply(a)",
        "a",
        "return x.clamp_(0, 1)",
    ),
    fact(
        "a transform inside a dataset",
        "class Norm:\n    def __call__(self, t):\n        t.sub_(1)\n        return t\nclass Data(Dataset):\n    def __getitem__(self, i):\n        return self.transform(self.rows[i])",
        "x = ds[1]",
        "rows",
        "t.sub_(1)",
        "ds.rows",
        classes={"ds": "Data", "ds.transform": "Norm"},
    ),
    fact(
        "a transform inside Compose",
        "class Norm:\n    def __call__(self, t):\n        t.sub_(1)\n        return t\nclass Data(Dataset):\n    def __getitem__(self, i):\n        return self.transform(self.rows[i])",
        "x = ds[1]",
        "rows",
        "t.sub_(1)",
        "ds.rows",
        classes={
            "ds": "Data",
            "ds.transform": "Compose",
            "ds.transform.transforms": "list",
            "ds.transform.transforms[0]": "Norm",
        },
    ),
    fact(
        "a residual block whose activation comes first",
        RESIDUAL,
        "y = block(h)",
        "h",
        "out = self.conv(input)",
        classes={"block": "ResBlock", "block.conv": "Sequential"},
        inplace=["block.conv[0]"],
    ),
    fact(
        "a residual block whose activation comes last",
        "class Block(nn.Module):\n    def forward(self, x):\n        identity = x\n        out = self.bn(self.conv(x))\n        identity += out\n        return self.relu(identity)",
        "y = block(h)",
        "h",
        "identity += out",
        classes={"block": "Block", "block.conv": "Conv2d", "block.bn": "BatchNorm2d", "block.relu": "ReLU"},
        inplace=["block.relu"],
    ),
    fact(
        "a layer norm done by hand",
        "class LN(nn.Module):\n    def forward(self, x):\n        mean = x.mean(-1, keepdim=True)\n        x.sub_(mean)\n        return x / x.std()",
        "y = ln(h)",
        "h",
        "x.sub_(mean)",
        classes={"ln": "LN"},
    ),
    fact(
        "a hook",
        "def hook(module, args, output):\n    output.clamp_(0)",
        "h = net(x)",
        "saved",
        "output.clamp_(0)",
        classes={"net": "Linear", "net._forward_hooks[0]": "hook"},
    ),
]


@pytest.mark.parametrize(
    ("cell", "statement", "changed", "group", "classes", "inplace", "functions", "expected"), METHODS
)
def test_the_line_of_a_method_is_inferred(cell, statement, changed, group, classes, inplace, functions, expected):
    notebook = make_notebook(cell, classes=classes, inplace=inplace, functions=functions)
    assert [expected] == texts(infer(statement, changed, *group, notebook=notebook))[:1]


NOT_WRITTEN = [
    ("def f(x):\n    y = x.clone()\n    y.add_(1)", "f(a)"),
    ("def f(x):\n    y = x + 1\n    y.zero_()", "f(a)"),
    ("def f(x):\n    x = torch.tensor(x)\n    x.zero_()", "f(a)"),
    ("def f(x, y):\n    y.copy_(x)", "f(a, b)"),
    ("def f(x):\n    x.detach_()\n    x.requires_grad_()", "f(a)"),
    ("def f(x):\n    x = x * 2\n    x += 1\n    return x", "f(a)"),
    ("def f(x):\n    out = torch.empty(3)\n    torch.add(x, 1, out=out)", "f(a)"),
    ("def f(x):\n    total = torch.zeros(3)\n    for row in x:\n        total += row", "f(a)"),
    ("def f(x):\n    x.grad = None", "f(a)"),
    ("def f(x):\n    return x.sort()", "f(a)"),
    ("def f(x):\n    y.add_(1)", "f(a)"),
]


@pytest.mark.parametrize(("cell", "statement"), NOT_WRITTEN)
def test_a_line_that_writes_elsewhere_is_no_candidate(cell, statement):
    assert texts(infer(statement, "a", notebook=make_notebook(cell))) == []


def test_a_magic_body_is_followed_like_a_function_whose_lines_are_the_cell_s():
    statement = (
        "get_ipython().run_cell_magic('time', '', 't = torch.from_numpy(img)\\nfor _ in range(2):\\n    t /= 2\\n')"
    )
    first = infer(statement, "img", "t", notebook=Notebook(), cell=7).candidates[0].inner
    assert (first.cell, first.line, first.text) == (7, 4, "t /= 2")


def test_a_magic_body_s_calls_are_followed():
    statement = parse_statements("get_ipython().run_cell_magic('timeit', '-n 1', 'p = predict(img)')")[0]
    first = infer(statement, "img", notebook=make_notebook(PREDICT), cell=2).candidates[0].inner
    assert (first.cell, first.line, first.text) == (1, 3, "t /= 255.0")


@pytest.mark.parametrize("magic", ["time", "timeit", "prun"])
def test_a_line_magic_s_statement_is_followed(magic):
    statement = f"get_ipython().run_line_magic('{magic}', 'p = predict(img)')"
    assert texts(infer(statement, "img", notebook=make_notebook(PREDICT))) == ["t /= 255.0"]


def test_what_the_cell_bound_before_the_statement_is_known_from_its_source():
    """`img` is another array by the end of the cell, so its path no longer lies in the changed one's memory."""
    source = "images = load()\nfor img in images:\n    predict(img)"
    statement = parse_statements(source)[2]
    reached = infer(statement, "images[0]", notebook=make_notebook(PREDICT), source=source)
    assert texts(reached) == ["t /= 255.0"]


def test_backward_is_told_apart_from_functions_that_step():
    step = StatementEffects(make_notebook(STEP)).of("loss = step(loss)")
    epoch = StatementEffects(make_notebook(EPOCH)).of("epoch()")
    direct = StatementEffects(Notebook()).of("loss.backward()")
    assert [step.backward, epoch.backward, direct.backward] == [False, True, True]


def test_the_functions_that_give_something_back_are_known():
    source = (
        "def both(x):\n    inner(x)\n    def helper(): return x\n    x.add_(1)\n"
        "def inner(x):\n    x.mul_(2)\n    return x.sum()\ndef several(x):\n    yield x"
    )
    effects = StatementEffects(make_notebook(source)).of("both(a), [*several(a)]")
    assert {"inner", "several"} == {one.name for one in effects.giving}


def test_an_opaque_library_function_is_no_candidate():
    assert infer("scipy.linalg.solve(a, b, overwrite_a=True)", "a", notebook=Notebook()).candidates == ()


@pytest.mark.parametrize(
    "statement",
    ["", "f(", "1 +", "def f(", "%time x", "get_ipython().run_cell_magic('time', '', 'f(')", "f(" * 3000 + ")" * 3000],
)
def test_nonsense_is_answered_with_nothing(statement):
    assert infer(statement, "a", notebook=make_notebook(PREDICT)).candidates == ()


def test_a_source_that_does_not_parse_is_passed_over():
    notebook = Notebook(definitions={"f": Definition(name="f", cell=1, source="def f(:")})
    assert infer("f(a)", "a", notebook=notebook).candidates == ()


def test_a_deep_family_of_functions_ends():
    cell = "\n".join(
        f"def f{n}(x, y):\n    f{(n + 1) % 40}(y, x[{n}])\n    f{(n + 7) % 40}(x, y)\n    x.add_(1)" for n in range(40)
    )
    assert infer("f0(a, b)", "a", notebook=make_notebook(cell)).candidates[0].inner.text == "x.add_(1)"


def test_an_expression_nested_deep_in_calls_is_followed_in_time():
    source = "def f(x):\n    x.add_(1)\n    return x"
    statement = "g(" * 60 + "f(a)" + ")" * 60
    assert texts(infer(statement, "a", notebook=make_notebook(source))) == ["x.add_(1)"]


def test_an_origin_is_an_access_path():
    assert (
        AccessPath("ds", (".data",))
        == infer("ds[0]", "ds.data", notebook=make_notebook(DATASET, classes={"ds": "InRam"})).candidates[0].origin
    )


CACHE = """class Cache:
    def update(self, i, x=1):
        self.keys[i].add_(x)
        self.values[i].add_(x)
    def move(self, i):
        i += 1
        self.values[i].add_(1)
def generate(cache, layer=0):
    cache.update(layer)"""


@pytest.mark.parametrize(
    ("statement", "changed", "expected"),
    [
        ("cache.update(0)", "cache.values[0]", "self.values[i].add_(x)"),
        ("cache.update(0)", "cache.keys[0]", "self.keys[i].add_(x)"),
        ("cache.update(i=1)", "cache.values[1]", "self.values[i].add_(x)"),
        ("cache.update(n)", "cache.values[3]", "self.values[i].add_(x)"),
        ("generate(cache)", "cache.values[0]", "self.values[i].add_(x)"),
        ("generate(cache, 2)", "cache.values[2]", "self.values[i].add_(x)"),
        ("cache.move(0)", "cache.values[1]", "self.values[i].add_(1)"),
    ],
)
def test_an_item_with_a_variable_for_a_key_is_any_item_or_the_one_that_the_call_names(statement, changed, expected):
    notebook = make_notebook(CACHE, classes={"cache": "Cache"})
    assert texts(infer(statement, changed, notebook=notebook))[0] == expected


def test_a_constant_key_leads_to_one_item_only():
    notebook = make_notebook("def at(d, k):\n    d[k].add_(1)")
    assert texts(infer("at(d, 'a')", "d['a']", notebook=notebook)) == ["d[k].add_(1)"]
    assert all(one.score < NAMES_IT for one in infer("at(d, 'a')", "d['b']", notebook=notebook).candidates)


@pytest.mark.parametrize(
    "source",
    [
        'def f(state={}):\n    state["n"] = torch.ones(2)',
        "def f(state={}, k=0):\n    state[k] = torch.ones(2)",
        "def f(kept=[]):\n    kept[0] = torch.ones(2)",
        "def f(kept=collections.defaultdict(list)):\n    kept[k] = torch.ones(2)",
        'def f(state):\n    state["n"] = torch.ones(2)',
    ],
)
def test_to_set_an_item_of_a_container_writes_no_tensor(source):
    assert texts(infer("f()", "x", notebook=make_notebook(source))) == []


def test_what_a_default_container_holds_may_be_any_tensor():
    source = 'def bump(t):\n    t.add_(1)\ndef f(state={}):\n    state["n"] = torch.ones(2)\n    bump(state["n"])'
    assert texts(infer("f()", "x", notebook=make_notebook(source))) == ["t.add_(1)"]


@pytest.mark.parametrize(
    "statement", ["k = next(it)", "for k in it: break", "ys = [k for k in it]", "k = it.send(2)", "it.__next__()"]
)
def test_a_generator_of_an_earlier_cell_goes_on_in_its_function(statement):
    notebook = make_notebook(
        "def stream(buf):\n    for i in range(3):\n        buf.fill_(i)\n        yield i", classes={"it": "stream"}
    )

    assert ["buf.fill_(i)"] == texts(infer(statement, "b", notebook=notebook))


def test_what_a_generator_is_sent_is_the_value_of_its_yield():
    notebook = make_notebook(
        "def double(buf):\n    while True:\n        x = yield buf\n        x *= 2", classes={"it": "double"}
    )

    found = infer("it.send(b)", "b", notebook=notebook)

    assert texts(found) == ["x *= 2"]
    assert found.candidates[0].same_object
