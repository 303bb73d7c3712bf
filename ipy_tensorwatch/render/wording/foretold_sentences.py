"""What a line would do, in a few words behind it in the editor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .fold_changes import gather
from .measure import count_of, few

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MAX_NAMES = 3
MAX_OUTCOMES = 2


def foretell_lines(told: Mapping[str, Any]) -> Iterator[tuple[int, str, str]]:
    """Yield (line, kind, text) for each line of a preview, given as `Preview.to_dict` returns it.

    Examples
    --------
    >>> told = {"changes": [{"path": "x", "line": 2}], "hazards": []}
    >>> [*foretell_lines(told)]
    [(2, 'silent', 'would also change x')]
    """
    for line, paths in _by_line(told["changes"], "path").items():
        yield line, "silent", f"would also change {name_paths(paths)}"
    for line, messages in _by_line(told["hazards"], "message").items():
        shown, left = few([*dict.fromkeys(messages)], MAX_OUTCOMES)
        yield line, "hazard", "; ".join(shown) + (f"; {count_of(left, 'more hazard')}" if left else "")


def name_paths(paths: Sequence[str]) -> str:
    """Return the first few paths, with those of one container as one."""
    shown, left = few([text for text, _ in gather(paths)], MAX_NAMES)
    return ", ".join(shown) + (f" and {left} more" if left else "")


def _by_line(events: Sequence[Mapping[str, Any]], key: str) -> dict[int, list[str]]:
    lines: dict[int, list[str]] = {}
    for event in events:
        if isinstance(event["line"], int):
            lines.setdefault(event["line"], []).append(str(event[key]))
    return lines
