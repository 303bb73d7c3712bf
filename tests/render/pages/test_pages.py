"""The pages of the magics."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ipy_tensorwatch.core.records.comparison import Comparison, Form, Incomparable
from ipy_tensorwatch.core.records.reason import Reason
from ipy_tensorwatch.core.records.report_parts import Coverage, Elements, Example, OperatorWrite, Unverified
from ipy_tensorwatch.core.records.tensor_memory import Holder, Memory
from ipy_tensorwatch.core.runtime.capability import Capability
from ipy_tensorwatch.core.runtime.guard import Fault
from ipy_tensorwatch.render.pages.comparison_page import show_comparison
from ipy_tensorwatch.render.pages.diff_page import DiffView, show_diff
from ipy_tensorwatch.render.pages.history_page import history
from ipy_tensorwatch.render.pages.overview_page import overview
from ipy_tensorwatch.render.pages.status_page import Setting, StatusFacts, show_settings, show_status
from ipy_tensorwatch.render.pages.why_page import explain
from ipy_tensorwatch.render.paint.html import write_html
from ipy_tensorwatch.render.paint.text import write_text
from tests.support.records import change, inferred, reading, report, site, snapshot


def lines(page) -> list[str]:
    return write_text(page).split("\n")


def bound(path: str):
    return change(
        path,
        kind="bound",
        cause=None,
        silent=False,
        via=(),
        sites=(),
        versions=(None, 0),
        versioned=None,
        verified=False,
        elements=None,
    )


def test_the_overview_shows_silent_changes_first_and_changed_groups_first():
    both = snapshot(a=reading(1), b=reading(2), x=reading(3, 9), y=reading(4, 9))
    text = lines(overview(report(bound("a"), change(), snapshot=both)))

    assert text[0] == " tensorwatch  [7]  4 tensors · 2 alias groups · took 400 µs"
    assert [one.split()[:2] for one in text if one.startswith((" ▲ ", "   a"))] == [["▲", "x"], ["a", "new"]]
    assert [one for one in text if "cpu · 24 B" in one] == [
        "   cpu · 24 B   x, y      the same elements",
        "   cpu · 24 B   a, b      the same elements",
    ]


def test_the_overview_of_a_quiet_cell_says_so():
    assert lines(overview(report()))[1:] == ["   the last cell changed nothing", "   no two variables share memory"]


def test_the_history_is_told_cell_by_cell_the_latest_last():
    page = history([(3, change()), (5, change(sites=(site(9, "x.zero_()"),)))], limit=1)

    assert lines(page)[0] == " tensorwatch  history  2 changes"
    assert lines(page)[-2:] == [
        " ▲ [5]    x        changed through y   line 9   x.zero_()   3 of 6 elements, max |Δ| 1   v0 → v1",
        "   … and 1 earlier: %tensorwatch history -n 2",
    ]


def test_an_empty_history_says_so():
    assert lines(history([], 20, "x")) == [" tensorwatch  history of x", "   nothing has changed yet"]


def memory(**more) -> Memory:
    values = {"record": snapshot(x=reading(1)).records[0], "holders": (), "unnamed": 0, "past": []}
    return Memory(**(values | more))


def test_why_tells_what_a_tensor_is_and_that_it_is_alone():
    assert lines(explain(memory())) == [
        " tensorwatch  why x",
        "   tensor · float32 · 6 · cpu · 24 B · v1",
        "   no other variable holds its memory",
        "   no cell was seen to write to it",
    ]


def test_why_tells_where_a_view_begins_in_its_storage():
    view = snapshot(x=reading(1, low=1024, high=1032, data_ptr=5120)).records[0]

    assert lines(explain(memory(record=view)))[1].split(" · ")[4] == "8 B from byte 1,024 of its storage"


def test_why_tells_the_reason_where_the_memory_is_not_known():
    meta = snapshot(x=reading(1, unknown=Reason("meta"))).records[0]

    assert "memory not known: meta tensor" in lines(explain(memory(record=meta)))[1]


def test_why_tells_how_to_see_all_that_wrote_to_it():
    past = [(count, change(sites=(site(count),))) for count in range(30)]

    assert lines(explain(memory(past=past)))[-1] == "   … and 10 earlier: %tensorwatch history -n 30 x"


def test_why_tells_holders_and_which_of_them_are_ipythons():
    holders = (
        Holder(path="y", relation="same-elements", shape=(2, 3)),
        Holder(path="Out[3]", relation="same-object", shape=(6,), is_variable=False),
    )

    assert lines(explain(memory(holders=holders)))[4:7] == [
        "   holder                     relation            shape",
        "   y                          the same elements   2×3",
        "   Out[3] (kept by IPython)   the same tensor     6",
    ]


def test_why_counts_holders_that_no_name_leads_to():
    texts = [lines(explain(memory(unnamed=count)))[3] for count in (1, 2)]

    assert texts == [
        "   1 more tensor without a name holds its storage: a view's base, a saved tensor, or one in a closure",
        "   2 more tensors without a name hold its storage: a view's base, a saved tensor, or one in a closure",
    ]


def test_the_status_groups_what_was_not_compared_by_its_reason():
    unverified = tuple(
        Unverified(path=path, why=why)
        for path, why in [("a", Reason("budget")), ("b", Reason("budget")), ("s", Reason("layout", "sparse_coo"))]
    )
    coverage = Coverage(tensors=3, bytes=4096, verified_bytes=1024, unverified=unverified)
    page = show_status(StatusFacts(version="0.1.0", enabled=True, report=report(coverage=coverage), changes=4))

    assert lines(page)[0] == " tensorwatch  0.1.0  on"
    assert "   bytes compared           1 KB of 4 KB" in lines(page)
    assert lines(page)[-2:] == [
        "   no time left after this cell: compared later                 2          a, b",
        "   memory not known: sparse COO tensor, its parts are watched   1          s",
    ]


def test_the_status_says_what_is_switched_off():
    lost = [Capability(needs=("torch._C._a", "torch._C._b"), lost="no-holders-counted", works=False)]
    page = show_status(StatusFacts(version="", enabled=True, report=None, changes=0, lost=lost))

    told = " ".join(write_text(page).split())
    assert "Switched off" in told
    assert (
        "%tensorwatch why does not count the tensors without a name that hold a storage torch._C._a, torch._C._b"
        in told
    )


def test_the_status_tells_the_last_lines_of_an_error_of_ours():
    fault = Fault(where="after-cell", text="Traceback\n  File …\nValueError: no\n")
    page = show_status(StatusFacts(version="", enabled=False, report=None, changes=0, faults=[fault], failed=1))

    assert lines(page)[0] == " tensorwatch  off"
    assert "   ValueError: no" in lines(page)
    assert lines(page)[-1].split() == ["after", "a", "cell", "ValueError:", "no", "1"]


def test_the_status_tells_devices_whose_bytes_are_not_compared():
    coverage = Coverage(
        tensors=1, bytes=0, verified_bytes=0, unverified=(Unverified(path="x", why=Reason("device", "cuda:0")),)
    )
    page = show_status(StatusFacts(version="", enabled=True, report=report(coverage=coverage), changes=0))

    assert lines(page)[-1] == "   bytes on cuda:0   1          x"


def test_code_in_the_meaning_of_a_setting_is_code():
    page = show_settings([Setting(name="n", value="1", default="1", help="Kept for `why`.")])

    assert "Kept for why." in write_text(page)
    assert "Kept for <code>why</code>." in write_html(page)


def test_settings_tell_what_was_changed():
    page = show_settings([Setting(name="probes", value="False", default="True", help="Look between statements.")])

    assert lines(page)[-1] == "   probes   False (default True)   Look between statements."


def compared(relation="disjoint", *, elements):
    form = Form(text="a", shape=(6,), dtype="float32", device="cpu")
    return lines(
        show_comparison(Comparison(a=form, b=replace(form, text="b"), relation=relation, elements=elements), 3)
    )


def test_equal_tensors_are_said_to_be_equal():
    assert compared(elements=Elements(changed=0, total=6))[-2:] == [
        "   they share no byte",
        "   all 6 elements are equal",
    ]


def test_elements_that_differ_are_shown_side_by_side():
    found = Elements(changed=1, total=6, max_abs=0.5, examples=(Example(index=(2,), before=1.0, after=1.5),))

    assert compared("overlap", elements=found)[-5:] == [
        "   1 of 6 elements differs, max |Δ| 0.5",
        "",
        " Elements that differ",
        "   index   a   b",
        "   [2]     1   1.5",
    ]


@pytest.mark.parametrize(
    ("why", "told"),
    [
        ({"code": "shapes"}, "their shapes differ, so their values are not compared"),
        ({"code": "too-large"}, "their values cannot be compared: they would take too much memory as dense tensors"),
        (
            {"code": "no-numbers", "detail": "object"},
            "their values cannot be compared: values of type object are not numbers",
        ),
        ({"code": "raised", "detail": "TypeError"}, "their values cannot be compared: TypeError"),
        (
            {"code": "no-time", "compared": 2000, "changed": 3},
            "their values were not all compared; of the first 2,000, 3 differ",
        ),
    ],
)
def test_what_cannot_be_compared_says_why(why, told):
    assert compared(elements=Incomparable(**why))[-1] == f"   {told}"


def diffed(*changes, view=None, **more) -> list[str]:
    return lines(show_diff(report(*changes, **more), view or DiffView(recorded=True)))


def test_a_diff_counts_shows_values_and_lists_operators():
    write = OperatorWrite(site=site(inner=inferred()), op="aten.add_", paths=("x", "y"), times=3)

    assert diffed(change(), bound("y"), snapshot=snapshot(x=reading(1), y=reading(2)), writes=(write,)) == [
        " tensordiff  [7]  1 changed, 1 silently · 1 new · 0 unchanged",
        "",
        " Before and after",
        "   tensor   what happened       where    statement   how much                     version   values",
        " ▲ x        changed through y   line 2   y.add_(1)   3 of 6 elements, max |Δ| 1   v0 → v1   [0] 0 → 1, …",
        "   y        new                                      6 float32",
        "",
        " Operators that wrote, in order",
        "   operator    tensors   times   where    statement",
        "   aten.add_   x, y      3×      line 2   y.add_(1) → cell 2, line 3: t /= 255.0",
    ]


def test_a_change_without_an_operator_went_past_pytorch():
    assert (
        diffed(change())[-1]
        == "   no operator was seen to write x; writes by NumPy, raw pointers and compiled code are not recorded"
    )


def test_without_a_recorder_nothing_is_said_about_operators():
    assert [one for one in diffed(change(), view=DiffView(recorded=False)) if "operator" in one.lower()] == []


def test_a_write_to_nobodys_memory_went_to_a_temporary():
    assert diffed(writes=(OperatorWrite(site=None, op="aten.zero_", paths=()),))[-1] == "   aten.zero_   a temporary"


def test_rows_beyond_the_limit_are_counted():
    text = diffed(*(change(f"x{n}") for n in range(5)), view=DiffView(recorded=False, max_rows=2))

    assert text[-1] == "   … and 3 more rows: --max-rows 5"


def test_unchanged_tensors_are_listed_when_asked_for():
    text = diffed(view=DiffView(recorded=False, unchanged=True), snapshot=snapshot(x=reading(1)))

    assert text[-3:] == [" Unchanged", "   tensor   form", "   x        6 float32"]


def test_unchanged_tensors_of_one_container_and_one_form_are_one_line():
    layers = {f"h[{n}]": reading(n + 2, n + 2) for n in range(5)}
    both = snapshot(x=reading(1), **layers)
    text = diffed(view=DiffView(recorded=False, unchanged=True, max_rows=2), snapshot=both)

    assert text[-2:] == ["   x                  6 float32", "   h[…] (5 tensors)   6 float32"]


def test_no_values_are_shown_when_none_are_asked_for():
    assert "→ 1" not in "".join(diffed(change(), view=DiffView(recorded=False, values=0))).replace("v0 → v1", "")
