"""Graphs that lead into a part which a backward has freed: the next backward raises there."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from ...records.typed_line import TypedLine, typed_line
from ...statements.rewrite_statement import read_paths
from ...statements.statement import parse_statements
from ...syntax.name_promises import stands_for_itself
from ..fix import Fix
from ..hazard import Hazard
from ..hazard_facts import FreedGraph
from .kept_results import kept_without_graph

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ...blame.evidence.statement_timeline import Timeline
    from ...records.report_parts import Site
    from ...records.snapshots.snapshot import Snapshot
    from ...records.trace.graph_state import HalfFreed
    from ...records.trace.notebook import Notebook
    from ..error_facts import Raised

_ITEM = re.compile(r"(.+?)\[\d+\]")
_OF = re.compile(r"([\w.\[\]'\"]+)\.backward\(")
_CALL = re.compile(r"\.backward\(([^()]*)\)")


class LiveCode(NamedTuple):
    """The timelines of the cells that still have live nodes, and what the notebook defines."""

    built: Mapping[int, Timeline]
    notebook: Notebook


def freed_graphs(
    found: Sequence[HalfFreed],
    snapshot: Snapshot,
    code: LiveCode,
    backward: tuple[int, Site | None],
    ran: Mapping[str, int],
) -> Iterator[Hazard]:
    """Yield a hazard for all variables whose graphs meet the same freed node.

    Parameters
    ----------
    backward
        The cell that ended, and its only statement that ran backward, if there is one.
    ran
        The last cell in which a backward of a variable ran: it is not expected to run again.
    """
    groups: dict[tuple[int, bool], list[HalfFreed]] = {}
    for one in found:
        groups.setdefault((one.node, one.is_new_pass), []).append(one)
    for group in groups.values():
        roots = [path for one in group for path in one.roots]
        scalars = [path for path in roots if (reading := snapshot.get(path)) is not None and reading.numel == 1]
        ahead = [path for path in scalars if _is_ahead(path, group[0], code.built, ran)]
        ordered = [*dict.fromkeys((*ahead, *scalars, *roots))]
        hazard = _hazard(group[0], ordered, code, backward, is_scalar=bool(scalars))
        yield replace(hazard, outcome="raises" if ahead and group[0].is_new_pass else "risk")


def _is_ahead(path: str, one: HalfFreed, built: Mapping[int, Timeline], ran: Mapping[str, int]) -> bool:
    """Return whether no backward of a variable ran since it was computed from the freed part."""
    cell = ran.get(path, 0)
    if cell != one.user_cell or cell not in built:
        return cell < one.user_cell
    since = built[cell].since(one.user)
    backwards = {each.index for each in built[cell].statements if f"{path}.backward(" in each.text}
    # In a loop, of which not every entry is recorded, a later line may have run before.
    return bool(backwards and since) and max(backwards) < since[0] and backwards.isdisjoint(since)


def remember_backward(plain: str, cell: int, ran: Mapping[str, int]) -> Mapping[str, int]:
    """Return the last cell in which a backward of each variable ran, with this cell's."""
    return {**ran, **dict.fromkeys(_OF.findall(plain), cell)} if "backward(" in plain else ran


def foretold_freed(one: HalfFreed, raised: Raised, code: LiveCode) -> Hazard:
    """Return the hazard of a graph that was half freed before the backward that raised."""
    found = _hazard(one, [*one.roots], code, (0, None))
    fact = FreedGraph(root=raised.root, name=next(iter(one.names), None), how="leads", raised=raised)
    return replace(found, fact=fact if one.names else replace(fact, how="shares"), happened=True)


def _hazard(
    one: HalfFreed,
    roots: list[str],
    code: LiveCode,
    backward: tuple[int, Site | None],
    *,
    is_scalar: bool = True,
) -> Hazard:
    made = _maker(code.built, one.cell, one.node)
    user = typed_line(one.user_cell, _maker(code.built, one.user_cell, one.user))
    cell, site = backward if one.was_whole else (0, None)
    name = next(iter(one.names), None)
    return Hazard(
        code="TW213",
        outcome="raises",
        paths=tuple(roots),
        op=one.op,
        fact=FreedGraph(root=roots[0], is_scalar=is_scalar, name=name, how="leads" if name else "shares"),
        fix=Fix(kind="retain-graph", code=retaining(site)) if one.was_whole else _fix(one, roots, user, made, code),
        saved_at=made,
        saved_cell=one.cell or None,
        written_at=site,
        written_cell=cell if site else None,
        node=one.node,
    )


def _maker(built: Mapping[int, Timeline], cell: int, node: int) -> Site | None:
    timeline = built.get(cell)
    return timeline.maker(node) if timeline else None


def _fix(one: HalfFreed, roots: list[str], user: TypedLine | None, made: Site | None, code: LiveCode) -> Fix:
    sources = {count: timeline.source for count, timeline in code.built.items()}
    source = "\n".join(sources.values())
    kept = kept_without_graph(one.names, user, sources, code.notebook)
    if kept is not None and one.is_covered:
        return kept
    fix = fix_freed(next(iter(one.names), None), user, made, is_covered=one.is_covered, source=source)
    if fix.kind != "detach-state" or user is None:
        return fix
    paths = (*one.names[:1], *sorted(roots))
    states = [*dict.fromkeys(path for path in paths if _is_carried(path, user.text) or _is_past(path, user.text))]
    owners = {path.partition("[")[0]: path for path in reversed(states)}  # a tuple is detached as a whole
    return replace(fix, code="; ".join(detached(path, source) for path in states if path in owners.values()))


def fix_freed(
    name: str | None, user: TypedLine | None, made: Site | None, *, is_covered: bool, source: str = ""
) -> Fix:
    """Choose the fix: detach a state that is carried on, or compute its variable anew.

    Parameters
    ----------
    name
        The variable whose graph was freed.
    user
        The statement that computed from it.
    made
        The statement that made it.
    is_covered
        Whether gradients do not need the freed part, because the rest reaches the same leaves.
    source
        The code that may have bound the variable before.
    """
    if name is None or user is None or not _is_read(name, user.text):
        return Fix(kind="retain-graph")
    if stands_for_itself(name):
        return Fix(kind="detach-state", code=detached(name, source), other=user.text, target=user)
    if is_covered and (_is_carried(name, user.text) or (made and _is_carried(name, made.text))):
        return Fix(kind="detach-state", code=detached(name, source), other=user.text, target=user)
    if made and _binds(made.text, name) and not _is_carried(name, made.text):
        return Fix(kind="compute-anew", code=made.text, other=user.text, names=(name,), target=user)
    return Fix(kind="retain-graph")


def retaining(backward: Site | TypedLine | None) -> str:
    """Return the code of a backward that keeps its graph; empty if the call is not found in its text."""
    text = backward.text if backward else ""
    code = _CALL.sub(lambda call: f".backward({call[1]}{', ' if call[1] else ''}retain_graph=True)", text, count=1)
    return code if code != text and "retain_graph" not in text else ""


def _is_carried(name: str, text: str) -> bool:
    """Return whether a statement reads and rebinds a variable, or calls the object that keeps it."""
    owner = _ITEM.fullmatch(name)
    return "." in name or (_binds(text, owner[1] if owner else name) and _is_read(name, text))


def _is_past(name: str, text: str) -> bool:
    """Return whether a statement reads a variable that stands for what it was, as `h_prev` does for `h`."""
    return stands_for_itself(name) and _is_read(name, text)


def _is_read(name: str, text: str) -> bool:
    """Return whether a statement reads a variable, or the tuple that it is an item of."""
    owner = _ITEM.fullmatch(name)
    paths = read_paths(text)
    return name in paths or bool(owner and owner[1] in paths) or name.rpartition(".")[0].split(".")[0] in paths


def _binds(text: str, name: str) -> bool:
    statements = parse_statements(text)
    return len(statements) == 1 and name in statements[0].binds


def detached(name: str, source: str = "") -> str:
    """Return the code that detaches a state, which the source may begin with None or a number.

    Examples
    --------
    >>> detached("h"), detached("state[0]")
    ('h = h.detach()', 'state = tuple(one.detach() for one in state)')
    >>> detached("h", "h = None")
    'h = None if h is None else h.detach()'
    >>> detached("m.state[0]", "self.rnn, self.state = nn.LSTM(2, 3, bias=False), None")
    'm.state = None if m.state is None else tuple(one.detach() for one in m.state)'
    >>> detached("total", "n, total = 0, 0.0")
    'total = total.detach() if torch.is_tensor(total) else total'
    """
    owner = _ITEM.fullmatch(name)
    path = owner[1] if owner else name
    value = f"tuple(one.detach() for one in {path})" if owner else f"{path}.detach()"
    name = re.escape(path.rpartition(".")[2])
    begins = re.search(rf"\b{name}\b[^\n=]*=(?!=)[^\n]*\bNone\b", source)
    counts = re.search(rf"\b{name}\b[^\n=()]*=[^\n=(\w]*\d[\d.e]*\s*(?:$|[;#,\n])", source)
    if counts:
        return f"{path} = {value} if torch.is_tensor({path}) else {path}"
    return f"{path} = None if {path} is None else {value}" if begins else f"{path} = {value}"
