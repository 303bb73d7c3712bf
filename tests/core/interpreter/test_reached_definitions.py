"""Which words a cell leads to: its own, and those of the functions and classes of the notebook that it may run."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.interpreter.cell_definitions import definitions_in
from ipy_tensorwatch.core.interpreter.reached_definitions import reached_definitions, words_reached

DEFINED = definitions_in(
    "def inner():\n    return table\n"
    "def outer():\n    return inner()\n"
    "class Box:\n    def __init__(self):\n        self.seen = shelf\n    def take(self):\n        return drawer\n"
    "class Lazy:\n    def __getitem__(self, i):\n        return cellar[i]\n",
    1,
)


@pytest.mark.parametrize(
    ("source", "name", "expected"),
    [
        ("print(table)", "table", True),
        ("a = 1", "table", False),
        ("inner()", "table", True),
        ("outer()", "table", True),
        ("b.take()", "drawer", True),
        ("b.taken()", "drawer", False),
        ("Box()", "shelf", True),
        ("a = 1", "shelf", False),
        ("a = 1", "cellar", True),
    ],
)
def test_a_cell_leads_to_the_words_of_what_it_may_run(source: str, name: str, expected: bool):
    words = words_reached(source, DEFINED)

    assert words is not None
    assert expected is (name in words)


@pytest.mark.parametrize(
    "source",
    [
        "exec(text)",
        "globals()[n]",
        "import __main__; f(__main__)",
        "setattr(o, n, 1)",
        "get_ipython().run_line_magic('x', '')",
    ],
)
def test_code_that_finds_variables_by_text_leads_to_any(source: str):
    assert words_reached(source, DEFINED) is None


def test_what_the_words_of_definitions_lead_to_follows_them_once():
    words = {"outer"}

    assert [one.name for one in reached_definitions(words, DEFINED)] == ["outer", "inner"]
    assert {"outer", "inner", "table"} <= words
