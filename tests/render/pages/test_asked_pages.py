"""The pages of fixes, previews and ranks, and what the editor tells, from records made by hand."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.hazards.fix import Edit, Fix
from ipy_tensorwatch.core.preview.foresee import ForetoldChange
from ipy_tensorwatch.core.ranks.join_reports import JoinedRanks, OnRanks
from ipy_tensorwatch.core.records.report_parts import Cell
from ipy_tensorwatch.render.page import code, words
from ipy_tensorwatch.render.pages.fix_page import OfferedFix, show_fix, show_no_fix
from ipy_tensorwatch.render.pages.preview_page import show_preview
from ipy_tensorwatch.render.pages.ranks_page import show_left, show_ranks, summarize_ranks
from ipy_tensorwatch.render.paint.text import write_text
from ipy_tensorwatch.render.preview import Preview
from ipy_tensorwatch.render.wording.editor_sentences import also_changes
from tests.support.records import change, hazard, report, site, typed


def text(page) -> str:
    return write_text(page, 140)


def offered(mends: str = "x", applicability: str = "safe") -> OfferedFix:
    edits = (Edit(cell=2, line=1, end_line=1, text="y = x.clone()"),)
    fix = Fix(
        kind="copy-shared", code="y = x.clone()", target=typed("y = x", 1, 2), edits=edits, applicability=applicability
    )
    return OfferedFix(mends=mends, what=code(mends) + words(" changed"), fix=fix)


class TestFixes:
    def test_a_fix_is_shown_as_lines_and_says_which_cells_run_again(self):
        one = text(show_fix([offered()], {2: "y = x"}, [2]))

        assert " Cell 2\n" in one
        assert "   -   1      y = x\n   +          y = x.clone()\n" in one
        assert "run again: cell 2; the mended cell 2 is where you type next" in one
        assert "More can be mended" not in one
        assert "run again: cells 2, 4;" in text(show_fix([offered()], {2: "y = x"}, [2, 4]))

    def test_without_cells_to_run_there_are_no_lines_to_show(self):
        assert "Cell 2" not in text(show_fix([offered()], {2: "y = x"}, []))

    def test_the_other_fixes_are_listed_and_the_rest_counted(self):
        shown = text(show_fix([offered(), *(offered(f"z{n}") for n in range(30))], {2: "y = x"}, [2]))

        assert "More can be mended" in shown
        assert "%tensorwatch fix z0" in shown
        assert "z29" not in shown
        assert " more" in shown.rsplit("…", 1)[1]

    @pytest.mark.parametrize(
        ("asked", "unmended", "said"),
        [
            (None, [], "the last cell changed nothing silently, and no hazard stands"),
            ("x", [], "x did not change silently in the last cell, and no hazard stands for it"),
            ("x", ["x", "y"], "no plain edit mends it: x, y"),
            ("tw201", [], "no hazard TW201 stands"),
            ("TW999", [], "there is no code TW999: the codes are TW201 to TW213"),
        ],
    )
    def test_what_nothing_mends_is_said(self, asked, unmended, said: str):
        page = show_no_fix(asked, unmended)

        assert said in text(page)
        assert page.head == f"tensorwatch  fix {asked or ''}".rstrip()


class TestPreviews:
    def test_shown_by_themselves_a_report_and_a_preview_are_one_line(self):
        sure = ForetoldChange(change=change("x"), certainty="certain")

        told = "<Report of cell 7: 1 silent change, 0 hazards; to_dict() has all of it>"
        assert told == repr(report(change("x"), change("y", silent=False)))
        told = "<Preview: 1 silent change, 2 hazards; to_dict() has all of it>"
        assert told == repr(Preview(changes=(sure,), hazards=(hazard(), hazard())))

    def test_each_change_is_foretold_with_its_line_and_how_sure_it_is(self):
        sure = ForetoldChange(change=change("x"), certainty="certain")
        likely = ForetoldChange(change=change("z", sites=(site(4, "z.add_(1)"),)), certainty="likely")
        shown = text(show_preview(Preview(changes=(sure, likely), hazards=(hazard(),)), cell=3))

        assert "preview of cell 3  2 silent changes" in shown
        assert "likely z" in shown
        assert "likely x" not in shown
        assert "TW201 (raises): " in shown

    def test_a_change_without_a_line_is_foretold_too(self):
        one = Preview(
            changes=(ForetoldChange(change=change("x", sites=()), certainty="certain"),),
            hazards=(hazard(written_at=None, saved_at=None),),
        )

        assert "1 silent change" in text(show_preview(one))
        told = one.to_dict()
        assert (None, None, None) == tuple(told["changes"][0][key] for key in ("line", "text", "inner"))
        assert [None] == [each["line"] for each in told["hazards"]]

    @pytest.mark.parametrize(
        ("unread", "said"), [("syntax", "not valid Python"), ("length", "too long"), ("time", "too long")]
    )
    def test_what_is_not_read_says_why(self, unread: str, said: str):
        assert said in show_preview(Preview(unread=unread)).head

    def test_the_line_of_a_hazard_is_where_it_was_written_else_where_it_was_saved(self):
        told = Preview(hazards=(hazard(), hazard(written_at=None))).to_dict()["hazards"]

        assert [2, 4] == [one["line"] for one in told]


class TestRanks:
    def joined(self, count: int = 1, ranks: tuple[int, ...] = (0, 1)) -> JoinedRanks:
        cell = Cell(count=7, source="fit()", status="ok", duration=0.1, overhead=0.0)
        changes = tuple(OnRanks(what=change(f"x{n}"), ranks=ranks) for n in range(count))
        quiet = OnRanks(what=change("q", silent=False, cause="direct", via=()), ranks=ranks)
        return JoinedRanks(
            ranks=(0, 1), cell=cell, changes=(*changes, quiet), hazards=(OnRanks(what=hazard(), ranks=(1,)),)
        )

    def test_what_changed_silently_is_shown_with_its_ranks(self):
        shown = text(show_ranks(self.joined()))

        assert "tensorwatch  [7]  2 ranks · 1 silent change · 1 hazard" in shown
        assert "x0" in shown
        assert "   q " not in shown
        assert "1:\n" in shown

    def test_a_long_list_is_cut_where_it_was_not_asked_for(self):
        assert "more: %tensorwatch ranks" in text(summarize_ranks(self.joined(40)))
        assert "more: %tensorwatch ranks" not in text(show_ranks(self.joined(2)))

    def test_without_a_cell_its_number_is_not_told(self):
        assert "no rank answers" in text(show_ranks(JoinedRanks()))
        assert "[" not in show_ranks(JoinedRanks()).head

    def test_a_cluster_that_is_left_says_what_that_does(self):
        assert "each rank shows its own block again" in text(show_left(2))
        assert "no cluster was joined" in text(show_left(0))


def test_the_editor_names_a_few_and_counts_the_rest():
    assert "also changes x, y" == also_changes(["x", "y"])
    assert also_changes(["a", "b", "c", "d", "e"]).endswith(" and 2 more")
