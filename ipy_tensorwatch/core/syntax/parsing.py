"""A cell's source: its tree, its statements in order, its definitions."""

from __future__ import annotations

import ast
import copy
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from ..records.path import AccessPath
from .ast_queries import covers_line
from .plain_spelling import spell_plainly
from .syntax_tree import all_nodes, find_nodes, names_stored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_WITHOUT_BLOCKS = (ast.Expr, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return, ast.Import, ast.ImportFrom)

_FLAGS = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
_GIVES_MEMORY = re.compile(
    r"\.data\s*[,=](?!=)|\.data\s+in\b|\b(?:set_|resize_)\(|\b(?:swap_tensors|setattr|vector_to_parameters)\b"
)
_CONVERTS = re.compile(r"\.(?:to|half|double|bfloat16|cuda|cpu|to_empty|share_memory)\(")
_HIDES_WRITES = re.compile(
    r"(?<!\butils)\.data\b|numpy|\b(?:np|jnp|cp)\.\w|dlpack|frombuffer|memoryview|ctypes|data_ptr|storage\(|__array"
    r"|\b(?:checkpoint|map_|apply_|kron|set_|unscale_|vector_to_parameters|_unsafe_preserve_version_counter)\("
)
_ASSIGNS_GRADIENT = re.compile(
    r"\._?grad(?:\.data)?\s*=(?!=|\s*None\b)|^[^=\n(]*\.grad\s*,[^=\n(]*=(?!=)|\bsetattr\b", re.MULTILINE
)
_WRITES_BACK = re.compile(r"\.copy_\(|\.data\s*=(?!=)")
_KEEPS_DATA = re.compile(
    r"\.(?:data|detach\(\))(?:(?![.\w])|\.(?:cpu|to)\()|(?:named_)?parameters\(\)|param_groups"
    r"|^\s*\w+ = \w+(?:\.\w+)+\s*$",
    re.MULTILINE,
)
_LAMBDA = "<lambda "
_DEFINES = re.compile(r"\b(?:def|class|lambda)\b")
_PLAIN = r"""(?: '(?:[^'\\]|\\.)*' | "(?:[^"\\]|\\.)*" | [^\]\['"] )*"""
_STEP = re.compile(rf"""\.\w+ | \[ {_PLAIN} (?: \[ {_PLAIN} \] {_PLAIN} )* \]""", re.VERBOSE)


LAST_SOURCES = 32
"""How many of the last sources stay parsed: each is asked for several times for one cell, and when it runs again."""


@lru_cache(maxsize=LAST_SOURCES)
def parse_cell(source: str) -> ast.Module | None:
    """Parse a cell's source, top-level `await` included; None if it is not Python. Nobody may change the tree.

    What is spelled in a roundabout way, as `globals()['x']`, is spelled plainly in the tree.
    """
    try:
        tree = compile(source, "<cell>", "exec", _FLAGS, dont_inherit=True)
        return spell_plainly(tree, source) if isinstance(tree, ast.Module) else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def may_give_memory(source: str) -> bool:
    """Return whether source may replace a tensor's memory, or change its layout without moving its version.

    Examples
    --------
    >>> may_give_memory("x.data = y"), may_give_memory("x.data == y")
    (True, False)
    """
    return _GIVES_MEMORY.search(source) is not None


def may_resize(source: str, *, texts: bool = True) -> bool:
    """Return whether source may resize a NumPy array in place: a method of this name of which no value is used.

    Parameters
    ----------
    texts
        Whether texts in it may be code, as those that magics get.

    Examples
    --------
    >>> may_resize("a.resize(5)"), may_resize("small = image.resize((2, 2))")
    (True, False)
    """
    if "resize" not in source:
        return False
    tree = parse_cell(source)
    if tree is None:
        return True
    nodes = [*ast.walk(tree)]
    used = {id(part) for node in nodes if isinstance(node, _USING) for part in ast.iter_child_nodes(node)}
    others = {id(node.func) for node in nodes if isinstance(node, ast.Call) and id(node) in used}
    return any(id(node) not in others and _names_resize(node) for node in nodes if texts or type(node) is ast.Attribute)


_USING = (
    *(ast.Assign, ast.AnnAssign, ast.NamedExpr, ast.Return, ast.Call, ast.keyword, ast.Attribute, ast.Subscript),
    *(ast.BinOp, ast.Compare, ast.Starred, ast.Tuple, ast.List, ast.Dict),
)
"""What uses a value; NumPy's `resize` has none."""


def _names_resize(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr == "resize"
    text = node.value if isinstance(node, ast.Constant) else None
    return isinstance(text, str) and (text == "resize" or ".resize" in text)


def may_convert(source: str) -> bool:
    """Return whether source may replace a module's memory by converting type or device."""
    return _CONVERTS.search(source) is not None


def may_hide_writes(source: str) -> bool:
    """Return whether source may write, or create something that writes, past the version counter.

    Examples
    --------
    >>> may_hide_writes("a = h.detach().numpy()"), may_hide_writes("from torch.utils.data import DataLoader")
    (True, False)
    """
    return _HIDES_WRITES.search(source) is not None


def may_define(source: str) -> bool:
    """Return whether source may define a function or a class."""
    return _DEFINES.search(source) is not None


def may_write_gradients(source: str) -> bool:
    """Return whether source registers a hook of a backward, or defines the backward of a Function."""
    return "_hook(" in source or "def backward(" in source


def may_assign_gradients(source: str) -> bool:
    """Return whether source may make a tensor of its own a gradient.

    Examples
    --------
    >>> may_assign_gradients("p.grad = flat[:2]"), may_assign_gradients("p.grad, q.grad = flat[:2], flat[2:]")
    (True, True)
    >>> may_assign_gradients("p.grad = None; same = p.grad == 0; a, b = p.grad, q.grad; grad = p.grad")
    False
    """
    return _ASSIGNS_GRADIENT.search(source) is not None


def may_restore(source: str) -> bool:
    """Return whether source may load a state dict that it has taken."""
    return "load_state_dict(" in source and ".state_dict()" in source


def may_write_back(source: str) -> bool:
    """Return whether source may copy to a tensor in place what it has kept of it."""
    return bool(_WRITES_BACK.search(source)) and bool(_KEEPS_DATA.search(source))


@lru_cache(maxsize=4096)
def parse_path(text: str) -> AccessPath:
    """Parse a spelled access path.

    Examples
    --------
    >>> parse_path("block.conv[0]['a.b']")
    AccessPath(root='block', steps=('.conv', '[0]', "['a.b']"))
    >>> parse_path("df[['a', 'b']].T").steps
    ("[['a', 'b']]", '.T')
    """
    root = re.split(r"[.\[]", text, maxsplit=1)[0]
    return AccessPath(root, tuple(_STEP.findall(text, len(root))))


def walk_statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield statements in source order, those inside blocks included, those inside definitions not."""
    waiting = [iter(body)]  # no recursion: each `elif` of a long chain is nested in the one before
    while waiting:
        node = next(waiting[-1], None)
        if node is None:
            waiting.pop()
            continue
        yield node
        if not isinstance(node, DEFINITIONS):
            waiting += [iter(block) for block in blocks_of(node)][::-1]


def parse_body(source: str) -> list[ast.stmt]:
    """Parse a cell's source into its top-level statements; none if it is not Python."""
    tree = parse_cell(source)
    return [] if tree is None else tree.body


def statements_on(source: str, line: int) -> list[ast.stmt]:
    """Return the statements of a cell that stand on a line, the outer ones first, those in definitions too."""
    return [*statements_around(parse_body(source), lambda one: covers_line(one, line))]


def statements_around(body: list[ast.stmt], holds: Callable[[ast.stmt], bool]) -> Iterator[ast.stmt]:
    """Yield the statements that contain something, and those inside them that do, in definitions too."""
    waiting = [body]
    while waiting:
        for node in waiting.pop():
            if holds(node):
                yield node
                waiting += blocks_of(node)


def blocks_of(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    """Yield the blocks of a compound statement in source order."""
    if isinstance(node, _WITHOUT_BLOCKS):
        return
    yield getattr(node, "body", [])
    for branch in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
        yield branch.body
    yield getattr(node, "orelse", [])
    yield getattr(node, "finalbody", [])


Defined = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda


def without_blocks(node: ast.stmt) -> ast.stmt:
    """Copy a compound statement without the statements inside it."""
    if isinstance(node, DEFINITIONS) or not any(blocks_of(node)):
        return node
    bare = copy.copy(node)
    for name in ("body", "orelse", "finalbody", "handlers"):
        if hasattr(bare, name):
            setattr(bare, name, [])
    if isinstance(bare, ast.Match):
        bare.cases = [ast.match_case(pattern=one.pattern, guard=one.guard, body=[]) for one in bare.cases]
    return bare


def parse_header(text: str) -> ast.stmt | None:
    """Parse one statement; of a compound statement only the header."""
    plain = "if" + text[len("elif") :] if text.startswith("elif ") else text
    for end in ("", " pass", " pass\nfinally: pass", "\n case _: pass"):
        tree = parse_cell(plain + end)
        if tree is not None and tree.body:
            return tree.body[0]
    return None


def find_definition(tree: ast.Module, name: str) -> Defined | None:
    """Return the last function, class or named lambda of this name, top-level ones preferred."""
    return _last(walk_statements(tree.body), name) or _last(all_nodes(tree), name)


def _last(nodes: Iterable[ast.AST], name: str) -> Defined | None:
    found: Defined | None = None
    for node in nodes:
        if isinstance(node, DEFINITIONS) and node.name == name:
            found = node
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
            named = any(isinstance(target, ast.Name) and target.id == name for target in node.targets)
            found = node.value if named else found
    return found


def name_of_lambda(cell: int, line: int, column: int) -> str:
    """Return the name of a lambda, by the place of its body in a cell."""
    return f"{_LAMBDA}{cell}:{line}:{column}>"


def find_lambda(tree: ast.Module, name: str, offset: int) -> ast.Lambda | None:
    """Return a lambda by the name that `name_of_lambda` gave, in a part of the cell that begins after `offset` lines.

    Examples
    --------
    >>> tree = ast.parse("fs = [lambda t: 1, lambda t: t.neg_()]")
    >>> ast.unparse(find_lambda(tree, name_of_lambda(2, 5, 29), 4))
    'lambda t: t.neg_()'
    """
    if not name.startswith(_LAMBDA):
        return None
    line, column = map(int, name[:-1].split(":")[1:])
    place = line - offset, column
    return next((one for one in find_nodes(ast.Lambda, tree) if (one.body.lineno, one.body.col_offset) == place), None)


def enclosing_names(tree: ast.Module, inner: ast.AST) -> frozenset[str]:
    """Return the names that the enclosing functions of a nested function bind."""
    around = [
        node
        for node in all_nodes(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node is not inner
        and any(part is inner for part in all_nodes(node))
    ]
    return frozenset[str]().union(*map(bound_in, around))


def bound_around(source: str, line: int) -> frozenset[str]:
    r"""Return the names that the innermost function around a line binds, its `global` names included.

    Examples
    --------
    >>> sorted(bound_around("def f(x):\n    y = x + z", 2))
    ['x', 'y']
    """
    innermost = function_around(source, line)
    return bound_in(innermost).union(_declared(innermost))


def bound_in(function: ast.AST) -> frozenset[str]:
    """Return the names that a function binds, its parameters included."""
    return frozenset(names_stored(function)).union(one.arg for one in find_nodes(ast.arg, function))


def rebindable(source: str, line: int) -> frozenset[str]:
    r"""Return the names that the function around a line binds, and whose new values it or others read after the line.

    Examples
    --------
    >>> source = "def f(x, y):\n    y.add_(x)\n    return y"
    >>> [sorted(rebindable(source, line)) for line in (1, 2)], rebindable("def f(x):\n    x.mul_(2)", 2)
    ([['x', 'y'], ['y']], frozenset())
    """
    innermost = function_around(source, line)
    loops = [one for one in all_nodes(innermost) if isinstance(one, ast.For | ast.While)]
    again = min((one.lineno for one in loops if covers_line(one, line)), default=line + 1)
    parts = [one for one in find_nodes(ast.Name, innermost) if isinstance(one.ctx, ast.Load)]
    read = {one.id for one in parts if one.lineno >= again and one.lineno != line}
    return bound_around(source, line) & read.union(_declared(innermost))


def _declared(function: ast.stmt) -> set[str]:
    declared = (part for part in all_nodes(function) if isinstance(part, ast.Global | ast.Nonlocal))
    return {name for part in declared for name in part.names}


def function_around(source: str, line: int) -> ast.stmt:
    """Return the innermost function around a line; `pass` if there is none."""
    tree = parse_cell(source)
    around = [
        node
        for node in all_nodes(tree or ast.Module(body=[], type_ignores=[]))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and covers_line(node, line)
    ]
    return max(around, key=lambda node: node.lineno, default=ast.Pass())
