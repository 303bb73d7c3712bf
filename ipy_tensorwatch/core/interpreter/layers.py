"""What calling a library's module writes to, and what its result shares."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from ..statements import reference as to
from ..statements.expression_aliases import trace
from ..statements.reference import Reference, References, union
from ..syntax.torch_vocabulary import FRESH_LAYERS
from .call_binding import Arguments, Closure

if TYPE_CHECKING:
    from ..model.path import AccessPath
    from .frame import Frame
    from .interpreter import Follower

_SAME = ("Identity", "Dropout", "AlphaDropout", "FeatureAlphaDropout")
_VIEWS = ("Flatten", "Unflatten")
_OWN_BUFFERS = ("BatchNorm", "SyncBatchNorm", "InstanceNorm", "LazyBatchNorm")


def run_module(node: ast.Call, handed: Arguments, frame: Frame, follower: Follower) -> References | None:
    """Run a call of a library's module in thought; None for what is not known to be one."""
    called = _called(node.func, frame)
    known = [one for one in called if follower.callees.class_of(one) or _writers(one, follower)]
    if not known:
        return None
    return union(*(_run_layer(one, handed.everything(), frame, follower) for one in known))


def _called(func: ast.expr, frame: Frame) -> References:
    if isinstance(func, ast.Attribute):
        return frame.stored(to.member(trace(func.value, frame), func.attr))
    return trace(func, frame) if isinstance(func, ast.Name | ast.Subscript) else ()


def _run_layer(one: Reference, value: References, frame: Frame, follower: Follower) -> References:
    name = follower.callees.class_of(one)
    if one.path in _writers(one, follower):
        follower.diary.add(frame, "module", union(value, to.behind((one,))))
        return value
    for each in follower.callees.functions_behind(one):
        follower.follow(each, Arguments(rest=to.doubt(value)))
    own: list[Closure] = follower.callees.at(one)
    if own:
        return union(*(follower.follow(each, Arguments(positional=(value,))) for each in own))
    if name == "Sequential":
        return _run_children(one, value, frame, follower)
    if name.startswith(_OWN_BUFFERS):
        follower.diary.add(frame, "module", to.behind((one,), grad=False))
        return ()
    if name.startswith(_SAME):
        return value
    return to.view(value) if name.startswith(_VIEWS) else _run_other(one, name, value, frame, follower)


def _run_children(one: Reference, value: References, frame: Frame, follower: Follower) -> References:
    place = 0
    while follower.callees.class_of(child := to.step_to(one, f"[{place}]")):
        value = _run_layer(child, value, frame, follower)
        place += 1
    return value if place else _run_other(one, "", value, frame, follower)


def _run_other(one: Reference, name: str, value: References, frame: Frame, follower: Follower) -> References:
    writers = _writers(one, follower)
    if writers:
        follower.diary.add(frame, "module", union(value, to.behind(tuple(replace(one, path=path) for path in writers))))
    made = follower.run_behind(one, Arguments(rest=value))
    return () if name.startswith(FRESH_LAYERS) and not writers else to.doubt(union(value, made, (one,)))


def _writers(one: Reference, follower: Follower) -> list[AccessPath]:
    """Give the modules at or behind a path that write in place."""
    return follower.callees.library.inplace_behind(one.path) if one.is_spelled else []
