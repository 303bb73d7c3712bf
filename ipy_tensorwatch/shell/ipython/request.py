"""What the front end says of the cell that it asked to run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

MAX_NAME = 200
"""Maximum length of a cell's id, in characters; longer ones are ignored."""


def request_cell(shell: InteractiveShell) -> str | None:
    """Return the front end's own id of the current cell; None if it tells none."""
    cell_id = request_metadata(shell).get("cellId")
    return cell_id if isinstance(cell_id, str) and len(cell_id) <= MAX_NAME else None


def request_metadata(shell: InteractiveShell) -> dict[str, Any]:
    """Return the metadata of the front end's request for the current cell; empty without a kernel."""
    return _part_of_request(shell, "metadata")


def request_session(shell: InteractiveShell) -> str | None:
    """Return the session that asked for the current cell; None without a kernel."""
    session = _part_of_request(shell, "header").get("session")
    return session[:MAX_NAME] if isinstance(session, str) else None


def _part_of_request(shell: InteractiveShell, name: str) -> dict[str, Any]:
    kernel = getattr(shell, "kernel", None)
    parent = kernel.get_parent("shell") if kernel is not None else None
    asked = (parent or {}).get(name)
    return asked if isinstance(asked, dict) else {}
