"""What a method's name promises: to read its object, or to change it."""

from __future__ import annotations

from .torch_vocabulary import MODULE_METHODS, READS

_TRAINS = frozenset(("train", "training", "fit", "learn", "update", "step", "optimize", "epoch", "sgd", "descend"))

_ADDS = ("accumulate", "add", "append", "collect", "insert", "log", "push", "put", "record", "store")
_CHANGES = frozenset((*_ADDS, "clear", "fill", "increment", "init", "reset", "set"))
"""The verbs at the beginning of a name."""

_UPDATES = ("update", "accumulate", "increment", "reset", "clear", "zero")
_MEASURES = ("evaluate", "eval", "validate", "test")
_RECORDS = ("update", "reset", "add", "append", "log", "record")


def promises_to_update(name: str) -> bool:
    """Return whether a function's name promises to change a tensor that it gets or knows: `update_counts`, `reset`."""
    return name.lower().strip("_").split("_")[0] in _UPDATES


def names_what_it_fills(name: str, variable: str) -> bool:
    """Return whether a function is named by the verb of what a variable holds.

    Examples
    --------
    >>> [names_what_it_fills(*one) for one in (("count", "counter"), ("log_loss", "logs"), ("show_image", "image"))]
    [True, True, False]
    """
    verb = name.lower().strip("_").split("_")[0]
    return len(verb) > 2 and any(one.startswith(verb) for one in variable.lower().split("_"))  # noqa: PLR2004


def may_run(name: str, inner: str) -> bool:
    """Return whether a function may be expected to call what changes something: none that promises to read.

    One that measures may have its meters record: `meter.update(loss)`.

    Examples
    --------
    >>> [may_run(*one) for one in (("collect", "step"), ("validate", "update"), ("validate", "step"))]
    [True, True, False]
    """
    is_measure = name.lower().strip("_").split("_")[0] in _MEASURES
    return not promises_to_read(name) or (is_measure and inner in _RECORDS)


def promises_to_change(name: str) -> bool:
    """Return whether a function's name promises to change the object that it gets.

    Examples
    --------
    >>> [promises_to_change(one) for one in ("run_epoch", "sgd_step", "add_to_histogram", "mean_of_set")]
    [True, True, True, False]
    """
    words = name.lower().strip("_").split("_")
    return not promises_to_read(name) and (words[0] in _CHANGES or not _TRAINS.isdisjoint(words))


def promises_to_read(name: str, *, of_module: bool = False) -> bool:
    """Return whether a method's name promises not to change its object; implicit calls (`__getitem__`) count too.

    Examples
    --------
    >>> [promises_to_read(one) for one in ("get_batch", "__getitem__", "update")]
    [True, True, False]
    """
    if name.startswith("__") or (of_module and name in MODULE_METHODS):
        return True
    return name.strip("_").split("_")[0] in READS
