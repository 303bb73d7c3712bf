"""Nothing that a cell puts out is lost, moved or joined to ours: in a real kernel, and as a terminal shows it."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING, Any

import nbclient
import nbformat
import pytest
from IPython import version_info

if TYPE_CHECKING:
    from tests.support.notebook import Notebook

SETUP = """\
import asyncio, os, sys, threading, time
import ipywidgets, torch
from IPython.display import HTML, clear_output, display
x = torch.zeros(3)
y = x.detach()
def tick():
    print("tick")
    clear_output(wait=True)
def say(what, pause=0.05):
    time.sleep(pause)
    print(what)
def draw():
    display("figure")
def begin():
    one = threading.Thread(target=tick)
    one.start()
    one.join()"""

SHOWN_AT_ONCE = {
    "a clear that was carried out by a print": "for n in range(3):\n    clear_output(wait=True)\n    print(n, flush=True)\n    y[0] += 1",
    "by a display": "print('a')\nclear_output(wait=True)\ndisplay(HTML('<b>b</b>'))\ny[0] += 1",
    "by the result": "y[0] += 1\nprint('a')\nclear_output(wait=True)\n'result'",
    "by stderr": "y[0] += 1\nprint('a')\nclear_output(wait=True)\nsys.stderr.write('b');",
    "by an error": "y[0] += 1\nprint('a')\nclear_output(wait=True)\n1 / 0",
    "by a program's output": "y[0] += 1\nclear_output(wait=True)\nimport subprocess\nprint(subprocess.run(['echo', 'b'], capture_output=True).stdout)",
    "a clear at once": "y[0] += 1\nprint('a')\nclear_output(wait=True)\nclear_output()",
    "in a coroutine": "await asyncio.sleep(0.01)\nclear_output(wait=True)\nprint('a')\ny[0] += 1",
    "in an output that is captured": "%%capture out\ny[0] += 1\nprint('a')\nclear_output(wait=True)",
    "in a widget": "out = ipywidgets.Output()\ndisplay(out)\nprint('a')\nwith out:\n    print('b')\n    clear_output(wait=True)\ny[0] += 1",
    "a line without its end": "y[0] += 1\nprint('.', end='')\nsys.stdout.write('.')\nsys.stderr.write('.');",
    "a display that was updated": "y[0] += 1\nhandle = display('a', display_id=True)\nprint('b')\nhandle.update('c')",
    "a bar as text": "for n in range(5):\n    sys.stderr.write(f'\\r{n * 20}% ')\n    y[0] += 1",
    "a bar as a widget": "bar = ipywidgets.IntProgress(max=3)\ndisplay(ipywidgets.HBox([bar]))\nfor n in range(3):\n    bar.value = n\n    y[0] += 1",
    "what is drawn when the cell has run": "get_ipython().events.register('post_execute', draw)\nclear_output(wait=True)\ny[0] += 1",
    "the same, drawn no more": "get_ipython().events.unregister('post_execute', draw)\ny[0] += 1",
    "what Rich prints": "import rich\nrich.print('[b]a')\ny[0] += 1",
    "what threads print later": "y[0] += 1\nlate = threading.Thread(target=say, args=('late', 0.5))\nlate.start()\nprint('a')",
}
SHOWN_LATE = {
    "a loop that prints and then clears": "for n in range(3):\n    print('[EPOCH]', n)\n    clear_output(wait=True)\n    y[0] += 1",
    "a function that clears": "y[0] += 1\ntick()",
    "a display that clears": "y[0] += 1\nprint('a')\ndisplay(clear=True)",
    "a display that is updated after it": "y[0] += 1\nhandle = display('a', display_id=True)\nclear_output(wait=True)\nhandle.update('b')",
    "a widget's output after it": "out = ipywidgets.Output()\nprint('a')\nclear_output(wait=True)\nwith out:\n    print('b')\ny[0] += 1",
    "a bar after it": "bar = ipywidgets.IntProgress()\nprint('a')\nclear_output(wait=True)\nbar.value = 5\ny[0] += 1",
    "a coroutine that clears": "await asyncio.sleep(0.01)\nprint('a')\nclear_output(wait=True)\ny[0] += 1",
    "a thread that clears": "y[0] += 1\nt = threading.Thread(target=tick)\nt.start()\nt.join()",
    "a function whose thread clears": "y[0] += 1\nbegin()",
    "two clears": "y[0] += 1\nprint('a')\nclear_output(wait=True)\nprint('b')\nclear_output(wait=True)",
    "a thread that might have cleared": "y[0] += 1\nprint('a')\nclear_output(wait=True)\nt = threading.Thread(target=say, args=('b',))\nt.start()\nt.join()",
    "a recorded cell": "%%tensordiff\nprint('a')\nclear_output(wait=True)\ny[0] += 1",
}
PROGRAMS = SHOWN_AT_ONCE | SHOWN_LATE
LEFT = """\
heard = []
done = threading.Event()
def look():
    heard.append(len(sys.stdout._hooks) + len(sys.stderr._hooks))
    done.set()
sys.stdout.pub_thread.schedule(look)
done.wait(5)
print(heard, get_ipython().display_pub._hooks, getattr(get_ipython().displayhook, "_hooks", []))"""

Output = dict[str, Any]


def is_ours(output: Output) -> bool:
    """Return whether the extension displayed it."""
    return "ipytw" in str(output.get("data", {}).get("text/html"))


def plain(outputs: list[Output]) -> list[object]:
    """Return outputs without what differs from run to run: numbers of cells, names of widgets, pieces of streams.

    A kernel sends each stream by a timer of its own, so the two have no order between them.
    """
    found: list[object] = []
    for is_stream, group in groupby(outputs, key=lambda one: "name" in one):
        if is_stream:
            texts: dict[str, str] = {}
            for one in group:
                texts[one["name"]] = texts.get(one["name"], "") + one["text"]
            found += sorted(texts.items())
        else:
            found += [re.sub(r"'execution_count': \d+|\[\d+\]|model_id': '\w+'|0x\w+", "", str(one)) for one in group]
    return found


@pytest.fixture(scope="module")
def runs() -> tuple[list[list[Output]], list[list[Output]], list[list[Output]]]:
    """Run all programs in one kernel, without and with the extension; return their outputs, and those of unloading."""
    quiet = "late.join() if 'late' in globals() else None"
    cells = [cell for program in PROGRAMS.values() for cell in (program, quiet)]
    without = [cell.removeprefix("%%tensordiff\n") for cell in cells]
    sources = [
        SETUP,
        *without,
        "%load_ext tensorwatch",
        SETUP,
        *cells,
        [*PROGRAMS.values()][-1],
        "%unload_ext tensorwatch",
        LEFT,
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(one) for one in sources])
    nbclient.NotebookClient(notebook, kernel_name="python3", allow_errors=True, timeout=120).execute()
    outputs = [[dict(one) for one in cell.outputs] for cell in notebook.cells]
    middle = len(cells) + 3
    return outputs[1 : middle - 2], outputs[middle:-2], outputs[-2:]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::ResourceWarning")
class TestKernel:
    @pytest.mark.parametrize("name", PROGRAMS)
    def test_a_cell_keeps_all_its_output_in_its_order(self, runs, name: str):
        place = 2 * [*PROGRAMS].index(name)
        without, watched, _ = runs
        for cell in (place, place + 1):
            assert plain([one for one in watched[cell] if not is_ours(one)]) == plain(without[cell])

    @pytest.mark.parametrize("name", SHOWN_AT_ONCE)
    def test_what_we_say_comes_last_and_under_its_cell(self, runs, name: str):
        cell = 2 * [*PROGRAMS].index(name)
        ours = [is_ours(one) for one in runs[1][cell]]

        assert any(ours)
        assert ours[-1] or name == "what threads print later"
        assert not any(is_ours(one) for one in runs[1][cell + 1])

    @pytest.mark.parametrize("name", SHOWN_LATE)
    def test_where_it_would_erase_output_it_comes_under_the_next_cell(self, runs, name: str):
        cell = 2 * [*PROGRAMS].index(name)
        (told,) = (one for one in runs[1][cell + 1] if is_ours(one))

        assert not any(is_ours(one) for one in runs[1][cell])
        assert "silent change" in told["data"]["text/plain"] or "aten" in told["data"]["text/plain"]
        assert re.search(r"shown late: cell \[\d+\]", told["data"]["text/plain"])

    def test_what_was_held_is_shown_when_it_is_unloaded_and_no_hook_is_left(self, runs):
        (told,), (left,) = runs[2]

        assert "shown late" in told["data"]["text/plain"]
        assert left["text"] == "[0] [] []\n"


@pytest.fixture
def aliased(notebook: Notebook) -> Notebook:
    """Return a notebook in which `y` has the memory of `x`."""
    notebook.run(
        "import torch, sys\nfrom IPython.display import clear_output, display\nx = torch.zeros(6)\ny = x.view(2, 3)"
    )
    return notebook


@pytest.mark.skipif(version_info < (9,), reason="IPython tells since 9 what a cell has written")
class TestTerminal:
    @pytest.mark.parametrize("text", [".", "50%\r", "a\nb", "\x1b[1mbold\x1b[0m"])
    @pytest.mark.parametrize("write", ["print({}, end='');", "sys.stdout.write({});"])
    def test_ours_begins_on_a_line_of_its_own(self, aliased: Notebook, write: str, text: str):
        shown = aliased.cell(f"y.add_(1)\n{write.format(repr(text))}").stdout

        assert shown.startswith(f"{text}\n tensorwatch  [2]  1 silent change\n")

    def test_also_after_a_bar_on_stderr(self, aliased: Notebook):
        assert aliased.cell("y.add_(1)\nsys.stderr.write('\\r40%');").stdout.startswith("\n tensorwatch  [2]")

    def test_also_in_the_middle_of_a_cell(self, aliased: Notebook):
        assert aliased.cell("print('.', end='')\n%tensorwatch why x").stdout.startswith(".\n tensorwatch  why x\n")

    @pytest.mark.parametrize("end", ["print('a')", "print('a')\nclear_output(wait=True)", "print('a')\n5"])
    def test_without_an_empty_line_where_the_line_has_ended(self, aliased: Notebook, end: str):
        assert re.search(r"a\n(\x1b\[2K\r)*(Out\[2\]: 5\n)? tensorwatch", aliased.cell(f"y.add_(1)\n{end}").stdout)

    def test_what_was_printed_before_the_cell_does_not_count(self, aliased: Notebook):
        aliased.cell("print('.', end='')")

        assert aliased.cell("y.add_(1);").stdout.startswith("\n tensorwatch") is False


def test_without_hooks_a_cell_that_names_clear_output_counts_as_waiting(aliased: Notebook):
    aliased.shell.kernel = object()
    first = aliased.cell("y.add_(1)\nclear_output(wait=True);")
    second = aliased.cell("y.add_(1);")
    del aliased.shell.kernel

    assert first.outputs == []
    late, told = (one["data"]["text/plain"] for one in second.outputs)
    assert "[2]  1 silent change" in late
    assert "shown late: cell [2]" in late
    assert told.startswith(" tensorwatch  [3]  1 silent change")
    assert "shown late" not in told
