"""A cell that is being typed as plain Python."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from ...core.syntax.parsing import parse_cell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from IPython.core.interactiveshell import InteractiveShell


_KNOWN = ("IPython.", f"{__name__.split('.', maxsplit=1)[0]}.")


def plain_python(shell: InteractiveShell, typed: str) -> str:
    """Return a cell as IPython will compile it; empty if the user's or IPython's transformers raise.

    IPython's and ours leave several lines of Python as they are, but take 20 times as long as the parser.
    """
    is_python = "\n" in typed and not typed[:1].isspace() and parse_cell(typed) is not None
    if is_python and all(one.startswith(_KNOWN) for one in _modules(shell)):
        return typed
    try:
        return str(shell.transform_cell(typed))
    except Exception:  # noqa: BLE001  (a cell that does not parse, or a transformer of the user's)
        return ""


def _modules(shell: InteractiveShell) -> Iterator[str]:
    """Yield the modules that the shell's transformers come from."""
    manager = getattr(shell, "input_transformer_manager", None)
    lists = (
        getattr(manager, name, (None,)) for name in ("cleanup_transforms", "line_transforms", "token_transformers")
    )
    every = chain(*lists, getattr(shell, "input_transformers_post", (None,)))
    return (str(getattr(one, "__module__", "")) for one in every)
