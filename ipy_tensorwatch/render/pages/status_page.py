"""The pages of `%tensorwatch status` and `%tensorwatch config`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.runtime.grouped import tally
from ...core.runtime.record import record
from ..page import Line, Page, Row, Table, code, marked, words
from ..wording.changes.phrases import names
from ..wording.not_compared import not_compared
from ..wording.own_state import DOING, SWITCHED_OFF
from ..wording.quantities import count_of, spell_bytes, spell_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...core.records.reason import Reason
    from ...core.runtime.capability import Capability
    from ...core.runtime.guard import Fault
    from ..report import Report

MAX_LINES = 12


@record
class Setting:
    """One setting with its value and its default."""

    name: str
    value: str
    default: str
    help: str


@record
class StatusFacts:
    """The state of the watcher: the last report, its own errors, and capabilities that are switched off."""

    version: str
    enabled: bool
    report: Report | None
    changes: int
    faults: Sequence[Fault] = ()
    failed: int = 0
    lost: Sequence[Capability] = ()


def show_status(status: StatusFacts) -> Page:
    """Show what is watched, what was not compared, and what watching cost."""
    parts = ["tensorwatch", status.version, "on" if status.enabled else "off"]
    return Page(head="  ".join(part for part in parts if part), parts=tuple(_parts(status)))


def _parts(status: StatusFacts) -> Iterator[Table | Line]:
    if status.report is None:
        yield words("no cell has been watched yet")
    else:
        yield Table(caption="Last cell", head=("what", "how much"), rows=tuple(_facts(status, status.report)))
        reasons = _reasons(status.report)
        if reasons.rows:
            yield reasons
        if status.report.coverage.curtailed:
            yield _curtailed(status.report.coverage.curtailed)
    if status.failed:
        yield from _failed(status)
    if status.lost:
        yield _switched_off(status.lost)


def _failed(status: StatusFacts) -> Iterator[Table | Line]:
    """Show our own errors, the latest with its traceback."""
    times = "once" if status.failed == 1 else f"{status.failed:,} times"
    yield words(f"tensorwatch itself failed {times}; your cells ran on{'. The latest error:' if status.faults else ''}")
    for fault in status.faults[-1:]:
        yield from (code(line) for line in fault.text.rstrip().splitlines()[-MAX_LINES:])
    rows = [*map(_fault, reversed(status.faults))]
    if rows:
        yield Table(caption="Failed", head=("doing what", "how", "how often"), rows=tuple(rows))


def _fault(one: Fault) -> Row:
    doing, last = DOING.get(one.where, one.where), one.text.rstrip().rpartition("\n")[2]
    return Row(cells=(words(doing), code(last), words(f"{one.times:,}")))


def _switched_off(lost: Sequence[Capability]) -> Table:
    rows = [Row(cells=(marked(SWITCHED_OFF.get(one.lost, one.lost)), code(", ".join(one.needs)))) for one in lost]
    return Table(caption="Switched off", head=("what", "needs what is missing or changed"), rows=tuple(rows))


def _facts(status: StatusFacts, report: Report) -> Iterator[Row]:
    cell, coverage = report.cell, report.coverage
    facts = {
        "cell": f"[{cell.count}], {spell_seconds(cell.duration)}",
        "tensorwatch took": spell_seconds(cell.overhead),
        "tensors": f"{coverage.tensors:,}",
        "bytes compared": f"{spell_bytes(coverage.verified_bytes)} of {spell_bytes(coverage.bytes)}",
        "changes in the history": f"{status.changes:,}",
    }
    return (Row(cells=(words(name), words(value))) for name, value in facts.items())


def _reasons(report: Report) -> Table:
    why = tally(one.why for one in report.coverage.unverified)
    rows = [
        Row(cells=(words(not_compared(text)), words(f"{count:,}"), names(_paths(report, text))))
        for text, count in sorted(why.items(), key=lambda one: -one[1])
    ]
    return Table(caption="Not compared", head=("why", "how many", "tensors"), rows=tuple(rows))


def _curtailed(paths: Sequence[str]) -> Table:
    row = Row(cells=(words("no time left after this cell"), words(f"{len(paths):,}"), names(list(paths))))
    return Table(caption="Search for the cause cut short", head=("why", "how many", "tensors"), rows=(row,))


def _paths(report: Report, why: Reason) -> list[str]:
    return [one.path for one in report.coverage.unverified if one.why == why]


def show_switch(*, enabled: bool) -> Page:
    """Say whether cells are watched from now on."""
    told = words("cells are watched") if enabled else words("cells are not watched until ") + code("%tensorwatch on")
    return Page(head=f"tensorwatch  {'on' if enabled else 'off'}", parts=(told,))


def show_settings(settings: Sequence[Setting]) -> Page:
    """Show settings; changed ones with their default."""
    rows = tuple(Row(cells=_setting(one)) for one in settings)
    table = Table(caption="Settings", head=("name", "value", "meaning"), rows=rows)
    return Page(head=f"tensorwatch  {count_of(len(rows), 'setting')}", parts=(table,))


def _setting(one: Setting) -> tuple[Line, ...]:
    was = words(f" (default {one.default})" if one.value != one.default else "")
    return code(one.name), code(one.value) + was, marked(one.help)
