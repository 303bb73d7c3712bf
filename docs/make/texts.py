"""List every text that a user can meet, by the file that holds it: `python -m docs.make.texts`.

Read the list as a stranger would: each text should be clear without the code around it.
"""

from __future__ import annotations

import ast
import json
import re
from typing import TYPE_CHECKING

from .kernel import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PACKAGE, FRONT_END = ROOT / "ipy_tensorwatch", ROOT / "js"
SENTENCES = ("render/wording", "render/pages", "render/paint/text.py", "shell", "__init__.py")
"""Where every string of several words is shown; elsewhere, only these arguments are."""
SHOWN = ("help", "lost")

_LITERAL = re.compile(r'"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`|>([^<>{}=;]+)<')
_COMMENT = re.compile(r"/\*.*?\*/|^\s*//.*?$", re.DOTALL | re.MULTILINE)
_SENTENCE = re.compile(r"[A-Za-z]{2,}[^A-Za-z]* [^ ]|^[A-Z][a-z]+\b")


def texts() -> dict[str, list[str]]:
    """Return the texts of each file, in its order."""
    found = {_name(path): list(_of_python(path)) for path in sorted(PACKAGE.rglob("*.py"))}
    for path in sorted((FRONT_END / "src").rglob("*.ts*")):
        found[_name(path)] = list(_of_script(path.read_text("utf-8")))
    schema = json.loads((FRONT_END / "schemas/plugin.json").read_text("utf-8"))
    settings = [*schema["properties"].values(), schema]
    found["js/schemas/plugin.json"] = [one[key] for one in settings for key in ("title", "description")]
    return {name: list(dict.fromkeys(told)) for name, told in found.items() if told}


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _of_python(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text("utf-8"))
    inner = path.relative_to(PACKAGE).as_posix()
    hidden = set(map(id, _docstrings(tree)))
    for node in _shown(tree) if not inner.startswith(SENTENCES) else [tree]:
        yield from (text for text in _strings(node, hidden) if _SENTENCE.search(text))


def _docstrings(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        for one in getattr(node, "body", ()) if not isinstance(node, ast.Lambda | ast.IfExp) else ():
            if isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant):
                yield one.value


def _shown(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg in SHOWN:
            yield node.value


def _strings(node: ast.AST, hidden: set[int]) -> Iterator[str]:
    """Yield the strings in a node; what is filled in stands between braces."""
    if isinstance(node, ast.JoinedStr):
        yield "".join(
            str(one.value) if isinstance(one, ast.Constant) else f"{{{ast.unparse(one.value)}}}"
            for one in node.values
            if isinstance(one, ast.Constant | ast.FormattedValue)
        )
        parts = [one.value for one in node.values if isinstance(one, ast.FormattedValue)]
    elif isinstance(node, ast.Constant):
        if isinstance(node.value, str) and id(node) not in hidden:
            yield node.value
        return
    else:
        parts = [*ast.iter_child_nodes(node)]
    for part in parts:
        yield from _strings(part, hidden)


def _of_script(source: str) -> Iterator[str]:
    for found in _LITERAL.finditer(_COMMENT.sub("", source)):
        text = " ".join((found[1] or found[2] or found[3] or "").split())
        if _SENTENCE.search(text):
            yield text


if __name__ == "__main__":
    for file, told in texts().items():
        print(file, *told, sep="\n  ")  # noqa: T201  (its output)
