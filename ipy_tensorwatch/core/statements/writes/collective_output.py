"""What a collective of `torch.distributed` writes, by its name and its arguments."""

from __future__ import annotations

import ast

from ...syntax.ast_queries import keyword, last_name
from ...syntax.torch_vocabulary import COLLECTIVE_OUTPUTS, DISTRIBUTED, OF_DISTRIBUTED


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
    return given.body if isinstance(given, ast.IfExp) and _is_none(given.orelse) else given


def _is_distributed(owner: ast.expr) -> bool:
    return last_name(owner) in DISTRIBUTED


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
