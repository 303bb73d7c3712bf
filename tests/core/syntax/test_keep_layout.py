"""Rewritten code keeps the lines and the comments of what it replaces."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.syntax.keep_layout import keep_layout

KEPT = {
    "arguments in lines": ("h.mul_(\n    2.0,  # twice\n)", "h = h.mul( 2.0, )", "h = h.mul(\n    2.0,  # twice\n)"),
    "a backslash": ("h += \\\n    1", "h = h + 1", "h = h + \\\n    1"),
    "brackets around a value": ("h += (  # shift\n    y  # by\n)", "h = h + y", "h = h + (  # shift\n    y  # by\n)"),
    "a header before it": ("w.sub_(\n    g,  # all\n)", "with no_grad(): w.sub_( g, )", "with no_grad(): w.sub_(\n    g,  # all\n)"),
    "a call behind it": ("y = x.view(\n    2,  # rows\n)", "y = x.view( 2, ).clone()", "y = x.view(\n    2,  # rows\n).clone()"),
    "a string of several lines": ("y = f('''a\n b''',\n  x)", "y = f('''a b''', x.clone())", "y = f('''a\n b''',\n  x.clone())"),
    "letters of several bytes": ("変 = f(x,  # 一\n  z)", "変 = f(x, z.clone())", "変 = f(x,  # 一\n  z.clone())"),
}  # fmt: skip


@pytest.mark.parametrize("name", KEPT)
def test_only_the_tokens_that_differ_change(name: str):
    original, code, expected = KEPT[name]

    assert expected == keep_layout(original, code)


@pytest.mark.parametrize("original", ["h.add_(1)", "'\n", ""])
def test_code_is_left_as_it_is_where_there_is_no_layout(original: str):
    assert "h = h.add(1)" == keep_layout(original, "h = h.add(1)")
