"""Explain a refused in-place write with the notebook's variables, cells and lines."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from ..hazards.error_facts import IndexedLoop, Refused
from ..memory.view_index import spell_portion
from ..records.path import AccessPath
from ..records.reading import Reading, extent
from ..records.trace.cell_error import ErrorFrame, Local
from ..records.typed_line import TypedLine
from ..syntax.parsing import bound_around, parse_path
from .inplace_refused import refused_hazard
from .known_writes import KnownWrites, find_last_write
from .rewrite_loop import take_one_by_one

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..hazards.hazard import Hazard
    from .error_messages import ErrorMessage
    from .error_scene import ErrorScene

MAX_NAMES = 16


def explain_refusal(scene: ErrorScene) -> Hazard:
    """Return the hazard that explains a refused write, or the use of a view that became invalid."""
    found = next(chain(_candidates(scene), _iterated(scene)), None)
    error_message = scene.error_message
    refused = Refused(
        code=error_message.code,
        trouble=error_message.trouble,
        late=error_message.late,
        op=error_message.op,
        raised=scene.raised,
        module=next((each.module for each in scene.error.inside if each.module), None),
    )
    if found is not None:
        refused = _describe(refused, scene, *found)
    return refused_hazard(refused, scene.site)


def _candidates(scene: ErrorScene) -> Iterator[tuple[ErrorFrame, Local]]:
    """Yield the tensors that the failing statements name and that match the error, innermost frame first."""
    for frame in chain(scene.error.inside, scene.error.frames):
        for path in _meant(scene.error_message, frame):
            near = [one for one in frame.named if path.leads_to(one.path) or one.path.leads_to(path)]
            yield from ((frame, one) for one in near if _fits(scene.error_message, one))


def _iterated(scene: ErrorScene) -> Iterator[tuple[ErrorFrame, Local]]:
    """Yield the first row of the tensor that a comprehension iterates over, under the name of its loop variable.

    From Python 3.12 on, a comprehension runs in the enclosing frame, and its names are gone after an error.
    """
    for frame in scene.error.frames if scene.error_message.trouble == "one-of-several" else ():
        for name in {path.root for path in frame.written} & frame.iterated.keys():
            bases = [
                one.reading for one in frame.named if one.path in frame.iterated[name] and one.reading.requires_grad
            ]
            if len(bases) == 1 and bases[0].shape:
                yield (
                    frame,
                    Local(AccessPath(name), _first_row(bases[0], f"{scene.error_message.op}Backward0"), bases[0]),
                )


def _first_row(base: Reading, grad_fn: str) -> Reading:
    shape, strides = base.shape[1:], base.strides[1:]
    high = base.low + extent(shape, strides, base.itemsize)[1]
    return base._replace(shape=shape, strides=strides, high=high, grad_fn=grad_fn, is_leaf=False)


def _meant(error_message: ErrorMessage, frame: ErrorFrame) -> tuple[AccessPath, ...]:
    """Return what the error may be about: the written paths, or all paths if a use was refused."""
    return (
        frame.read if error_message.late or error_message.trouble in ("marked-leaf", "marked-view") else frame.written
    )


def _fits(error_message: ErrorMessage, one: Local) -> bool:
    """Return whether a tensor has the property that PyTorch's error names."""
    reading, base = one.reading, one.base
    match error_message.trouble:
        case "leaf" | "marked-leaf":
            return reading.collects_gradient
        case "view-of-leaf":
            return (reading if base is None else base).collects_gradient
        case "one-of-several" | "made-by-function" | "no-grad-view" | "inference-view":
            return base is not None and (bool(reading.version) or not error_message.late)
        case "detached-view" | "marked-view":
            return base is not None
        case "inference":
            return reading.version is None
        case "expanded":
            return any(step == 0 and size > 1 for size, step in zip(reading.shape, reading.strides, strict=True))
        case _:
            return True


def _describe(refused: Refused, scene: ErrorScene, frame: ErrorFrame, one: Local) -> Refused:
    """Return the refusal with the names of the tensor and of its base, and what follows from them."""
    error, beside = scene.error, scene.reasoning.trace.after.by_storage.get(one.reading.storage, ())
    names = [str(path) for path, _ in scene.reasoning.places.lying_on(one.reading)[:MAX_NAMES]]
    is_inside = frame in error.inside
    path = next(iter(names), None) if is_inside else str(one.path)
    bases = _names_as(one.base, scene, frame) if one.base is not None else []
    family = [entry for entry in beside if entry[1].version == one.reading.version][:MAX_NAMES]
    known_writes = KnownWrites(family=family, reasoning=scene.reasoning)
    return replace(
        refused,
        path=path,
        also=_also(path, [str(path) for path, other in beside if other.layout == one.reading.layout]),
        names=tuple(dict.fromkeys([*([path] if path in names else []), *names])),
        reading=one.reading,
        base=next((name for name in bases if name != path), None),
        portion=spell_portion(one.reading, one.base) if one.base is not None else None,
        base_is_leaf=one.base is not None and one.base.collects_gradient,
        binds=_binds(error.frames[0], parse_path(path or "")) if is_inside else _binds(frame, one.path),
        loop=_loop(frame, one, bases),
        writing=find_last_write(known_writes, scene.history) if scene.error_message.late else None,
        has_read_grad=frame.is_cell and f"{path}.grad" in scene.reasoning.trace.own.plain,
        is_written=any(content.changed and str(each.path) in names for each, content in scene.reasoning.trace.found),
    )


def _loop(frame: ErrorFrame, one: Local, bases: Sequence[str]) -> IndexedLoop | None:
    """Return the loop that iterates over views, rewritten; None if there is none."""
    failing = TypedLine(line=frame.line, text=frame.text)
    found = take_one_by_one(frame.source if frame.inner else "", failing, one.path.root, bases)
    if found is None or frame.inner is None:
        return found
    head = replace(found.head, cell=frame.inner.cell, line=found.head.line + frame.inner.line - frame.line)
    return found._replace(head=head)


def _names_as(base: Reading, scene: ErrorScene, frame: ErrorFrame) -> list[str]:
    """Return the names of a base tensor: local names of the failing function, then variables."""
    entries = scene.reasoning.trace.after.by_storage.get(base.storage, ())
    variables = [str(path) for path, reading in entries if reading.layout == base.layout]
    if frame.is_cell and variables:
        return variables
    place = base.storage, base.layout
    known = frame.named if frame.is_cell else frame.local
    local = (str(one.path) for one in known if (one.reading.storage, one.reading.layout) == place)
    return [*dict.fromkeys([*local, *variables])]


def _also(path: str | None, names: Sequence[str]) -> str | None:
    """Return another name of a tensor that is called by a name of a loop or a function; else None."""
    others = [one for one in names if "." in one or path not in names]
    return next(iter(others), None) if path and path.isidentifier() else None


def _binds(frame: ErrorFrame, path: AccessPath) -> bool:
    """Return whether a path can be rebound at the failing statement."""
    if path in frame.fixed or path.root in frame.iterated:
        return False
    if frame.is_cell or path.steps:
        return True
    source = frame.source if frame.inner else ""
    return path.root in bound_around(source, frame.line) and not frame.spot.function.startswith("<")
