"""The methods that a statement calls by name."""

from __future__ import annotations

import ast
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from ...syntax.ast_queries import is_method, own_parts
from ..aliases.expression_aliases import trace
from .loop_elements import Loops, scopes_of
from .statement_writes import walk_expressions
from .write_target import Target, spell_target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...records.path import AccessPath


class CalledMethod(NamedTuple):
    """A method, how many arguments it gets, and the access path of its object; a key that is no constant is `[*]`."""

    owner: AccessPath
    name: str
    given: int = 0


def called_methods(node: ast.stmt, loops: Loops = ()) -> Iterator[CalledMethod]:
    """Yield the methods that a statement calls on objects that it names, or that the loops around it lead it to.

    Examples
    --------
    >>> [str(one.owner) + "." + one.name for one in called_methods(ast.parse("y = nets[i].head.fit(x)").body[0])]
    ['nets[*].head.fit']
    """
    for own in own_parts(node):
        for part, scope in chain.from_iterable(walk_expressions(own, one) for one in scopes_of(node, loops)):
            if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and is_method(part.func):
                for one in trace(part.func.value, scope):
                    if one.is_spelled:
                        given = len(part.args) + len(part.keywords)
                        yield CalledMethod(spell_target(Target(path=one.path), {}), part.func.attr, given)
