"""Run a short notebook once for each private name, in a process in which that name is missing.

`python -m tests.support.missing_names` prints one line of JSON per name. Each process is forked after PyTorch is
imported and before our package is, so that the name is missing when the package first looks it up.
"""

from __future__ import annotations

import ctypes
import gc
import importlib.abc
import importlib.machinery
import importlib.util
import io
import json
import os
import re
import sys
import traceback
from contextlib import redirect_stdout
from functools import reduce
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PACKAGE = Path(__file__).parents[2] / "ipy_tensorwatch"
NONE = "(none)"
"""The case in which nothing is missing."""

RENAMED = {
    "shell.compile._filename_map": "IPython",
    "shell.history_manager.input_hist_parsed": "IPython",
    "shell.user_ns_hidden": "IPython",
    "shell.last_execution_result": "IPython",
    "shell.magics_manager.magics": "IPython",
    "shell.magics_manager.registry": "IPython",
    "shell.configurables": "IPython",
    "shell.history_manager.outputs": "IPython",
    "shell.history_manager.output_hist_reprs": "IPython",
    "IPython.core.inputtransformer2.leading_indent": "IPython",
    "IPython.core.inputtransformer2.classic_prompt": "IPython",
    "IPython.core.inputtransformer2.ipython_prompt": "IPython",
    "IPython.core.interactiveshell.ExecutionResult.error_in_exec": "IPython",
    "anywidget.AnyWidget._handle_msg": "ipywidgets",
}
"""Names that a release of a Python library may rename throughout, with that library."""

SHARED = (
    "jedi",
    "prompt_toolkit.shortcuts",
    "pygments.lexers.python",
    "stack_data",
    "traitlets.config",
    "wcwidth",
    "xxhash",
)
"""What IPython and the package import, and no case renames in."""

WORDS = {"magics": r"(?<=[a-z]\.)magics\b(?!\.| import| as)|(?<=^    )magics(?=\s*[=:])"}
"""Regular expressions for names that also occur with other meanings."""

CHANGED: dict[str, Callable[[], None]] = {}
"""Names that exist but behave differently, with the function that changes them."""

REMOVED = (
    "torch._C.DisableTorchFunction",
    "torch.utils._python_dispatch.TorchDispatchMode",
    "torch._C._len_torch_dispatch_stack",
    "torch._C._get_dispatch_stack_at",
    "torch._C._pop_torch_dispatch_stack",
    "torch._C._push_on_torch_dispatch_stack",
    "torch._C._set_dispatch_mode",
    "torch._C._unset_dispatch_mode",
    "torch._C._len_torch_function_stack",
    "torch._C._autograd._top_saved_tensors_default_hooks",
    "torch._C._data_address",
    "torch.Tensor._version",
    "torch.Tensor._base",
    "torch.Tensor._is_view",
    "torch._C._functorch.is_functorch_wrapped_tensor",
    "torch.Tensor._indices",
    "torch.Tensor._values",
    "torch._C._is_cow_tensor",
    "torch._C._storage_Use_Count",
    "torch.UntypedStorage._cdata",
    "torch.UntypedStorage._fix_weakref",
    "torch.ops.aten.relu_.default._schema",
    "torch._C._dynamo.eval_frame.get_eval_frame_callback",
    "torch._C._dynamo.eval_frame.set_code_exec_strategy",
    "torch._C._dynamo.eval_frame._FrameExecStrategy",
    "torch._C._dynamo.eval_frame._FrameAction",
    "torch._C._autograd._get_sequence_nr",
    "node._sequence_nr",
    "torch._C._autograd.SavedTensor",
    "torch._C._autograd.SavedTensor.unpack",
    "node._raw_saved_result",
    "node._saved_result",
    "torch._C._FunctionBase",
    "torch.autograd.Function._raw_saved_tensors",
    "torch.utils.checkpoint._CheckpointFrame",
    "_thread._count",
    *(("sys.monitoring",) if sys.version_info >= (3, 12) else ()),
)
"""Names that can be deleted; `node` is a node of PyTorch's own that saved its result."""

CELLS = (
    "import torch\nx = torch.zeros(6)\ny = x.view(2, 3)\nz = torch.zeros(3)\ns = torch.eye(2).to_sparse()",
    "y.add_(1);",
    "def double(t):\n    t.mul_(2)\n    return t",
    "double(y);",
    "1 / 0",
    "w = torch.ones(2, requires_grad=True)\ne = w.exp()\nh = e.sum()",
    "e.detach().add_(1);",
    "h.backward()",
    "w.add_(1)",
    "class Square(torch.autograd.Function):\n"
    "    @staticmethod\n    def forward(ctx, t):\n        ctx.save_for_backward(t)\n        return t * t\n"
    "    @staticmethod\n    def backward(ctx, g):\n        return 2 * g * ctx.saved_tensors[0]",
    "q = Square.apply(w * 1)\nq.sum().backward()",
    "%%tensordiff\n    x.mul_(2)\n    z.add_(1);",
    "%tensorwatch why x",
    "%tensorwatch freeze z",
    "z.mul_(3);",
    "z",
    "%tensorwatch thaw",
    "net = torch.nn.Linear(2, 2)\nopt = torch.optim.SGD(net.parameters(), lr=0.1)",
    "net(torch.ones(1, 2)).sum().backward()\nopt.step()",
    "%tensorwatch",
)


class Renamer(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports a library with one name renamed in all its sources."""

    def __init__(self, library: str, name: str) -> None:
        self.library, self.name = library, name

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        """Return a spec for modules of the library only."""
        if name.partition(".")[0] != self.library:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is None or not str(spec.origin).endswith(".py"):
            return spec
        source = Path(spec.origin).read_text(encoding="utf-8")
        other = re.sub(WORDS.get(self.name, rf"\b{self.name}\b"), f"{self.name}_renamed", source, flags=re.MULTILINE)
        if other == source:
            return spec
        return importlib.util.spec_from_file_location(name, spec.origin, loader=Source(name, spec.origin, other))


class Source(importlib.machinery.SourceFileLoader):
    """Loads a module from given source text instead of its file."""

    def __init__(self, name: str, path: str, text: str) -> None:
        super().__init__(name, path)
        self.text = text

    def get_code(self, fullname: str) -> Any:
        """Compile the given source."""
        return compile(self.text, self.path, "exec", dont_inherit=True)


def example() -> Any:
    """Make a node that saved its result."""
    return torch.zeros(1, requires_grad=True).exp().grad_fn


def members(owner: type, name: str) -> dict[str, Any]:
    """Return the dict of the class that defines a name, also of an immutable C++ class."""
    kind = next(one for one in owner.__mro__ if name in vars(one))
    return next(one for one in gc.get_referents(vars(kind)) if isinstance(one, dict))


def change(owner: type, name: str, value: Any = None) -> None:
    """Delete a name from a class, or set another value."""
    inside = members(owner, name)
    kinds = [one for one in owner.__mro__ if name in vars(one)]
    del inside[name]
    if value is not None:
        inside[name] = value
    for kind in kinds:
        ctypes.pythonapi.PyType_Modified(ctypes.py_object(kind))


def remove(name: str) -> None:
    """Delete a name."""
    root, *parts = name.split(".")
    last = parts.pop()
    owner = reduce(getattr, parts, example() if root == "node" else importlib.import_module(root))
    owner = type(owner) if root == "node" else owner
    if isinstance(owner, type):
        change(owner, last)
    else:
        delattr(owner, last)


def other_order() -> None:
    """Make the garbage collector list the referents of dicts in reverse order."""
    get = gc.get_referents
    gc.get_referents = lambda *things: get(*things)[::-1]


def other_words(_: object) -> None:
    """Raise an error about a saved tensor with an unknown message, whatever its version."""
    raise RuntimeError("the tensor was written to")


CHANGED["gc.get_referents"] = other_order
CHANGED["node.name"] = lambda: change(type(example()), "name", lambda _: "Exponential")
CHANGED["node._saved_result"] = lambda: change(type(example()), "_saved_result", property(other_words))

CASES = (NONE, *RENAMED, *REMOVED, *(f"{name} is another" for name in CHANGED))
"""All cases; each runs in its own process."""


def arrange(case: str) -> None:
    """Make a name missing, or make it behave differently."""
    if case in RENAMED:
        sys.meta_path.insert(0, Renamer(RENAMED[case], case.rpartition(".")[2]))
    elif case in REMOVED:
        remove(case)
    elif case != NONE:
        CHANGED[case.removesuffix(" is another")]()


def run() -> dict[str, Any]:
    """Run the notebook; return errors, changes, status and faults."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.xmode = "Minimal"
    shell = InteractiveShell.instance(config=config)
    shell.run_line_magic("load_ext", "tensorwatch")
    import ipy_tensorwatch
    from ipy_tensorwatch.core.runtime.capability import CAPABILITIES
    from ipy_tensorwatch.core.runtime.guard import GUARD
    from ipy_tensorwatch.render.wording.own_state import SWITCHED_OFF

    ipy_tensorwatch.widget()
    outcomes, changed, unread = [], [], []
    for cell in CELLS:
        result = shell.run_cell(cell, store_history=True)
        try:
            result.raise_error()
            outcomes.append("")
        except BaseException as error:
            outcomes.append(f"{type(error).__name__}: {error}")
        report = ipy_tensorwatch.report()
        changed.append([f"{one.path} {one.cause}" for one in report.changes if one.kind == "mutated"])
        unread += [one.why for one in report.coverage.unverified if "while reading" in one.why]
    with redirect_stdout(io.StringIO()) as status:
        shell.run_cell("%tensorwatch status", store_history=True)
    lost = {
        need: SWITCHED_OFF[one.lost] if one.lost else ""
        for one in CAPABILITIES.values()
        if not one.works
        for need in one.needs
    }
    faults = [one.text for one in GUARD.faults]
    shell.run_line_magic("unload_ext", "tensorwatch")
    return {
        "outcomes": outcomes,
        "changed": changed,
        "unread": unread,
        "status": " ".join(status.getvalue().split()),
        "lost": lost,
        "faults": faults,
    }


def tell(case: str) -> dict[str, Any]:
    """Run one case; return its outcome, or the traceback if it failed."""
    try:
        arrange(case)
        with redirect_stdout(io.StringIO()):
            told = run()
    except BaseException:
        told = {"failed": traceback.format_exc()}
    return {"case": case, **told}


def main() -> None:
    """Run each case in a forked process; cases that rename in a library come first, before it is imported."""
    torch.set_num_threads(1)
    for name in (*SHARED, "torch._dynamo"):  # else each process imports them
        importlib.import_module(name)
    for room in ("core", "render"):  # the rooms in which no private name is looked up when they are imported
        for path in sorted((PACKAGE / room).rglob("*.py")):
            if path.parent.name != "runtime":
                importlib.import_module(".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts))
    run_cases(RENAMED)
    for name in ("IPython.core.interactiveshell", "anywidget"):  # once for all further cases
        importlib.import_module(name)
    run_cases(case for case in CASES if case not in RENAMED)


def run_cases(cases: Iterable[str]) -> None:
    """Print the outcome of each case as a line of JSON; two run at a time."""
    with get_context("fork").Pool(2, no_output, maxtasksperchild=1) as pool:
        for told in pool.imap_unordered(tell, cases, chunksize=1):
            print(json.dumps(told), flush=True)


def no_output() -> None:
    """Print nothing in this process."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


if __name__ == "__main__":
    main()
