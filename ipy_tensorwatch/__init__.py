"""See which of your tensors share memory, and which line just changed one you did not touch.

In a notebook or in IPython, ``%load_ext tensorwatch`` is all it takes. This is the front door: it imports neither
PyTorch nor IPython until somebody enters, and nobody inside the house imports it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipy_tensorwatch.core.model.freezing import FrozenError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from IPython.core.interactiveshell import InteractiveShell

    from ipy_tensorwatch.panel.widget import TensorWatchWidget
    from ipy_tensorwatch.render.report import Report

__all__ = [
    "FrozenError",
    "__version__",
    "freeze",
    "load_ipython_extension",
    "report",
    "unload_ipython_extension",
    "widget",
]

__version__ = "0.1.0"


def report() -> Report:
    """Return what the last cell did.

    Returns
    -------
    Report
        The last cell's record; its ``to_dict()`` is plain JSON.
    """
    from ipy_tensorwatch.shell import extension

    return extension.report()


def widget() -> TensorWatchWidget:
    """Return the panel as a widget, to be shown in a cell where there is no side panel for it.

    Returns
    -------
    TensorWatchWidget
        The one widget of this kernel; every view of it shows the same.
    """
    from ipy_tensorwatch.shell import extension

    return extension.widget()


def freeze(thing: object) -> AbstractContextManager[None]:
    """Let nobody write to a tensor, or to any tensor in a container, while a ``with`` block runs.

    A write that PyTorch's dispatcher sees is stopped at its line, through whichever alias it comes; any other (NumPy,
    a raw pointer) is undone behind the block. Both raise `FrozenError`. It works outside IPython too.

    Parameters
    ----------
    thing
        A tensor, a NumPy array, or a module, a list, a dict, … of them.

    Examples
    --------
    >>> with ipy_tensorwatch.freeze(weights):  # doctest: +SKIP
    ...     predict(weights)
    """
    from ipy_tensorwatch.shell.freeze_block import freezing

    return freezing(thing)


def load_ipython_extension(ipython: InteractiveShell) -> None:
    """Begin to watch: IPython calls this for ``%load_ext``."""
    from ipy_tensorwatch.shell import extension

    extension.load_ipython_extension(ipython)


def unload_ipython_extension(ipython: InteractiveShell) -> None:
    """Stop watching and leave nothing behind: IPython calls this for ``%unload_ext``."""
    from ipy_tensorwatch.shell import extension

    extension.unload_ipython_extension(ipython)


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Tell where the extension for JupyterLab lies: `jupyter labextension develop` asks."""
    return [{"src": "panel/labextension", "dest": "ipy-tensorwatch"}]
