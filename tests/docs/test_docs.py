"""What the documentation shows is what the tool does, and what it names is there."""

from __future__ import annotations

import ast
import inspect
import re
import struct
from itertools import zip_longest
from pathlib import Path

import pytest

from docs.make.__main__ import MAKERS, PAGES, PICTURE, TABLES
from docs.make.compare import columns
from docs.make.picture import make_picture
from docs.make.sessions import SESSION, Shown, read_session
from docs.make.tables import fill
from docs.make.texts import texts
from ipy_tensorwatch import unload_ipython_extension
from ipy_tensorwatch.panel import feed
from ipy_tensorwatch.shell.ipython.magic_options import watch_parser
from ipy_tensorwatch.shell.ipython.settings import TensorWatch
from tests.support.notebook import Notebook, Ran

ROOT = Path(__file__).parents[2]
SHOWN = re.compile(r"!\[.*?\]\(([^)\s]+)\)|(?:src|srcset)=\"([^\"]+)\"")
LINK = re.compile(r"\[[^\]]*\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")

IMAGES = {
    "panel.png": 250_000,
    "panel-dark.png": 250_000,
    "panel-details.png": 100_000,
    "panel-details-dark.png": 100_000,
    "panel.gif": 600_000,
}
"""The pictures of the panel, and how many bytes a page can afford for each."""


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def shown_in(page: Path) -> list[str]:
    """Return the pictures of a page, in Markdown or in HTML."""
    return [first or second for first, second in SHOWN.findall(text_of(page))]


def size_of(image: bytes) -> tuple[int, int]:
    """Read width and height from the head of a PNG or a GIF."""
    return struct.unpack_from("<HH", image, 6) if image.startswith(b"GIF") else struct.unpack_from(">II", image, 16)


def sessions() -> list[object]:
    return [
        pytest.param(read_session(text), id=f"{page.stem}-{number}")
        for page in PAGES
        for number, text in enumerate(SESSION.findall(text_of(page)))
    ]


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip("\n").splitlines() if line.strip()]


def lines_of(one: Ran) -> list[str]:
    """Give the lines under a cell, of a traceback the last one alone."""
    if one.error is None:
        return lines(one.stdout)
    return [f"{type(one.error).__name__}: {one.error}".split("\n")[0], *lines(one.told)]


def written_out(shown: list[str], seen: list[str]) -> list[str]:
    """Write out the lines that a page cuts short with an ellipsis."""
    pairs = zip_longest(shown, seen[: len(shown)], fillvalue="")
    return [whole if one[-1:] == "…" and whole.startswith(one[:-1]) else one for one, whole in pairs]


@pytest.mark.parametrize("cells", sessions())
def test_a_session_prints_what_is_shown(cells: list[Shown]):
    with Notebook("tensorwatch", watched=False, tracebacks="Context") as shell:
        printed = [shell.cell(cell.source) for cell in cells]
        unload_ipython_extension(shell.shell)  # whichever name the session loaded it under

    seen = [lines_of(one) for one in printed]
    assert [written_out(lines(cell.shown), one) for cell, one in zip(cells, seen, strict=True)] == seen


def test_the_readme_shows_a_session():
    assert [session.count("silent change") for session in SESSION.findall(text_of(PAGES[0]))] == [1, 1]


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_what_the_code_says(name: str):
    text = text_of(ROOT / "docs" / f"{name}.md")

    assert fill(text, name, TABLES[name]()) == text, "make docs"


def test_the_picture_shows_what_tensorwatch_says():
    def told(picture: str) -> list[list[str]]:
        return columns("\n".join(re.findall(r"<desc>(.*?)</desc>", picture, re.DOTALL)))

    stored, fresh = text_of(PICTURE), make_picture()

    assert told(stored) == told(fresh), "make docs"
    assert len(told(stored)) > 1


def test_everything_that_is_made_has_a_maker():
    assert set(MAKERS) == {"tables", "sessions", "picture", "demo", "pictures"}


@pytest.mark.parametrize(("name", "most"), IMAGES.items())
def test_a_picture_of_the_panel_is_sharp_and_small(name: str, most: int):
    image = (ROOT / "docs" / name).read_bytes()
    width, height = size_of(image)

    assert 700 <= width <= 2400
    assert 600 <= height <= 1600
    assert 10_000 < len(image) < most


def test_every_picture_is_shown_and_every_shown_picture_is_there():
    shown = {(page.parent / name).resolve() for page in PAGES for name in shown_in(page)}

    assert {path.resolve() for path in (ROOT / "docs").iterdir() if path.suffix in (".png", ".gif", ".svg")} == shown


def test_the_readme_begins_with_the_panel():
    assert shown_in(PAGES[0])[:2] == ["docs/panel-dark.png", "docs/panel.png"]


def test_every_message_of_the_panel_is_explained():
    explained = re.split("From the kernel:", text_of(ROOT / "docs" / "protocol.md"))
    asked, told = (re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE) for part in explained)

    assert list(feed._COMMANDS) == asked
    assert set(re.findall(r'\{"kind": "(\w+)"', inspect.getsource(feed))) == set(told)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_leads_somewhere(page: Path):
    for target, anchor in LINK.findall(text_of(page)):
        file = page.parent / target if target else page
        assert file.exists(), target
        if anchor:
            heads = re.findall(r"^#+ (.+)$", text_of(file), re.MULTILINE)
            named = re.findall(r'<a id="([^"]+)">', text_of(file))
            assert anchor in named + [re.sub(r"[^\w -]", "", head).lower().replace(" ", "-") for head in heads]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_setting_that_is_named_is_there(page: Path):
    named = re.findall(r"c\.TensorWatch\.(\w+)", text_of(page))

    assert set(named) <= set(TensorWatch.class_traits(config=True))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_python_example_is_python(page: Path):
    for block in re.findall(r"^```python\n(.*?)^```$", text_of(page), re.MULTILINE | re.DOTALL):
        ast.parse("\n".join("pass" if line.startswith("%") else line for line in block.splitlines()))


def test_the_readme_names_every_command():
    commands = next(action.choices for action in watch_parser()._actions if action.dest == "command")
    table = "\n".join(line for line in text_of(PAGES[0]).splitlines() if line.startswith("| `%"))

    assert [name for name in commands if not re.search(rf"\b{name}\b", table)] == []


def test_the_readme_says_which_command_answers_which_question():
    asked = re.findall(r"^\| [A-Z].*\? \| `%+(?:tensorwatch )?(\w+)", text_of(PAGES[0]), re.MULTILINE)

    assert asked == ["why", "blame", "history", "preview", "fix", "restore", "freeze", "tensordiff"]


def test_every_target_of_the_makefile_is_explained():
    targets = re.findall(r"^([a-z]+):.*## ", text_of(ROOT / "Makefile"), re.MULTILINE)
    explained = re.findall(r"^\| `make (\w+)` \|", text_of(ROOT / "docs" / "developing.md"), re.MULTILINE)

    assert sorted(explained) == sorted(set(targets) - {"help"})


def test_the_readme_says_both_commands_and_how_to_load():
    text = text_of(PAGES[0])

    assert all(one in text for one in ("make demo", "make test", "pip install", "%load_ext tensorwatch", "Microsoft"))


RIDDLES = re.compile(
    r"foretell|foretold|all the same|is spelled|none of|\bhand (it|them|the)\b|anew\b|for want of|no (text|list|dict|copy)$"
    r"|since it is watched|not named|called so|told by|no finite",
    re.IGNORECASE,
)
"""Turns of phrase that readers did not understand."""


def test_every_text_that_a_user_can_meet_is_in_plain_english():
    riddles = {file: [one for one in told if RIDDLES.search(one)] for file, told in texts().items()}

    assert {file: told for file, told in riddles.items() if told} == {}
