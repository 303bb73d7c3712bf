"""Which of the user's code resizes NumPy arrays in place: NumPy refuses that for an array that we refer to weakly."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, cast

from ...capture.objects.containers import FOREIGN
from ...capture.objects.inspect_object import columns_of, is_a, kinds_of, module_of, text_of, value_at
from ...capture.runtime.library_files import is_library_file
from ...core.runtime.record import field, mutable
from ...core.syntax.parsing import may_resize

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_OURS = str(Path(__file__).parents[2])
_LIBRARIES = FOREIGN | sys.stdlib_module_names | {"torch"}
FEW = 32
"""Up to this many files of the user's, all are asked before the variables are."""
_IMPORTED = re.compile(r"^\s*(?:import|from)\s+(\w+)", re.MULTILINE)


@mutable
class ResizingCode:
    """Knows whether functions of the notebook, and the modules that the user wrote, resize arrays.

    Attributes
    ----------
    functions
        Whether a cell that defines functions or classes does.
    _users, _reached
        The files of all imported modules of the user's, and of those that variables lead to. They are found again once
        another module was imported, and once variables lead to other modules.
    """

    functions: bool = False
    _imported: tuple[int, str] = (0, "")
    _users: list[str] = field(default_factory=list)
    _homes: frozenset[str] = frozenset()
    _reached: list[str] = field(default_factory=list)
    _files: dict[str, tuple[int, bool]] = field(default_factory=dict)

    def note(self, source: str) -> None:
        """Add the source of a cell that defines functions or classes."""
        self.functions = self.functions or may_resize(source)

    def may_run(self, source: str, variables: dict[str, object]) -> bool:
        """Return whether a cell may resize an array, itself or by what it calls; libraries are taken not to.

        Parameters
        ----------
        variables
            The user's: the modules that these lead to are those that a cell can call.
        """
        return (
            self.functions
            or may_resize(source)
            or self._is_in_modules(variables)
            or any(map(_is_new, _IMPORTED.findall(source)))
        )

    def _is_in_modules(self, variables: dict[str, object]) -> bool:
        imported = len(sys.modules), next(reversed(sys.modules), "")
        if imported != self._imported:
            self._imported, self._users = imported, _users_files()
        if len(self._users) <= FEW and not any(map(self._resizes, self._users)):
            return False
        homes = _homes_of(columns_of(variables)[1])
        if homes != self._homes:
            self._homes, self._reached = homes, _files_reached(homes)
        return any(map(self._resizes, self._reached))

    def _resizes(self, path: str) -> bool:
        """Return whether a file resizes arrays; it is read again once it was changed."""
        try:
            changed, found = Path(path).stat().st_mtime_ns, self._files.get(path, (0, False))
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


def _users_files() -> list[str]:
    """Return the files of all imported modules that the user wrote."""
    modules = [(name, one) for name, one in [*sys.modules.items()] if type(one) is ModuleType]
    return [path for name, one in modules if (path := _users_file(name, one)) is not None]


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
    path = None if name.partition(".")[0] in _LIBRARIES else value_at(vars(module), "__file__")
    return path if type(path) is str and path.endswith(".py") and _is_users(path) else None


def _is_users(path: str) -> bool:
    return not path.startswith(_OURS) and not is_library_file(path)


def _is_new(name: str) -> bool:
    """Return whether a module that was not imported yet is the user's own."""
    if name in sys.modules:
        return False
    places = [Path(one or ".") for one in sys.path if type(one) is str and _is_users(str(Path(one or ".").absolute()))]
    return any((place / f"{name}.py").is_file() or (place / name).is_dir() for place in places)
