"""A name is used up where no statement reads it before it is bound anew, in whichever order statements may run."""

import pytest

from ipy_tensorwatch.core.statements.used_up import is_used_up


@pytest.mark.parametrize(
    ("source", "index", "expected"),
    [
        ("write()\nx = new()\nprint(x)", 0, True),
        ("write()\nprint(x)\nx = new()", 0, False),
        ("write()\nif c:\n    x = new()\nprint(x)", 0, False),
        ("write()\nif c:\n    y, x = new()\nelse:\n    x = old()\nprint(x)", 0, True),
        ("write()\nif c:\n    x = new()\nelif d:\n    x = old()\nelse:\n    x = 1\nprint(x)", 0, True),
        ("write()\nif c:\n    x = new()\nelif d:\n    x = old()\nprint(x)", 0, False),
        ("write()\nif c:\n    x = new()\nelse:\n    x = f(x)\nprint(x)", 0, False),
        ("write()\nif x:\n    x = new()\nelse:\n    x = 1", 0, False),
        ("if c:\n    write()\n    x = new()\nprint(x)", 1, True),
        ("if c:\n    write()\nelse:\n    x = new()\nprint(x)", 1, False),
        ("write()\ntry:\n    x = new()\nexcept KeyError:\n    pass\nprint(x)", 0, False),
        ("write()\nwith c:\n    x = new()\nprint(x)", 0, True),
        ("for i in n:\n    print(x)\n    write()\n    x = new()", 2, True),
        ("for i in n:\n    print(x)\n    write()", 2, False),
        ("for i in n:\n    print(x)\n    for j in n:\n        write()", 3, False),
        ("for i in n:\n    x = new()\n    print(x)\n    for j in n:\n        write()", 4, True),
        ("for i in n:\n    write()\n    x = new()\nprint(x)", 1, True),
        ("while x.any():\n    write()", 1, False),
        ("while x.any():\n    write()\n    x = new()", 1, True),
        ("for i in n:\n    write(x)\n    x = new()", 1, True),
        ("for i in n:\n    write(x)", 1, False),
        ("write()", 3, False),
    ],
)
def test_a_name_is_used_up_if_no_way_on_reads_it(source: str, index: int, expected: bool):
    assert is_used_up(source, index, "x") == expected
