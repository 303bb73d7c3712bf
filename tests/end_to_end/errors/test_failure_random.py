"""Random cells that die in backward: what is told agrees with what the graph and the counters show line by line."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from tests.support.mending import mend
from tests.support.notebook import Notebook

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAMS = 2000 if os.environ.get("TENSORWATCH_PROFILE") == "deep" else 60
ROUNDS = 12
COMPLAINT = "modified by an inplace operation"
START = "import torch\nw = torch.tensor([0.5, 1.0, 1.5], requires_grad=True)\nloss = w.sum()"
MAKES = ("{a} * {b}", "{a} * 2", "{a}.exp()", "{a}.sigmoid()", "{a} + {b}", "torch.tanh({a})", "{a} ** 2", "{a} / {b}")
VIEWS = ("{a}.view(-1)", "{a}.detach()", "{a}[:]", "{a}.view(3, 1)[:, 0]")
WRITES = (
    "{a}.add_(1)",
    "{a} *= 2",
    "{a}[0] = 1",
    "{a}.mul_({b}.detach())",
    "{a}.detach().mul_(2)",
    "{a}.data.add_(1)",
    "{a}.sigmoid_()",
    "torch.add({a}.detach(), 1, out={a}.detach())",
)


@dataclass(frozen=True)
class Truth:
    """What a program dies of, as the graph and the version counters show it.

    Attributes
    ----------
    saved, written
        The lines, counted through all cells.
    names
        The variables that lie in the memory of the saved tensor when backward runs.
    """

    op: str
    saved: int
    written: int
    names: frozenset[str]


def make_program(seed: int) -> list[str]:
    """Make up a program of one statement a line that ends in a backward."""
    rng = random.Random(seed)
    names, lines = ["h"], ["h = w * 1"]
    for number in range(rng.randint(4, 12)):
        a, b = rng.choice(names), rng.choice([*names, "w"])
        kind = rng.random()
        if kind < 0.3:
            name = rng.choice([f"v{number}", *names])
            lines.append(f"{name} = {rng.choice(MAKES).format(a=a, b=b)}")
            names.append(name)
        elif kind < 0.45:
            lines.append(f"v{number} = {rng.choice(VIEWS).format(a=a)}")
            names.append(f"v{number}")
        elif kind < 0.7:
            lines.append(f"loss = loss + ({rng.choice(MAKES).format(a=a, b=b)}).sum()")
        else:
            write = rng.choice(WRITES).format(a=a, b=b)
            lines.append(f"with torch.no_grad(): {write}" if rng.random() < 0.4 else write)
    return [*lines, "loss.backward()"]


def nodes_below(node: object) -> dict[int, object]:
    """Give the nodes of a graph by their numbers."""
    found, waiting = {}, [] if node is None else [node]
    while waiting:
        one = waiting.pop()
        number = one._sequence_nr()
        if number not in found:
            found[number] = one
            waiting += [other for other, _ in one.next_functions if other is not None]
    return found


def saved_in(node: object) -> dict[str, torch.Tensor]:
    """Give the tensors that a node saved, without a check."""
    raws = {name: getattr(node, name) for name in dir(node) if name.startswith("_raw_saved_")}
    return {name: raw.data for name, raw in raws.items() if isinstance(getattr(raw, "data", None), torch.Tensor)}


def find_truth(lines: list[str]) -> Truth | None:
    """Run a program line by line, and read off what it dies of.

    None where it does not die, or dies of what an operator on a view saved: PyTorch shows no such node.
    """
    names: dict[str, object] = {}
    exec(START, names)
    first: dict[int, int] = {}
    seen: dict[tuple[int, str], list[tuple[int, int]]] = {}
    for number, line in enumerate(lines[:-1]):
        try:
            exec(line, names)
        except RuntimeError:
            return None
        for root in [one for one in names.values() if isinstance(one, torch.Tensor)]:
            for sequence, node in nodes_below((root._base if root._is_view() else root).grad_fn).items():
                for name, tensor in saved_in(node).items():
                    seen.setdefault((sequence, name), []).append((number, tensor._version))
        first.update(dict.fromkeys(range(first_free(first), torch.autograd._get_sequence_nr()), number))
    found = [*failures(nodes_below(names["loss"].grad_fn))]
    try:
        exec(lines[-1], names)
    except RuntimeError as error:
        for words, sequence, node, name in found[:1]:
            if words not in str(error):
                return None
            expected = int(words.split("expected version ")[1].split(" ")[0])
            written = min(number for number, version in seen[sequence, name] if version > expected)
            here = saved_in(node)[name].untyped_storage().data_ptr()
            tensors = {one: t for one, t in names.items() if isinstance(t, torch.Tensor)}
            same = {one for one, tensor in tensors.items() if tensor.untyped_storage().data_ptr() == here}
            return Truth(node.name(), first[sequence], written, frozenset(same))
    return None


def failures(nodes: dict[int, object]) -> Iterator[tuple[str, int, object, str]]:
    """Give what the nodes of a graph will complain of, in the order in which backward runs them."""
    for sequence, node in sorted(nodes.items(), reverse=True):
        for name in saved_in(node):
            try:
                getattr(node, name.replace("_raw", ""))
            except RuntimeError as error:
                yield str(error).split(" Hint")[0], sequence, node, name


def first_free(known: dict[int, int]) -> int:
    """Give the number after the last one that is known, or the next one."""
    return max(known) + 1 if known else 0


def in_cells(lines: list[str], seed: int) -> list[str]:
    """Spread lines over cells."""
    rng = random.Random(seed)
    cells = [START]
    for line in lines:
        if rng.random() < 0.4:
            cells.append(line)
        else:
            cells[-1] += "\n" + line
    return cells


def place(cells: list[str], number: int) -> tuple[int, int]:
    """Tell the cell and the line of a program's line."""
    number += START.count("\n") + 1
    for cell, source in enumerate(cells, start=1):
        count = source.count("\n") + 1
        if number < count:
            return cell, number + 1
        number -= count
    raise IndexError(number)


def dying_programs(count: int) -> list[int]:
    found, seed = [], 0
    while len(found) < count:
        seed += 1
        if find_truth(make_program(seed)) is not None:
            found.append(seed)
    return found


def run(cells: list[str]) -> tuple[str, dict | None]:
    """Run cells; give the last error and the hazard that explains it."""
    with Notebook() as nb:
        for cell in cells:
            error = nb.cell(cell).error
            if error is not None:
                return str(error), next((one for one in nb.report()["hazards"] if one["happened"]), None)
    return "", None


def test_what_is_told_agrees_with_the_graph_and_the_counters():
    wrong = []
    for seed in dying_programs(PROGRAMS):
        lines = make_program(seed)
        truth, cells = find_truth(lines), in_cells(lines, seed)
        error, hazard = run(cells)
        saved, written = place(cells, truth.saved), place(cells, truth.written)
        who = hazard["message"].split(" raised: ")[1]
        found = {
            "error": COMPLAINT in error,
            "op": truth.op == hazard["op"],
            "saved": f"in cell {saved[0]}, line {saved[1]}, was" in who,
            "written": f"cell {written[0]}, line {written[1]}" in who.split(" overwritten")[1],
            "name": who.split("`")[1] in truth.names if truth.names else who.startswith("a temporary"),
        }
        if not all(found.values()):
            wrong.append((seed, [what for what, right in found.items() if not right], hazard["message"], truth, cells))

    assert len(wrong) * 200 <= PROGRAMS, wrong


def test_remedies_applied_one_after_another_lead_to_cells_that_run():
    """Each mends one write; a program that writes in several places dies of the next one then."""
    stuck = []
    for seed in dying_programs(PROGRAMS // 2):
        cells, tried = in_cells(make_program(seed), seed), []
        for _ in range(ROUNDS):
            error, hazard = run(cells)
            if hazard is None or not hazard["fix"]["edits"]:
                break
            tried.append(hazard["remedy"])
            cells = mend(cells, hazard)
        if error:
            stuck.append((seed, error[:200], tried, cells))

    assert len(stuck) * 50 <= PROGRAMS, stuck
