"""Find the watched path that a user's expression means, in any spelling."""

from __future__ import annotations

import ast
import difflib
from typing import TYPE_CHECKING, NoReturn

from IPython.core.error import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ...capture.observer import Observer

_SAFE = (
    ast.Expression, ast.Name, ast.Attribute, ast.Subscript, ast.Constant, ast.UnaryOp, ast.USub, ast.Tuple, ast.Load,
)  # fmt: skip


def find_path(text: str, observer: Observer, names: Mapping[str, object]) -> str:
    """Return the watched path that an expression spells or evaluates to.

    Raises
    ------
    UsageError
        If it leads to no watched tensor.
    """
    paths = watched_paths(observer)
    meant = normalize(text)
    known = next((path for path in paths if path == text or normalize(path) == meant), None)
    return known or _led_to(text, observer, names) or explain_unknown(text, paths)


def find_paths(text: str, observer: Observer, names: Mapping[str, object], known: Iterable[str]) -> list[str]:
    """Return the known paths at or below an expression, else the one watched path that it evaluates to."""
    meant = normalize(text)
    below = [path for path in known if path == meant or path.startswith((f"{meant}.", f"{meant}["))]
    return below or [find_path(text, observer, names)]


def normalize(text: str) -> str:
    """Return an expression in Python's own formatting; unchanged if it does not parse.

    Examples
    --------
    >>> normalize('batch[ "x" ] . grad')
    "batch['x'].grad"
    """
    try:
        return ast.unparse(ast.parse(text.strip(), mode="eval"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return text.strip()


def follow(text: str, names: Mapping[str, object]) -> object:
    """Evaluate an expression of names, attributes and items; errors of the evaluation propagate.

    Raises
    ------
    ValueError
        If the expression contains anything else, such as a call.
    """
    tree = ast.parse(text.strip(), mode="eval")
    if not all(isinstance(node, _SAFE) for node in ast.walk(tree)):
        raise ValueError(text)
    return eval(compile(tree, "<path>", "eval"), {"__builtins__": {}}, dict(names))  # noqa: S307  (the user typed it)


def _led_to(text: str, observer: Observer, names: Mapping[str, object]) -> str | None:
    """Return the watched path of the object that an expression evaluates to, such as `xs[-1]` or `batch[key]`."""
    try:
        thing = follow(text, names)
    except Exception:  # noqa: BLE001  (it leads nowhere)
        return None
    serial = observer.lens.objects.of_id(id(thing))
    entries = observer.shot.snapshot.entries()
    return next((str(path) for path, reading in entries if reading.object == serial), None)


def watched_paths(observer: Observer) -> list[str]:
    """Return every watched path as text."""
    return [str(path) for path, _ in observer.shot.snapshot.entries()]


def explain_unknown(text: str, paths: Sequence[str]) -> NoReturn:
    """Raise `UsageError`: the expression is no watched tensor; suggest paths below it or similar ones."""
    below = [path for path in paths if path.startswith((f"{text}.", f"{text}["))]
    if below:
        held = "1 tensor" if len(below) == 1 else f"{len(below):,} tensors"
        raise UsageError(f"{text} is not a tensor; it holds {held}: name one, for example {below[0]}")
    near = difflib.get_close_matches(text, paths, n=3)
    hint = f": did you mean {', '.join(near)}?" if near else ""
    raise UsageError(f"{text} is not a watched tensor{hint}")
