"""Find the watched path that a person means, however they spell it."""

from __future__ import annotations

import ast
import difflib
from typing import TYPE_CHECKING

from IPython.core.error import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .watcher import Watcher

_SAFE = (
    ast.Expression, ast.Name, ast.Attribute, ast.Subscript, ast.Constant, ast.UnaryOp, ast.USub, ast.Tuple, ast.Load,
)  # fmt: skip


def find_path(text: str, watcher: Watcher, names: Mapping[str, object]) -> str:
    """Return the watched path that a text spells, or leads to."""
    paths = [str(path) for path, _ in watcher.observer.shot.snapshot.entries()]
    meant = normalize(text)
    known = next((path for path in paths if path == text or normalize(path) == meant), None)
    return known or _led_to(text, watcher, names) or _unknown(text, paths)


def normalize(text: str) -> str:
    """Spell an expression as Python would.

    Examples
    --------
    >>> normalize('batch[ "x" ] . grad')
    "batch['x'].grad"
    """
    try:
        return ast.unparse(ast.parse(text.strip(), mode="eval"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return text.strip()


def _led_to(text: str, watcher: Watcher, names: Mapping[str, object]) -> str | None:
    """Follow names, attributes and items: `xs[-1]` and `batch[key]` lead to paths that are spelled otherwise."""
    try:
        tree = ast.parse(text.strip(), mode="eval")
        if not all(isinstance(node, _SAFE) for node in ast.walk(tree)):
            return None
        thing = eval(compile(tree, "<path>", "eval"), {"__builtins__": {}}, dict(names))  # noqa: S307  (the user typed it)
    except Exception:  # noqa: BLE001  (whatever it raises, it leads nowhere)
        return None
    serial = watcher.observer.lens.objects.of_id(id(thing))
    entries = watcher.observer.shot.snapshot.entries()
    return next((str(path) for path, reading in entries if reading.object == serial), None)


def _unknown(text: str, paths: Sequence[str]) -> str:
    below = [path for path in paths if path.startswith((f"{text}.", f"{text}["))]
    if below:
        raise UsageError(f"{text} is no tensor but holds {len(below)}: name one, as {below[0]}")
    near = difflib.get_close_matches(text, paths, n=3)
    hint = f": did you mean {', '.join(near)}?" if near else ""
    raise UsageError(f"no watched tensor is spelled {text}{hint}")
