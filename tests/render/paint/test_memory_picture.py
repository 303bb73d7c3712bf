"""An alias group as a picture: what is drawn, what is said of it, and that nothing in it can do harm."""

from __future__ import annotations

import re

import pytest

from ipy_tensorwatch.core.records.reason import Reason
from ipy_tensorwatch.core.records.report_parts import Coverage, Elements, Unverified
from ipy_tensorwatch.render.page import Page
from ipy_tensorwatch.render.pages.overview_page import MAX_PICTURES, overview
from ipy_tensorwatch.render.pages.summary_page import summarize
from ipy_tensorwatch.render.paint.html import write_html
from ipy_tensorwatch.render.paint.memory_picture import MAX_STRIPS, picture
from ipy_tensorwatch.render.paint.style import SHADES
from ipy_tensorwatch.render.paint.text import write_text
from tests.render.paint.test_html import parse
from tests.support.records import change, reading, report, snapshot


def view(shape=(6,), strides=(4,), start=0, low=None, span=None, **more):
    """Make a view on the block at address 4096 that begins at byte `start`."""
    reach = (
        4 + sum((size - 1) * abs(stride) for size, stride in zip(shape, strides, strict=True)) if 0 not in shape else 0
    )
    values = {"shape": shape, "strides": strides, "data_ptr": 4096 + start, "low": 0, "high": reach}
    return reading(more.pop("number", id(shape)), **(values | more))


def painted(changes=(), coverage=None, **readings) -> str:
    more = {"coverage": coverage} if coverage else {}
    return write_html(Page(head="", parts=(picture(readings.items(), report(*changes, **more)),)))


def drawn(html: str) -> list[list[tuple[str, ...]]]:
    """List what is drawn of each strip: where, how high, with which dashes."""
    paths = r'<path class="ipytw-(?:\d|dirty)" d="([^"]+)" stroke="#\w+" stroke-width="([\d.]+)"(?: stroke-dasharray="([^"]+)")?'
    return [
        [tuple(filter(None, one)) for one in re.findall(paths, strip)]
        for strip in re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    ]


def titles(html: str) -> list[str]:
    return re.findall(r"<title>(.*?)</title>", html)


ALL = ("M0 7h240", "10")
X = view()
GROUPS = {
    "contiguous": ({"y": view((2, 3), (12, 4))}, [ALL], "all 24 bytes"),
    "row": ({"row": view((3,), (4,), 12)}, [("M120 7h120", "10")], "bytes 12–24 of 24"),
    "column": ({"column": view((2,), (12,), 4)}, [("M40 7h40 M160 7h40", "10")], "8 of 24 bytes, every 12"),
    "expand": (
        {"e": view((4, 6), (0, 4))},
        [("M0 3h240 M0 7h240 M0 11h240", "2")],
        "all 24 bytes, 4 times over",
    ),
    "unfold": ({"w": view((5, 2), (4, 4))}, [("M0 3h240 M0 7h240 M0 11h240", "2")], "all 24 bytes, 1.7 times over"),
    "from_numpy": (
        {"t": view((4,), (4,), 8, storage=2)},
        [("M80 7h160", "10")],
        "bytes 8–24 of 24",
    ),
    "negative": (
        {"r": view((3,), (-8,), 20, kind="ndarray", version=None)},
        [("M40 7h40 M120 7h40 M200 7h40", "10")],
        "12 of 24 bytes, every 8",
    ),
    "scalar": ({"s": view((), (), 20)}, [("M200 7h40", "10")], "bytes 20–24 of 24"),
    "empty": ({"e": view((0,), (4,), 8)}, [], "no bytes"),
}


@pytest.mark.parametrize("name", GROUPS)
def test_a_variable_is_drawn_where_its_bytes_lie(name: str):
    others, expected, words = GROUPS[name]
    html = painted(x=X, **others)

    assert drawn(html) == [[ALL], expected]
    assert titles(html) == ["x: all 24 bytes", f"{next(iter(others))}: {words}"]


def test_two_storages_that_overlap_in_part_make_one_block():
    html = painted(a=view((4,), (4,)), b=view((4,), (4,), 8, storage=2))

    assert drawn(html) == [[("M0 7h160", "10")], [("M80 7h160", "10")]]


def test_a_whole_picture_is_small_and_needs_no_style_sheet():
    html = painted([change("x", elements=Elements(changed=6, total=6))], x=X, y=view((3,), (4,)))

    assert (
        '<tr><th scope="row"><code>x</code></th><td>'
        '<svg width="240" height="16" viewBox="0 0 240 16" role="img"><title>x: all 24 bytes; all changed</title>'
        '<path class="ipytw-block" d="M0 8h240" stroke="#888" stroke-opacity=".14" stroke-width="16"/>'
        '<path class="ipytw-0" d="M0 7h240" stroke="#4477aa" stroke-width="10"/>'
        '<path class="ipytw-dirty" d="M0 14.5h240" stroke="#b06a00" stroke-width="3"/></svg>'
        "</td><td>all 24 bytes</td><td>6</td><td>v1</td><td></td></tr>"
    ) in html


def test_changed_bytes_are_underlined_and_thinly_where_only_some_of_them_changed():
    three = Elements(changed=3, total=6)
    html = painted(
        [change("x", elements=three), change("y", elements=three)], x=X, y=view(number=2), half=view((3,), (4,), 12)
    )
    unsure = Coverage(
        tensors=2, bytes=48, verified_bytes=24, unverified=(Unverified(path="half", why=Reason("budget")),)
    )
    thin = painted([change("x", elements=three)], unsure, x=X, half=view((3,), (4,), 12))

    assert [strip[1:] for strip in drawn(html)] == [[("M0 14.5h120", "3")], [("M0 14.5h120", "3")], []]
    assert [strip[1:] for strip in drawn(thin)] == [[("M0 14.5h240", "1")], []]
    assert titles(html)[0] == "x: all 24 bytes; all changed of bytes 0–12"
    assert titles(thin)[0] == "x: all 24 bytes; some changed"


def test_a_view_that_is_new_tells_nothing_of_what_its_bytes_were():
    new = change("half", kind="bound", silent=False, elements=None)
    html = painted([change("x", elements=Elements(changed=3, total=6)), new], x=X, half=view((3,), (4,), 12))

    assert drawn(html)[0][1:] == [("M0 14.5h240", "1")]


def test_stripes_too_fine_to_draw_are_hatched_as_densely_as_they_are():
    html = painted(x=view((10**6,), (4,)), half=view((500_000,), (8,)), column=view((1000,), (4000,)))

    assert drawn(html) == [[ALL], [("M0 7h240", "10", "2 2")], [("M0 7h239.8", "10", "1 3")]]


def test_bytes_that_cannot_be_counted_are_hatched():
    html = painted(x=view((10**5, 10**5), (7, 11)), y=view((1,), (4,)))

    assert drawn(html)[0] == [("M0 3h240 M0 7h240 M0 11h240", "2", "3 1")]
    assert titles(html)[0] == "x: at most 1,799,986 of 1,799,986 bytes, at least 22,222.4 times over"


def test_one_number_in_a_gigabyte_is_seen():
    assert drawn(painted(x=view((1 << 28,), (4,)), y=view((1,), (4,), (1 << 30) - 4)))[1] == [("M238.5 7h1.5", "10")]


def test_variables_that_cover_the_same_bytes_have_one_colour():
    html = painted(x=X, row=view((3,), (4,)), y=view((2, 3), (12, 4)))

    assert re.findall(r'class="ipytw-(\d)"', html) == ["0", "1", "0"]
    assert all(shade.light in html for shade in SHADES[:2])


def test_of_many_variables_those_that_changed_are_drawn_in_their_order():
    rows = {f"r{place}": view((1,), (4,), 4 * place) for place in range(20)}
    found = picture(rows.items(), report(change("r17", elements=Elements(changed=1, total=1))))

    assert [one.name for one in found.strips] == [*(f"r{place}" for place in range(MAX_STRIPS - 1)), "r17"]
    assert found.more == "… and 12 more variables"


@pytest.mark.parametrize(
    "other", [view(unknown=Reason("layout", "sparse_coo")), view(unknown=Reason("meta"), data_ptr=0)]
)
def test_memory_that_is_not_known_is_not_drawn(other):
    assert picture({"x": other, "y": other}.items(), report()) is None


def test_a_block_without_bytes_is_not_drawn():
    assert picture({"x": view((0,), (4,)), "y": view((0,), (4,))}.items(), report()) is None


def test_the_form_the_version_and_the_graph_are_told():
    html = painted(
        w=view((2, 3), (12, 4), kind="parameter", requires_grad=True),
        h=view(requires_grad=True, is_leaf=False, grad_fn="MulBackward0"),
        a=view(kind="ndarray", version=None),
    )
    rows = re.findall(r"</svg></td>(.*?)</tr>", html)

    assert [re.findall(r"<td>(.*?)</td>", row)[1:] for row in rows] == [
        ["2×3", "v1", "parameter, leaf, requires grad"],
        ["6", "v1", "requires grad, not a leaf"],
        ["6", "", "ndarray"],
    ]


@pytest.mark.parametrize(
    "hostile",
    ["d['<script>alert(1)</script>']", "d['\"><img src=x onerror=alert(1)>']", "d['a & b']", "d['</title></svg>']"],
)
def test_names_are_escaped_in_the_picture_and_in_its_title(hostile: str):
    tags = parse(painted(**{hostile: X, "y": view()}))

    assert {tag for tag, _ in tags.tags} & {"script", "img"} == set()
    assert f"{hostile}: all 24 bytes" in tags.text
    assert [key for _, attrs in tags.tags for key in attrs if key.startswith("on")] == []


def test_a_long_name_is_cut_in_the_middle_and_whole_in_the_title():
    name = f"d['{'🙂' * 10_000}']"
    html = painted(**{name: X, "y": view()})

    assert "<code>d[&#x27;🙂🙂🙂🙂🙂🙂🙂🙂…🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂&#x27;]</code>" in html
    assert name.replace("'", "&#x27;") in titles(html)[0]


def test_a_mark_that_turns_the_reading_direction_is_replaced():
    assert "\u202e" not in painted(**{"d['\u202eabc']": X, "y": view()})


def test_the_overview_draws_each_group_below_its_row_and_says_how_to_read_it():
    page = overview(
        report(change("x"), snapshot=snapshot(x=X, row=view((3,), (4,)), a=view(storage=9, data_ptr=1 << 20)))
    )
    html = write_html(page)

    assert html.count("<svg") == 2
    assert '<p class="ipytw-key">underlined: changed</p>' in html
    assert "underlined" not in write_text(page)


def test_only_the_first_groups_are_drawn():
    many = {
        f"{name}{place}": view(storage=place + 1, data_ptr=4096 * (place + 1)) for place in range(9) for name in "ab"
    }
    page = overview(report(snapshot=snapshot(**many)))

    assert write_html(page).count('class="ipytw-picture"') == MAX_PICTURES


def silent(*changes, **readings) -> list[list[str]]:
    page = summarize(report(*changes, snapshot=snapshot(**readings)))
    return [[one.name for one in part.strips] for part in page.parts[1:]]


def test_under_a_cell_a_picture_is_drawn_only_where_somebody_has_a_part():
    assert silent(change("x"), x=X, y=view()) == []
    assert silent(change("x"), x=X, row=view((3,), (4,))) == [["x", "row"]]


def test_under_a_cell_groups_without_silent_changes_are_not_drawn():
    other = {"a": view(storage=9, data_ptr=1 << 20), "b": view((3,), (4,), storage=9, data_ptr=1 << 20)}

    assert silent(change("x"), x=X, y=view(), **other) == []


def test_under_a_cell_are_two_pictures_at_most_in_the_order_of_the_changes():
    groups = {
        f"{name}{place}": view((size,), (4,), storage=9 - place, data_ptr=4096 * (9 - place))
        for place in range(4)
        for name, size in [("x", 6), ("row", 3)]
    }

    assert silent(*(change(f"x{place}") for place in range(4)), **groups) == [["x0", "row0"], ["x1", "row1"]]
