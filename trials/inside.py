"""What is asked of a kernel from inside, outside of any cell: what of ours is left there."""

from __future__ import annotations

import builtins
import gc
import signal
import sys
import threading
import time
from collections import Counter
from typing import Any

import torch


def ours() -> Any:
    """Return what is loaded, or None."""
    extension = sys.modules.get("ipy_tensorwatch.shell.extension")
    return extension._loaded[0] if extension and extension._loaded else None


def state() -> dict[str, Any]:
    """Describe all that a cell that was cut short could leave behind."""
    monitoring = getattr(sys, "monitoring", None)
    loaded = ours()
    return {
        "builtins": sorted(name for name in vars(builtins) if name.startswith("__tensorwatch")),
        "dispatch modes": torch._C._len_torch_dispatch_stack(),
        "function modes": torch._C._len_torch_function_stack(),
        "grad mode": torch.is_grad_enabled(),
        "collector": gc.isenabled(),
        "trace": [str(sys.gettrace()), str(sys.getprofile())],
        "monitoring": [
            [monitoring.get_tool(tool), monitoring.get_events(tool) if monitoring.get_tool(tool) else 0]
            for tool in range(6)
        ]
        if monitoring
        else [],
        "Ctrl-C": str(getattr(signal.getsignal(signal.SIGINT), "__name__", signal.getsignal(signal.SIGINT))),
        "threads": sorted(
            one.name for one in threading.enumerate() if "tensorwatch" in str(getattr(one, "_target", ""))
        ),
        "a cell runs": bool(loaded and loaded.watcher.is_running),
        "cells open": getattr(loaded.watcher, "_depth", 0) if loaded else 0,
    }


def watched() -> str:
    """Return the source of the last cell that was watched."""
    loaded = ours()
    report = loaded.watcher.report if loaded else None
    return report.cell.source if report else ""


def stamps() -> dict[str, Any]:
    """Return when the last cell's hooks and statements began and ended, and which cell it was."""
    names = sys.modules["IPython"].get_ipython().user_ns
    return {name: names.get(name) for name in ("number", "began", "ended")} | dict(_STAMPS)


def empty_caches() -> None:
    """Empty our caches that have a limit: how full they are tells how many cells have run, not what is lost."""
    modules = [vars(one) for name, one in [*sys.modules.items()] if name.startswith("ipy_tensorwatch.")]
    for one in [value for names in modules for value in [*names.values()] if hasattr(value, "cache_parameters")]:
        if one.cache_parameters()["maxsize"] is not None:
            one.cache_clear()


def kept() -> dict[str, int]:
    """Count the objects of our own types; those that caches with a limit and garbage still hold are gone first."""
    empty_caches()
    for _ in range(3):
        gc.collect()
    found: Counter[str] = Counter()
    for one in gc.get_objects():
        kind = type(one)
        module = type.__getattribute__(kind, "__dict__").get("__module__")
        if type(module) is str and module.startswith("ipy_tensorwatch"):
            found[f"{module}.{kind.__name__}"] += 1
    return dict(found)


def panel() -> dict[str, Any]:
    """Tell what the panel keeps."""
    widget = ours().panel_host.widget
    feed = widget.feed
    return {"wants": len(feed._wants), "unanswered": len(feed._flow.unanswered), "past": len(feed.past.cells)}


_STAMPS: dict[str, float] = {}


def stamp(shell: Any, event: str, name: str) -> None:
    """Note when an event comes to this callback: before ours if registered before we are loaded, else behind it."""

    def stamped(_: object) -> None:
        _STAMPS[name] = time.monotonic()

    shell.events.register(event, stamped)
