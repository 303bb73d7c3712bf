"""The only home of IPython's private names: each is tried at load, and has a stand-in where it is missing."""

from __future__ import annotations

from operator import attrgetter
from textwrap import dedent
from typing import TYPE_CHECKING, Any, NamedTuple

import IPython

from ...core.host.capability import take

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import ExecutionResult, InteractiveShell

_COUNTS_FIRST = IPython.version_info >= (9,)
"""Whether a cell is counted before its hooks run."""


class _Name(NamedTuple):
    """An attribute of a shell, dotted."""

    path: str
    kind: type
    instead: Any
    lost: str

    def of(self, shell: InteractiveShell) -> Any:  # noqa: ANN401
        """Read it; the stand-in where it is missing, or something else."""
        try:
            found = attrgetter(self.path)(shell)
        except AttributeError:
            return self.instead
        return found if isinstance(found, self.kind) else self.instead

    def check(self, found: object) -> None:
        """Raise where it is something else."""
        if not isinstance(found, self.kind):
            raise TypeError


_expected_files: dict[str, int] = {}
"""The file names of cells since we were loaded, worked out by `expect_file` where IPython's own cannot be read."""
FILES = _Name("compile._filename_map", dict, _expected_files, "in code that a magic compiled, no line is named")
_INPUTS = _Name("history_manager.input_hist_parsed", list, None, "")
HIDDEN = _Name("user_ns_hidden", dict, frozenset({"In", "Out", "exit", "get_ipython", "open", "quit"}), "")
LAST_RESULT = _Name("last_execution_result", object, None, "the cell after one that was cut short may be missed")
MAGICS = _Name("magics_manager.magics", dict, {}, "after `%unload_ext`, the magics stay")
REGISTRY = _Name("magics_manager.registry", dict, {}, "after `%unload_ext`, the magics stay in memory")
CONFIGURABLES = _Name("configurables", list, [], "`%config` does not list the settings")

tidying: tuple[Callable[[list[str]], list[str]], ...] = take(
    "IPython.core.inputtransformer2.leading_indent",
    "IPython.core.inputtransformer2.classic_prompt",
    "IPython.core.inputtransformer2.ipython_prompt",
    lost="below `%%tensordiff`, pasted prompts stay as they are",
    make=lambda *found: found,
    instead=(lambda lines: dedent("".join(lines)).splitlines(keepends=True),),
)
"""How IPython takes off a cell's indentation and pasted prompts."""
take(
    "IPython.core.interactiveshell.ExecutionResult.error_in_exec",
    lost="errors are not explained",
    make=lambda _: None,
    instead=None,
)


def try_names(shell: InteractiveShell) -> None:
    """Try all names on a shell."""
    for one in (FILES, _INPUTS, HIDDEN, LAST_RESULT, MAGICS, REGISTRY, CONFIGURABLES):
        take(f"shell.{one.path}", lost=one.lost, make=one.check, instead=None, roots={"shell": shell})


def expect_file(shell: InteractiveShell, raw: str, transformed: str, count: int) -> None:
    """Work out the file name of a cell that is about to run."""
    if FILES.of(shell) is _expected_files:
        _expected_files[shell.compile.get_code_name(raw, transformed, count)] = count


def count_ahead(shell: InteractiveShell, *, is_stored: bool) -> int:
    """Return the count of a cell that is about to run; IPython 9 has counted on by then, IPython 8 has not."""
    count, inputs = int(shell.execution_count), _INPUTS.of(shell)
    has_counted = _COUNTS_FIRST if inputs is None else len(inputs) < count
    return count - 1 if is_stored and has_counted else count


def count_now(shell: InteractiveShell) -> int:
    """Return the count of the cell that runs or ran last: as many as the history has inputs; 0 before the first."""
    inputs = _INPUTS.of(shell)
    return int(shell.execution_count) - 1 if inputs is None else len(inputs) - 1


def error_of(result: ExecutionResult | None) -> BaseException | None:
    """Return what a cell raised while it ran."""
    return getattr(result, "error_in_exec", None)


def set_error(result: ExecutionResult, error: BaseException) -> None:
    """Make an error that of a cell that has run."""
    result.error_in_exec = error
