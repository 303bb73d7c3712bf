"""What containers, iterators and plain values lead to is followed by a preview: nothing missed, nothing in vain."""

from __future__ import annotations

import pytest

from tests.support.foretold import Tally, compare_previews

TENSORS = """
import collections, dataclasses, functools, itertools, operator, typing, torch
from collections import defaultdict, deque, namedtuple
from dataclasses import dataclass, field
x, y, z = (torch.arange(3.0) + n for n in range(3)); xs, row = [x, y, z], x[:2]
"""

RECORDS = [
    """
Batch, Point = namedtuple("Batch", "obs act"), collections.namedtuple("Point", ["left", "right"])
batch, point = Batch(x, y), Point(left=z, right=None)
class Move(typing.NamedTuple):
    state: torch.Tensor
    reward: float = 0.0
class Named(namedtuple("Named", "first second")):
    pass
move, named = Move(x), Named(y, z)
@dataclass
class State:
    at: torch.Tensor
    past: list = field(default_factory=list)
state = State(x)
""",
    "batch.obs.add_(1)",
    "seen, _ = batch\nseen[0] = 7",
    "batch[1].mul_(2)",
    "batch[-1].sub_(1)",
    "other = batch._replace(act=None)\nother.obs.neg_()",
    "for one in batch: one += 1",
    "batch._asdict()['act'].neg_()",
    "made = Batch(obs=row, act=None)\nmade.obs.add_(1)",
    "again = Batch(*batch)\nagain.act.mul_(3)",
    "listed = Batch._make(xs[:2])\nlisted.act.add_(1)",
    "point.left.add_(1)",
    "dict(zip(batch._fields, batch))['act'].sub_(2)",
    "Local = namedtuple('Local', 'a, b')\nlocal = Local(b=z, a=1)\nlocal[1].add_(1)",
    "def bump(one): one.state[0] += 1\nbump(move)",
    "later = Move(row)\nlater.state.add_(1)",
    "named[1].add_(1)\nnamed.first.neg_()",
    "match batch:\n    case Batch(obs=one):\n        one.add_(1)",
    "copied = dataclasses.replace(state, past=[y])\ncopied.at.add_(1)\ncopied.past[0].neg_()",
    "fresh = State(y)\nfresh.past.append(z)\nfresh.past[-1].add_(1)",
]
KEPT = [
    """
recent, grown, empty = deque([x, y], maxlen=2), deque([z]), deque(maxlen=3)
groups, chosen, counts = defaultdict(list), defaultdict(lambda: z), defaultdict(int)
names, sizes = ["x", "y"], {"rows": 3, "label": "b"}
class Agent:
    def __init__(self, score, weight): self.score, self.weight, self.log = score, weight, []
agents = [Agent(1, x), Agent(3, y), Agent(2, z)]
""",
    "recent.append(z)\nrecent[-1].add_(1)",
    "recent[0].add_(1)",
    "recent.appendleft(x)\nrecent[0].add_(1)\nrecent[1].neg_()",
    "short = deque([x, y, z], 2)\nshort[0].add_(1)",
    "grown += [x]\ngrown[1].add_(1)",
    "for one in (x, y, z, row): empty.append(one)\nempty[2].add_(1)",
    "groups['a'].append(x)\ngroups['a'][0].add_(1)",
    "chosen['new'].add_(1)",
    "nested = defaultdict(dict)\nnested['k']['v'] = y\nnested['k']['v'] += 1",
    "counts['n'] += 1\nxs[counts['n']].add_(1)",
    "plain = dict(chosen)\nplain['new'].add_(1)",
    "agents[0].log.append(x)\nagents[0].log[0].add_(1)",
    "if agents[1].score > 2: agents[1].weight.add_(1)\nelse: agents[0].weight.add_(1)",
    "dict(x=x, y=y)[names[1]].add_(1)",
    "if 'rows' in sizes: z.add_(1)\nif 'columns' in sizes: x.add_(1)",
    "for name, one in zip(names, xs):\n    if name.startswith('y'): one.add_(1)",
    "for name, one in zip(names, xs):\n    if 'x' in name: one.add_(1)",
    "xs[len(names)].add_(1)",
    "first, *others = xs\nothers[1].add_(1)",
    "*others, last = xs\nothers[0].add_(1)\nlast.neg_()",
    "ordered = collections.OrderedDict(a=x, b=y)\nordered.move_to_end('a')\n[*ordered.values()][-1].add_(1)",
]
ORDERED = [
    "class Agent:\n    def __init__(self, score, weight): self.score, self.weight = score, weight\n"
    "agents, losses = [Agent(1, x), Agent(3, y), Agent(2, z)], [0.3, 0.1, 0.7]",
    "max(agents, key=lambda one: one.score).weight.add_(1)",
    "min(agents, key=operator.attrgetter('score')).weight.add_(1)",
    "sorted(agents, key=lambda one: -one.score)[1].weight.add_(1)",
    "xs[sorted(range(3), key=lambda n: losses[n])[0]].add_(1)",
    "xs[losses.index(min(losses))].add_(1)",
    "{'a': x, 'b': y}[sorted({'b': 1, 'a': 2})[0]].add_(1)",
    "sorted(zip([3, 1, 2], xs), key=lambda pair: pair[0], reverse=True)[0][1].add_(1)",
    "agents.sort(key=lambda one: one.score)\nagents[0].weight.add_(1)",
    "max([(1, x), (2, y)], key=lambda pair: pair[0])[1].add_(1)",
    "for one in sorted(xs, key=id): one.add_(1)",
]
OPERATORS = [
    "class Box:\n    def __init__(self, held): self.held = held\n"
    "    def __mod__(self, other):\n        self.held.add_(other)\n        return self\n"
    "    def __rshift__(self, other): return self.held[other:]\nbox = Box(x)",
    "other = box % 2",
    "(box >> 1).add_(1)",
    "dict([(0.5, x), (1.5, y)])[1.5].add_(1)",
    "dict.fromkeys([0.5], z)[0.5].add_(1)",
]
BY_DATA = [
    "best = max(xs, key=lambda one: one.sum().item())",
    "best = sorted(xs, key=lambda one: float(one.sum()))[0]",
    "best = xs[int(x.argmax())]",
    "xs.sort(key=lambda one: one.mean().item()); best = xs[0]",
    "best = sorted(xs, key=lambda one: one.sum().item())[:2][0]",
]
"""Where only data decide which tensor it is."""
ITERATED = [
    "records = [('a', x), ('a', y), ('b', z)]",
    "for _, group in itertools.groupby(records, key=lambda one: one[0]):\n    for _, one in group: one.add_(1)",
    "for _, group in itertools.groupby(records, lambda one: one[0]): [*group][0][1].add_(1)",
    "sums = [*itertools.accumulate([y, z], lambda a, b: a.add_(b))]",
    "sums = [*itertools.accumulate(xs)]\nsums[0].add_(1)\nsums[1].add_(1)",
    "for a, b in itertools.combinations([y, z], 2): a.add_(b)",
    "for a, b in itertools.permutations([y, z]): a.sub_(b + 1)",
    "for a, b in itertools.combinations_with_replacement([y], 2): a.add_(b + 1)",
    "for a, b in itertools.zip_longest([y, z], [row]):\n    if b is not None: b.add_(1)",
    "for one in itertools.takewhile(lambda one: one is not z, xs): one.add_(1)",
    "for one in itertools.dropwhile(lambda one: one is not z, xs): one.add_(1)",
    "for one in itertools.compress(xs, [1, 0, True]): one.add_(1)",
    "for n, one in zip(itertools.count(1), xs): one.add_(n)",
    "first, second = itertools.tee(xs)\nfor one in second: one.sub_(1)",
    "for one in itertools.filterfalse(lambda one: one is z, xs): one.add_(1)",
    "for a, b in itertools.product(xs[:1], repeat=2): a.add_(b + 1)",
    "for one in itertools.batched(xs, 2): one[0].add_(1)"
    if hasattr(__import__("itertools"), "batched")
    else "x.add_(1)",
]


@pytest.mark.parametrize(
    "cells",
    [RECORDS, KEPT, ORDERED, OPERATORS, ITERATED],
    ids=["records", "kept", "ordered", "operators", "iterated"],
)
def test_what_values_lead_to_is_foretold(cells: list[str]):
    tally = Tally()
    compare_previews("values", [TENSORS, *cells], tally)

    assert tally.missed == tally.in_vain == []
    assert tally.right == tally.right_line > len(cells)


@pytest.mark.parametrize("source", BY_DATA)
def test_nothing_is_foretold_of_what_only_data_decide(source: str):
    tally = Tally()
    compare_previews("data", [TENSORS, f"{source}\nbest.add_(1)"], tally)

    assert tally.in_vain == []
    assert tally.foretold == 0


LEFT_OVER = [
    "def f(t): t.add_(1)\nw = x[:1]",
    "for row in xs: f(x)",
    "for(row)in xs: f(x)",
    "for a, b in zip(xs, xs): f(x)",
    "f(x)",
    "f(row); print(a)",
    "for row in [x]: pass\nf(x)",
    "f(x); print(row)",
    "for w in [x]: f(x)",
    "for row in xs:\n    if row is y: break\n    f(x)",
]


def test_a_name_that_a_loop_leaves_over_is_foretold_as_it_is_told():
    tally = Tally()
    compare_previews("left over", [TENSORS, *LEFT_OVER], tally)

    assert tally.missed == tally.in_vain == []
    assert tally.foretold > len(LEFT_OVER)
