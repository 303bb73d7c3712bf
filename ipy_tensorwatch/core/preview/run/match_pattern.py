"""Bind the names of a pattern of a `match` statement."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ..values.abstract_values import UNKNOWN, AbstractValue, Either

if TYPE_CHECKING:
    from .abstract_frame import AbstractFrame
    from .bind_target import TargetBinder


def bind_pattern(run: TargetBinder, pattern: ast.pattern, value: AbstractValue, frame: AbstractFrame) -> None:
    """Bind the names of a pattern to the parts of a value that they take, whether it matches or not."""
    match pattern:
        case ast.MatchAs(pattern=inner, name=name):
            if inner is not None:
                bind_pattern(run, inner, value, frame)
            if name is not None:
                run.set_name(name, value, frame)
        case ast.MatchOr(patterns=several):
            bind_pattern(run, several[0], value, frame)
        case ast.MatchSequence(patterns=several):
            _bind_items(run, several, value, frame)
        case ast.MatchMapping(keys=keys, patterns=several):
            for key, one in zip(keys, several, strict=True):
                bind_pattern(run, one, run.item(value, run.evaluate(key, frame)), frame)
        case ast.MatchClass(kwd_attrs=names, kwd_patterns=several):
            for name, one in zip(names, several, strict=True):
                bind_pattern(run, one, run.attribute(value, name), frame)
        case _:
            pass


def _bind_items(run: TargetBinder, several: list[ast.pattern], value: AbstractValue, frame: AbstractFrame) -> None:
    found: list[AbstractValue] = []
    if not isinstance(value, Either):
        run.visit(value, found.append)
    for place, one in enumerate(several):
        if isinstance(one, ast.MatchStar):
            break  # of what follows it is not known which item it takes
        bind_pattern(run, one, found[place] if place < len(found) else UNKNOWN, frame)
