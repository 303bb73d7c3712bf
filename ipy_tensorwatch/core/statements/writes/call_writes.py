"""The writes of one call, by the names of its function and arguments."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Literal

from ...runtime.record import record
from ...syntax.ast_queries import is_inplace_name, is_library, is_method, is_none, is_true, keyword, last_name
from ...syntax.torch_vocabulary import (
    COLLECTIVE_OUTPUTS,
    DISTRIBUTED,
    INPLACE_DUNDERS,
    METADATA,
    MODULE_WRITES,
    NEEDS_LIBRARY,
    OF_DISTRIBUTED,
    OLD_INITS,
    UFUNCS,
    WRITTEN_ARGUMENT,
)
from ..aliases import reference as to
from ..aliases.expression_aliases import trace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..aliases.reference import References
    from ..aliases.scope import Scope

_INPUTS = 2
"""The number of inputs of a binary NumPy function, before its output."""


@record
class NamedWrite:
    """One write that the text implies.

    Attributes
    ----------
    refs
        The objects that may be written to.
    step
        The item or attribute that is set, as typed; empty if the whole object is written.
    metadata
        Whether only metadata changes, as with `detach_`.
    only
        What alone is written so, if not everything is: `to` makes a new tensor of a tensor.
    """

    refs: References
    step: str = ""
    metadata: bool = False
    only: Literal["", "array", "module"] = ""


def call_writes(node: ast.Call, scope: Scope) -> Iterator[NamedWrite]:
    """Yield the writes of one call, by the names of its function and arguments."""
    if (out := keyword(node, "out")) is not None:
        yield from _each(out, scope)
    if is_true(keyword(node, "inplace")):
        yield from _inplace_option(node, scope)
    if isinstance(node.func, ast.Call) and is_true(keyword(node.func, "inplace")):
        yield from _argument(node, 0, scope)
    if isinstance(node.func, ast.Attribute) and is_method(node.func):
        yield from _method(node, node.func, scope)
    else:
        yield from _function(node, scope)
    yield from _library(node, scope)


def _each(node: ast.expr, scope: Scope) -> Iterator[NamedWrite]:
    if isinstance(node, ast.Tuple | ast.List):
        yield from (one for part in node.elts for one in _each(part, scope))
    else:
        yield NamedWrite(refs=trace(node, scope))


def _argument(node: ast.Call, place: int, scope: Scope, *, below: bool = False) -> Iterator[NamedWrite]:
    if place < len(node.args):
        yield from _given(node, node.args[place], scope, below=below)


def _given(node: ast.Call, plain: ast.expr, scope: Scope, *, below: bool = False) -> Iterator[NamedWrite]:
    grad = True if last_name(node.func).startswith("clip_grad") else None
    listed = isinstance(plain, ast.Tuple | ast.List)
    for one in _each(plain, scope):
        several = (below and not listed) or any(ref.depth for ref in one.refs)
        yield NamedWrite(refs=to.behind(one.refs, grad=grad) if several or grad else one.refs)


def _inplace_option(node: ast.Call, scope: Scope) -> Iterator[NamedWrite]:
    if last_name(node.func)[:1].isupper():
        return
    if isinstance(node.func, ast.Attribute) and is_method(node.func):
        yield NamedWrite(refs=trace(node.func.value, scope))
    yield from _argument(node, 0, scope)


def _method(node: ast.Call, func: ast.Attribute, scope: Scope) -> Iterator[NamedWrite]:
    name, owner = func.attr, func.value
    if name == "__setattr__":
        yield from _set_attribute(owner, node.args[:1], scope)
    elif name in INPLACE_DUNDERS or (is_inplace_name(name) and name not in METADATA):
        yield NamedWrite(refs=trace(owner, scope))
    elif name in MODULE_WRITES or (name == "step" and is_plain_step(node)):
        yield NamedWrite(refs=to.behind(trace(owner, scope), grad=name == "zero_grad"))


def is_plain_step(node: ast.Call) -> bool:
    """Return whether a call is an optimizer's `step()` or `step(closure)`, unlike another object's `step(action)`."""
    return all(isinstance(part, ast.Lambda) or getattr(part, "id", "") == "closure" for part in node.args)


def _function(node: ast.Call, scope: Scope) -> Iterator[NamedWrite]:
    name = last_name(node.func)
    if name == "setattr" and len(node.args) > 1:
        yield from _set_attribute(node.args[0], node.args[1:2], scope)
    elif name in OLD_INITS and last_name(getattr(node.func, "value", node)) == "init":
        yield from _argument(node, 0, scope)
    elif is_inplace_name(name) and name not in METADATA:
        several = name.startswith(("_foreach", "clip_grad", "_fused")) or isinstance(node.func, ast.Name)
        yield from _argument(node, 0, scope, below=several)
    elif name in UFUNCS and len(node.args) > _INPUTS and is_library(node.func):
        yield from _argument(node, len(node.args) - 1, scope)


def _set_attribute(owner: ast.expr, name: list[ast.expr], scope: Scope) -> Iterator[NamedWrite]:
    if name and isinstance(name[0], ast.Constant) and isinstance(name[0].value, str):
        yield NamedWrite(refs=trace(owner, scope), step=f".{name[0].value}")


def _library(node: ast.Call, scope: Scope) -> Iterator[NamedWrite]:
    name = last_name(node.func)
    if (output := collective_output(node)) is not None:
        yield from _given(node, output, scope)
    if name in NEEDS_LIBRARY and is_method(node.func):
        return
    for place in WRITTEN_ARGUMENT.get(name, ()):
        yield from _argument(node, place, scope, below=name == "vector_to_parameters")
    if name == "nan_to_num" and isinstance(copied := keyword(node, "copy"), ast.Constant) and not copied.value:
        yield from _argument(node, 0, scope)


def collective_output(node: ast.Call) -> ast.expr | None:
    """Return the argument that a collective, or a receive to be batched, writes; None if there is none.

    Examples
    --------
    >>> call = lambda text: ast.parse(text, mode="eval").body
    >>> [ast.unparse(collective_output(call(one))) for one in ("dist.gather(x, parts)", "dist.recv(src=0, tensor=y)")]
    ['parts', 'y']
    >>> collective_output(call("torch.gather(x, 1, index)"))
    """
    name, func = last_name(node.func), node.func
    if name == "P2POp" and len(node.args) > 1:
        return node.args[1] if last_name(node.args[0]) == "irecv" else None
    place, word = COLLECTIVE_OUTPUTS.get(name, (0, ""))
    if not word or (name in OF_DISTRIBUTED and isinstance(func, ast.Attribute) and not _is_distributed(func.value)):
        return None
    given = node.args[place] if place < len(node.args) else keyword(node, word)
    return given.body if isinstance(given, ast.IfExp) and is_none(given.orelse) else given


def _is_distributed(owner: ast.expr) -> bool:
    return last_name(owner) in DISTRIBUTED
