"""What is switched off without a private name, and what tensorwatch was doing when it failed, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SWITCHED_OFF: Mapping[str, str] = {
    "compiler-may-notice": "`torch.compile` may take code of tensorwatch for a part of yours",
    "cut-short-unseen": "the cell after one that was cut short may be missed",
    "gradient-needs-unknown": (
        "which gradients need a saved tensor is not known: hazards that do no harm are predicted too"
    ),
    "lazy-clone-copied": "a tensor that `torch._lazy_clone` made may be copied when it is looked at",
    "lines-inferred": "which line of a function wrote is inferred, not seen",
    "magics-stay": "after `%unload_ext`, the magics stay",
    "magics-stay-in-memory": "after `%unload_ext`, the magics stay in memory",
    "no-autograd-errors": (
        "errors of autograd are not explained, and a write in the cell that built a graph may be missed"
    ),
    "no-checkpoints": "the inputs with which a checkpoint computes again are not watched",
    "no-detached-named": "a backward that raises for a tensor detached in place is explained without its name",
    "no-errors-explained": "errors are not explained",
    "no-frames": "the columns of pandas' frames are not watched",
    "no-graphs": "graphs are not followed: no hazard of a backward is predicted, and its errors are not explained",
    "no-holders-counted": "`%tensorwatch why` does not count the tensors without a name that hold a storage",
    "no-lines-of-magics": "in code that a magic compiled, no line is named",
    "no-operators": (
        "operators are not recorded, and a write to frozen memory is undone after its cell instead of stopped"
    ),
    "no-saved-tensors": "saved tensors are not watched: few hazards of a backward are predicted",
    "no-saves-of-functions": "what a `torch.autograd.Function` of yours saves is not watched",
    "no-sparse-parts": "the indices and the values of a sparse tensor are not watched",
    "no-transform-told": "a tensor inside a `torch.func` transform is listed as unreadable, without the reason",
    "no-trials": "no fix is tried on copies, so none is called safe",
    "no-versions": "writes are found by comparing bytes alone, and no tensor can be frozen",
    "operators-without-tensors": "recorded operators are listed without the tensors that they wrote to",
    "prompts-stay": "below `%%tensordiff`, pasted prompts stay as they are",
    "said-later": "what belongs under a cell with `clear_output` is shown under the next cell",
    "settings-not-listed": "`%config` does not list the settings",
    "strangers-raise": "an unknown message raises an error in anywidget, which shows it below a cell",
    "subclass-may-notice": "a tensor subclass, or `torch.set_default_device`, may notice that its tensors are read",
    "view-may-make-node": ("reading the graph of a view may make PyTorch create a new node"),
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
    "comparing-devices": "comparing the memory of devices",
    "between-statements": "between statements",
    "explaining-error": "explaining an error",
    "finding-hazards": "finding hazards",
    "finding-fix": "finding what mends it",
    "finding-writer": "finding who wrote",
    "hearing-front-end": "hearing a front end",
    "joining-ranks": "joining the reports of the ranks",
    "keeping-copies": "keeping copies",
    "keeping-frozen": "keeping frozen tensors",
    "looking-at-variable": "looking at a variable",
    "previewing": "previewing a cell",
    "reading-cell": "reading a cell",
    "reading-graphs": "reading graphs",
    "showing-report": "showing a report",
    "telling-client": "telling the client of the ranks",
    "trying-fix": "trying a fix",
    "waking-probes": "waking probes",
}
"""What the guard was running, by `Fault.where`; a magic is its own name."""
