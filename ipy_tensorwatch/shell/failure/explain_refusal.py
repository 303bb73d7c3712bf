"""Explain a refused in-place write with the notebook's variables, cells and lines."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from ...capture.frames.frame_locals import Local, inplace_module, may_assign, read_keys, read_locals
from ...core.explain.inplace_refused import refused_hazard
from ...core.explain.known_writes import Witness, find_last_write
from ...core.explain.rewrite_loop import take_one_by_one
from ...core.hazards.facts import Refused
from ...core.memory.view_index import spell_portion
from ...core.model.path import AccessPath
from ...core.model.reading import extent
from ...core.statements.write_target import Target, spell_target
from ...core.syntax.parsing import bound_around, parse_path
from .error_frames import CELL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...core.explain.error_messages import Complaint
    from ...core.hazards.facts import TypedLine
    from ...core.hazards.hazard import Hazard
    from ...core.model.reading import Reading
    from .aftermath import Aftermath
    from .error_frames import ErrorScene, Step

MAX_NAMES = 16


def explain_refusal(scene: ErrorScene, after: Aftermath) -> Hazard:
    """Return the hazard that explains a refused write, or the use of a view that became invalid."""
    found = next(chain(_candidates(scene, after), _iterated(scene, after)), None)
    complaint = scene.complaint
    refused = Refused(
        code=complaint.code, trouble=complaint.trouble, late=complaint.late, op=complaint.op, raised=scene.raised
    )
    if found is not None:
        refused = _describe(refused, scene, after, *found)
    return refused_hazard(refused, scene.site)


def _candidates(scene: ErrorScene, after: Aftermath) -> Iterator[tuple[Step, Local]]:
    """Yield the tensors that the failing statements name and that match the error, innermost frame first."""
    storages = after.cell.observer.lens.storages
    for step in chain(scene.inside, scene.steps):
        keys = read_keys(scene.error, step.place)
        paths = [spell_target(one, keys) for one in _meant(scene, step)]
        known = read_locals(scene.error, step.place, storages, {path.root for path in paths})
        for path in paths:
            near = [one for one in known if path.leads_to(one.path) or one.path.leads_to(path)]
            yield from ((step, one) for one in near if _fits(scene.complaint, one))


def _iterated(scene: ErrorScene, after: Aftermath) -> Iterator[tuple[Step, Local]]:
    """Yield the first row of the tensor that a comprehension iterates over, under the name of its loop variable.

    From Python 3.12 on, a comprehension runs in the enclosing frame, and its names are gone after an error.
    """
    storages = after.cell.observer.lens.storages
    for step in scene.steps if scene.complaint.trouble == "one-of-several" else ():
        sources = step.failing.iterated()
        for name in {target.path.root for target in step.failing.targets()} & sources.keys():
            known = read_locals(scene.error, step.place, storages, {path.root for path in sources[name]})
            bases = [one.reading for one in known if one.path in sources[name] and one.reading.requires_grad]
            if len(bases) == 1 and bases[0].shape:
                yield step, Local(AccessPath(name), _first_row(bases[0], f"{scene.complaint.op}Backward0"), bases[0])


def _first_row(base: Reading, grad_fn: str) -> Reading:
    shape, strides = base.shape[1:], base.strides[1:]
    high = base.low + extent(shape, strides, base.itemsize)[1]
    return base._replace(shape=shape, strides=strides, high=high, grad_fn=grad_fn, is_leaf=False)


def _meant(scene: ErrorScene, step: Step) -> list[Target]:
    """Return what the error may be about: the written targets, or all paths if a use was refused."""
    if scene.complaint.late or scene.complaint.trouble in ("marked-leaf", "marked-view"):
        return [Target(path=path) for path in step.failing.mentions()]
    return step.failing.targets()


def _fits(complaint: Complaint, one: Local) -> bool:
    """Return whether a tensor has the property that PyTorch's error names."""
    reading, base = one.reading, one.base
    match complaint.trouble:
        case "leaf" | "marked-leaf":
            return reading.collects_gradient
        case "view-of-leaf":
            return (reading if base is None else base).collects_gradient
        case "one-of-several" | "made-by-function" | "no-grad-view" | "inference-view":
            return base is not None and (bool(reading.version) or not complaint.late)
        case "detached-view" | "marked-view":
            return base is not None
        case "inference":
            return reading.version is None
        case "expanded":
            return any(step == 0 and size > 1 for size, step in zip(reading.shape, reading.strides, strict=True))
        case _:
            return True


def _describe(refused: Refused, scene: ErrorScene, after: Aftermath, step: Step, one: Local) -> Refused:
    """Return the refusal with the names of the tensor and of its base, and what follows from them."""
    names = _names_of(one.reading, after)
    path = str(one.path) if step not in scene.inside else next(iter(names), None)
    bases = _names_as(one.base, scene, after, step) if one.base is not None else []
    witness = Witness(family=_family(one.reading, after), reasoning=after.reasoning)
    return replace(
        refused,
        path=path,
        also=_also(path, one.reading, after),
        names=tuple(dict.fromkeys([*([path] if path in names else []), *names])),
        reading=one.reading,
        base=next(iter(bases), None),
        portion=spell_portion(one.reading, one.base) if one.base is not None else None,
        base_is_leaf=one.base is not None and one.base.collects_gradient,
        binds=_binds(scene, step, one.path)
        if step in scene.steps
        else _binds(scene, scene.steps[0], parse_path(path or "")),
        loop=_loop(step, one, bases),
        module=next(filter(None, (inplace_module(scene.error, each.place) for each in scene.inside)), None),
        writing=find_last_write(witness, after.history) if scene.complaint.late else None,
        is_written=_is_written(names, after),
    )


def _loop(step: Step, one: Local, bases: Sequence[str]) -> tuple[TypedLine, str] | None:
    """Return the head of the loop that iterates over views, and its rewritten form; None if there is none."""
    found = take_one_by_one(step.source if step.inner else "", step.failing, one.path.root, bases)
    if found is None or step.inner is None:
        return found
    head, code = found
    return replace(head, cell=step.inner.cell, line=head.line + step.inner.line - step.failing.line), code


def _names_of(reading: Reading, after: Aftermath) -> list[str]:
    """Return the variables that share bytes with a tensor, those with the same layout first."""
    near = after.reasoning.places.lying_on(reading)
    return [str(path) for path, _ in near[:MAX_NAMES]]


def _names_as(base: Reading, scene: ErrorScene, after: Aftermath, step: Step) -> list[str]:
    """Return the names of a base tensor: local names of the failing function, then variables."""
    entries = after.reasoning.trace.after.by_storage.get(base.storage, ())
    variables = [str(path) for path, reading in entries if reading.layout == base.layout]
    if step.spot.function == CELL and variables:
        return variables
    known = read_locals(scene.error, step.place, after.cell.observer.lens.storages)
    return [*dict.fromkeys([*(str(one.path) for one in known if _lies_as(one.reading, base)), *variables])]


def _lies_as(one: Reading, other: Reading) -> bool:
    return (one.storage, one.layout) == (other.storage, other.layout)


def _family(reading: Reading, after: Aftermath) -> list[tuple[AccessPath, Reading]]:
    """Return the variables that share the version counter."""
    entries = after.reasoning.trace.after.by_storage.get(reading.storage, ())
    return [entry for entry in entries if entry[1].version == reading.version][:MAX_NAMES]


def _also(path: str | None, reading: Reading, after: Aftermath) -> str | None:
    """Return another name of a tensor that is called by a name of a loop or a function; else None."""
    entries = after.reasoning.trace.after.by_storage.get(reading.storage, ())
    names = [str(one) for one, other in entries if other.layout == reading.layout]
    others = [one for one in names if "." in one or path not in names]
    return next(iter(others), None) if path and path.isidentifier() else None


def _binds(scene: ErrorScene, step: Step, path: AccessPath) -> bool:
    """Return whether a path can be rebound at the failing statement."""
    if not may_assign(scene.error, step.place, path) or path.root in step.failing.iterated():
        return False
    if step.spot.function == CELL or path.steps:
        return True
    source = step.source if step.inner else ""
    return path.root in bound_around(source, step.failing.line) and not step.spot.function.startswith("<")


def _is_written(names: Sequence[str], after: Aftermath) -> bool:
    return any(content.changed and str(one.path) in names for one, content in after.reasoning.trace.found)
