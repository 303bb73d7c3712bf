"""Code that a cell passes to a magic as text: `%%time`, `%timeit x.add_(1)`."""

from __future__ import annotations

import ast
import re

from ..runtime.record import record

RUNNING = frozenset({"time", "timeit", "capture", "prun", "tensordiff"})
"""Magics that run the code they are given in the notebook's own namespace."""

MAGIC_CALL = "get_ipython().run_"
"""The text of a magic after IPython has transformed it to Python."""

_RESTORE = re.compile(
    re.escape(MAGIC_CALL)
    + r"""line_magic\('tensorwatch', (?P<quote>['"])restore (?P<path>.+?)(?: \d+)? *(?P=quote)\)"""
)

_STRING = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
_MAGIC = re.compile(
    re.escape(MAGIC_CALL) + rf"(?P<kind>line|cell)_magic\('(?P<name>\w+)', (?P<line>{_STRING})(?:\)|, .*)", re.DOTALL
)
_OPTIONS = re.compile(r"(?:-[lsTD]\s+\S+\s+|-[A-Za-z]\s*\d*\s+|--\S+\s+)*")


@record
class Body:
    """The code that a magic runs, and the number of cell lines before it."""

    source: str
    offset: int


def find_source(node: ast.stmt) -> str:
    """Return a magic's effect as Python: the code that it runs, or an equivalent assignment.

    Examples
    --------
    >>> find_source(ast.parse("get_ipython().run_line_magic('tensorwatch', 'restore h[0] 3')").body[0])
    'h[0][...] = ...'
    """
    body = find_body(node)
    if body is not None:
        return body.source
    restored = _RESTORE.match(ast.unparse(node)) if _calls_line_magic(node) else None
    return f"{restored['path']}[...] = ..." if restored else ""


def _calls_line_magic(node: ast.stmt) -> bool:
    value = node.value if isinstance(node, ast.Expr) else None
    return isinstance(value, ast.Call) and getattr(value.func, "attr", "") == "run_line_magic"


def runs_magic(text: str) -> bool:
    """Return whether a statement's text calls a magic."""
    return text.startswith("%") or MAGIC_CALL in text


def puts_back(text: str) -> bool:
    """Return whether a statement's text restores earlier bytes."""
    return text.startswith("%tensorwatch restore")


def as_typed(text: str) -> str:
    """Spell a magic's call as typed, of a cell magic the header; other text is unchanged.

    Examples
    --------
    >>> as_typed("get_ipython().run_line_magic('tensorwatch', 'restore h')")
    '%tensorwatch restore h'
    >>> as_typed("get_ipython().run_cell_magic('time', '', 'x.add_(1)')")
    '%%time'
    """
    call = _MAGIC.fullmatch(text)
    if call is None:
        return text
    sign = "%%" if call["kind"] == "cell" else "%"
    return f"{sign}{call['name']} {ast.literal_eval(call['line'])}".rstrip()


def as_typed_unless_running(text: str) -> str:
    """Spell a line magic's call as typed, unless it runs code, which is found in the call."""
    call = _MAGIC.fullmatch(text)
    return text if call and (call["kind"] == "cell" or call["name"] in RUNNING) else as_typed(text)


def find_body(node: ast.stmt) -> Body | None:
    """Return the code that a statement passes to a magic that runs it.

    Examples
    --------
    >>> find_body(ast.parse("get_ipython().run_cell_magic('time', '', 'x.add_(1)')").body[0])
    Body(source='x.add_(1)', offset=1)

    Only IPython's own call has a header above the code:

    >>> find_body(ast.parse("ip.run_cell_magic('time', '', 'x.add_(1)')").body[0])
    Body(source='x.add_(1)', offset=0)
    """
    value = getattr(node, "value", None)
    if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Attribute):
        return None
    texts = [part.value for part in value.args if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    match value.func.attr, texts:
        case "run_cell_magic", [name, _, body] if name in RUNNING:
            is_typed = isinstance(value.func.value, ast.Call)  # `%%name` becomes `get_ipython().run_cell_magic(…)`
            return _unwrap(Body(source=body, offset=node.lineno - (not is_typed)))
        case "run_line_magic", [name, line] if name in RUNNING:
            return Body(source=_code(line), offset=node.lineno - 1)
    return None


def _unwrap(body: Body) -> Body:
    """Remove the headers of nested magics: `%%time` above `%%tensordiff`."""
    head, _, rest = body.source.partition("\n")
    name = head.removeprefix("%%").split(None, 1)[:1]
    if not head.startswith("%%") or not RUNNING.issuperset(name):
        return body
    return _unwrap(Body(source=rest, offset=body.offset + 1))


def _code(line: str) -> str:
    return line[_OPTIONS.match(line).end() :]  # type: ignore[union-attr]
