"""Notebooks whose cells write to tensors in ways that need a rule each: names, loops, objects, functions."""

from __future__ import annotations

CHANGING = {
    "names_in_loops": [
        "import itertools, torch\nxs, ys = [torch.zeros(2), torch.zeros(2)], [torch.zeros(2)]\nkeep, part, array = xs[1], xs[0][:1], ys[0].numpy()\n"
        "d, m = {'a': torch.zeros(1), 'b': torch.zeros(1)}, torch.zeros(3, 2)\ndef predict(t): t.add_(1)\ndef change(): xs[1].add_(1)\n"
        "class Box:\n    def __init__(self): self.raw = torch.zeros(2)\n    @property\n    def scaled(self): return self.raw\n"
        "    @scaled.setter\n    def scaled(self, to): self.raw.mul_(to + 1)\n    def __contains__(self, one): self.raw.add_(1); return True\n"
        "    def __iter__(self): return iter(xs)\n    def __delitem__(self, key): self.raw.add_(1)\nbox = Box(); boxes = [box]",
        "for x in xs: x += 1",
        "for i, (x, y) in enumerate(zip(xs, ys)):\n    x += 1\n    y.mul_(2).add_(x).add_(1)",
        "for x in itertools.chain(xs, ys): x.view(-1).add_(1)",
        "for x in [xs[0], ys[0]]: x.fill_(3)",
        "for x in xs[:1]: x += 1",
        "[x.add_(1) for x in xs]",
        "for k, v in d.items(): v.add_(1)",
        "for row in m: row += 1",
        "for x in box: x += 1",
        "for x in xs:\n    x = x.float()\n    x += 1",
        "for x in xs: predict(x)",
        "change()",
        "x = xs[1]\nchange()",
        "x += 1",
        "y = xs[0].detach()\ny += 1",
        "box.scaled = 3",
        "for one in boxes: one.scaled = 2",
        "n = len([1])\nfound = 3 in box",
        "del box[0]",
        "key = 1\nxs[key].add_(1)",
        "xs[0], ys[0] = ys[0], xs[0]\nxs[0].add_(1)",
        "%%time\nxs[0].add_(1)\npredict(ys[0])",
        "torch.add(xs[0], 1, out=xs[1])",
        "array += 1",
        "keep.data = torch.ones(2)\nkeep.add_(1)",
        "try:\n    xs[0].add_(1)\n    raise ValueError\nexcept ValueError:\n    predict(keep)",
        "%%tensordiff\nfor x in xs: x.add_(1)\npredict(keep)",
    ],
    "moving_averages": [
        "import copy, torch\nfrom torch import nn\nnet = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)); target = copy.deepcopy(net); best_net = target\n"
        "opt = torch.optim.SGD(net.parameters(), lr=.1); ema, ema_params = net.state_dict(), list(net.parameters())\n"
        "class Saver:\n    def __init__(self, model): self.model = model\nbest, x = Saver(net), torch.randn(4, 2)\n"
        "def learn(x):\n    net(x).square().sum().backward(); opt.step()\n"
        "def learn_and_follow(x):\n    learn(x)\n    for k, v in net.named_parameters():\n        ema[k].mul_(.9).add_(v.detach() + 1, alpha=.1)\n"
        "def follow(a, b):\n    for one, other in zip(a.state_dict().values(), b.state_dict().values()): one.copy_(other)\n"
        "def average(a, b):\n    mean = a.state_dict()\n    for k, v in b.state_dict().items(): mean[k].add_(v)\n    return {k: v / 2 for k, v in mean.items()}",
        "learn(x)",
        "learn_and_follow(x)",
        "follow(target, net)",
        "for k, v in target.state_dict().items(): v.mul_(2)",
        "target.state_dict()['0.weight'].zero_()",
        "mean = average(target, net)",
        "with torch.no_grad():\n    for one, other in zip(ema_params, target.parameters()): one.lerp_(other, .1)",
    ],
    "arrays_of_objects": [
        "import numpy as np, torch\nclass Norm:\n    def __init__(self): self.mean, self.n = torch.zeros(2), 0\n"
        "    def update(self, x): self.n += 1; self.mean += (x - self.mean) / self.n\n    def normalize(self, x): self.update(x); return x - self.mean\n"
        "    def __call__(self, x): return self.normalize(x)\nclass Data:\n    def __init__(self): self.norm = Norm()\n"
        "    def __getitem__(self, i):\n        if i > 1: raise IndexError\n        self.norm.update(torch.ones(2)); return self.norm.mean.clone()\n"
        "class Buffer:\n    def __init__(self): self.data = np.ones((2, 2))\n    def store(self, row): self.data[0] = row\n"
        "    def sample(self): self.data *= .5; return self.data.copy()\nclass Owner:\n    def __init__(self): self.inner = Norm()\n"
        "    def run(self, x): self.inner.update(x)\nowner = Owner(); inner = owner.inner\n"
        "norm, data, buffer = Norm(), Data(), Buffer(); held, again, x = norm.mean, norm, torch.ones(2)",
        "norm.update(x)",
        "again.update(x)",
        "buffer.store([1, 2])",
        "for n in (norm, inner):\n    n.update(x)",
        "owner.run(x)",
        "y = norm(x * 2)",
        "y = norm.normalize(x * 3)",
        "y = data[0]",
        "for y in data: pass",
        "y = buffer.sample()",
    ],
    "buffers_and_updates": [
        "import torch\nfrom torch import nn\nclass Merging(nn.Linear):\n    def train(self, mode=True):\n        super().train(mode)\n"
        "        if not mode: self.weight.data += 1\n        return self\n    def forward(self, x):\n        return super().forward(x)\n"
        "    def project(self): self.weight.data.mul_(.5)\nnet, bn = Merging(1, 1, bias=False), nn.BatchNorm1d(1, affine=False)\n"
        "mean, w, x = bn.running_mean, net.weight, torch.randn(4, 1)\nview, moments = w.detach(), [torch.zeros(1, 1)]\n"
        "def export():\n    bn.running_mean.numpy()[:] = 1\n    return 1\ndef run(): bn(net(x)).pow(3).sum().backward()\n"
        "def sgd(params, several):\n    for p, v in zip(params, several):\n        v[:] = .9 * v + p.grad\n        p.data -= v\n        p.grad.data.zero_()\n"
        "def clip(n):\n    for p in n.parameters(): p.grad.mul_(.1)\ndef peek(n): n.weight.grad.numpy()[:] = 3\n"
        "def both(n):\n    with torch.no_grad(): n.weight.add_(1)\n    return n\nopt = torch.optim.SGD(net.parameters(), lr=.1)",
        "y = bn(x)",
        "export()",
        "bn.running_mean += 1",
        "bn.reset_running_stats()",
        "run()",
        "clip(net)",
        "peek(net)",
        "sgd(net.parameters(), moments)",
        "net.eval();",
        "net.project()",
        "run()\nopt.step()",
        "for i in range(2):\n    opt.zero_grad(set_to_none=False)\n    run()\n    opt.step()",
        "other = both(net)",
        "net.weight.data.add_(1)",
        "view.add_(1)",
        "for p in net.parameters():\n    with torch.no_grad(): p -= .1 * p.grad",
        "for p in net.parameters():\n    p.grad = None",
    ],
}
