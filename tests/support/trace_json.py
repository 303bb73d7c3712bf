"""Save a trace as JSON and read it back. A record includes its kind; fields with default values are left out."""

from __future__ import annotations

import base64
import json
import math
import zlib
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any

from ipy_tensorwatch.core.records.path import AccessPath
from ipy_tensorwatch.core.records.reading import Reading
from ipy_tensorwatch.core.records.reason import Reason
from ipy_tensorwatch.core.records.report_parts import (
    Cell,
    Coverage,
    Elements,
    Example,
    Inner,
    OperatorWrite,
    Site,
    Unverified,
)
from ipy_tensorwatch.core.records.snapshots.difference import Content, Difference
from ipy_tensorwatch.core.records.snapshots.outline import Outline, OutlineRun
from ipy_tensorwatch.core.records.snapshots.snapshot import RootSnapshot, Snapshot
from ipy_tensorwatch.core.records.snapshots.ways import Way
from ipy_tensorwatch.core.records.trace.born import Arrival, Born
from ipy_tensorwatch.core.records.trace.cell_error import CellError, ErrorFrame, FreedAtError, Local, Spot
from ipy_tensorwatch.core.records.trace.cell_trace import CellTrace, SourceFile
from ipy_tensorwatch.core.records.trace.evidence import (
    Evidence,
    Move,
    OptimizerHolding,
    OptimizerStep,
    Position,
    Recorded,
    SeenWrite,
)
from ipy_tensorwatch.core.records.trace.graph_state import GraphAtError, GraphState, HalfFreed
from ipy_tensorwatch.core.records.trace.notebook import Definition, Notebook
from ipy_tensorwatch.core.records.trace.saved_tensor import Overwritten, RootOrigin, SavedTensor, Spoiled, Writing

SCHEMA = 1


def way_of(path: AccessPath, target: AccessPath) -> Way:
    """Make a way from its spelled paths."""
    *above, step = path.steps
    outline, home = Outline(), Outline()
    return Way(outline, outline.add_path(AccessPath(path.root, tuple(above))), step, home, home.add_path(target))


_RECORDS: dict[str, Any] = {
    one.__name__: one
    for one in (
        *(CellTrace, SourceFile, Difference, Evidence, Move, OptimizerStep, Position, Recorded, SeenWrite),
        *(GraphState, Definition, Notebook, AccessPath, Reading, Cell, Coverage, Elements, Example, Inner),
        *(Arrival, Born, HalfFreed, OptimizerHolding, OperatorWrite, Reason, RootOrigin, Site, Unverified, Overwritten),
        *(SavedTensor, Snapshot, CellError, ErrorFrame, FreedAtError, GraphAtError, Local, Spoiled, Spot, Writing),
    )
} | {"Content": Content.of, "Way": way_of}
_KIND = "@"


def write_trace(trace: CellTrace) -> str:
    """Write a trace as JSON."""
    return json.dumps(
        {"schema": SCHEMA, "trace": TraceWriter().plain(trace)}, ensure_ascii=False, separators=(",", ":")
    )


def read_trace(text: str) -> CellTrace:
    """Read a trace.

    Raises
    ------
    ValueError
        If the text is no trace, or one of another schema.
    """
    whole = json.loads(text)
    if whole.get("schema") != SCHEMA:
        raise ValueError(f"no schema {SCHEMA}: {whole.get('schema')}")
    trace = TraceReader().value(whole["trace"])
    if not isinstance(trace, CellTrace):
        raise ValueError(f"no trace: {type(trace).__name__}")  # noqa: TRY004  (of the text)
    return trace


@cache
def _defaults(kind: Any) -> dict[str, Any]:
    """Return the saved fields of a record, each with its default value."""
    if kind is Way:
        return {"path": MISSING, "target": MISSING}
    if kind is Content:  # `elements` is counted on demand, from fields that are not saved
        return {"changed": MISSING, "verified": MISSING, "since": None, "elements": None}
    if not is_dataclass(kind):
        return {name: kind._field_defaults.get(name, MISSING) for name in kind._fields}
    made = ((one, one.default_factory) for one in fields(kind) if one.init)
    return {one.name: one.default if factory is MISSING else factory() for one, factory in made}


class TraceWriter:
    """Converts records to JSON values; a scene shared by two snapshots is written once."""

    def __init__(self) -> None:
        self._scenes: dict[int, int] = {}

    def plain(self, value: Any) -> Any:
        if isinstance(value, RootSnapshot):
            return self._scene(value)
        if type(value).__name__ in _RECORDS:
            return self._record(value)
        if isinstance(value, bytes):
            return {_KIND: "bytes", "zlib": base64.b64encode(zlib.compress(value)).decode()}
        if isinstance(value, float) and not math.isfinite(value):
            return {_KIND: "float", "text": str(value)}
        if isinstance(value, Mapping):
            if all(isinstance(key, str) and key != _KIND for key in value):
                return {key: self.plain(one) for key, one in value.items()}
            return {_KIND: "map", "items": [[self.plain(key), self.plain(one)] for key, one in value.items()]}
        if isinstance(value, AbstractSet):
            return {_KIND: "set", "items": sorted(map(self.plain, value), key=json.dumps)}
        if isinstance(value, Sequence) and not isinstance(value, str):
            return [self.plain(one) for one in value]
        if value is None or isinstance(value, str | int | float):
            return value
        raise TypeError(f"not saved: {type(value).__name__}")

    def _record(self, value: Any) -> dict[str, Any]:
        kind: Any = type(value)
        defaults = _defaults(kind)
        known = ((name, getattr(value, name)) for name in defaults)
        told = {name: self.plain(one) for name, one in known if one is not defaults[name] and one != defaults[name]}
        return {_KIND: kind.__name__, **told}

    def _scene(self, scene: RootSnapshot) -> dict[str, Any]:
        """Write the spelled paths, since keys may have any type, and the places of gradients."""
        if id(scene) in self._scenes:
            return {_KIND: "scene", "number": self._scenes[id(scene)]}
        self._scenes[id(scene)] = len(self._scenes)
        owners = {place: leaf for leaf, place in scene.gradients}
        paths = [owners.get(place, [path.root, *path.steps]) for place, path in enumerate(scene.paths)]
        return {_KIND: "scene", "paths": paths, "readings": [self.plain(one) for one in scene.readings]}


class TraceReader:
    """Converts JSON values to records."""

    def __init__(self) -> None:
        self._scenes: list[RootSnapshot] = []

    def value(self, value: Any) -> Any:
        if isinstance(value, list):
            return tuple(map(self.value, value))
        if not isinstance(value, dict):
            return value
        kind = value.get(_KIND)
        rest = {name: one for name, one in value.items() if name != _KIND}
        match kind:
            case None:
                return {key: self.value(one) for key, one in value.items()}
            case "bytes":
                return zlib.decompress(base64.b64decode(rest["zlib"]))
            case "float":
                return float(rest["text"])
            case "map":
                return {self.value(key): self.value(one) for key, one in rest["items"]}
            case "set":
                return frozenset(map(self.value, rest["items"]))
            case "scene":
                return self._scene(rest)
            case _ if kind in _RECORDS:
                return _RECORDS[kind](**{name: self.value(one) for name, one in rest.items()})
        raise ValueError(f"unknown record: {kind}")

    def _scene(self, value: dict[str, Any]) -> RootSnapshot:
        if "number" in value:
            return self._scenes[int(value["number"])]
        outline = Outline()
        nodes: dict[tuple[str, ...], int] = {}
        outline.runs += [_run(outline, nodes, path) for path in value["paths"]]
        self._scenes.append(RootSnapshot(outline=outline, readings=tuple(map(self.value, value["readings"]))))
        return self._scenes[-1]


def _run(outline: Outline, nodes: dict[tuple[str, ...], int], path: int | list[str]) -> OutlineRun:
    """Return the run of one path; a gradient's run holds the place of its leaf."""
    if isinstance(path, int):
        return OutlineRun(0, "grad", (path,))
    *above, last = path
    if not above:
        return OutlineRun(0, "name", (last,))
    for depth in range(1, len(above) + 1):
        start = tuple(above[:depth])
        if start not in nodes:
            nodes[start] = outline.add_node(nodes.get(start[:-1], -1), start[-1])
    return OutlineRun(nodes[tuple(above)], "typed", (last,))
