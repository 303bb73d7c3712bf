"""Parameters that get gradients but are held by no optimizer: the model silently does not train."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ...records.path import AccessPath, container_of, count_alike, is_part_of
from ...runtime.record import record
from ...statements.rewrite_statement import read_paths
from ...syntax.parsing import parse_path
from ..fix import Fix
from ..hazard import Hazard
from ..hazard_facts import NotTrained, Unheld
from ..lasting_hazard import Lasting
from .hidden_optimizer import hidden_optimizer
from .made_optimizer import MadeOptimizer, is_behind, root_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from ...blame.reasoning import Reasoning
    from ...records.reading import Reading
    from ...records.snapshots.snapshot import Entry
    from ...records.trace.cell_trace import CellTrace
    from ...records.trace.evidence import OptimizerStep

FEW = 4
"""Up to so many parameters are listed in a fix."""


def _are_alike(some: Sequence[Reading], others: Sequence[Reading]) -> bool:
    """Return whether parameters may be those of another copy of a model, or of the same one cut into shards."""
    return bool(some) and sorted(len(one.shape) for one in some) == sorted(len(one.shape) for one in others)


def unheld_parameters(
    reasoning: Reasoning, made: Mapping[str, MadeOptimizer], standing: Iterable[Lasting]
) -> Iterator[Lasting]:
    """Yield a hazard for each optimizer that stepped beside parameters that got gradients and that none holds.

    Parameters
    ----------
    standing
        The hazards that hold already.
    """
    trace = reasoning.trace
    known = {path for one in standing if one.hazard.code == "TW212" for path in one.hazard.paths}
    held = _all_held(trace) if trace.own.steps else frozenset()
    for step in trace.own.steps:
        if not step.paths:
            yield from hidden_optimizer(reasoning, step, held, known)
        left = trace.notebook.leftovers
        for path in sorted(step.paths & made.keys(), key=lambda one: (root_of(one) in left, len(one)))[:1]:
            judgement = _Judgement(trace=trace, optimizer=path, made=made[path], held=held, known=known)
            yield from judgement.hazards(step, reasoning)


def _all_held(trace: CellTrace) -> frozenset[int]:
    return frozenset().union(
        *(one.parameters for one in trace.optimizers), *(one.parameters for one in trace.own.steps)
    )


def is_wired(lasting: Lasting, trace: CellTrace) -> bool:
    """Return whether an optimizer holds one of a hazard's parameters now, or the optimizer is another."""
    fact = lasting.hazard.fact
    if not isinstance(fact, NotTrained):
        return False
    held = _all_held(trace)
    gone = not fact.is_hidden and all(one.path != fact.optimizer for one in trace.optimizers)
    return gone or any(thing in held for _, thing, _ in lasting.anchors)


@record
class _Judgement:
    """The judgement of one optimizer that stepped."""

    trace: CellTrace
    optimizer: str
    made: MadeOptimizer
    held: frozenset[int]
    known: AbstractSet[str]

    def hazards(self, step: OptimizerStep, reasoning: Reasoning) -> Iterator[Lasting]:
        """Yield at most one hazard."""
        unheld = [*self._unheld(self.made.roots)]
        is_idle = not unheld and self._has_no_gradient and not self._has_written(reasoning)
        unheld = [*self._unheld(frozenset())] if is_idle else unheld
        if {str(path) for path, _ in unheld} <= self.known:
            return
        changed = self._changed({path.root for path, _ in unheld} | {root_of(self.optimizer)})
        idle = is_idle or self._has_idle_orphans(changed)
        groups: dict[Unheld, list[tuple[AccessPath, Reading]]] = {}
        for path, reading in unheld:
            groups.setdefault(self._how(path, reading, is_idle=idle), []).append((path, reading))
        told = [how for how in _ORDER if how in groups and self._got_gradients(groups[how], how, changed)]
        for how in told[:1]:
            yield self._lasting(groups[how], how, step, reasoning)

    def _has_written(self, reasoning: Reasoning) -> bool:
        """Return whether a step wrote, or what the optimizer holds was bound in this cell and may have been written."""
        before = {one.object for _, one in self.trace.before.entries()}
        return "optimizer" in reasoning.settled.values() or before.isdisjoint(self.made.held)

    def _got_gradients(self, found: Sequence[tuple[AccessPath, Reading]], how: Unheld, changed: set[str]) -> bool:
        """Return whether some parameters got gradients and no step, or all gradients were cleared at the end."""
        paths = {str(path) for path, _ in found} - changed
        if any(f"{path}.grad" in changed for path in paths):
            return True
        is_cleared = self._has_no_gradient and all(self.trace.after.get(f"{path}.grad") is None for path in paths)
        return is_cleared and how != "left-out" and bool(paths)

    @property
    def _has_no_gradient(self) -> bool:
        """Whether no parameter that the optimizer held has a gradient."""
        held = (path for path, seen in self.made.places.items() if seen.object in self.made.held)
        return all(self.trace.after.get(f"{path}.grad") is None for path in held)

    def _unheld(self, roots: frozenset[str]) -> Iterator[tuple[AccessPath, Reading]]:
        """Yield the parameters behind some variables that collect gradients and that no optimizer holds.

        Without a variable, yield those that may be another copy of what this optimizer holds.
        """
        met = {*self.held}
        for name, scene in self.trace.after.scenes.items():
            if name and roots and root_of(name) not in roots:
                continue
            found: list[tuple[AccessPath, Reading]] = []
            for place, reading in enumerate(scene.readings):
                if reading.collects_gradient and reading.object not in met:
                    path = scene.path_at(place)
                    is_one = reading.kind == "parameter" or str(path) in self.made.places
                    is_here = path.root in roots if roots else path.root not in self.trace.notebook.leftovers
                    if is_one and is_here and not is_behind(path, self.trace.optimizers):
                        met.add(reading.object)
                        found.append((path, reading))
            if roots or _are_alike([one for _, one in found], self._held_readings):
                yield from found

    @property
    def _held_readings(self) -> list[Reading]:
        """The parameters that the optimizer holds."""
        return [*{one.object: one for _, one in self.trace.after.entries() if one.object in self.made.held}.values()]

    def _changed(self, roots: set[str]) -> set[str]:
        """Return the paths behind some variables whose bytes the cell changed, new gradients included."""
        found = set[str]()
        for difference, content in self.trace.found:
            path = str(difference.path)
            is_there = difference.path.root in roots and difference.after is not None
            is_same = difference.is_same_object
            if is_there and ((content.changed and is_same) or (path.endswith(".grad") and not is_same)):
                found.add(path)
        return found

    def _has_idle_orphans(self, changed: set[str]) -> bool:
        """Return whether the optimizer holds parameters that only it leads to and that got no gradient."""
        orphans = [str(path) for path, _ in self._orphans()]
        return bool(orphans) and not any(f"{path}.grad" in changed for path in orphans)

    def _orphans(self) -> list[Entry]:
        """Return the parameters to which only the optimizer leads."""
        scene = self.trace.after.scenes.get(root_of(self.optimizer))
        start = f"{self.optimizer}.param_groups["
        found = scene.entries if scene else ()
        return [one for one in found if one[1].object in self.made.held and str(one[0]).startswith(start)]

    def _how(self, path: AccessPath, reading: Reading, *, is_idle: bool) -> Unheld:
        """Return why the optimizer does not hold a parameter."""
        then = self.made.places.get(str(path))
        is_earlier = self.made.cell < self.trace.cell.count
        if is_earlier and then is not None and then.object != reading.object and then.object in self.made.held:
            return "replaced"
        if (then is None or then.trains) and self._passed_over(path) is not None:
            return "unregistered"
        if is_earlier:
            if then is not None and then.object == reading.object and not then.trains:
                return "unfrozen" if self._is_whole(path) else "left-out"
            if then is None and is_part_of(str(path), self._top(path.root)) and self._is_whole(path):
                return "added"
        return "replaced" if is_idle else self._by_source(path.root)

    def _passed_over(self, path: AccessPath) -> AccessPath | None:
        """Return the list or dict, no module, that a path goes through and that `net.parameters()` passes over."""
        module = module_above(path, self.trace)
        if module is None or not self.made.line:
            return None
        attribute, *inner = path.steps[len(module.steps) :]
        if not attribute.startswith(".") or not inner or not inner[0].startswith("["):
            return None
        given = (AccessPath(path.root, path.steps[:length]) for length in range(len(module.steps) + 1))
        text = self.made.line.text
        is_named = any(re.search(rf"(?<![\w.]){re.escape(str(one))}\.parameters\(", text) for one in given)
        return module.then(attribute) if is_named else None

    def _by_source(self, root: str) -> Unheld:
        """Return why, from the statement that made the optimizer with all parameters of a variable."""
        text = self.made.line.text if self.made.line else ""
        if not re.search(rf"\b{re.escape(root)}\.parameters\(\)", text):
            is_selected = "requires_grad" in text and re.search(rf"\b{re.escape(root)}\b", text) is not None
            return "unfrozen" if is_selected else "left-out"
        if re.fullmatch(r"[^\[{]*\(\w+\.parameters\(\)[^\[{]*", text):
            return "added"
        return "unfrozen" if "requires_grad" in text else "left-out"

    def _is_whole(self, path: AccessPath) -> bool:
        """Return whether optimizers held all that could be trained beside a parameter: nothing, if all was frozen."""
        held = self._steps_to_held(path.root)
        if not held and path.root in self.made.roots:
            return not any(one.trains for spelled, one in self.made.places.items() if root_of(spelled) == path.root)
        top = str(AccessPath(path.root, path.steps[: count_alike([path.steps[:-1], *held])]))
        beside = [one for spelled, one in self.made.places.items() if is_part_of(spelled, top)]
        ours = self.made.held | self.held
        return bool(held) and all(one.object in ours for one in beside if one.trains)

    def _top(self, root: str) -> str:
        """Return the part of a variable that leads to all that the optimizer holds of it, and more than one module."""
        held = self._steps_to_held(root)
        depth = min(count_alike(held), max(map(len, held)) - 1) if held else 0
        return str(AccessPath(root, held[0][: max(depth, 0)])) if held else root

    def _steps_to_held(self, root: str) -> list[tuple[str, ...]]:
        held = (parse_path(spelled) for spelled, one in self.made.places.items() if one.object in self.made.held)
        return [path.steps[:-1] for path in held if path.root == root]

    def _lasting(
        self, found: Sequence[tuple[AccessPath, Reading]], how: Unheld, step: OptimizerStep, reasoning: Reasoning
    ) -> Lasting:
        paths, line = [path for path, _ in found], self.made.line
        site = reasoning.own.timeline.site(step.statement) if step.statement is not None else None
        hazard = Hazard(
            code="TW212",
            outcome="risk" if how == "left-out" else "wrong",
            paths=tuple(map(str, paths)),
            fact=NotTrained(optimizer=self.optimizer, how=how, made=line),
            fix=self._fix(paths, how),
            written_at=site,
            written_cell=self.trace.cell.count,
        )
        return Lasting.of(hazard, found)

    def _fix(self, paths: Sequence[AccessPath], how: Unheld) -> Fix:
        line = self.made.line
        read = read_paths(line.text) if line else []
        if line and how == "unregistered" and (holder := self._passed_over(paths[0])) is not None:
            return _registering(holder, paths[0], line.text)
        if line and how == "replaced" and ".parameters(" in line.text and paths[0].root in read:
            return Fix(kind="make-optimizer", code=line.text)
        return Fix(kind="add-group", code=f"{self.optimizer}.add_param_group({{'params': {self._listed(paths)}}})")

    def _listed(self, paths: Sequence[AccessPath]) -> str:
        """Return code for some parameters: each by name, or all of a part of which the optimizer holds nothing."""
        part = str(container_of(paths))
        ours = (spelled for spelled, one in self.made.places.items() if one.object in self.held)
        modules = self.trace.notebook.modules
        is_list = bool(modules) and part not in modules
        if is_list or len(paths) <= FEW or any(is_part_of(spelled, part) for spelled in ours):
            return f"[{', '.join(map(str, paths))}]"
        return f"{part}.parameters()"


def may_be_unregistered(before: Collection[Hazard], after: Iterable[Hazard]) -> bool:
    """Return whether a new hazard is of parameters of which only the notebook's modules tell why none holds them."""
    wrong = (one for one in after if isinstance(one.fact, NotTrained) and one.outcome == "wrong")
    return any(one not in before for one in wrong)


def module_above(path: AccessPath, trace: CellTrace) -> AccessPath | None:
    """Return the innermost module that a path goes through, of those that modules hold as their own."""
    above = (AccessPath(path.root, path.steps[:length]) for length in range(len(path.steps) - 1, -1, -1))
    return next((one for one in above if str(one) in trace.notebook.modules), None)


def _registering(holder: AccessPath, path: AccessPath, made: str) -> Fix:
    """Return the statement that makes a list or dict of parameters or modules a module, and one for the optimizer."""
    key, *inner = path.steps[len(holder.steps) :]
    kind = ("Module" if inner else "Parameter") + ("List" if key[1:-1].isdigit() else "Dict")
    return Fix(kind="register", code=f"{holder} = torch.nn.{kind}({holder})", other=made, names=(f"torch.nn.{kind}",))


_ORDER: tuple[Unheld, ...] = ("replaced", "unregistered", "added", "unfrozen", "left-out")
"""The most certain reason first."""
