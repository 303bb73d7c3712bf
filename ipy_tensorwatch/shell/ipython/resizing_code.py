"""Which of the user's code resizes NumPy arrays in place: NumPy refuses that for an array that we refer to weakly."""

from __future__ import annotations

import re
import sys
import sysconfig
from pathlib import Path
from types import ModuleType

from ...capture.objects.containers import FOREIGN
from ...capture.objects.inspect_object import attribute
from ...core.host.record import field, mutable
from ...core.syntax.parsing import may_resize

_LIBRARIES = (*map(sysconfig.get_path, ("stdlib", "purelib", "platlib")), str(Path(__file__).parents[2]))
_PACKAGES = ("site-packages", "dist-packages")
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
    _modules: set[str] = field(default_factory=set)
    _files: dict[str, tuple[int, bool]] = field(default_factory=dict)

    def note(self, source: str) -> None:
        """Add the source of a cell that defines functions or classes."""
        self.functions = self.functions or may_resize(source)

    def may_run(self, source: str) -> bool:
        """Return whether a cell may resize an array, itself or by what it calls; libraries are taken not to."""
        return (
            self.functions
            or may_resize(source)
            or self._is_in_modules()
            or any(map(_is_new, _IMPORTED.findall(source)))
        )

    def _is_in_modules(self) -> bool:
        if len(sys.modules) != len(self._modules):
            modules = dict.copy(sys.modules)
            for name in modules.keys() - self._modules:
                if (path := _users_file(name, modules[name])) is not None:
                    self._files.setdefault(path, (0, False))
            self._modules = {*modules}
        return any(map(self._resizes, [*self._files]))

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


def _users_file(name: str, module: object) -> str | None:
    """Return the file of a module that the user wrote; None for others."""
    if type(name) is not str or name.partition(".")[0] in FOREIGN:
        return None
    path = vars(module).get("__file__") if type(module) is ModuleType else attribute(module, "__file__")
    return path if type(path) is str and path.endswith(".py") and _is_users(path) else None


def _is_users(path: str) -> bool:
    return not path.startswith(_LIBRARIES) and not any(one in path for one in _PACKAGES)


def _is_new(name: str) -> bool:
    """Return whether a module that was not imported yet is the user's own."""
    if name in sys.modules:
        return False
    places = [Path(one or ".") for one in sys.path if type(one) is str and _is_users(str(Path(one or ".").absolute()))]
    return any((place / f"{name}.py").is_file() or (place / name).is_dir() for place in places)
