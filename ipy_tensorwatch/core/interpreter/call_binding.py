"""A callable function, and how the arguments of a call bind to its parameters."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ..records.path import ANY_ITEM, AccessPath
from ..runtime.record import field, record
from ..statements.aliases import reference as to
from ..statements.aliases.expression_aliases import trace
from ..statements.aliases.reference import Reference, References, union
from ..statements.aliases.scope import SENT, Scope
from ..syntax.ast_queries import defaults_of, is_plain_key, last_name, positional_names, spell_item
from ..syntax.syntax_tree import all_nodes, names_stored

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .definitions import Function
    from .frame import Frame


_CONTAINERS = frozenset(("dict", "list", "set", "defaultdict", "OrderedDict", "deque", "Counter"))


@record(kw_only=False)
class Closure:
    """A function of the notebook, the frame that defined it, and its bound arguments."""

    function: Function
    around: Frame | None = None
    given: tuple[References, ...] = ()


@record
class Arguments:
    """The arguments of a call.

    Attributes
    ----------
    rest
        The contents of `*args` and `**kwargs`, or what an unknown caller may pass to any parameter.
    keys
        By position or name, the steps of the items that constant arguments are keys of.
    sent
        What a generator that goes on is sent: the value of its `yield`.
    """

    positional: tuple[References, ...] = ()
    named: Mapping[str, References] = field(default_factory=dict)
    rest: References = ()
    keys: Mapping[int | str, str] = field(default_factory=dict)
    sent: References = ()

    def everything(self) -> References:
        """Return all arguments."""
        return union(*self.positional, *self.named.values(), self.rest)


def read_arguments(node: ast.Call, scope: Scope) -> Arguments:
    """Evaluate the arguments of a call."""
    starred = [to.element(trace(one.value, scope)) for one in node.args if isinstance(one, ast.Starred)]
    doubled = [to.element(trace(one.value, scope)) for one in node.keywords if one.arg is None]
    return Arguments(
        positional=tuple(trace(one, scope) for one in node.args if not isinstance(one, ast.Starred)),
        named={one.arg: trace(one.value, scope) for one in node.keywords if one.arg is not None},
        rest=union(*starred, *doubled),
        keys=_constants(node, scope),
    )


def _constants(node: ast.Call, scope: Scope) -> Mapping[int | str, str]:
    starts = next((place for place, one in enumerate(node.args) if isinstance(one, ast.Starred)), len(node.args))
    given: list[tuple[int | str, ast.expr]] = [*enumerate(node.args[:starts])]
    given += [(one.arg, one.value) for one in node.keywords if one.arg is not None]
    found = ((place, scope.step_of(one)) for place, one in given if isinstance(one, ast.Name) or is_plain_key(one))
    return {place: step for place, step in found if step != ANY_ITEM}


def bind_arguments(closure: Closure, arguments: Arguments) -> dict[str, References]:
    """Return what each parameter refers to."""
    spec = closure.function.node.args
    names, defaults = positional_names(spec), defaults_of(spec)
    handed = (*closure.given, *arguments.positional)
    bound = {name: refs for name, refs in arguments.named.items() if name in defaults}
    bound.update(zip(names, handed, strict=False))
    for name, default in defaults.items():
        if name not in bound:
            bound[name] = union(arguments.rest, _default(closure.function.name, name, default))
    if spec.vararg:
        bound[spec.vararg.arg] = to.wrap(union(*handed[len(names) :], arguments.rest))
    if spec.kwarg:
        unused = [refs for name, refs in arguments.named.items() if name not in bound]
        bound[spec.kwarg.arg] = to.wrap(union(*unused, arguments.rest))
    return {**bound, SENT: arguments.sent} if arguments.sent else bound


def bind_keys(closure: Closure, arguments: Arguments) -> dict[str, str]:
    """Return the parameters that are constants throughout the call, each as the step of an item."""
    node = closure.function.node
    names = positional_names(node.args)[len(closure.given) :]
    passed = {*names[: len(arguments.positional)], *arguments.named}
    bound: dict[str, str] = {}
    if not arguments.rest:
        defaults = ((name, one) for name, one in defaults_of(node.args).items() if name not in passed)
        bound = {name: spell_item(one) for name, one in defaults if one is not None and is_plain_key(one)}
    for place, step in arguments.keys.items():
        if isinstance(place, str):
            bound[place] = step
        elif place < len(names):
            bound[names[place]] = step
    if not bound:
        return bound
    again = names_stored(node)
    return {name: step for name, step in bound.items() if name not in again}


def _default(function: str, name: str, default: ast.expr | None) -> References:
    """Return what a default refers to: an object that the function keeps between calls."""
    if default is None or not any(
        isinstance(part, ast.Call | ast.List | ast.Dict | ast.Name) for part in all_nodes(default)
    ):
        return ()
    kept: References = (Reference(path=AccessPath(f"<{function}({name})>")),)
    if not _is_container(default):
        return union(kept, trace(default, Scope()))
    if not isinstance(default, ast.Call):
        return union(to.wrap(kept), trace(default, Scope()))
    given = read_arguments(default, Scope())
    return union(to.wrap(kept), *given.positional, to.wrap(union(*given.named.values())))


def _is_container(node: ast.expr) -> bool:
    """Return whether an expression makes a container, whose items are set without a write to memory."""
    made = isinstance(node, ast.Call) and last_name(node.func) in _CONTAINERS
    return made or isinstance(node, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp)
