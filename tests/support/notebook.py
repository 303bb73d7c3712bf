"""A fresh real shell that runs one cell at a time: its output, its error, and its report."""

from __future__ import annotations

import atexit
import builtins
import gc
import json
import re
import sys
import threading
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from torch.nn.modules import module as module_hooks
from torch.optim import optimizer as optimizer_hooks
from traitlets.config import Config

from tests.support.accelerator import for_device
from tests.support.report_schema import report_checker

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType

    from ipy_tensorwatch.core.blame.reasoning import Reasoning

Report = dict[str, Any]
"""The JSON of one cell's report, from `ipy_tensorwatch.report().to_dict()`."""

Change = dict[str, Any]
"""One entry of a report's `changes`."""

Hazard = dict[str, Any]
"""One entry of a report's `hazards`."""

SPOKEN = re.compile(r"^ ?tensorwatch\b.*", re.MULTILINE | re.DOTALL)
"""What the extension prints after a cell, from its first line to the end of the output."""


SHELLS_OWN = re.compile(r"_+|_i+|_i?\d+|_dh|_exit_code|__warningregistry__|__annotations__|__import_\w+")
"""Names that IPython, Python, the warnings module and `torch.compile` put into a namespace."""

OTHERS_BUILTINS = re.compile(r"_|get_ipython|display|__pybind11_internals_\w+")
"""Names that IPython and PyTorch's C++ code add to the builtins."""

CLASSES = {
    "tensor": torch.Tensor,
    "storage": torch.UntypedStorage,
    "optimizer": torch.optim.Optimizer,
    "module": torch.nn.Module,
}
"""Classes that could be patched."""


PATIENT = {"budget_floor": 2.0, "probe_floor": 1.0, "explain_floor": 5.0}
"""Settings with enough time on any slow machine; tests of spent budgets override them."""


def check_classes(reasoning: Reasoning) -> None:
    """Assert that changes settled as a class have the same cause as a verdict for each tensor."""
    silent, settled = reasoning.silent, reasoning.settled
    assert silent == tuple(change for change in reasoning.changes if change.silent)
    made = {str(reasoning.trace.found[row][0].path): cause for row, cause in settled.items()}
    told = {change.path: change.cause for change in reasoning.changes if change.path in made}
    assert told == made


@dataclass
class Ran:
    """What one cell printed, displayed and raised.

    Attributes
    ----------
    told
        What tensorwatch printed after the cell; empty if nothing.
    """

    stdout: str
    stderr: str
    outputs: list[dict[str, Any]]
    result: Any
    error: BaseException | None
    warned: list[str]
    told: str = ""


@dataclass
class Notebook:
    """A fresh `InteractiveShell`, with the extension loaded unless `watched` is false.

    Use it as a context manager: on exit it unloads the extension and asserts that nothing was left behind.

    Attributes
    ----------
    settings
        Values of the extension's traitlets by name, as in an IPython config.
    tracebacks
        How IPython shows an error, as `%xmode` names it. `Context`, its default, takes seven times as long as a cell.
    said
        Everything tensorwatch printed so far, cell by cell.
    """

    extension: str = "ipy_tensorwatch"
    watched: bool = True
    settings: Mapping[str, object] = field(default_factory=dict)
    tracebacks: str = "Plain"
    check_leaks: bool = True
    said: list[str] = field(default_factory=list, init=False)
    last: Ran | None = field(default=None, init=False)
    _source: str = field(default="", init=False)

    def __enter__(self) -> Notebook:
        """Open the shell and load the extension."""
        self._main = sys.modules["__main__"]
        config = Config()
        config.HistoryManager.enabled = False
        config.InteractiveShell.xmode = self.tracebacks
        config.TensorWatch.update({**PATIENT, **self.settings})
        InteractiveShell.clear_instance()
        self.shell = InteractiveShell.instance(config=config)
        getattr(self.shell.history_manager, "outputs", {}).clear()  # all shells of one process share it
        self._bound: set[str] = set()
        self._before = traces(self.shell)
        self._names_before = set(self.shell.user_ns)
        if self.watched:
            self.load()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Unload the extension; unless the test failed already, assert that it left nothing behind."""
        try:
            if self.watched:
                self.unload()
                if kind is None and self.check_leaks:
                    self.assert_nothing_left()
        finally:
            self.shell.user_ns.clear()
            atexit.unregister(self.shell.atexit_operations)
            InteractiveShell.clear_instance()
            sys.modules["__main__"] = self._main

    def load(self) -> str:
        """Load the extension; return what that printed."""
        with capture_output() as out:
            self.shell.run_line_magic("load_ext", self.extension)
        return str(out.stdout)

    def unload(self) -> str:
        """Unload the extension; return what that printed."""
        with capture_output() as out:
            self.shell.run_line_magic("unload_ext", self.extension)
        return str(out.stdout)

    @property
    def ns(self) -> dict[str, Any]:
        """The user's variables."""
        return dict(self.shell.user_ns)

    def give(self, **variables: object) -> None:
        """Add variables to the namespace from outside a cell."""
        self._bound.update(variables)
        self.shell.user_ns.update(variables)

    def cell(self, source: str) -> Ran:
        """Run one cell as a user would; an error of the cell is returned, not raised."""
        source = for_device(source)
        self._bound.update(re.findall(r"\w+", source))
        self._source = source
        with warnings.catch_warnings(record=True) as warned, capture_output() as out:
            warnings.simplefilter("always")
            outcome = self.shell.run_cell(source, store_history=True)
        shown = [{"data": dict(o.data)} for o in out.outputs]
        assert "Error in callback" not in out.stdout + out.stderr, out.stdout + out.stderr
        ours = [str(w.message) for w in warned if "ipy_tensorwatch" in w.filename]
        assert ours == [], f"tensorwatch itself warned: {ours}"
        plain = [str(o["data"].get("text/plain", "")) for o in shown]
        spoken = SPOKEN.search(out.stdout)
        told = spoken.group() if spoken else "\n".join(t for t in plain if SPOKEN.match(t))
        self.said.append(told)
        self.last = Ran(
            stdout=out.stdout,
            stderr=out.stderr,
            outputs=shown,
            result=outcome.result,
            error=outcome.error_before_exec or outcome.error_in_exec,
            warned=[str(w.message) for w in warned],
            told=told,
        )
        return self.last

    def run(self, source: str, *, raises: type[BaseException] | None = None) -> Report:
        """Run one cell; assert that it succeeds, or raises `raises`; return its report."""
        ran = self.cell(source)
        if raises is None:
            assert ran.error is None, f"{ran.error!r} in\n{source}\n{ran.stdout}"
        else:
            assert isinstance(ran.error, raises), f"{ran.error!r} instead of {raises.__name__} in\n{source}"
        return self.report()

    def report(self) -> Report:
        """Return the last cell's report; assert that it is JSON, fits the schema and is consistent."""
        import ipy_tensorwatch

        made = ipy_tensorwatch.report()
        check_classes(made.reasoning)
        report: Report = made.to_dict()
        assert report["cell"]["source"] == self._source, self.status()
        again = json.loads(json.dumps(report, allow_nan=False))
        assert again == report
        report_checker()(report)
        for change in report["changes"]:
            assert_consistent(change)
        return report

    def status(self) -> str:
        """Return the output of `%tensorwatch status`, for the message of a failing test."""
        ran = self.cell("%tensorwatch status")
        return ran.stdout + ran.stderr + str(ran.outputs)

    def assert_nothing_left(self) -> None:
        """Assert that everything an extension could leave behind is as it was before loading."""
        after = traces(self.shell)
        left = {what: now for what, now in after.items() if what not in CLASSES and now != self._before[what]}
        for what, own in CLASSES.items():
            new = {n: v for n, v in vars(own).items() if v is not self._before[what].get(n)}
            left[what] = {
                n for n, v in new.items() if callable(v) and not str(getattr(v, "__module__", "")).startswith("torch")
            }
        assert {what: (self._before[what], found) for what, found in left.items() if found} == {}
        names = set(self.shell.user_ns) - self._names_before - self._bound
        assert {n for n in names if not SHELLS_OWN.fullmatch(n)} == set()
        assert list(our_hooks(self.shell.user_ns)) == []


def assert_consistent(change: Change) -> None:
    """Assert the relations between the fields of one change that the glossary defines."""
    silent = change["cause"] in ("call", "alias", "outside") and change["kind"] == "mutated"
    assert change["silent"] == silent, change
    if change["kind"] == "mutated" and change["verified"] and change["elements"]:
        changed = change["elements"]["changed"]
        assert changed is None or 0 < changed <= change["elements"]["total"], change
    for site in change["sites"]:
        assert site["line"] <= site["end_line"], change


def traces(shell: InteractiveShell) -> dict[str, Any]:
    """Return the state of every place where an extension could leave something behind."""
    monitoring = getattr(sys, "monitoring", None)
    return {
        "events": {name: list(callbacks) for name, callbacks in shell.events.callbacks.items()},
        "ast_transformers": list(shell.ast_transformers),
        "input_transformers": [*shell.input_transformers_cleanup, *shell.input_transformers_post],
        "shell_methods": {
            n: getattr(shell, n).__func__
            for n in ("run_cell", "run_cell_async", "run_ast_nodes", "run_code", "showtraceback")
        },
        "custom_exceptions": shell.custom_exceptions,
        "display_types": {mime: dict(f.type_printers) for mime, f in shell.display_formatter.formatters.items()},
        "builtins": {name: id(value) for name, value in vars(builtins).items() if not OTHERS_BUILTINS.fullmatch(name)},
        "optimizer_hooks": [
            dict(optimizer_hooks._global_optimizer_pre_hooks),
            dict(optimizer_hooks._global_optimizer_post_hooks),
        ],
        "module_hooks": {
            n: dict(h) for n, h in vars(module_hooks).items() if n.startswith("_global_") and n.endswith("_hooks")
        },
        "dispatch_modes": torch._C._len_torch_dispatch_stack(),
        "function_modes": torch._C._len_torch_function_stack(),
        "saved_tensors_hooks": saved_tensors_hooks(),
        **{what: dict(vars(own)) for what, own in CLASSES.items()},
        "import_hooks": [finder for finder in sys.meta_path if is_ours(finder)],
        "trace": (sys.gettrace(), sys.getprofile(), threading.gettrace(), threading.getprofile()),
        "excepthook": sys.excepthook,
        "threads": {t.name for t in threading.enumerate() if is_ours(getattr(t, "_target", None))},
        "gc_callbacks": [one for one in gc.callbacks if not str(getattr(one, "__module__", "")).startswith("torch")],
        "monitoring": [monitoring.get_tool(tool) for tool in range(6)] if monitoring else [],
    }


def saved_tensors_hooks() -> object:
    """Return the innermost saved-tensors hooks; None before PyTorch 2.5."""
    innermost = getattr(torch._C._autograd, "_top_saved_tensors_default_hooks", None)
    return None if innermost is None else innermost(True)


def is_ours(value: object) -> bool:
    """Return whether a function or object comes from the package."""
    return "tensorwatch" in str(getattr(value, "__module__", None) or type(value).__module__)


def our_hooks(namespace: Mapping[str, object]) -> Iterator[str]:
    """Yield the name of every hook of ours on a module, an optimizer or a tensor of the user."""
    for name, value in namespace.items():
        for part in parts_with_hooks(value):
            for attribute, hooks in vars(part).items():
                if "hooks" in attribute and isinstance(hooks, dict) and any(map(is_ours, hooks.values())):
                    yield f"{name}.{attribute}"
        if (type(value) is torch.Tensor or type(value) is torch.nn.Parameter) and any(
            map(is_ours, (value._backward_hooks or {}).values())
        ):
            yield f"{name}._backward_hooks"


def parts_with_hooks(value: object) -> Iterator[object]:
    """Yield an optimizer, or a module and all its submodules."""
    if issubclass(type(value), torch.optim.Optimizer):
        yield value
    elif issubclass(type(value), torch.nn.Module):
        yield value
        for part in vars(value)["_modules"].values():
            yield from parts_with_hooks(part)


def changes(report: Report, kind: str | None = None) -> dict[str, Change]:
    """Return the report's changes by path, all or those of one kind."""
    return {c["path"]: c for c in report["changes"] if kind in (None, c["kind"])}


def mutated(report: Report) -> set[str]:
    """Return the paths whose bytes changed since the cell began."""
    return {path for path, one in changes(report, "mutated").items() if one["born"] is None}


def born(report: Report) -> dict[str, Change]:
    """Return the changes of what the cell bound since it was bound, by path."""
    return {path: one for path, one in changes(report, "mutated").items() if one["born"]}


def silent(report: Report) -> set[str]:
    """Return the paths that changed silently."""
    return {c["path"] for c in report["changes"] if c["silent"]}


def lines(change: Change) -> set[int]:
    """Return the lines of the cell that wrote."""
    return {site["line"] for site in change["sites"]}


def texts(change: Change) -> set[str]:
    """Return the text of every statement that wrote, and of every line inside a called function."""
    sites = change["sites"]
    return {s["text"] for s in sites} | {s["inner"]["text"] for s in sites if s["inner"]}


def relations(report: Report) -> dict[frozenset[str], str]:
    """Return the relation of every pair that the report lists."""
    return {frozenset((p["a"], p["b"])): p["relation"] for g in report["groups"] for p in g["pairs"]}


def paths(report: Report) -> set[str]:
    """Return every access path in the report."""
    return {t["path"] for t in report["tensors"]}
