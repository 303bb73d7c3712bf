"""A shell in this process, and cells of which only the outcome counts."""

from __future__ import annotations

import hashlib
import random
import re
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from IPython.utils.capture import capture_output

from tests.support import oracle
from tests.support.notebook import Notebook

if TYPE_CHECKING:
    from collections.abc import Iterator

ADDRESS = re.compile(r"0x[0-9a-f]+")
SPOKEN = re.compile(r"^ ?tensor(?:watch|diff)\b.*", re.MULTILINE | re.DOTALL)
COLOUR = re.compile(r"\x1b\[[\d;]*m")
LINE = re.compile(r"ipy_tensorwatch/[\w/]+\.py:\d+")
OURS = ("ipy_tensorwatch", "Error in callback", "__tensorwatch")


@dataclass
class Outcome:
    """What a cell came to, as its user sees it.

    Attributes
    ----------
    told
        What tensorwatch said.
    shown
        What of ours stood in what was shown: lines of our files, or that a callback of ours has failed.
    """

    stdout: str
    stderr: str
    result: str
    error: str
    told: str = ""
    shown: str = ""

    def seen(self) -> tuple[str, ...]:
        """Give what has to be the same without us."""
        return self.stdout, self.stderr, self.result, self.error


@contextmanager
def opened(*, watched: bool) -> Iterator[Notebook]:
    """Open a shell, with or without us; what an unloading leaves is not looked at here."""
    notebook = Notebook(watched=watched, check_leaks=False)
    with notebook:
        yield notebook


def run(notebook: Notebook, source: str) -> Outcome:
    """Run a cell, whatever it raises."""
    with warnings.catch_warnings(), capture_output() as out:
        warnings.simplefilter("ignore")
        result = notebook.shell.run_cell(source, store_history=True)
    shown = "\n".join(str(one.data.get("text/plain", "")) for one in out.outputs)
    said = COLOUR.sub("", out.stdout)
    spoken = SPOKEN.search(said)
    told = spoken.group() if spoken else ""
    plain = ADDRESS.sub("0x", said.removesuffix(told)).rstrip()
    error = result.error_before_exec or result.error_in_exec
    whole = plain + COLOUR.sub("", out.stderr) + shown
    return Outcome(
        stdout=plain,
        stderr=ADDRESS.sub("0x", COLOUR.sub("", out.stderr)),
        result=ADDRESS.sub("0x", repr(result.result)),
        error=ADDRESS.sub("0x", f"{type(error).__name__}: {error}") if error is not None else "",
        told=told,
        shown=what_of_ours(whole),
    )


def what_of_ours(text: str) -> str:
    """Say what of ours stands in what was shown, and of which of our lines it tells last."""
    found = [one for one in OURS if one in text]
    lines = LINE.findall(text)
    return f"{' and '.join(found)}: {lines[-1] if lines else text[-200:]!r}" if found else ""


def everything(namespace: dict[str, Any]) -> dict[str, str]:
    """Describe all values that a cell could have changed: bytes, versions, gradients, and states of random numbers."""
    with torch._C.DisableTorchFunctionSubclass():
        found = {path: _describe(value) for path, value in oracle.walk(namespace).items()}
    states = (torch.get_rng_state().numpy().tobytes(), repr(np.random.get_state()), repr(random.getstate()))  # noqa: NPY002
    found["random states"] = hashlib.sha256(repr(states).encode()).hexdigest()
    plain = {name: value for name, value in namespace.items() if type(value) in (int, float, str, bool)}
    found |= {name: repr(value) for name, value in plain.items() if not name.startswith("_")}
    found["names"] = repr(sorted(name for name in namespace if not re.fullmatch(r"_+\w*|In|Out|exit|quit", name)))
    return found


def _describe(value: Any) -> str:
    parts: list[object] = [oracle.own_bytes(value).hex(), oracle.geometry(value)[1:]]
    if isinstance(value, torch.Tensor):
        parts += [value.requires_grad, value.is_leaf, None if value.is_inference() else value._version]
    return ADDRESS.sub("0x", repr(parts))


def differing(one: dict[str, str], two: dict[str, str]) -> list[str]:
    """Name what is not the same."""
    return sorted(name for name in one.keys() | two.keys() if one.get(name) != two.get(name))
