"""The settings, as traitlets: `c.TensorWatch.budget_share = 0.02` in an IPython config, or `%tensorwatch config`."""

from __future__ import annotations

from traitlets import Bool, Enum, Float, Int
from traitlets.config import Configurable


class TensorWatch(Configurable):
    """Settings of the watcher: times in seconds, sizes in bytes, shares as fractions of 1."""

    enabled = Bool(True, help="Watch cells: compare all tensors after each.").tag(config=True)
    block = Enum(
        ("auto", "whole", "line", "off"),
        "auto",
        help="What is shown under a cell: the `whole` report, one `line`, `off` for nothing, or `auto`: a line while "
        "the panel is visible, else all.",
    ).tag(config=True)
    preview = Bool(True, help="Tell the editor which tensors a cell would change silently, before it runs.").tag(
        config=True
    )
    probes = Bool(True, help="Compare between the statements of a cell, to find which one wrote.").tag(config=True)
    budget_floor = Float(0.010, min=0.0, help="Seconds that comparing bytes may take after any cell.").tag(config=True)
    budget_share = Float(
        0.005, min=0.0, max=1.0, help="Share of a cell's run time that comparing bytes may take in addition."
    ).tag(config=True)
    budget_limit = Float(1.0, min=0.0, help="Seconds that unspent budget may add up to.").tag(config=True)
    probe_floor = Float(
        0.005,
        min=0.0,
        help="Seconds that comparing between statements may take in a cell; 4 times as many in the first.",
    ).tag(config=True)
    probe_share = Float(0.001, min=0.0, max=1.0, help="Share of a cell's run time that this may take in addition.").tag(
        config=True
    )
    idle_share = Float(
        0.01,
        min=0.0,
        max=1.0,
        help="Share of the time between two cells that looking for writes from outside a cell may take.",
    ).tag(config=True)
    explain_floor = Float(0.2, min=0.0, help="Seconds that finding the line that wrote may take after any cell.").tag(
        config=True
    )
    explain_share = Float(
        0.1, min=0.0, max=1.0, help="Share of a cell's run time that finding it may take in addition."
    ).tag(config=True)
    history_length = Int(10_000, min=1, help="How many changes are kept for `%tensorwatch history` and `why`.").tag(
        config=True
    )
    restore_budget = Int(1 << 26, min=0, help="Bytes that the copies for `%tensorwatch restore` may take.").tag(
        config=True
    )
