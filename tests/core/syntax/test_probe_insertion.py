"""Which statements an instrumented cell reports as entered, and what a probe may do to the cell."""

from __future__ import annotations

import ast
import dis
from functools import partial

import pytest

from ipy_tensorwatch.core.syntax.probe_insertion import can_instrument, instrument, make_probes, silence


def entered(source, count=20, **names):
    """Run an instrumented cell; give the numbers of the statements in the order of their probes, and its names."""
    seen = []
    probes = make_probes({index: partial(seen.append, index) for index in range(count)})
    tree, known_as = instrument(ast.parse(source), "ours")
    space = {**dict.fromkeys(known_as, probes), **names}
    exec(compile(tree, "<cell>", "exec", dont_inherit=True), space)
    return seen, space


class Quiet:
    def __enter__(self):
        return self

    def __exit__(self, *_):
        return True


CELLS = [
    ("a = 1\nb = 2", [0, 1]),
    ("for i in range(2):\n    a = i\nb = 1", [0, 1, 0, 1, 0, 2]),
    ("for i in ():\n    a = i\nelse:\n    b = 1", [0, 2]),
    ("n = 2\nwhile n:\n    n -= 1\n", [0, 1, 2, 1, 2, 1]),
    ("for i in range(2):\n    continue\n    b = 1", [0, 0, 0]),
    ("for i in range(2):\n    if i:\n        continue\n    b = i", [0, 1, 3, 0, 1, 0]),
    ("for i in range(2):\n    with Quiet():\n        continue\n", [0, 1, 0, 1, 0, 1, 0, 1, 0]),
    ("for i in range(1):\n    try:\n        continue\n    finally:\n        b = 1", [0, 1, 0, 3, 0]),
    ("for i in range(1):\n    match i:\n        case 0:\n            continue", [0, 1, 0]),
    ("for i in range(1):\n    pass\nelse:\n    for j in range(1):\n        continue", [0, 1, 0, 2, 2]),
    ("with Quiet():\n    a = 1\nb = 2", [0, 1, 0, 2]),
    ("with Quiet():\n    a = 1 / 0\n    b = 1\nc = 2", [0, 1, 0, 3]),
    ("with Quiet(), Quiet():\n    with Quiet():\n        1 / 0\nc = 2", [0, 1, 2, 1, 0, 3]),
    ("for i in range(2):\n    with Quiet():\n        break\nb = 1", [0, 1, 2, 1, 3]),
    ("for i in range(1):\n    with Quiet():\n        for j in ():\n            continue", [0, 1, 2, 1, 0]),
    ("if 0:\n    a = 1\nelse:\n    b = 2\nc = 3", [0, 2, 3]),
    ("if 1:\n    a = 1\nelse:\n    b = 2", [0, 1]),
    ("match 2:\n    case 1:\n        a = 1\n    case _:\n        b = 2", [0, 2]),
    ("try:\n    a = 1 / 0\nexcept ZeroDivisionError:\n    b = 2\nelse:\n    c = 3\nfinally:\n    d = 4", [0, 1, 2, 4]),
    ("try:\n    a = 1\nexcept ZeroDivisionError:\n    b = 2\nelse:\n    c = 3\nfinally:\n    d = 4", [0, 1, 3, 4]),
    ("def f():\n    return 1\nclass A:\n    a = f()\nb = f()", [0, 1, 2]),
    ("'''a docstring'''\na = 1", [1]),
    ("a = 1\n'a string'", [0, 1]),
    ("from __future__ import annotations\nimport ast", [1]),
]


@pytest.mark.parametrize(("source", "expected"), CELLS)
def test_each_statement_is_entered_and_the_header_again_after_its_body(source, expected):
    assert expected == entered(source, Quiet=Quiet)[0]


NESTS = {
    "for": "for i in range(1):",
    "while": "while not ran:",
    "with": "with Quiet():",
    "with of two": "with Quiet(), Quiet():",
    "if": "if 1:",
    "match": "match 1:\n{0}    case 1:",
    "try": "try: None\n{0}except ZeroDivisionError: None\n{0}else:",
    "handler": "try: 1 / 0\n{0}except ZeroDivisionError as error:",
}


@pytest.mark.parametrize("name", NESTS)
@pytest.mark.parametrize("depth", [*range(1, 22)])
def test_what_python_compiles_it_compiles_with_probes_too(name: str, depth: int):
    indents = ["    " * place * (2 if name == "match" else 1) for place in range(depth + 1)]
    source = "\n".join(one + NESTS[name].format(one) for one in indents[:depth]) + f"\n{indents[depth]}ran = 1"
    tree = ast.parse(source)
    try:
        compile(source, "<cell>", "exec")
    except SyntaxError:
        assert not can_instrument(tree)
        return

    if can_instrument(tree):
        assert entered(source, 1000, Quiet=Quiet, ran=0)[1]["ran"] == 1
    assert can_instrument(tree) or depth > 4


@pytest.mark.parametrize(("links", "can"), [(90, True), (5000, False)])
def test_a_chain_too_long_for_recursion_is_left_as_typed(links: int, can: bool):
    tree = last = ast.parse("if 1: pass").body[0]
    for _ in range(links):
        last.orelse = ast.parse("if 1: pass").body
        last = last.orelse[0]

    assert can == can_instrument(ast.Module([tree], []))


def test_a_cell_comes_to_what_it_came_to_and_its_tree_stays():
    tree = ast.parse("'''doc'''\ntotal = 0\nfor i in range(4):\n    if i % 2:\n        continue\n    total += i")
    before = ast.dump(tree)
    assert 2 == entered(ast.unparse(tree))[1]["total"]
    instrument(tree, "ours")
    assert before == ast.dump(tree)
    assert "doc" == entered("'''doc'''\na = 1")[1]["__doc__"]


@pytest.mark.parametrize(
    "opening", ["for i in range(2):", "if 1:\n    b = 1\n    while a:", "with Quiet():\n    while a:"]
)
def test_a_loop_reads_its_probes_as_globals_which_is_quicker(opening):
    indent = " " * (len(opening.rpartition("\n")[2]) - len(opening.rpartition("\n")[2].lstrip()) + 4)
    tree, names = instrument(ast.parse(f"a = 1\n{opening}\n{indent}a = 0\nfor i in (): pass"), "ours")
    code = compile(tree, "<cell>", "exec", dont_inherit=True)
    how = {one.argval: one.opname for one in dis.get_instructions(code) if str(one.argval).startswith("ours")}
    assert ["ours", "ours1", "ours2"] == names
    assert {"ours": "LOAD_NAME", "ours1": "LOAD_GLOBAL", "ours2": "LOAD_GLOBAL"} == how


def test_from_python_3_11_on_handlers_of_groups_are_entered_too():
    try:
        compile("try:\n    pass\nexcept* OSError:\n    pass", "<cell>", "exec")
    except SyntaxError:
        pytest.skip("Python 3.10 has none")
    cell = "try:\n    raise ExceptionGroup('', [OSError()])\nexcept* OSError:\n    a = 1"
    assert [0, 1, 2] == entered(cell)[0]


def test_a_probe_that_returns_true_delivers_an_interrupt_in_the_line_of_the_cell():
    probes = make_probes({0: lambda: False, 1: lambda: True})
    delivered = []
    vars(probes).update(deliver=lambda: delivered.append(1))
    exec(compile(instrument(ast.parse("a = 1\nb = 2"), "ours")[0], "<cell>", "exec"), {"ours": probes})
    assert [1] == delivered


def test_an_interrupt_in_a_probe_is_raised_by_the_cell_and_nothing_else_is():
    def interrupted():
        raise KeyboardInterrupt

    probes = make_probes({0: interrupted})
    code = compile(instrument(ast.parse("a = 1"), "ours")[0], "<cell>", "exec")
    with pytest.raises(KeyboardInterrupt) as raised:
        exec(code, {"ours": probes})
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__
    space: dict[str, object] = {}
    exec(code, space)  # the probes are gone
    assert 1 == space["a"]


def test_silent_probes_do_nothing():
    seen = []
    probes = make_probes({0: partial(seen.append, 0)})
    silence(probes)
    exec(compile(instrument(ast.parse("a = 1"), "ours")[0], "<cell>", "exec"), {"ours": probes})
    assert [] == seen
    assert probes.Interrupted is KeyboardInterrupt
