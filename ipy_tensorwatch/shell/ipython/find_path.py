"""Find the watched path that a person means, however they spell it."""

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
    """Return the watched path that a text spells, or leads to."""
    paths = watched_paths(observer)
    meant = normalize(text)
    known = next((path for path in paths if path == text or normalize(path) == meant), None)
    return known or _led_to(text, observer, names) or explain_unknown(text, paths)


def find_paths(text: str, observer: Observer, names: Mapping[str, object], known: Iterable[str]) -> list[str]:
    """Return the known path that a text spells, or all in the container that it leads to."""
    meant = normalize(text)
    below = [path for path in known if path == meant or path.startswith((f"{meant}.", f"{meant}["))]
    return below or [find_path(text, observer, names)]


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


def follow(text: str, names: Mapping[str, object]) -> object:
    """Follow names, attributes and items to what a text leads to; whatever that raises, it leads nowhere."""
    tree = ast.parse(text.strip(), mode="eval")
    if not all(isinstance(node, _SAFE) for node in ast.walk(tree)):
        raise ValueError(text)
    return eval(compile(tree, "<path>", "eval"), {"__builtins__": {}}, dict(names))  # noqa: S307  (the user typed it)


def _led_to(text: str, observer: Observer, names: Mapping[str, object]) -> str | None:
    """Find a path that is spelled otherwise: `xs[-1]` and `batch[key]` lead to one too."""
    try:
        thing = follow(text, names)
    except Exception:  # noqa: BLE001  (it leads nowhere)
        return None
    serial = observer.lens.objects.of_id(id(thing))
    entries = observer.shot.snapshot.entries()
    return next((str(path) for path, reading in entries if reading.object == serial), None)


def watched_paths(observer: Observer) -> list[str]:
    """Spell every path under watch."""
    return [str(path) for path, _ in observer.shot.snapshot.entries()]


def explain_unknown(text: str, paths: Sequence[str]) -> NoReturn:
    """Say that a text spells no tensor, and which ones are spelled nearly so."""
    below = [path for path in paths if path.startswith((f"{text}.", f"{text}["))]
    if below:
        raise UsageError(f"{text} is no tensor but holds {len(below)}: name one, as {below[0]}")
    near = difflib.get_close_matches(text, paths, n=3)
    hint = f": did you mean {', '.join(near)}?" if near else ""
    raise UsageError(f"no watched tensor is spelled {text}{hint}")
