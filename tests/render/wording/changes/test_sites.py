"""Which line and which statement is shown of those that may have written."""

from __future__ import annotations

from ipy_tensorwatch.render.wording.changes.sites import line_of, site_text
from tests.support.records import change, inferred, site


def line(**more) -> str:
    one = change(**more)
    return f"{line_of(one)}   {site_text(one)}"


def shown(*sites, **more) -> str:
    return line(sites=sites, **more)


def likely(number: int, text: str, **more):
    return site(number, text, certainty="inferred", **more)


def test_the_line_inside_a_called_function_is_told():
    shown_line = line(sites=(site(1, "predict(img)", inner=inferred()),))

    assert "line 1   predict(img) → cell 2, line 3: t /= 255.0" in shown_line


def test_what_was_inferred_is_called_likely():
    seen = line(sites=(site(1, "predict(img)", inner=inferred(), certainty="inferred"),))
    plain = line(sites=(site(1, "predict(img)", certainty="inferred"),))

    assert "line 1   predict(img) → likely cell 2, line 3: t /= 255.0" in seen
    assert "likely line 1   predict(img)" in plain


def test_the_first_line_is_shown_and_another_that_is_likely_is_named():
    shown_line = line(sites=(site(4, "b.fill_(4)"), site(1, "a.numpy()[0] = 1", certainty="inferred")))

    assert "line 4   b.fill_(4) (+ likely line 1)" in shown_line


def test_a_statement_over_several_lines_is_told_with_both_ends():
    assert "lines 2–4" in line(sites=(site(2, "y.add_( 1 )", end_line=4),))


def test_a_magic_is_shown_as_it_was_typed():
    text = "get_ipython().run_cell_magic('time', '-q', 'x.add_(1)\\n')"

    assert "%%time -q" in line(sites=(site(1, text),))


def test_a_change_without_a_site_has_no_place():
    assert line(sites=()).strip() == ""


def test_one_other_line_is_named_and_several_are_counted():
    two = shown(site(2, "y[0] = n"), site(3, "y[1] = n"))
    three = shown(site(2, "y[0] = n"), site(3, "y[1] = n"), site(4, "y[2] = n"))

    assert (two, three) == ("line 2   y[0] = n (+ line 3)", "line 2   y[0] = n (+ 2 lines)")


def test_lines_that_may_have_written_instead_are_alternatives():
    assert shown(likely(2, "f(y)"), likely(3, "g(y)")) == "likely line 2   f(y) (or line 3)"


def test_a_line_is_named_once_however_often_it_wrote():
    assert shown(site(2, "y.add_(1)"), site(2, "y.add_(1)")) == "line 2   y.add_(1)"


def test_two_lines_inside_one_called_function_are_both_named():
    told = shown(site(2, "f(y)", inner=inferred(3)), site(2, "f(y)", inner=inferred(5)))

    assert told == "line 2   f(y) → cell 2, line 3: t /= 255.0 (+ cell 2, line 5)"
