"""Loops whose further turns do what the first did: these are counted, not run again."""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from ...syntax.ast_queries import own_parts
from ...syntax.parsing import blocks_of
from ...syntax.syntax_tree import names_in, names_stored
from ..values.abstract_values import (
    AbstractClass,
    AbstractFunction,
    AbstractObject,
    AbstractValue,
    Constant,
    LibraryName,
    Unknown,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..values.abstract_memory import AbstractMemory
    from .bind_target import TargetBinder

_PLAIN = (Constant, Unknown, AbstractFunction, AbstractClass, LibraryName)


class LoopStart(NamedTuple):
    """What is kept of the moment before the first turn."""

    now: int
    names: dict[str, AbstractValue]
    versions: dict[int, int]
    freed: int


def start_loop(run: TargetBinder) -> LoopStart:
    """Return what is to be kept before a loop's first turn."""
    memory = run.memory
    run.top.asked.clear()
    return LoopStart(memory.now, dict(run.top.names), dict(memory.versions), len(memory.freed))


def is_steady(run: TargetBinder, start: LoopStart, node: ast.For | ast.AsyncFor, value: AbstractValue) -> bool:
    """Return whether a second turn, with another number or an unknown value, would do what the first did."""
    if not isinstance(value, Constant | Unknown) or len(run.memory.freed) != start.freed:
        return False
    read = _names_read(tuple(node.body), node.target)
    if read is None:
        return False
    before = (start.names[name] for name in (*read, *run.top.asked) if name in start.names)
    bound = {name for name, one in run.top.names.items() if start.names.get(name) is not one}
    return run.top.asked.isdisjoint(bound) and all(map(_is_plain, before)) and run.scene.is_untouched()


def count_turn(memory: AbstractMemory, bound: dict[str, tuple[int, int]], start: LoopStart) -> None:
    """Take the writes and bindings of the first turn for those of a second one."""
    length = memory.now - start.now
    for write, moments in memory.writes.items():
        if moments[-1] > start.now:
            memory.writes[write] = (*moments[:2], moments[-1] + length)
    for name, (moment, statement) in bound.items():
        if moment > start.now:
            bound[name] = moment + length, statement
    for storage, moved in memory.versions.items():
        memory.versions[storage] = 2 * moved - start.versions.get(storage, 0)
    memory.now += length


def _is_plain(value: AbstractValue) -> bool:
    """Return whether a value from before the loop holds no tensor, and nothing that leads to one."""
    if isinstance(value, AbstractObject):
        return value.kind == "list" and all(isinstance(one, Constant | Unknown) for one in value.parts.values())
    return isinstance(value, _PLAIN)


@lru_cache(maxsize=256)
def _names_read(body: tuple[ast.stmt, ...], target: ast.expr) -> frozenset[str] | None:
    """Return the names that a loop reads and does not bind; None if it reads one before binding it, or its target."""
    own = names_in(target)
    stored = own.union(*map(names_stored, body))
    if any(isinstance(one, ast.Global | ast.Nonlocal | ast.FunctionDef) for each in body for one in ast.walk(each)):
        return None
    read = {one.id for each in body for one in _loads(each)}
    exposed = {one.id for one in _exposed(body, set())}
    return None if exposed & stored or read & own else frozenset(read - stored)


def _loads(node: ast.AST) -> Iterator[ast.Name]:
    is_printed = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and _is_print(node.value.func)
    for one in () if is_printed else ast.walk(node):
        if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load):
            yield one


def _is_print(function: ast.expr) -> bool:
    return isinstance(function, ast.Name) and function.id == "print"


def _exposed(body: Sequence[ast.stmt], known: set[str]) -> Iterator[ast.Name]:
    """Yield what is read before a statement that surely runs has bound it; `known` gets what these bind."""
    for node in body:
        blocks = [block for block in blocks_of(node) if block]
        header = [one for part in own_parts(node) for one in ast.walk(part) if isinstance(one, ast.Name)]
        own = (one for one in header if isinstance(one.ctx, ast.Load)) if blocks else _loads(node)
        yield from (one for one in own if one.id not in known)
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name) and node.target.id not in known:
            yield node.target
        targets = {one.id for one in header if blocks and isinstance(one.ctx, ast.Store)}
        for block in blocks:
            yield from _exposed(block, known | targets if not isinstance(node, ast.With) else known)
        if isinstance(node, ast.Assign | ast.AnnAssign):
            known.update(names_stored(node))
