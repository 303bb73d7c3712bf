"""Programs that nobody thought of, judged by byte copies: what changed, what is silent, what is shared, and which line wrote.

`TENSORWATCH_PROFILE=deep` runs thousands instead of a hundred and fifty.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from hypothesis import given, note, settings

from ipy_tensorwatch.shell import extension
from tests.support import oracle
from tests.support.notebook import Hazard, Notebook, Report, changes, lines, paths, relations, silent
from tests.support.programs import Cell, Program, programs
from tests.support.story import new_hazards


@given(programs())
def test_every_program_runs_to_its_end(program: Program):
    """The generator makes programs whose cells do not raise, and the judge can follow them."""
    namespace: dict[str, Any] = {}
    for cell in program.cells:
        error = oracle.run_by_line(cell.source, namespace).error
        assert error is None or (cell.source.endswith("1 / 0") and isinstance(error, ZeroDivisionError))


@given(programs())
def test_a_report_is_what_the_bytes_say(program: Program):
    namespace: dict[str, Any] = {}
    known: list[Hazard] = []
    note(repr(program))
    with Notebook(settings={"probe_floor": 1.0}) as nb:  # exactness is asked for, on however slow a machine
        for number, cell in enumerate(program.cells):
            before = oracle.copies(namespace)
            written = oracle.run_by_line(cell.source, namespace)
            verdict = oracle.compare(before, oracle.walk(namespace))
            written.tell_born(verdict, oracle.walk(namespace))
            ran = nb.cell(cell.source)
            report = nb.report()
            faults = [
                *fault_of_walk(report, namespace),
                *faults_of_changes(report, verdict, namespace, written.left),
                *faults_of_pairs(report, namespace),
                *faults_of_lines(report, verdict, written),
                *faults_of_births(report, verdict),
                *faults_of_silence(report, verdict, written, cell, namespace),
            ]
            new, known = new_hazards(report, known), report["hazards"]
            if bool(ran.told) != bool(silent(report) or new):
                faults.append(f"said {ran.told!r} where {silent(report)} are silent")
            assert faults == [], f"cell {number}\n{program!r}\n" + "\n".join(faults)
            assert type(ran.error) is type(written.error)


@settings(max_examples=settings.default.max_examples // 4)
@given(programs())
def test_origins_are_the_statements_since_which_bytes_are_shared(program: Program):
    """Between the cells of a program, and within one cell made of all of them; nothing is told where nothing is shared."""
    note(repr(program))
    joined = "\n".join(cell.source for cell in program.cells if not cell.source.endswith("1 / 0"))
    for sources in ([cell.source for cell in program.cells], [joined]):
        namespace: dict[str, Any] = {}
        sharing = oracle.Sharing()
        with Notebook(settings={"probe_floor": 2.0}) as nb:
            for sharing.cell, source in enumerate(sources, 1):
                oracle.run_by_line(source, namespace, sharing)
                nb.cell(source)
            assert faults_of_origins(extension.report().to_dict(), sharing) == []


def faults_of_origins(report: Report, sharing: oracle.Sharing) -> list[str]:
    """Compare with the oracle every pair that shares a byte."""
    told = {frozenset((one["a"], one["b"])): one for group in report["groups"] for one in group["origins"]}
    due = {pair: sharing.since[pair] for pair in relations(report) if pair in sharing.since}
    found = {pair: (told[pair]["cell"], told[pair]["line"]) if pair in told else None for pair in due}
    return [f"{sorted(pair)}: since {due[pair]}, told {told.get(pair)}" for pair in due if found[pair] != due[pair]]


def fault_of_walk(report: Report, namespace: dict[str, Any]) -> list[str]:
    found, known = paths(report), set(oracle.walk(namespace))
    return [f"walk: {sorted(found ^ known)}"] if found != known else []


def faults_of_changes(
    report: Report, verdict: oracle.Verdict, namespace: dict[str, Any], left: dict[str, set[int]]
) -> list[str]:
    touched = {p for p, (old, new) in verdict.versions.items() if old != new} - verdict.mutated
    truth = {
        "mutated": verdict.mutated,
        "bound": verdict.bound,
        "unbound": verdict.unbound,
        "rebound": verdict.rebound,
        "touched": touched,
    }
    faults = [
        f"{path} was bound anew, and said to be written by {change['sites']}, not {left[path]}"
        for path, change in changes(report, "mutated").items()
        if path in left and path not in verdict.mutated | verdict.reshaped and not left[path].issuperset(_lines(change))
    ]
    for kind, expected in truth.items():
        open_paths = verdict.reshaped | (verdict.moved if kind == "touched" else set())
        open_paths |= left.keys() if kind == "mutated" else set()
        found = set(changes(report, kind))
        if found - open_paths != expected - open_paths:
            faults.append(f"{kind}: reported {sorted(found - expected)}, missed {sorted(expected - found)}")
    for path, change in changes(report, "mutated").items():
        if path in verdict.mutated:
            old, new = verdict.versions[path]
            if bool(change["versioned"]) != (old != new):
                faults.append(f"{path}: versioned is {change['versioned']}, versions were {old}, {new}")
            distinct = _distinct(oracle.look_up(path, namespace))
            if (
                change["elements"]
                and distinct
                and (change["elements"]["changed"], change["elements"]["total"]) != verdict.counts[path]
            ):
                faults.append(f"{path}: elements are {change['elements']}, not {verdict.counts[path]}")
    return faults


def _lines(change: dict[str, Any]) -> set[int]:
    return {site["line"] for site in change["sites"]}


def _distinct(array: Any) -> bool:
    """Tell whether no two elements share a byte."""
    size = array.nbytes if isinstance(array, np.ndarray) else array.numel() * array.element_size()
    return len(oracle.addresses(array)) == size


def faults_of_pairs(report: Report, namespace: dict[str, Any]) -> list[str]:
    arrays = oracle.walk(namespace)
    told, faults = relations(report), []
    capped = [set(g["members"]) for g in report["groups"] if g["pairs_left_out"]]
    for pair, true in oracle.all_relations(arrays).items():
        left_out = pair not in told and any(pair <= members for members in capped)
        if told.get(pair) not in true and not left_out:
            faults.append(f"pair {sorted(pair)}: told {told.get(pair)}, truly {sorted(true)}")
    for pair, relation in told.items():
        one, two = sorted(pair)
        if one in arrays and two in arrays and relation not in oracle.relation(arrays[one], arrays[two]):
            faults.append(
                f"pair {sorted(pair)}: told {relation}, truly {sorted(oracle.relation(arrays[one], arrays[two]))}"
            )
    return faults


def faults_of_lines(report: Report, verdict: oracle.Verdict, written: oracle.Written) -> list[str]:
    """Every line that changed a path's bytes is one of its sites; besides, only a line that wrote what stood there already."""
    faults = []
    for path, change in changes(report, "mutated").items():
        if path in verdict.mutated:
            due, found = written.lines.get(path, set()), lines(change)
            allowed = due | (written.idle.get(path, set()) - written.busy)
            if not due <= found <= allowed:
                faults.append(f"{path}: written by lines {sorted(due)}, told {sorted(found)}")
    return faults


def faults_of_births(report: Report, verdict: oracle.Verdict) -> list[str]:
    """The statement that bound a path is told with what became of it since."""
    told = {path: one["born"] and one["born"]["line"] for path, one in changes(report, "mutated").items()}
    return [
        f"{path}: told as bound by {line}, not {verdict.born.get(path)}"
        for path, line in told.items()
        if path in verdict.mutated and line != verdict.born.get(path)
    ]


def faults_of_silence(
    report: Report, verdict: oracle.Verdict, written: oracle.Written, cell: Cell, namespace: dict[str, Any]
) -> list[str]:
    """Ask only where the design is plain: a line that wrote names the path, or no line does.

    Of what the cell bound itself: every line that wrote names it, or one of them does not.
    """
    faults, hushed = [], silent(report)
    arrays = oracle.walk(namespace)
    named = set().union(*cell.names.values(), *cell.hints.values())
    for path in verdict.mutated:
        wrote = written.lines.get(path, set())
        every = (
            all if path in verdict.born else any
        )  # a name speaks for the whole cell where the tensor was there before
        by_name = bool(wrote) and every(path in cell.names.get(line, ()) for line in wrote)
        as_parameter = is_leaf_that_requires_grad(arrays[path]) and all(
            any(arrays.get(other) is arrays[path] for other in cell.names.get(line, ()))
            for line in wrote | written.idle.get(path, set())
        )
        if (by_name or as_parameter) and path in hushed:
            faults.append(f"{path} is named by the line that wrote it, and called silent ({_cause(report, path)})")
        unnamed = path in verdict.born and any(not _may_name(cell, line, path) for line in wrote)
        open_question = not unnamed and any(path == n or path.startswith((f"{n}[", f"{n}.")) for n in named)
        open_question |= is_leaf_that_requires_grad(arrays[path])
        is_leftover = _cause(report, path) == "leftover"  # of a loop that has ended
        if not (by_name or open_question or is_leftover or path in hushed):
            faults.append(f"{path} is not named, and not called silent ({_cause(report, path)})")
    return faults + [
        f"{path} is called silent, and did not change" for path in sorted(hushed - changes(report, "mutated").keys())
    ]


def _may_name(cell: Cell, line: int, path: str) -> bool:
    """Return whether a line names a path as written, or what it is a part of."""
    named = {*cell.names.get(line, ()), *cell.hints.get(line, ())}
    return any(path == one or path.startswith((f"{one}[", f"{one}.")) for one in named)


def _cause(report: Report, path: str) -> object:
    return changes(report, "mutated").get(path, {}).get("cause")


def is_leaf_that_requires_grad(array: Any) -> bool:
    """Tell whether writing to it through another name of the same object is a parameter update."""
    try:
        return isinstance(array, torch.Tensor) and array.requires_grad and array.is_leaf
    except RuntimeError:
        return False
