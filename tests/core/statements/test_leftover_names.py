"""Which names a cell's loops leave over."""

import pytest

from ipy_tensorwatch.core.statements.leftover_names import leftover_names

CELLS = {
    "for x in xs: x += 1": "x",
    "for i, (x, y) in enumerate(zip(xs, ys)):\n    for z in x: z += y": "ixyz",
    "for x in xs: break": "",
    "for x in xs:\n    for y in x: break": "x",
    "for x in xs: pass\nx = 1": "",
    "for x in xs:\n    x = x.float()": "",
    "for x in xs: pass\nprint(x)": "",
    "for x in xs: pass\n[x for x in xs]": "x",
    "for x in xs: pass\ndef f(x): return x": "x",
    "get_ipython().run_cell_magic('time', '', 'for x in xs: x += 1')": "x",
    "for x in xs:\n    if x:\n        y = x.numpy()\n        print(y)": "xy",
    "for x in xs:\n    y = x.numpy()": "x",
    "for x in xs:\n    y = x.numpy()\n    print(y)\nprint(y)": "x",
    "for x in xs:\n    y = f()\n    print(y)": "x",
    "for x in xs:\n    if x > y: y = x\n    print(y)": "x",
    "for x in xs:\n    y = x * y\n    print(y)": "x",
    "for x in xs:\n    best_y = x.detach()\n    print(best_y)": "x",
    "for x in xs:\n    y = x.numpy()\n    print(y)\n    if y: break": "",
    "for x in xs:\n    s['w'] += x\n    net.load_state_dict(s)": "xs",
    "for x in xs:\n    s['w'].add_(x)\n    net.load_state_dict(s)": "xs",
    "for x in xs:\n    best_s['w'].add_(x)\n    net.load_state_dict(best_s)": "x",
    "for x in xs:\n    s['w'] = x\n    net.load_state_dict(s)": "x",
    "not python (": "",
}


@pytest.mark.parametrize(("source", "expected"), CELLS.items())
def test_what_only_a_loop_binds_and_only_its_body_uses_is_left_over(source: str, expected: str):
    assert {*expected} == leftover_names(source)


@pytest.mark.parametrize("source", ["p = 1", "p.add_(1)", "import p", "def p(): pass"])
def test_a_name_is_left_over_until_a_cell_binds_or_uses_it(source: str):
    assert {"q"} == leftover_names(source, frozenset("pq"))
