"""Find the watched path that a user's expression means, in any spelling."""

from __future__ import annotations

import ast
import difflib
import re
from typing import TYPE_CHECKING, NoReturn

from IPython.core.error import UsageError

from ...capture.objects.walk import walk
from ...core.records.path import is_part_of
from ...core.syntax.parsing import parse_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ...capture.observer import Observer

_SAFE = (
    ast.Expression, ast.Name, ast.Attribute, ast.Subscript, ast.Constant, ast.UnaryOp, ast.USub, ast.Slice, ast.Tuple,
    ast.Load,
)  # fmt: skip


def find_path(text: str, observer: Observer, names: Mapping[str, object]) -> str:
    """Return the one watched path that an expression means.

    Raises
    ------
    UsageError
        If it means none, or several.
    """
    paths = find_paths(text, observer, names)
    if len(paths) > 1:
        raise UsageError(f"{text} holds {len(paths):,} tensors: name one of them, for example {paths[0]}")
    return paths[0]


def find_paths(text: str, observer: Observer, names: Mapping[str, object], past: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the paths that an expression means: one tensor, or all tensors in a container.

    Parameters
    ----------
    past
        Further paths that may be meant, which need not lead anywhere any more.

    Raises
    ------
    UsageError
        If it leads to no watched tensor.
    """
    paths, meant = [*dict.fromkeys((*past, *watched_paths(observer)))], normalize(text)
    exact = next((path for path in paths if path == text or normalize(path) == meant), None)
    below = (path for path in paths if is_part_of(path, meant))
    found = (exact,) if exact else tuple(below) or _led_to(text, observer, names)
    return found or explain_unknown(text, paths, names)


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


def _led_to(text: str, observer: Observer, names: Mapping[str, object]) -> tuple[str, ...]:
    """Return the watched paths of the tensors in an object under another name: `xs[-1]`, `batch[key]`, `opt`."""
    try:
        things = _tensors_in(follow(text, names))
    except Exception:  # noqa: BLE001  (it leads nowhere)
        return ()
    wanted = dict.fromkeys(observer.snapshotter.objects.number(things), "")
    for path, reading in observer.shot.snapshot.entries() if wanted else ():
        if wanted.get(reading.object) == "":
            wanted[reading.object] = str(path)
    return tuple(path for path in wanted.values() if path)


def _tensors_in(thing: object) -> list[object]:
    return [one for branch in walk({"": thing}).branches.values() for one in branch.objects]


def watched_paths(observer: Observer) -> list[str]:
    """Return every watched path as text."""
    return [str(path) for path, _ in observer.shot.snapshot.entries()]


def explain_unknown(text: str, paths: Sequence[str], names: Mapping[str, object]) -> NoReturn:
    """Raise `UsageError`: say why an expression leads to no watched tensor, and which paths are similar."""
    near = difflib.get_close_matches(text, paths, n=3) or difflib.get_close_matches(text, _roots(paths), n=3)
    hint = f": did you mean {', '.join(near)}?" if near else ""
    raise UsageError(_reason(text, paths, names, hint))


def _reason(text: str, paths: Sequence[str], names: Mapping[str, object], hint: str) -> str:
    """Return why an expression leads to no watched tensor."""
    if not _is_path(text):
        return f"{text} is not a path: write a variable with attributes and items, like model.layers[0].weight"
    root = re.split(r"[.\[]", text.strip(), maxsplit=1)[0]
    if root not in names:
        return f"there is no variable {root}{hint}"
    try:
        thing = follow(text, names)
    except Exception:  # noqa: BLE001  (whatever the user's objects raise)
        return f"there is no {text}{hint}"
    if not _tensors_in(thing):
        return f"no tensor was found in {text}, which is of type {type(thing).__name__}"
    whole = max((path for path in paths if normalize(text).startswith((f"{path}.", f"{path}["))), key=len, default="")
    if whole:
        return f"{text} is a new tensor each time that it is read: name {whole}"
    return f"{text} is not watched: it was made in this cell, or is made again each time that it is read"


def _is_path(text: str) -> bool:
    try:
        return all(isinstance(node, _SAFE) for node in ast.walk(ast.parse(text.strip(), mode="eval")))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _roots(paths: Sequence[str]) -> list[str]:
    return [*dict.fromkeys(parse_path(path).root for path in paths)]
