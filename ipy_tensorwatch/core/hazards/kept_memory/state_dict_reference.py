"""State dicts, and parameters under the name of a copy, that are kept by reference: training goes on in them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from ...records.path import AccessPath, container_of, count_alike
from ...syntax.name_promises import says_copy, says_own_values
from ...syntax.parsing import parse_path
from ...syntax.statement_text import words_in
from ..fix import Fix
from ..hazard import Hazard
from ..hazard_facts import KeptReference
from ..lasting_hazard import Lasting

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from ...blame.reasoning import Reasoning
    from ...records.report_parts import Change, Site
    from ...records.snapshots.snapshot import Snapshot
    from ...records.typed_line import TypedLine

_OF_A_DICT = re.compile(r"^[^\[]*(?:\[(?:\d+|'[^']*')\][^\[]*)*\['[^']*'\]$")
"""The path of an item through string or int keys; an optimizer's state has parameters as keys."""

SharedItem = tuple[AccessPath, str, "Change"]


def kept_by_reference(
    changes: Sequence[Change],
    snapshot: Snapshot,
    cell: int,
    modules: Collection[str] = (),
    stepped: Collection[int] = frozenset(),
) -> Iterator[Lasting]:
    """Yield hazards for dicts whose tensors an optimizer step changed, because a module or an optimizer owns them.

    Parameters
    ----------
    modules
        The paths of modules: a dict that one keeps of its own parameters is meant to follow them.
    stepped
        The storages that the optimizers of this cell hold.
    """
    told = (one for one in changes if one.silent or _was_stepped(one) or one.cause == "leftover")
    kept = [one for one in told if _OF_A_DICT.search(one.path)]
    readings = [(one, reading) for one in kept if (reading := snapshot.get(one.path)) is not None]
    held = {reading.storage for _, reading in readings}
    trained = _trained(changes, snapshot, held.intersection(stepped)) if held else {}
    roots: dict[str, list[SharedItem]] = {}
    for change, reading in readings:
        path = parse_path(change.path)
        if reading.storage in trained and not _keeps_its_own(path, parse_path(trained[reading.storage]), modules):
            roots.setdefault(path.root, []).append((path, trained[reading.storage], change))
    for followers in roots.values():
        lasting = kept_with(followers, snapshot, cell)
        is_loaded = all(change.cause == "leftover" for *_, change in followers)
        yield handed_over(lasting) if is_loaded else lasting


def handed_over(lasting: Lasting) -> Lasting:
    """Return the hazard of a state dict that its owner has loaded: a risk only if it is read again."""
    fact = lasting.hazard.fact
    known = replace(fact, is_handed_over=True) if isinstance(fact, KeptReference) else fact
    return replace(lasting, hazard=replace(lasting.hazard, fact=known))


def loaded_again(reasoning: Reasoning, held: Iterable[Lasting]) -> Iterator[Hazard]:
    """Yield a hazard for each state dict that a statement loads again after its owner has gone on with its tensors."""
    trace = reasoning.trace
    loads = trace.notebook.loaded_in(trace.cell.count)
    for one in held if loads else ():
        fact = one.hazard.fact
        if not isinstance(fact, KeptReference) or not fact.is_handed_over:
            continue
        for path, several in trace.notebook.loaded.items():
            again = [load for load in several if load in loads]
            if again and parse_path(path).leads_to(parse_path(one.hazard.paths[0])):
                first = next((load for load in several if load not in loads), None)
                yield _restored_nothing(one.hazard, fact, path, again[0], first)


def _restored_nothing(
    hazard: Hazard, fact: KeptReference, path: str, again: TypedLine, first: TypedLine | None
) -> Hazard:
    text = again.text if first is None else first.text
    given = path if f"({path}" in text else parse_path(path).root  # what a function that loads it is given
    code = re.sub(rf"(?<![\w.]){re.escape(given)}(?!\w)", f"copy.deepcopy({given})", text, count=1)
    return replace(
        hazard,
        outcome="wrong",
        happened=True,
        fact=replace(fact, container=path, loaded=again, is_handed_over=False),
        fix=Fix(kind="hand-copy", code=code, target=first, says_where=True),
    )


def kept_by_name(updates: Iterable[Change], snapshot: Snapshot, cell: int) -> Iterator[Lasting]:
    """Yield hazards for updated parameters that a name of a copy leads to, beside a name that says nothing of the kind.

    Parameters
    ----------
    updates
        The expected changes of paths that contain the name of a copy.
    """
    keepsakes: dict[AccessPath, list[SharedItem]] = {}
    for change in updates:
        path, reading = parse_path(change.path), snapshot.get(change.path)
        if reading is None or change.cause != "optimizer":
            continue
        alike = (one for one, other in snapshot.by_storage.get(reading.storage, ()) if other.object == reading.object)
        owner = owner_among(alike)
        keepsake = keepsake_of(path, owner) if owner is not None else None
        if keepsake is not None and not all(_is_named(keepsake, site) for site in change.sites):
            keepsakes.setdefault(keepsake, []).append((path, str(owner), change))
    for keepsake, followers in keepsakes.items():
        yield kept_with(followers, snapshot, cell, keepsake)


def keepsake_of(path: AccessPath, owner: AccessPath) -> AccessPath | None:
    """Return the part of a path that has the name of a copy or an average: `t.best` of `t.best['weight']`.

    It is the parameter, or what holds it as the owner does, or a container of it; an object with an attribute that
    leads to the owner is none: `ema.model.weight`.
    """
    alike = count_alike([path.steps[::-1], owner.steps[::-1]])
    for number, step in enumerate(path.parts):
        between = path.steps[number : len(path.steps) - alike]
        if says_own_values(step) and all(one.startswith("[") for one in between):
            return path.first(number)
    return None


def owner_among(paths: Iterable[AccessPath]) -> AccessPath | None:
    """Return the first path to an attribute, else the first of all, among those with no name of a copy in them."""
    owners = [one for one in paths if not any(map(says_own_values, one.parts))]
    return _with_owner(owners) if owners else None


def _is_named(keepsake: AccessPath, site: Site) -> bool:
    """Return whether a statement spells the last name of a keepsake: then it is written on purpose."""
    return last_word(keepsake) in words_in(site.text)


def last_word(path: AccessPath) -> str:
    """Return the last variable, attribute or key of a path, as a word."""
    return next(iter(words_in(path.parts[-1])), "")


def _keeps_its_own(path: AccessPath, owner: AccessPath, modules: Collection[str]) -> bool:
    """Return whether a module leads to a dict and to the parameter in it, and the dict has no name of a copy."""
    if any(map(says_copy, path.steps[:-1])):
        return False
    shared = count_alike([path.steps, owner.steps]) if path.root == owner.root else -1
    return any(str(path.first(count)) in modules for count in range(shared + 1))


def _was_stepped(change: Change) -> bool:
    """Return whether an optimizer's step is among what wrote to a path that some statement names as well."""
    return change.cause == "direct" and any(map(_steps, change.sites))


def _trained(changes: Sequence[Change], snapshot: Snapshot, stepped: Collection[int]) -> Mapping[int, str]:
    """Map the storages that an optimizer step changed to a path of what it trained, whatever else wrote there."""
    told, found = {one.path: one for one in changes}, dict[int, list[AccessPath]]()
    by_step = [parse_path(one.path) for one in changes if one.cause == "optimizer"]
    for path in by_step:
        if (reading := snapshot.get(str(path))) is not None and reading.storage:
            found.setdefault(reading.storage, []).append(path)
    for storage in stepped:
        for path, reading in snapshot.by_storage.get(storage):
            change = told.get(str(path))
            if reading.kind == "parameter" or (".state[" in str(path) and not (change and change.silent)):
                found.setdefault(storage, []).append(path)
    return {storage: str(_with_owner(paths)) for storage, paths in found.items()}


def _with_owner(paths: Iterable[AccessPath]) -> AccessPath:
    """Return the first path to an attribute, else the first of all: what it belongs to can be named."""
    return min(paths, key=lambda one: not one.steps or not one.steps[-1].startswith("."))


def kept_with(
    followers: Sequence[SharedItem], snapshot: Snapshot, cell: int, keepsake: AccessPath | None = None
) -> Lasting:
    """Return the hazard for parameters that follow their owner, for as long as they do."""
    path, owner, change = followers[0]
    ends = [(one, reading) for one in (str(path), owner) if (reading := snapshot.get(one)) is not None]
    items = [(path, owner) for path, owner, _ in followers]
    hazard = no_copy(items, change.born, _step_of(change), cell, keepsake)
    return Lasting.of(hazard, ends)


def _step_of(change: Change) -> Site | None:
    """Return the statement that ran the optimizer's step, if it is among those that wrote."""
    return next(filter(_steps, change.sites), change.site)


def _steps(site: Site) -> bool:
    return ".step(" in (site.inner.text if site.inner else site.text)


def no_copy(
    items: Sequence[tuple[AccessPath, str]],
    born: Site | None,
    step: Site | None,
    cell: int,
    keepsake: AccessPath | None = None,
) -> Hazard:
    """Return the hazard for the items of a container, each with the path of what owns its tensor.

    Parameters
    ----------
    born, step
        The statements of the cell that took them, if it did, and that trained on.
    keepsake
        What has the name of a copy; the container of the items by default.
    """
    container = str(keepsake or container_of([path for path, _ in items]))
    owner = _owner(container, [parse_path(owner) for _, owner in items])
    return Hazard(
        code="TW207",
        outcome="risk",
        paths=tuple(str(path) for path, _ in items),
        fact=KeptReference(container=container, owner=owner),
        fix=Fix(kind="deep-copy", code=f"{container} = copy.deepcopy({container})"),
        saved_at=born,
        written_at=step,
        saved_cell=cell if born else None,
        written_cell=cell,
    )


def _owner(container: str, owners: Sequence[AccessPath]) -> str:
    """Return what the parameters belong to: a variable, or the part of it that does not lead to the dict too."""
    root = owners[0].root
    return root if root != parse_path(container).root else str(container_of(owners))
