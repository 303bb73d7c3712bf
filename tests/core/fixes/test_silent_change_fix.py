"""The fix of a silent change: which statement stores a copy, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ipy_tensorwatch.core.fixes.derivation import FixContext
from ipy_tensorwatch.core.fixes.function_fix import fix_in_function
from ipy_tensorwatch.core.fixes.several_changes_fix import fix_changes
from ipy_tensorwatch.core.fixes.silent_change_fix import MAX_COPIES, change_fixes
from ipy_tensorwatch.core.records.report_parts import Inner, Origin
from ipy_tensorwatch.core.runtime.deadline import Deadline
from tests.support.records import change, reading, site, snapshot

if TYPE_CHECKING:
    from ipy_tensorwatch.core.records.snapshots.snapshot import Snapshot

NAMES = snapshot(x=reading(1), y=reading(2), n=reading(3, kind="ndarray"))


def context(cells: dict[int, str], after: Snapshot = NAMES) -> FixContext:
    """Return what is known after the last of some cells."""
    return FixContext(cell=max(cells), after=after, cells=cells)


def edits(cells: dict[int, str], **more: object) -> list[tuple[int, int, int, str]]:
    """Return the edits for a change of `x` through `y` in the last cell."""
    fix = next(change_fixes(change(sites=(site(line=1),), **more), context(cells)), None)
    return [] if fix is None else [(one.cell, one.line, one.end_line, one.text) for one in fix.edits]


@pytest.mark.parametrize(
    ("shared", "mended"),
    [
        ("y = x.detach()", "y = x.detach().clone()"),
        ("y = x", "y = x.clone()"),
        ("y = x[1:]  # a part", "y = x[1:].clone()  # a part"),
        ("y = x.view(2, 3).t()", "y = x.view(2, 3).t().clone()"),
        ("y = x.detach().requires_grad_()", "y = x.detach().clone().requires_grad_()"),
        ("y = x.fill_(2)", "y = x.fill_(2).clone()"),
        ("y = x if ready else x[:1]", "y = (x if ready else x[:1]).clone()"),
        ("a = y = x", "a = y = x; y = y.clone()"),
        ("y, z = x, 1", "y, z = x.clone(), 1"),
        ("y, z = x.detach().T", "y, z = x.detach().T.clone()"),
        ("y, z = x.chunk(2)", "y, z = x.chunk(2); y = y.clone()"),
        ("print((y := x.view(3)).sum())", "print((y := x.view(3).clone()).sum())"),
        ("y = torch.nn.Parameter(x)", "y = torch.nn.Parameter(x.clone())"),
    ],
)
def test_the_statement_after_which_two_names_are_one_memory_stores_a_copy(shared: str, mended: str):
    assert [(2, 1, 1, mended)] == edits({1: "x = torch.ones(3)", 2: shared, 3: "y.add_(1)"})


def test_an_array_is_copied_as_an_array():
    cells = {1: "n = np.ones(3)", 2: "n = x.numpy()", 3: "n += 1"}

    assert [(2, 1, 1, "n = x.numpy().copy()")] == edits(cells, via=("n",))


@pytest.mark.parametrize(
    ("shared", "mended"),
    [
        ("y, z = x[:2], x[2:]", [(1, "y, z = x[:2].clone(), x[2:].clone()")]),
        ("y = x.detach()\nz = x.view(-1)", [(1, "y = x.detach().clone()"), (2, "z = x.view(-1).clone()")]),
        ("y = x.detach()\nz = y.view(-1)", [(1, "y = x.detach().clone()")]),
        ("y = x\nz = x", [(1, "y = x.clone()"), (2, "z = x.clone()")]),
    ],
)
def test_each_of_two_names_that_were_written_gets_a_copy(shared: str, mended: list[tuple[int, str]]):
    known = snapshot(x=reading(1), y=reading(2), z=reading(4))
    cells = {1: "x = torch.ones(3)", 2: shared, 3: "y.add_(1)\nz.mul_(2)"}
    fix = next(change_fixes(change(via=("y", "z"), sites=(site(line=1),)), context(cells, known)))

    assert mended == [(one.line, one.text) for one in fix.edits]


def test_one_statement_keeps_copies_of_all_that_changed():
    text = "kept.append((y, z, {'n': y}))"
    known = snapshot(
        **{"kept[0][0]": reading(1), "kept[0][1]": reading(2), "kept[0][2]['n']": reading(1)},
        y=reading(1),
        z=reading(2),
    )
    origins = {path: Origin(a=path, b=other, cell=2, line=1, end_line=1, text=text, how="append") for path, other in (("kept[0][0]", "y"), ("kept[0][1]", "z"), ("kept[0][2]['n']", "y"))}  # fmt: skip
    several = [change(path, via=(one.b,), sites=(site(line=1),), shared_since=one) for path, one in origins.items()]
    found = fix_changes(several, context({1: "y, z, kept = f()", 2: text, 3: "y.add_(1); z.add_(1)"}, known)).by_change

    assert {"kept.append((y.clone(), z.clone(), {'n': y.clone()}))"} == {
        edit.text for one in found.values() for edit in one.edits
    }


@pytest.mark.parametrize(
    ("path", "shared", "mended"),
    [
        ("best['w']", "best = net.state_dict()", "import copy\nbest = copy.deepcopy(net.state_dict())"),
        ("best['w']", "best = {'w': y, 'n': 1}", "best = {'w': y.clone(), 'n': 1}"),
        ("best['w']", "best = dict(w=y)", "best = dict(w=y.clone())"),
        ("best['w']", "best = {k: v for k, v in d.items()}", "best = {k: v.clone() for k, v in d.items()}"),
        ("best['w']", "best = d.copy()", "import copy\nbest = copy.deepcopy(d)"),
        ("best[1]", "best = [y] * 3", "best = [y.clone() for _ in range(3)]"),
        ("best[1]", "best.append((y, 1))", "best.append((y.clone(), 1))"),
        ("best['w']", "best[name] = y", "best[name] = y.clone()"),
        ("best[0]", "best += [y]", "best += [y.clone()]"),
        ("best.state", "best = Keeper(y)", "best = Keeper(y.clone())"),
    ],
)
def test_a_container_keeps_a_copy(path: str, shared: str, mended: str):
    cells = {1: "y = torch.ones(3)", 2: shared, 3: "y.add_(1)"}
    known = snapshot(**{path: reading(1)}, y=reading(2))
    fix = next(change_fixes(change(path, sites=(site(line=1),)), context(cells, known)), None)

    assert fix is not None
    assert mended == "\n".join(one.text for one in fix.edits)


def test_copy_is_imported_once_and_as_the_notebook_does():
    cells = {1: "from copy import deepcopy", 2: "y = 1", 3: "x = 0\nbest = net.state_dict()", 4: "y.add_(1)"}
    known = snapshot(**{"best['w']": reading(1)}, y=reading(2))
    fix = next(change_fixes(change("best['w']", sites=(site(line=1),)), context(cells, known)), None)

    assert fix is not None
    assert [(2, 2, "best = deepcopy(net.state_dict())")] == [(one.line, one.end_line, one.text) for one in fix.edits]


SCALE = "def scale(t):\n    t /= 255\n    return t"
VIEW = "def center(t):\n    v = t.view(-1)\n    v -= v.mean()\n    return v"
SPLIT = "def split(t):\n    a = t[::2]\n    b = t[1::2]\n    a.mul_(2)\n    b.mul_(3)\n    return a + b"
MASK = "def mask(t):\n    for i in range(3):\n        t[i] = 0\n    return t"


@pytest.mark.parametrize(
    ("source", "line", "text", "expected"),
    [
        (SCALE, 2, "t /= 255", (1, 2, 2, "    t = t / 255")),
        (VIEW, 3, "v -= v.mean()", (1, 2, 2, "    v = t.view(-1).clone()")),
        (MASK, 3, "t[i] = 0", (1, 2, 1, "    t = t.clone()")),
        (SPLIT, 4, "a.mul_(2)", (1, 2, 1, "    t = t.clone()")),
    ],
)
def test_a_function_writes_to_memory_of_its_own(source: str, line: int, text: str, expected: tuple[object, ...]):
    name = source.split("(", maxsplit=1)[0].removeprefix("def ")
    one = site(line=1, text=f"out = {name}(x)", inner=Inner(cell=1, line=line, text=text))
    cells = {1: source, 2: "x = ones(3)", 3: one.text}
    found = next(change_fixes(change(cause="call", via=(), sites=(one,)), context(cells)), None)

    assert found is not None
    assert [expected] == [(one.cell, one.line, one.end_line, one.text) for one in found.edits]


@pytest.mark.parametrize("call", ["fill(x)", "model.fill(x)"])
def test_what_a_call_without_a_result_writes_is_meant(call: str):
    one = site(line=1, text=call, inner=Inner(cell=1, line=2, text="t.fill_(7)"))
    cells = {1: "def fill(t):\n    t.fill_(7)", 2: "x = ones(3)", 3: call}

    assert [] == [*change_fixes(change(cause="call", via=(), sites=(one,)), context(cells))]


def test_one_copy_in_the_function_that_wrote_mends_all_that_its_line_changed():
    wrote = site(line=1, text="z = f(x)", inner=Inner(cell=1, line=2, text="t.fill_(7)"))
    began = Origin(a="y", b="x", cell=2, line=2, end_line=2, text="y = x[1:]", how="slice")
    several = [
        change(cause="call", via=(), sites=(wrote,)),
        change("y", via=("x",), sites=(wrote,), shared_since=began),
    ]
    cells = {1: "def f(t):\n    t.fill_(7)\n    return t", 2: "x = ones(3)\ny = x[1:]", 3: "z = f(x)"}
    found = fix_changes(several, context(cells)).by_change

    assert "y = x[1:].clone()" == next(change_fixes(several[1], context(cells))).edits[0].text
    assert ["    t = t.clone()"] * 2 == [edit.text for one in several for edit in found[one].edits]


def test_an_attribute_that_a_method_writes_is_no_copy_of_its_object():
    source = "class Env:\n    def step(self):\n        self.s += 1\n        return self.s"
    inner = Inner(cell=1, line=3, text="self.s += 1")

    assert [] == [*fix_in_function(source, inner, is_array=True)]


def test_nothing_is_copied_that_is_new():
    assert [] == edits({1: "x = torch.ones(3)", 2: "y = torch.zeros(3)", 3: "y.add_(1)"})


def test_the_line_inside_a_method_where_sharing_began_stores_the_copy():
    source = "class Keeper:\n    def note(self, model):\n        self.best = model.state_dict()"
    origin = Origin(
        a="keeper.best['w']", b="net.w", cell=2, line=1, end_line=1, text="keeper.note(net)", how="state_dict",
        inner=Inner(cell=1, line=3, text="self.best = model.state_dict()"),
    )  # fmt: skip
    one = change("keeper.best['w']", via=("net.w",), sites=(site(line=1, text="opt.step()"),), shared_since=origin)
    fix = next(change_fixes(one, context({1: source, 2: "keeper.note(net)", 3: "opt.step()"})), None)

    assert fix is not None
    assert "import copy" == fix.edits[0].text
    assert (3, 3, "        self.best = copy.deepcopy(model.state_dict())") == (
        fix.edits[1].line, fix.edits[1].end_line, fix.edits[1].text,
    )  # fmt: skip


def test_a_search_that_is_late_ends_with_what_was_found_and_says_for_which_paths():
    cells = {1: "x = ones(3)", 2: "y = x[1:]", 3: "y.add_(1)"}
    several = [change(sites=(site(line=1),)), change("z", sites=(site(line=1),))]

    found = fix_changes(several, context(cells), Deadline.after(0))

    assert ({}, ("x", "z")) == (found.by_change, found.late)


def test_a_search_that_is_late_offers_no_edit_of_a_function_either():
    one = site(line=1, text="out = scale(x)", inner=Inner(cell=1, line=2, text="t /= 255"))
    known = context({1: SCALE, 2: "x = ones(3)", 3: one.text})

    assert ("x",) == fix_changes([change(cause="call", via=(), sites=(one,))], known, Deadline.after(0)).late


def test_no_copy_is_looked_for_in_each_of_very_many_places():
    def mended(count: int) -> list[object]:
        names = [f"v{number}" for number in range(count)]
        known = snapshot(x=reading(1), **{one: reading(2) for one in names})
        cells = {1: "x = ones(3)", 2: "\n".join(f"{one} = x[1:]" for one in names), 3: "f()"}
        one = change(via=tuple(names), sites=(site(line=1, text="f()"),))
        return [*change_fixes(one, context(cells, known))]

    assert MAX_COPIES == max(len(one.edits) for one in mended(MAX_COPIES))
    assert not any(len(one.edits) > 1 for one in mended(MAX_COPIES + 1))
