"""See which of your tensors share memory, and which line just changed one you did not touch.

``%load_ext tensorwatch`` in a notebook or in IPython starts it. Importing this module imports neither PyTorch nor
IPython, and no module inside the package imports it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipy_tensorwatch.core.records.freezing import FrozenError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from IPython.core.interactiveshell import InteractiveShell

    from ipy_tensorwatch.panel.widget import TensorWatchWidget
    from ipy_tensorwatch.render.preview import Preview
    from ipy_tensorwatch.render.report import Report
    from ipy_tensorwatch.shell.ranks.ranks import Ranks

__all__ = [
    "FrozenError",
    "Ranks",
    "__version__",
    "freeze",
    "load_ipython_extension",
    "preview",
    "report",
    "unload_ipython_extension",
    "widget",
]

__version__ = "0.1.0"


def report() -> Report:
    """Return the report of the last watched cell.

    Returns
    -------
    Report
        Changes, alias groups and hazards; its ``to_dict()`` is plain JSON.

    Raises
    ------
    RuntimeError
        If no cell has been watched yet.
    """
    from ipy_tensorwatch.shell import extension

    return extension.report()


def preview(source: str) -> Preview:
    """Return what a cell would change silently and which hazards it would make, without running it.

    Parameters
    ----------
    source
        The cell, as typed.

    Returns
    -------
    Preview
        From the last report and the sources alone; nothing is run, and no tensor is read. Empty if the source is not
        Python. Its ``to_dict()`` is plain JSON.

    Raises
    ------
    RuntimeError
        If the extension is not loaded.
    """
    from ipy_tensorwatch.shell import extension

    return extension.preview(source)


def widget() -> TensorWatchWidget:
    """Return the panel as a widget, for front ends without a side panel.

    Returns
    -------
    TensorWatchWidget
        The one widget of this kernel; all its views show the same state.

    Raises
    ------
    RuntimeError
        If the extension is not loaded.
    """
    from ipy_tensorwatch.shell import extension

    return extension.widget()


def freeze(thing: object) -> AbstractContextManager[None]:
    """Forbid writes to a tensor, or to all tensors in a container, while a ``with`` block runs.

    A write that PyTorch dispatches is stopped before it happens, through any alias; any other write (NumPy, a raw
    pointer) is undone after the block. It works outside IPython too.

    Parameters
    ----------
    thing
        A tensor, a NumPy array, or a module, a list, a dict, … of them.

    Raises
    ------
    TypeError
        If there is no tensor in it, or one whose memory cannot be frozen.
    FrozenError
        At the line of a write that was stopped, or after the block if bytes had to be put back.

    Examples
    --------
    >>> with ipy_tensorwatch.freeze(weights):  # doctest: +SKIP
    ...     predict(weights)
    """
    from ipy_tensorwatch.shell.freeze_block import freezing

    return freezing(thing)


def __getattr__(name: str) -> object:
    """Import `Ranks`, the one view of many processes, when somebody asks for it."""
    if name == "Ranks":
        from ipy_tensorwatch.shell.ranks.ranks import Ranks

        return Ranks
    raise AttributeError(f"module 'ipy_tensorwatch' has no attribute {name!r}")


def load_ipython_extension(ipython: InteractiveShell) -> None:
    """Start watching; IPython calls this for ``%load_ext``."""
    from .core.runtime.uncounted_loading import loading_uncounted

    with loading_uncounted():
        from ipy_tensorwatch.shell import extension

        extension.load_ipython_extension(ipython)


def unload_ipython_extension(ipython: InteractiveShell) -> None:
    """Stop watching and remove every hook; IPython calls this for ``%unload_ext``."""
    from ipy_tensorwatch.shell import extension

    extension.unload_ipython_extension(ipython)


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Return the location of the JupyterLab extension, for `jupyter labextension develop`."""
    return [{"src": "panel/labextension", "dest": "ipy-tensorwatch"}]
