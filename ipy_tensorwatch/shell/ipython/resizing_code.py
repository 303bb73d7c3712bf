"""Which of the user's code resizes NumPy arrays in place: NumPy refuses that for an array that we refer to weakly."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, cast

from ...capture.host.library_files import is_library_file
from ...capture.objects.containers import FOREIGN
from ...capture.objects.inspect_object import columns_of, is_a, kinds_of, module_of, text_of, value_at
from ...core.host.record import field, mutable
from ...core.syntax.parsing import may_resize

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_OURS = str(Path(__file__).parents[2])
_REBINDS = re.compile(r"import|\bdel\b|get_ipython")
"""What a cell contains that binds a name to a module of the user's or to what is in one, or unbinds it."""
_IMPORTED = re.compile(r"^\s*(?:import|from)\s+(\w+)", re.MULTILINE)


@mutable
class ResizingCode:
    """Knows whether functions of the notebook, and the modules that the user wrote, resize arrays.

    Attributes
    ----------
    functions
        Whether a cell that defines functions or classes does.
    """

    functions: bool = False
    _files: dict[str, tuple[int, bool]] = field(default_factory=dict)
    _modules: int = 0
    _rebinds: bool = True

    def note(self, source: str) -> None:
        """Add the source of a cell that defines functions or classes."""
        self.functions = self.functions or may_resize(source)

    def may_run(self, source: str, variables: dict[str, object]) -> bool:
        """Return whether a cell that is about to run may resize an array, itself or by what it calls.

        Libraries are taken not to.

        Parameters
        ----------
        variables
            The user's: the modules that these lead to are those that a cell can call.
        """
        self._gather(variables)
        self._rebinds = _REBINDS.search(source) is not None
        return (
            self.functions
            or may_resize(source)
            or any(map(self._resizes, [*self._files]))
            or any(map(_is_new, _IMPORTED.findall(source)))
        )

    def _gather(self, variables: dict[str, object]) -> None:
        """Find the files that variables lead to, if a module was imported or the last cell may have bound one."""
        if self._rebinds or self._modules != len(sys.modules):
            self._modules = len(sys.modules)
            homes = _homes_of(columns_of(variables)[1])
            self._files = {path: self._files.get(path, (0, False)) for path in _files_reached(homes)}

    def _resizes(self, path: str) -> bool:
        """Return whether a file resizes arrays; it is read again once it was changed."""
        try:
            changed, found = Path(path).stat().st_mtime_ns, self._files[path]
            if found[0] != changed:
                source = Path(path).read_text(encoding="utf-8", errors="replace")
                found = self._files[path] = changed, may_resize(source, texts=False)
        except OSError:
            return False
        return found[1]


def _homes_of(values: Sequence[object]) -> frozenset[str]:
    """Return the names of the modules that values are, or were made in."""
    homes = [module_of(kind) for kind in kinds_of(values)]
    for one in values:
        if type(one) is ModuleType:
            homes.append(text_of(value_at(vars(one), "__name__")))
        elif type(one) is FunctionType:
            homes.append(text_of(one.__module__))
        elif is_a(type(one), type):
            homes.append(module_of(cast("type", one)))
    return frozenset(one for one in homes if one)


def _files_reached(homes: Iterable[str]) -> list[str]:
    """Return the files of the user's modules among some, and of those that these lead to."""
    seen, waiting, found = set[str](), [*homes], list[str]()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            module = sys.modules.get(name)
            if type(module) is ModuleType and (path := _users_file(name, module)) is not None:
                found.append(path)
                waiting += _homes_of(columns_of(vars(module))[1])
    return found


def _users_file(name: str, module: ModuleType) -> str | None:
    """Return the file of a module that the user wrote; None for others."""
    path = None if name.partition(".")[0] in FOREIGN else value_at(vars(module), "__file__")
    return path if type(path) is str and path.endswith(".py") and _is_users(path) else None


def _is_users(path: str) -> bool:
    return not path.startswith(_OURS) and not is_library_file(path)


def _is_new(name: str) -> bool:
    """Return whether a module that was not imported yet is the user's own."""
    if name in sys.modules:
        return False
    places = [Path(one or ".") for one in sys.path if type(one) is str and _is_users(str(Path(one or ".").absolute()))]
    return any((place / f"{name}.py").is_file() or (place / name).is_dir() for place in places)
