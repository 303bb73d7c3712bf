"""What a method's name promises: to read its object, or to change it."""

from __future__ import annotations

from .torch_vocabulary import MODULE_METHODS, READS

_TRAINS = frozenset(("train", "training", "fit", "learn", "update", "step", "optimize", "epoch", "sgd", "descend"))


def promises_to_train(name: str) -> bool:
    """Return whether a function's name promises to change the object that it gets: `train`, `run_epoch`, `sgd_step`."""
    return not promises_to_read(name) and not _TRAINS.isdisjoint(name.lower().strip("_").split("_"))


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
