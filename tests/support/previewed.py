"""Notebooks, and cells that are previewed after them: saved by `python -m tests.support.known_states`."""

from __future__ import annotations

SETTING = """
import copy, numpy as np, torch
import torch.nn.functional as F
from torch import nn
x = torch.arange(-3.0, 3.0).reshape(2, 3)
y, flat, a, xs, d = x.T, x.view(-1), x.numpy(), [x, torch.ones(2)], {"x": x}
grid = torch.zeros(4, 4); corner = grid[:2, :2]; other = grid[2:]
def norm(t):
    t -= t.mean()
    return t
class Scale(nn.Module):
    def forward(self, t):
        return t.mul_(2)
class Buffer:
    def __init__(self):
        self.data = torch.zeros(3)
    def view(self):
        return self.data[:2]
    def put(self, v):
        self.data[0] = v
buffer = Buffer(); seen = buffer.view()
net = nn.Sequential(nn.Linear(3, 2), nn.ReLU(inplace=True)); scale = Scale()
best = net.state_dict()
opt = torch.optim.SGD(net.parameters(), lr=0.1)
def fit():
    opt.zero_grad()
    net[0](torch.ones(1, 3)).sum().backward()
    opt.step()
"""
ALL = {"x", "y", "flat", "a", "xs[0]", "d['x']"}
WEIGHTS = {"best['0.weight']", "best['0.bias']"}
CASES = {
    "x.add_(1)": (ALL - {"x"}, 1),
    "v = x[1:]\nv += 1": (ALL, 2),
    "x[0] = 9": (ALL - {"x"}, 1),
    "x[x > 0] = 0": (ALL - {"x"}, 1),
    "a += 1": (ALL - {"a"}, 1),
    "np.add(a, 1, out=a)": (ALL - {"a"}, 1),
    "a.sort()": (ALL - {"a"}, 1),
    "torch.mul(x, 2, out=x)": (ALL - {"x"}, 1),
    "F.relu(x, inplace=True)": (ALL - {"x"}, 1),
    "out = nn.ReLU(True)(x)": (ALL, 1),
    "m = norm(x)": (ALL, 1),
    "out = scale(x)": (ALL, 1),
    "for t in xs:\n    t.mul_(2)": (ALL - {"xs[0]"}, 2),
    "for row in x:\n    row.add_(1)": (ALL, 2),
    "d['x'] -= 1": (ALL - {"d['x']"}, 1),
    "x.data.fill_(7)": (ALL - {"x"}, 1),
    "x.detach().numpy()[0] = 7": (ALL - {"x"}, 1),
    "b = torch.as_tensor(a)\nb.zero_()": (ALL, 2),
    "first, second = x.unbind(0)\nsecond.neg_()": (ALL, 2),
    "list(map(lambda t: t.add_(1), [x]))": (ALL - {"x"}, 1),
    "grid[0, 0] = 5": ({"corner"}, 1),
    "grid[3] += 1": ({"other"}, 1),
    "if grid.sum() > -1:\n    corner.add_(1)": ({"grid"}, 2),
    "with torch.no_grad():\n    net[0].weight.add_(1)": ({"best['0.weight']"}, 2),
    "buffer.put(4)": ({"seen"}, 1),
    "fit()": (WEIGHTS, 1),
    "for _ in range(3):\n    fit()": (WEIGHTS, 2),
    "kept = copy.deepcopy(best)\nfit()": (WEIGHTS, 2),
    "kept = []\nfor i in range(3):\n    buffer.put(i + 1)\n    kept.append(buffer.data)": (
        {"seen", "kept[0]", "kept[1]"},
        3,
    ),
    "%%time\n\nx.add_(1)": (ALL - {"x"}, 3),
    "%time x.add_(1)": (ALL - {"x"}, 1),
}
"""Cells, each with the paths that it changes silently, and the line."""

QUIET = (
    "z = x.clone()\nz.add_(1)",
    "z = x + 1\nz *= 2",
    "z = x.reshape(3, 2).t().reshape(-1)\nz.zero_()",
    "z = norm(x.clone())",
    "z = x[[0, 1]]\nz.zero_()",
    "z = x.double()\nz.zero_()",
    "w = torch.ones(3, requires_grad=True)\nw.add_(1)\nx.add_(1)",
    "x = x.clone()\nx.add_(1)",
    "net(torch.ones(1, 3))",
    "best = copy.deepcopy(net.state_dict())\nfit()",
    "if False:\n    x.add_(1)",
    "def later():\n    x.add_(1)",
    "other.zero_",
    "x.add_(",
    "%%html\n<b>x.add_(1)</b>",
    "nobody.add_(1)\nsomebody(x)",
    "import os\nos.getcwd()",
    "\n".join(["x.add_(1)"] * 10_000),
)
"""Cells that change nothing silently."""

TYPED = (
    "v = x[1:]", "v.add_(1)", "net.eval()", "keepsakes.append(x)", "fit()", "keep()", "k = nonlocal_counter()", "k()",
    "box = [x, y]", "for one in box: norm(one)", "if flag:", "    y.grad = x", "net[0].weight.data.zero_()", "z = net(x)",
    "z.sum().backward()", "it = iter(box)", "next(it).add_(1)", "del box", "twice = lambda t: t.mul_(2)", "twice(x)",
)  # fmt: skip
"""Lines that are typed one after the other."""

LOOPS = (
    "for e in range(9):\n    for a in data: loss = fit()\n    print(e, loss)",
    "for _ in range(9): norm(x)",
    "for _ in range(9):\n    norm(x); m = x[1:]",
    "for _ in range(9):\n    m = x[1:]; norm(m)",
    "for _ in range(9):\n    fit()\n    if x.sum() > 1: kept = net.state_dict()",
    "for _ in range(9):\n    kept = net.state_dict(); fit()",
    "for _ in range(9): keep(); buffer.data.add_(1)",
    "kept = []\nfor _ in range(9):\n    kept.append(x); norm(x)",
    "k = x\nfor _ in range(9):\n    norm(k); k = buffer.data",
    "t = 0\nfor _ in range(9):\n    t += 1\n    if t > 1: norm(x)",
    "for i in range(2): x[i] = i",
    "for _ in range(9):\n    use()\n    held = x[0]",
    "p = None\nfor _ in range(9):\n    if p is not None: p.add_(1)\n    p = y",
    "d = {}\nfor _ in range(9):\n    d['k'] = x\n    norm(x)",
    "other = nn.Linear(3, 2)\nb = other.state_dict()\nsgd = torch.optim.SGD(other.parameters(), lr=0.1)\n"
    "for _ in range(9):\n    sgd.zero_grad(); other(x).sum().backward(); sgd.step()",
    "for _ in range(9):\n    norm(x)\nelse:\n    buffer.data.add_(1)",
)
"""Loops whose further turns do what the first did, or not."""


def is_plain(cell: str) -> bool:
    """Return whether a cell is read without a shell, and short."""
    return not cell.startswith("%") and len(cell) < 10_000


PREVIEWED: dict[str, tuple[list[str], list[str]]] = {
    "aliases": (
        [
            SETTING,
            "data, keepsakes, held = [1, 2, 3], [], torch.zeros(3)\ndef keep(): keepsakes.append(buffer.data)\ndef use(): held.add_(1)\nfit()",
        ],
        [one for one in (*CASES, *QUIET, *LOOPS, *TYPED) if is_plain(one)],
    ),
    "counter_0": (
        [
            "import torch\nw = torch.ones(2, requires_grad=True)\nh = (w * 2).exp()\nloss = h.sum()",
            "c = h.data",
        ],
        [
            "c.add_(1)",
            "c[0] = 1",
            "h.data.add_(1)",
            "h.detach().add_(1)",
        ],
    ),
    "counter_1": (
        [
            "import torch\nw = torch.ones(2, requires_grad=True)\nh = (w * 2).exp()\nloss = h.sum()",
            "c = h.data; v = c[:1]",
        ],
        [
            "v.add_(1)",
        ],
    ),
    "counter_2": (
        [
            "import torch\nw = torch.ones(2, requires_grad=True)\nh = (w * 2).exp()\nloss = h.sum()",
            "c = h.detach()",
        ],
        [
            "c.add_(1)",
        ],
    ),
    "counter_3": (
        [
            "import torch\nw = torch.ones(2, requires_grad=True)\nh = (w * 2).exp()\nloss = h.sum()",
            "c = h.detach().numpy()",
        ],
        [
            "c += 1",
        ],
    ),
    "counter_4": (
        [
            "import torch\nw = torch.ones(2, requires_grad=True)\nh = (w * 2).exp()\nloss = h.sum()",
            "c = h.detach(); d = c.data",
        ],
        [
            "d.add_(1)",
            "c.add_(1)",
        ],
    ),
    "counter_5": (
        [
            "import torch\nw = torch.ones(2, requires_grad=True)\nh = (w * 2).exp()\nloss = h.sum()",
            "d = w.data; other = (w * d).sum()",
        ],
        [
            "d.add_(1)",
        ],
    ),
    "two_backwards": (
        [
            "\nimport torch\nw = torch.ones(2, requires_grad=True); x = torch.ones(3, 2, requires_grad=True)\nfirst = (x @ w).sum(); second = first + (x * 2 @ w).sum()\nopt = torch.optim.SGD([w], lr=0.1)\n",
        ],
        [
            "second.backward(retain_graph=True)\nopt.step()",
            "second.backward()",
            "first.backward()\nsecond.backward()",
            "w.reshape_(2)",
            "w.view_(2)\nw.add_(1)",
        ],
    ),
    "broken_graph": (
        [
            "\nimport torch\na = torch.tensor([1.0, 2.0], requires_grad=True)\nout = a.sigmoid(); c = out.detach(); other = a.exp()\n",
            "c.zero_()",
        ],
        [
            "out.sum().backward()",
            "(out * 2 + other).mean().backward()",
            "other.sum().backward()",
            "with torch.no_grad(): loss = out.sum()",
            "out.detach().sum()",
            "loss = (out * 2).sum()",
            "loss = torch.stack([other, out]).sum()\nloss.backward()",
        ],
    ),
    "handed_over": (
        [
            "\nimport torch\nx, row, w = torch.randn(5, 2), torch.zeros(3), torch.ones(4, requires_grad=True)\nv = x[1:]\ndef norm(t):\n    t -= t.mean(); t /= 2\n    return t\ndef touch(t): t.add_(1)\ndef nested(t): touch(t.view(-1))\ndef both(s, t): s.add_(1); t.mul_(2)\nclass Box:\n    def fit(self, t): t.add_(1)\nbox = Box()\n",
        ],
        [
            "u = norm(x)",
            "u = norm(x); u.add_(1)",
            "touch(v)",
            "touch(x); touch(x)",
            "x = norm(x)",
            "nested(v)",
            "both(x, v)",
            "both(v, row)",
            "box.fit(v)",
            "v.add_(1)",
            "touch(v); x.add_(1)",
            "for t in (v,): touch(t)",
            "v.mul_(2); touch(v)",
            "touch(row)",
            "k = x[2:]; touch(k)",
            "q = x * 2; w = q.view(-1); w[0] = 3",
            "d = {'a': x}; d['a'].add_(1)",
            "xs = [x, row]; i = 1; xs[i].add_(1)",
            "k = v; k += 1; v *= 2",
            "x = x[1:]; x.add_(1)",
        ],
    ),
}

GIVEN = """x.T|x.t()|x.view(-1)|x.view(3, 2)|x.view(torch.int32)|x.reshape(3, 2)|y.reshape(-1)|y.contiguous()|x.contiguous()|y.flatten()|x.ravel()
x.squeeze()|x.unsqueeze(0)|x.transpose(0, 1)|x.permute(1, 0)|x.expand(2, 2, 3)|x.narrow(1, 1, 2)|x.select(0, 1)|x.diagonal()|x.unfold(1, 2, 1)
x.chunk(2)[0]|x.split(1)[1]|x.split(2, 1)[1]|x.unbind()[1]|x.unbind(1)[2]|x.tensor_split(2)[0]|x.hsplit(3)[0]|x.float()|x.double()|x.to("cpu")
x.to(torch.float64)|x.to(x)|x.to(torch.float32, copy=True)|x.type(torch.float32)|x.type_as(y)|x.cpu()|x.detach()|x.data|x.numpy()|x.real|x.mT
x.clone()|x.new_zeros(3)|x.as_strided((2,), (1,))|x.movedim(0, 1)|x.swapaxes(0, 1)|x.view_as(x)|x.expand_as(x)|x.index_select(0, torch.tensor([0]))
torch.from_numpy(a)|torch.as_tensor(a)|torch.as_tensor(x, dtype=torch.float64)|torch.tensor(a)|torch.asarray(a)
np.asarray(x)|np.array(x)|np.array(a, copy=False)|a.T|a.copy()|a.astype("float32")|a.astype("float32", copy=False)|a.reshape(-1)|a.ravel()|a.flatten()
a.view("int32")|a[1:]|a[[0]]|a[..., None]|np.split(a, 2)[0]|np.squeeze(a)|np.abs(a)|np.add(a, 1)|np.transpose(a)
torch.flatten(x)|torch.stack([x, x])|torch.cat([x, x])|torch.zeros_like(x)|torch.where(x > 0, x, x)|torch.arange(3)|torch.zeros(2, 3)|torch.full((2,), 1)
F.relu(x)|F.relu(x, inplace=True)|F.relu_(x)|nn.Identity()(x)|nn.Flatten()(x)
nn.Unflatten(1, (3, 1))(x)|nn.Dropout(0.5)(x)|nn.Dropout(0.5).eval()(x)|nn.Sequential(nn.Identity())(x)|net[1](x)|net.state_dict()["0.weight"].detach()
net[0].weight.data|list(net.parameters())[0].data|next(net.parameters()).detach()|dict(net.named_parameters())["0.bias"].data
net.train()[0].bias.data|net.eval()[-3].bias.data|[*net.children()][0].weight.data|[*net.modules()][1].weight.data
xs[0]|xs[-2]|xs[::-1][1]|xs[:1][0]|d["x"]|d.get("x")|d.get("z", y)|d.get("z")|d.setdefault("z", x)|xs.copy()[0]|(xs + [y])[2]
list(d.values())[0]|[*d.items()][0][1]|d[[*d.keys()][0]]|dict(d)["x"]|{**d}["x"]|dict(k=x)["k"]|(x, y)[1]|[t for t in xs][0]|[t for t in xs if t.dim() > 1][0]
{k: t for k, t in d.items()}["x"]|[*map(lambda t: t.view(-1), xs)][0]|[*zip(xs, xs)][0][1]|[*enumerate(xs)][0][1]|[*reversed(xs)][1]|tuple(xs)[0]
sorted([x], key=id)[0]|copy.copy(x)|copy.deepcopy(x)|copy.copy(d)["x"]|copy.copy(xs)[0]|getattr(x, "T")|getattr(buffer, "data")|x if a.size else y
x if True else y|(z := x)|buffer.data|buffer.view()|norm(x)|scale(x)|(lambda t, k=1: t[k:])(x)|(lambda *t, **k: t[0])(x)"""
"""What a cell may take: the memory of another variable, or its own."""

WRITES = """x.add_(1)|x.copy_(x)|x.copy_(grid[:2, :3])|x.t_()|x.swapaxes_(0, 1)|nn.init.zeros_(x)|x *= 2|x //= 2
nn.init.normal_(net[0].weight)|x.requires_grad_().mul_(2)|x[:, 0] = x[:, 1]|x[x > 9] = 0|x[0][1] = 5|x.T[0] = 1|np.copyto(a, 1)|np.random.shuffle(a)|a.fill(3)
a[:] = 0|a.put([0], [1])|np.put(a, [0], [1])|np.add.at(a, 0, 1)|torch.add(x, 1, out=x)|np.add(a, 1, a)|a.T.sort()|a.setflags(write=False)
opt.zero_grad()|opt.zero_grad(set_to_none=False)|opt.step()|net.zero_grad()|net.load_state_dict(best)|net.to(torch.float64)|net.apply(lambda m: None)|net.half()
net.requires_grad_(False)|net(torch.ones(1, 3)).sum().backward()|net[0].weight.add_(1)|net[0].weight.data.add_(1)|net[0].bias.grad.zero_()|del x; y.add_(1)
buffer.data += 1|buffer.put(v=3)|buffer.data = x|xs[0] += 1|xs[0][0] = 1|xs.append(x); xs[2].add_(1)|xs += [y]; xs[2].add_(1)
d.update(k=y); d["k"].add_(1)|d["k"] = x; d["k"].add_(1)|x.untyped_storage().fill_(0)|x.map_(x, max)
torch.manual_seed(0)|torch.save(x, "f")|print(x)|len(x)|x.sum().item()|isinstance(x, torch.Tensor) and x.add_(1)|not x.any() or x.add_(1)|x.is_contiguous() and x.zero_()
torch._foreach_add_([x, grid], 1)|torch.clamp_(x, 0)|nn.utils.clip_grad_norm_(net.parameters(), 1.0)|F.normalize(x, out=x)
[t.add_(1) for t in xs]|{k: t.add_(1) for k, t in d.items()}|list(map(norm, xs))|[*filter(norm, [grid])]|sum(t.zero_() for t in xs)"""
"""What a cell may write."""

SHARED = """np.flip(a)|np.flipud(a)|np.rot90(a)|np.expand_dims(a, 0)|np.array_split(a, 2)[0]|np.split(a, 3, axis=1)[1]|np.broadcast_arrays(a)[0]
np.permute_dims(a)|np.unstack(a)[1]|np.einsum("ij->ji", a)|np.einsum("ij->i", a)|np.require(a)|np.asmatrix(a)|np.ascontiguousarray(a.T)
np.asfortranarray(a.T)|np.array(a, copy=None)|np.ndarray((2,), np.float32, a)|a.ravel("K")|a.T.ravel("F")|a.reshape(3, 2, order="F")
a.astype("f4", copy=False)|a.conjugate()|np.positive(a)|np.lib.stride_tricks.sliding_window_view(a, 2, 1, writeable=True)
torch.asarray(a, copy=True)|torch.asarray(x, copy=True)|torch.meshgrid(x[0], x[1], indexing="ij")[0].T[0]|x.conj_physical()|x.slice_scatter(x)
x.as_strided((2,), (1,), 3)|torch.einsum("ij->ji", x)|F.dropout(x, training=False)|F.dropout(x, 0.0)|F.alpha_dropout(x)|nn.Flatten(0)(x)|nn.Flatten()(x)
vars(buffer)["data"]|buffer.__dict__["data"]|globals()["x"]|eval("x[0]")|getattr(net, "0").bias.data|net.get_parameter("0.bias").data
net.get_submodule("0").weight.data|net._modules["0"]._parameters["bias"].data|vars(net)["_modules"]["0"].bias.data|net.state_dict(prefix="m.")["m.0.bias"]
net.state_dict(keep_vars=True)["0.bias"].data|nn.ModuleDict({"k": net})["k"][0].bias.data|operator.itemgetter(0)(xs)|operator.attrgetter("data")(buffer)
sorted(xs[:1])[0]|[*itertools.chain.from_iterable([xs])][0]|[*itertools.islice(xs, 1, None)][0]|next(itertools.starmap(torch.add, [(x, x)]))
[*itertools.pairwise(xs)][0][0]|[*itertools.product(xs, [y])][0][1]|type(buffer).view(buffer)|torch.utils.data.TensorDataset(x).tensors[0]
types.SimpleNamespace(t=x).t|xs[slice(0, 1)][0]|functools.partial(x.narrow, 0, 1)(1)"""
"""More of what a cell may take from libraries."""

WRITTEN = """x.fill_(-3)|F.relu(x, True)|x.fill_(-3)|F.leaky_relu(x, 0.5, True)|F.dropout(x, 0.5, True, True)|F.dropout(x, training=False, inplace=True)|x.fill_(5)|F.threshold(x, 9.0, 8.0, True)
x.apply_(lambda n: n + 1)|x.map_(grid[:2, :3], lambda p, q: p + 3)|torch.put(x, torch.tensor([0]), torch.tensor([7.0]))|x.__setitem__(slice(0, 1), 6)
torch.Tensor.__setitem__(x, 0, 5)|np.ndarray.fill(a, 2)|np.sqrt(a, a)|np.negative(a, a)|np.modf(a, a, a)|np.clip(a, 5, 6, a)|a.byteswap()|a.byteswap(True)|np.put(a, range(6), [9])
np.random.default_rng(0).random(dtype=np.float32, out=a)|torch.ops.aten.fill_.Scalar(x, 3)|grid.expand(2, 4, 4).fill_(4)|exec("x.add_(1)\\ny.mul_(2)")
exec(compile("x.sub_(1)", "f", "exec"))|operator.methodcaller("add_", 1)(x)|functools.partial(x.mul_, 2)()|nn.ReLU(True).forward(x.neg_())
net.get_submodule("0").weight.data.add_(1)|nn.Linear(3, 2, True)(x)|nn.Embedding(2, 3, _weight=grid[:2, :3] + 9, max_norm=0.1)(torch.tensor([0]))
mean = torch.zeros(3); seen_mean = mean.view(3); F.batch_norm(x + 2, mean, torch.ones(3), training=True)|net[0].bias.data = torch.zeros(2)
v = [x, grid]; v.pop(0); v[0].add_(1)|v = [x, grid]; w = v.pop(); w.add_(1)|v = [x, grid]; v.insert(0, grid); v[0].add_(1)|v = [x, grid]; v.reverse(); v[0].add_(1)
v = [x, grid]; del v[0]; v[0].add_(1)|v = [x]; v[0:1] = [grid, x]; v[1].add_(1)|v = [grid, x]; v.clear(); x.add_(1)|v = iter([x, grid]); next(v); next(v).add_(1)
v = {"k": grid}; v.pop("k").add_(1)|v = {"k": grid}; v.popitem()[1].add_(1)|v = {}; v.update([("k", x)]); v["k"].add_(1)
v = collections.defaultdict(list); v["k"] = x; v["k"].add_(1)|v = collections.deque([x]); v.appendleft(grid); v[0].add_(1)|v = collections.deque([x, grid]); v.rotate(1); v[0].add_(1)
d.pop("x").add_(1)|w = xs.pop(); w.add_(1)|xs.clear()|x.data = grid[:2, :3]; x.add_(1)|x.set_(grid[2:, :3] + 77)"""
"""More of what a cell may write through libraries and containers; the last cells change what the names lead to."""

FLOWS = [
    "try:\n    x.add_(1)\nexcept ValueError:\n    grid.add_(1)\nfinally:\n    buffer.put(1)",
    "try:\n    raise ValueError\nexcept ValueError as error:\n    x.add_(1)\nelse:\n    grid.add_(1)",
    "n = 0\nwhile n < 3:\n    x[0] = n\n    n += 1\n    if n == 2: break\nelse:\n    grid.add_(1)",
    "for t in xs:\n    if t is x: continue\n    t.add_(1)",
    "for i, (k, t) in enumerate(d.items()): t.add_(i)",
    "for i in range(len(xs)): xs[i].add_(1)",
    "for m in net.modules():\n    if isinstance(m, nn.Linear): m.weight.data.zero_()",
    "for p in net.parameters(): p.data.mul_(2)",
    "for name, p in net.named_parameters():\n    if 'bias' in name: p.data.zero_()",
    "with torch.no_grad():\n    for p in net.parameters(): p -= 0.1",
    "with torch.no_grad() as n, open('f') as f:\n    net[0].weight[0] = 1",
    "with torch.inference_mode(): x.add_(1)",
    "if len(data) > 2: x.add_(1)\nelse: grid.add_(1)",
    "if input():\n    t = x\nelse:\n    t = grid\nt.add_(1)",
    "match data:\n    case [1, *rest]: x.add_(1)\n    case _: grid.add_(1)",
    "first, *rest = xs\nfirst.add_(1)\nrest[0].add_(1)",
    "(p, q), r = (x, y), grid\nq.add_(1)",
    "p = q = x\nq.add_(1)",
    "t: torch.Tensor = x\nt.add_(1)",
    "def inner(t, *more, k=None, **rest):\n    if k: return more[0].add_(1)\n    rest['r'].add_(1)\ninner(grid, x, k=1)\ninner(x, r=grid)",
    "def outer():\n    t = x\n    def inner():\n        nonlocal t\n        t = grid\n        t.add_(1)\n    inner()\n    return t\nouter().mul_(2)",
    "def change():\n    global x\n    x = x.view(-1)\nchange()\nx.add_(1)",
    "def gen():\n    for t in xs: yield t\nfor t in gen(): t.add_(1)",
    "def down(t, n=3):\n    if n: return down(t, n - 1)\n    t.add_(1)\ndown(x)",
    "async def later(t): t.add_(1)\nawait later(x)",
    "class Box:\n    kind = 'box'\n    def __init__(self, t): self.t = t\n    @property\n    def top(self): return self.t[0]\n"
    "    @staticmethod\n    def zero(t): t.zero_()\n    @classmethod\n    def make(cls): return cls(x)\n    def __call__(self, t): t.add_(1); return self\n"
    "    def __getitem__(self, k): return self.t[k]\nclass Sub(Box):\n    def __init__(self, t):\n        super().__init__(t)\n        self.more = [t]\n"
    "b = Sub(grid)\nb.top.add_(1)\nb(x)\nBox.zero(b.more[0])\nBox.make()[0].mul_(2)",
    "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.one, self.act = nn.Linear(3, 3), nn.ReLU(inplace=True)\n"
    "        self.register_buffer('seen', torch.zeros(1))\n    def forward(self, t):\n        self.seen += 1\n        return self.act(t)\nn = Net()\nkept = n.seen\nn(x)",
    "bn = nn.BatchNorm1d(3)\nmean = bn.running_mean\nbn(x)\nbn.eval()\nbn(x)",
    "bn = nn.BatchNorm1d(3).eval()\nmean = bn.running_mean\nbn(x)",
    "sgd = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)\nnet(torch.ones(1, 3)).sum().backward()\nsgd.step()\nkept = sgd.state_dict()\nsgd.step()",
    "adam = torch.optim.Adam([net[0].weight], lr=0.1)\nw = net[0].weight.detach()\nnet(torch.ones(1, 3)).sum().backward()\nadam.step()",
    "kept = []\nfor i in range(3):\n    buffer.put(i)\n    kept += [buffer.data]",
    "kept = {}\nfor i in range(3):\n    kept[i] = buffer.view()\n    buffer.put(i)",
    "h = net(torch.ones(1, 3))\nh.data.add_(1)\nh.sum().backward()",
    "w = torch.ones(3, requires_grad=True)\nh = w.exp()\nv = h.detach()\nv.add_(1)\nh.sum().backward()",
    "w = torch.ones(3, requires_grad=True)\nh = w * 2\nh.add_(1)\nloss = h.pow(2).sum()\nh[0] = 0\nloss.backward()",
    "w = torch.ones(3, requires_grad=True)\nwith torch.no_grad(): w.add_(1)\nw.data.add_(1)\nw.view(3).add_(1)",
    "loss = net(torch.ones(1, 3)).sum()\nloss.backward()\nloss.backward()",
    "x = x.view(-1)\nx += 1\nx = x.clone()\nx += 1",
    "del xs, d\nx.add_(1)",
    "assert x.add_(1) is x\nimport os; from torch import nn as m\nm.init.ones_(y)",
    "print(f'{x.add_(1)}', *xs, sep='')",
    "t = (lambda: x)()\nt.add_(1)\nu = (lambda: (yield x))()",
    "from functools import partial\npartial(norm, x)()",
]
"""How a cell may get there."""


def _split(text: str) -> list[str]:
    return [one for line in text.split("\n") for one in line.split("|")]


LIBRARIES = [
    "import collections, functools, itertools, operator, types",
    *(f"v = {one}\nv[...] = {number}.5" for number, one in enumerate(_split(SHARED))),
    *(one.replace("; ", "\n") for one in _split(WRITTEN)),
]
"""Cells that run one after the other."""

PREVIEWED["many"] = (
    PREVIEWED["aliases"][0],
    [
        *(f"v = {one}\nv += 1" for one in _split(f"{GIVEN}\n{SHARED}")),
        *(one.replace("; ", "\n") for one in _split(f"{WRITES}\n{WRITTEN}")),
        *FLOWS,
    ],
)
