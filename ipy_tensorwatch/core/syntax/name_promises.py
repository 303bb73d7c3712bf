"""What names promise: to keep a copy of what was there before, to read an object, or to change it."""

from __future__ import annotations

import re
from functools import lru_cache

from .torch_vocabulary import MODULE_METHODS, READS, YIELDS

_TRAINS = frozenset(
    ("train", "training", "fit", "learn", "update", "step", "advance", "optimize", "epoch", "sgd", "descend")
)

_ADDS = ("accumulate", "add", "append", "collect", "insert", "log", "push", "put", "record", "store")
_CHANGES = frozenset((*_ADDS, "clear", "fill", "increment", "init", "reset", "set"))
"""The verbs at the beginning of a name."""

_UPDATES = ("update", "accumulate", "increment", "reset", "clear", "zero")
_MEASURED = frozenset(
    ("accuracy", "acc", "distance", "error", "loss", "mse", "norm", "score", "similarity", "sparsity")
)
_MEASURES = ("evaluate", "eval", "validate", "test")
_RECORDS = ("update", "reset", "add", "append", "log", "record")
_JOURNALS = frozenset(("calls", "count", "counter", "counts", "hist", "history", "journal", "log", "logs", "timings"))


def promises_to_update(name: str) -> bool:
    """Return whether a function's name promises to change a tensor that it gets or knows.

    Examples
    --------
    >>> [promises_to_update(one) for one in ("update_counts", "q_update", "reset", "with_update_rule")]
    [True, True, True, False]
    """
    words = name.lower().strip("_").split("_")
    return words[0] in _UPDATES or words[-1] == "update"


def is_only_a_verb(name: str) -> bool:
    """Return whether a function's name promises a change and does not say of what: `update`, but not `td_update`."""
    return name.lower() in _UPDATES


def names_what_it_fills(name: str, variable: str) -> bool:
    """Return whether a function is named by the verb of what a variable holds, or by what is done to it.

    Examples
    --------
    >>> [names_what_it_fills(*one) for one in (("count", "counter"), ("log_loss", "logs"), ("show_image", "image"))]
    [True, True, False]
    >>> names_what_it_fills("dequeue_and_enqueue", "queue"), names_what_it_fills("restore", "store")
    (True, False)
    """
    words, parts = name.lower().strip("_").split("_"), variable.lower().split("_")
    is_done = any(word in (f"en{one}", f"de{one}") for word in words for one in parts if one)
    return is_done or (len(words[0]) > 2 and any(one.startswith(words[0]) for one in parts))  # noqa: PLR2004


def promises_to_add(name: str) -> bool:
    """Return whether a function's name begins with a verb that changes what it is given first.

    Examples
    --------
    >>> [promises_to_add(one) for one in ("add_feature", "reset_counts", "train_step", "address")]
    [True, True, False, False]
    """
    return name.lower().strip("_").split("_")[0] in _CHANGES


def promises_a_draw(name: str) -> bool:
    """Return whether a method's name promises to draw from its object, which moves the state of a process.

    Examples
    --------
    >>> promises_a_draw("sample_noise"), promises_a_draw("get_sample")
    (True, False)
    """
    return name.lower().strip("_").split("_")[0] in ("sample", "draw")


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


def says_journal(name: str) -> bool:
    """Return whether an attribute says that its object notes there what it does, also where it is only read.

    Examples
    --------
    >>> [says_journal(one) for one in ("log", "query_counts", "_history", "scale", "catalog")]
    [True, True, True, False, False]
    """
    return not _JOURNALS.isdisjoint(name.lower().split("_"))


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


def promises_a_value(name: str) -> bool:
    """Return whether a method's name promises to read its object for a value that it gives back.

    Examples
    --------
    >>> [promises_a_value(one) for one in ("predict", "normalize_obs", "show", "update")]
    [True, True, False, False]
    """
    return name.strip("_").split("_")[0] in YIELDS


def promises_to_measure(name: str) -> bool:
    """Return whether a function's name promises to measure what it gets, and nothing of training.

    Examples
    --------
    >>> [promises_to_measure(one) for one in ("quant_error", "evaluate", "train_loss", "quantize")]
    [True, True, False, False]
    """
    words = name.lower().strip("_").split("_")
    return (words[0] in _MEASURES or words[-1] in _MEASURED) and _TRAINS.isdisjoint(words)


def promises_to_compute(name: str) -> bool:
    """Return whether a method's name promises to compute something, which its object may keep.

    Examples
    --------
    >>> [promises_to_compute(one) for one in ("compute_returns", "_calc_gae", "get_returns", "computer")]
    [True, True, False, False]
    """
    return name.strip("_").split("_")[0] in ("compute", "calculate", "calc")


_COPIES = ("before", "old", "best", "saved", "backup", "copy", "copied", "ckpt", "checkpoint")
_OF_NAMES = ("prev", "previous")
_STEMS = ("snap", "init", "orig")
"""The words, and the beginnings of words, in a name that say that it is a copy."""
_HOW_MADE = ("initializ", "initialis")
"""The beginnings of words that only say how something was made: `net_no_initialization`."""

_STATE = frozenset(("cache", "memory", "state", "hidden", "history", "queue", "running", "count", "counter", "counts"))
_AVERAGES = ("ema", "ewma", "shadow", "averaged")
_OF_PARAMETERS = ("anchor", "frozen", "ref", "reference")
_ROLES = (*_OF_PARAMETERS, "target", "teacher")
"""The roles of parameters and of models beside what is trained; target parameters may as well be those to train."""


@lru_cache(maxsize=4096)
def says_copy(name: str) -> bool:
    """Return whether a variable, or a step to an attribute or a key, says that it keeps what was there before.

    Some words say so of a variable or a key, but not of an attribute: `layer.prev`, or `weight_orig`, as PyTorch calls
    the parameter behind a parametrized one.

    Examples
    --------
    >>> [says_copy(one) for one in ("best_w", "oldPolicy", "threshold", "init_w", ".best", ".weight_orig")]
    [True, True, False, True, True, False]
    >>> [says_copy(one) for one in ("initial", "net_no_initialization")]
    [True, False]
    """
    words = [one for one in _words(name) if not one.startswith(_HOW_MADE)]
    if any(one in _COPIES for one in words):
        return True
    return not name.startswith(".") and any(one in _OF_NAMES or one.startswith(_STEMS) for one in words)


@lru_cache(maxsize=4096)
def says_own_values(name: str) -> bool:
    """Return whether a variable or a step says that it keeps values of its own: a copy, or a moving average.

    Examples
    --------
    >>> [says_own_values(one) for one in ("best_w", "ema_params", "emaNet", "schema")]
    [True, True, True, False]
    """
    return says_copy(name) or any(one in _AVERAGES for one in _words(name))


@lru_cache(maxsize=4096)
def says_state(step: str) -> bool:
    """Return whether a step to an attribute says that it holds what its object goes on with.

    Examples
    --------
    >>> [says_state(one) for one in (".cache_k", ".hidden", ".scale", "['state']")]
    [True, True, False, False]
    """
    return step.startswith(".") and not _STATE.isdisjoint(_words(step))


@lru_cache(maxsize=4096)
def says_role(name: str, *, of_parameters: bool = False) -> bool:
    """Return whether a variable or a step names a role beside what is trained, which needs values of its own.

    Examples
    --------
    >>> [says_role(one) for one in ("targetNet", ".ref_policy", "frozen", "prefix")]
    [True, True, True, False]
    """
    return any(one in (_OF_PARAMETERS if of_parameters else _ROLES) for one in _words(name))


def stands_for_itself(name: str) -> bool:
    """Return whether a variable says that it is compared with what is trained, and gets no gradients by itself.

    Examples
    --------
    >>> [stands_for_itself(one) for one in ("old_logp", "target", "init_h", "threshold")]
    [True, True, False, False]
    """
    return says_role(name) or any(one in ("before", "old", *_OF_NAMES) for one in _words(name))


def _words(name: str) -> list[str]:
    return [one.lower() for one in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)]
