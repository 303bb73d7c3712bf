"""The house stands as it was drawn: the direction of imports, what an import costs, and how large a piece may be."""

from __future__ import annotations

import ast
import doctest
import importlib
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "ipy_tensorwatch"
MODULES = sorted(PACKAGE.rglob("*.py"))
CORE = sorted((PACKAGE / "core").rglob("*.py"))

MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 60


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def run_fresh(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program in an interpreter that has imported nothing yet, and in which this tree's package is the first."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), *arguments],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_imports_keep_to_the_floors_of_the_house():
    pytest.importorskip("importlinter")  # one of the linters, which the tests do without

    finished = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint(['--no-cache'])"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert " 0 broken" in finished.stdout


def test_core_imports_where_neither_torch_nor_ipython_can_be():
    finished = run_fresh(
        """
        import importlib, sys

        class Blocker:
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] in {"torch", "IPython", "ipykernel", "traitlets", "xxhash"}:
                    raise ModuleNotFoundError(f"{name} is not for the ground floor")

        sys.meta_path.insert(0, Blocker())
        for name in sys.argv[1:]:
            importlib.import_module(name)
        """,
        *map(dotted, CORE),
    )

    assert finished.returncode == 0, finished.stderr


@pytest.mark.parametrize("name", ["ipy_tensorwatch", "tensorwatch"])
def test_the_front_door_imports_neither_torch_nor_ipython(name: str):
    finished = run_fresh(
        """
        import importlib, sys

        importlib.import_module(sys.argv[1])
        print(*sorted({"torch", "IPython", "numpy", "traitlets", "xxhash"} & sys.modules.keys()))
        """,
        name,
    )

    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.split() == []


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_no_module_is_too_long_to_read_at_once(path: Path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_MODULE_LINES


def lengths(tree: ast.Module) -> dict[str, int]:
    """Count the lines of every function, from `def` to its end, without the docstring."""
    counted = {}
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0]
            documented = ast.get_docstring(node) is not None
            docstring = first.end_lineno - first.lineno + 1 if documented else 0
            counted[f"{node.name}, line {node.lineno}"] = node.end_lineno - node.lineno + 1 - docstring
    return counted


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_no_function_is_too_long_to_read_at_once(path: Path):
    tree = ast.parse(path.read_text(encoding="utf-8"))

    assert {name: n for name, n in lengths(tree).items() if n > MAX_FUNCTION_LINES} == {}


@pytest.mark.parametrize("path", CORE, ids=relative)
def test_examples_in_the_docstrings_of_core_are_true(path: Path):
    assert doctest.testmod(importlib.import_module(dotted(path))).failed == 0
