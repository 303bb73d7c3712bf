"""The rules of the house: the direction of imports, what an import costs, how large a piece may be, and its names."""

from __future__ import annotations

import ast
import collections.abc
import doctest
import importlib
import numbers
import os
import re
import subprocess
import sys
import textwrap
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ipy_tensorwatch.render.wording.own_state import DOING, SWITCHED_OFF
from ipy_tensorwatch.render.wording.text_width import width

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "ipy_tensorwatch"
MODULES = sorted(PACKAGE.rglob("*.py"))

MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 60


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


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


def test_core_and_render_import_where_neither_torch_nor_ipython_can_be():
    finished = run_fresh(
        """
        import importlib, sys

        class Blocker:
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] in {"torch", "IPython", "ipykernel", "traitlets", "xxhash"}:
                    raise ModuleNotFoundError(f"{name} is not for the lower floors")

        sys.meta_path.insert(0, Blocker())
        for name in sys.argv[1:]:
            importlib.import_module(name)
        """,
        *(dotted(path) for room in ("core", "render") for path in sorted((PACKAGE / room).rglob("*.py"))),
    )

    assert finished.returncode == 0, finished.stderr


def test_the_front_doors_import_neither_torch_nor_ipython():
    finished = run_fresh(
        """
        import sys
        import ipy_tensorwatch, tensorwatch

        print(*sorted({"torch", "IPython", "numpy", "traitlets", "xxhash"} & sys.modules.keys()))
        """
    )

    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.split() == []


def test_loading_imports_nothing_that_only_previews_need():
    finished = run_fresh(
        """
        import sys
        import ipy_tensorwatch.shell.extension

        print(*sorted(name for name in sys.modules if name.startswith("ipy_tensorwatch.core.preview")))
        """
    )

    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.split() == []


SENTENCE = re.compile(r"[A-Za-z']+(?: [A-Za-z']+){2}")
"""Three words in a row."""
NO_SENTENCES = "core/explain/error_messages.py", "core/syntax/torch_vocabulary.py"
"""The messages that PyTorch prints, and lists of words."""


def test_only_render_has_sentences():
    rooms = [path for room in ("core", "capture") for path in sorted((PACKAGE / room).rglob("*.py"))]
    told = {
        f"{relative(path)}:{line}: {text}"
        for path in rooms
        if not relative(path).endswith(NO_SENTENCES)
        for line, text in texts_in(parse(path))
        if SENTENCE.search(text) and not set(text) & set("()[]=|%\n")  # code
    }

    assert set() == told


def test_our_own_texts_need_no_tables_of_widths(monkeypatch):
    """Importing these takes longer than all else that the first block takes."""
    monkeypatch.setitem(sys.modules, "wcwidth", None)
    texts = [text for path in (PACKAGE / "render").rglob("*.py") for _, text in texts_in(parse(path))]
    told = {letter for text in texts for letter in text if letter.isprintable() and not letter.isascii()}

    assert "Δ" in told
    assert [width(letter) for letter in told] == [1] * len(told)


def test_classes_of_values_are_made_by_our_own_decorators():
    """Those of the standard library compile all methods at once: half of the time of loading."""
    imports = ((path, one) for path in MODULES for one in ast.walk(parse(path)) if isinstance(one, ast.ImportFrom))
    users = {relative(path) for path, one in imports if "dataclass" in [each.name for each in one.names]}

    assert users == {"ipy_tensorwatch/core/runtime/record.py"}


def test_no_abstract_class_is_asked():
    """It would ask its subclasses in turn, and so run the metaclass of one that the user has defined."""
    calls = [(path, one) for path in MODULES for one in ast.walk(parse(path)) if isinstance(one, ast.Call)]
    abstract = {*dir(collections.abc), *dir(numbers), "PathLike"} - {*dir(ast), "Set"}
    asked = {
        f"{relative(path)}:{one.lineno}"
        for path, one in calls
        for name in [ast.unparse(one.func).rpartition(".")[2]]
        if (name == "Counter" and one.args)
        or (
            name in {"isinstance", "issubclass"} and not abstract.isdisjoint(re.split(r"\W+", ast.unparse(one.args[1])))
        )
    }

    assert set() == asked


def test_every_capability_and_every_action_of_ours_has_its_words():
    calls = [one for path in MODULES for one in ast.walk(parse(path)) if isinstance(one, ast.Call) and one.args]
    named = {name: [one for one in calls if ast.unparse(one.func).startswith(name)] for name in ("GUARD.", "take")}
    lost = {
        one.value.value
        for call in named["take"]
        for one in call.keywords
        if one.arg == "lost" and isinstance(one.value, ast.Constant)
    }
    doing = {call.args[0].value for call in named["GUARD."] if isinstance(call.args[0], ast.Constant)}

    assert lost - {""} <= SWITCHED_OFF.keys()
    assert doing <= DOING.keys()
    assert len(lost) > 15 < len(doing)


def texts_in(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the lines and the texts of a module, without docstrings; `…` stands for what a formatted text fills in."""
    described = {id(one.value) for one in ast.walk(tree) if isinstance(one, ast.Expr)}
    parts = {id(part) for one in ast.walk(tree) if isinstance(one, ast.JoinedStr) for part in one.values}
    for one in ast.walk(tree):
        if isinstance(one, ast.JoinedStr):
            yield one.lineno, "".join(part.value if isinstance(part, ast.Constant) else "…" for part in one.values)
        elif isinstance(one, ast.Constant) and isinstance(one.value, str) and id(one) not in described | parts:
            yield one.lineno, one.value


def test_no_module_is_too_long_to_read_at_once():
    lines = {relative(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}

    assert {path: n for path, n in lines.items() if n > MAX_MODULE_LINES} == {}


def test_no_function_is_too_long_to_read_at_once():
    lines = {f"{relative(path)}: {name}": n for path in MODULES for name, n in lengths(parse(path))}

    assert {name: n for name, n in lines.items() if n > MAX_FUNCTION_LINES} == {}


def lengths(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Count the lines of every function, from `def` to its end, without the docstring."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0]
            documented = ast.get_docstring(node) is not None
            docstring = first.end_lineno - first.lineno + 1 if documented else 0
            yield f"{node.name}, line {node.lineno}", node.end_lineno - node.lineno + 1 - docstring


def test_every_file_that_the_documentation_names_is_there():
    there = {
        relative(path) for one in ("ipy_tensorwatch", "tests", "trials", "docs") for path in (ROOT / one).rglob("*.py")
    }
    there |= {one.removeprefix("ipy_tensorwatch/") for one in there}
    there |= {path.rpartition("/")[2] for path in there} | {path.name for path in ROOT.glob("*.py")}
    pages = {path: path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"))}
    named = {one for text in pages.values() for one in re.findall(r"`([\w/]+/[\w/]*\.py|[a-z_]+\.py)`", text)}

    assert sorted(named - there) == []


def test_no_two_files_have_one_name():
    names = Counter(path.name for path in MODULES if path.name != "__init__.py")

    assert [name for name, n in names.items() if n > 1] == []


def test_no_public_name_has_two_meanings():
    front_door = {*public_names(PACKAGE / "__init__.py")}  # each stands for what is inside
    places = defaultdict(set)
    for path in MODULES:
        for name in public_names(path):
            places[name].add(relative(path))

    assert {n: p for n, p in places.items() if len(p) > 1 and n not in front_door} == {}


def public_names(path: Path) -> Iterator[str]:
    """Give the classes, functions and type aliases of a module, those for type checkers alone included."""
    body = parse(path).body
    inside = [one for node in body if isinstance(node, ast.If) for one in node.body]
    for node in [*body, *inside]:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            name = node.name
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id if not node.targets[0].id.isupper() and node.targets[0].id[0].isupper() else "_"
        else:
            continue
        if name[0] != "_":
            yield name


def test_the_examples_in_docstrings_are_true(capsys: pytest.CaptureFixture[str]):
    failed = [
        dotted(path)
        for path in MODULES
        if ">>> " in path.read_text(encoding="utf-8")
        and doctest.testmod(importlib.import_module(dotted(path))).failed > 0
    ]

    assert failed == [], capsys.readouterr().out


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
