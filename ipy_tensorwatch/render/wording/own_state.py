"""What is switched off without a private name, and what tensorwatch was doing when it failed, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SWITCHED_OFF: Mapping[str, str] = {
    "compiler-may-notice": "`torch.compile` may take code of tensorwatch for a part of yours",
    "cut-short-unseen": "the cell after one that was cut short may be missed",
    "gradient-needs-unknown": (
        "what gradients take of a saved tensor is not known: hazards are foretold that do no harm"
    ),
    "lazy-clone-copied": "a tensor that `torch._lazy_clone` made may be copied when it is looked at",
    "lines-inferred": "which line of a function wrote is inferred, not seen",
    "magics-stay": "after `%unload_ext`, the magics stay",
    "magics-stay-in-memory": "after `%unload_ext`, the magics stay in memory",
    "no-autograd-errors": (
        "errors of autograd are not explained, and a write in the cell that built a graph may be missed"
    ),
    "no-checkpoints": "what a checkpoint will compute with again is not watched",
    "no-errors-explained": "errors are not explained",
    "no-graphs": "no graph is followed: nothing is foretold of a backward, and its errors are not explained",
    "no-holders-counted": "`%tensorwatch why` does not count the tensors without a name that hold a storage",
    "no-lines-of-magics": "in code that a magic compiled, no line is named",
    "no-operators": (
        "operators are not recorded, and a write to frozen memory is undone after its cell instead of stopped"
    ),
    "no-saved-tensors": "what a graph saved is not watched: hardly anything is foretold of a backward",
    "no-saves-of-functions": "what a `torch.autograd.Function` of yours saved is not watched",
    "no-sparse-parts": "the indices and the values of a sparse tensor are not watched",
    "no-transform-told": "a tensor inside a `torch.func` transform is listed as unreadable, without the reason",
    "no-versions": "writes are found by comparing bytes alone, and no tensor can be frozen",
    "operators-without-tensors": "recorded operators are listed without the tensors that they wrote to",
    "prompts-stay": "below `%%tensordiff`, pasted prompts stay as they are",
    "said-later": "what is to be said under a cell with `clear_output` is said under the next cell",
    "settings-not-listed": "`%config` does not list the settings",
    "strangers-raise": "what is no message of the panel's raises in anywidget, which shows that below a cell",
    "subclass-may-notice": "a tensor subclass, or `torch.set_default_device`, may notice that its tensors are read",
    "view-may-make-node": (
        "a view of written memory is itself asked what computed it, for which PyTorch may make a new node"
    ),
}
"""What is disabled without a capability, as a clause, by `Capability.lost`."""
DOING: Mapping[str, str] = {
    "after-cell": "after a cell",
    "at-end": "at the end",
    "at-line": "at a line of a function",
    "at-start": "at the start",
    "before-cell": "before a cell",
    "before-clearing": "before output is cleared",
    "before-operator": "before an operator",
    "before-step": "before an optimizer's step",
    "between-statements": "between statements",
    "explaining-error": "explaining an error",
    "finding-hazards": "finding hazards",
    "finding-writer": "finding who wrote",
    "hearing-front-end": "hearing a front end",
    "keeping-copies": "keeping copies",
    "keeping-frozen": "keeping frozen tensors",
    "looking-at-variable": "looking at a variable",
    "reading-cell": "reading a cell",
    "reading-graphs": "reading graphs",
    "showing-report": "showing a report",
    "waking-probes": "waking probes",
}
"""What the guard was running, by `Fault.where`; a magic is its own name."""
