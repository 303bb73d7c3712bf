"""In a real kernel with a subshell: two cells at once, each with what is said of it under it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import ipykernel
import pytest
from jupyter_client.manager import start_new_kernel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jupyter_client.blocking.client import BlockingKernelClient

pytestmark = [
    pytest.mark.skipif(ipykernel.version_info < (7,), reason="subshells came with ipykernel 7"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::ResourceWarning"),
]
LONG = "begun.set()\nx.add_(1)\nassert go_on.wait(30)\nx.add_(1);"
SETUP = """
import torch, threading
x = torch.zeros(4); y = x.view(2, 2)
a = torch.zeros(4); b = a.view(2, 2)
begun, go_on = threading.Event(), threading.Event()
"""


class Kernel:
    """A kernel with a subshell, and what each cell printed."""

    def __init__(self, client: BlockingKernelClient) -> None:
        self.client, self.printed, self.replies = client, {}, {}
        message = client.session.msg("create_subshell_request", {})
        client.control_channel.send(message)
        self.subshell = client.get_control_msg(timeout=60)["content"]["subshell_id"]

    def send(self, code: str, *, aside: bool = False) -> str:
        """Ask for a cell, in the subshell if it is to run aside."""
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
        message = self.client.session.msg("execute_request", content | {"stop_on_error": False})
        if aside:
            message["header"]["subshell_id"] = self.subshell
        self.client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    def wait(self, *cells: str) -> None:
        """Wait until some cells have ended."""
        until = time.monotonic() + 60
        while not set(cells) <= self.replies.keys():
            assert time.monotonic() < until
            reply = self.client.get_shell_msg(timeout=60)
            self.replies[reply["parent_header"]["msg_id"]] = reply["content"]
        time.sleep(0.3)
        while self.client.iopub_channel.msg_ready():
            self._note(self.client.get_iopub_msg(timeout=1))

    def _note(self, message: dict[str, Any]) -> None:
        content = message["content"]
        text = content.get("text") or content.get("data", {}).get("text/plain", "")
        parent = message["parent_header"].get("msg_id", "")
        self.printed[parent] = self.printed.get(parent, "") + text

    def run(self, code: str) -> str:
        """Run a cell to its end, and return what it printed."""
        cell = self.send(code)
        self.wait(cell)
        assert self.replies[cell]["status"] == "ok", self.replies[cell]
        return self.printed.get(cell, "")


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        kernel = Kernel(client)
        kernel.run("%load_ext tensorwatch")
        kernel.run(SETUP)
        yield kernel
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_each_of_two_cells_is_told_what_it_changed(kernel: Kernel):
    long = kernel.send(LONG)
    time.sleep(1)
    short = kernel.send("b.add_(1);", aside=True)
    kernel.wait(short)
    go_on = kernel.send("go_on.set()", aside=True)
    kernel.wait(long, go_on)

    assert {kernel.replies[one]["status"] for one in (long, short, go_on)} == {"ok"}
    assert "a   changed through b" in kernel.printed[short]
    assert "y   changed through x" in kernel.printed[long]


def test_modes_of_frozen_memory_are_gone_when_both_cells_are(kernel: Kernel):
    kernel.run("go_on.clear(); begun.clear()\n%tensorwatch freeze a")
    long = kernel.send(LONG)
    time.sleep(0.5)
    short = kernel.send("b.add_(1)", aside=True)
    kernel.wait(short)
    go_on = kernel.send("go_on.set()", aside=True)
    kernel.wait(long, go_on)
    aside = kernel.send("print('aside', torch._C._len_torch_dispatch_stack())", aside=True)
    kernel.wait(aside)

    assert kernel.replies[short]["ename"] == "FrozenError"
    assert kernel.replies[long]["status"] == "ok"
    assert "aside 1" in kernel.printed[aside]  # while it runs, one of ours guards what is frozen
    kernel.run("%unload_ext tensorwatch")
    left = kernel.send("print('left', torch._C._len_torch_dispatch_stack())", aside=True)
    kernel.wait(left)
    assert "left 0" in kernel.printed[left]
    assert "0" in kernel.run("print(torch._C._len_torch_dispatch_stack())")


def test_a_fix_is_tried_in_a_kernel_and_a_cell_is_previewed_in_a_subshell(kernel: Kernel):
    kernel.run("%load_ext tensorwatch")
    kernel.run("import ipy_tensorwatch\nfrom ipy_tensorwatch.shell import fix_trials\nfix_trials.SECONDS = 30.0")
    kernel.run("p = torch.zeros(3)\nq = p.view(3)")
    aside = kernel.send(
        "[one['path'] for one in ipy_tensorwatch.preview('q.add_(1)').to_dict()['changes']]", aside=True
    )
    kernel.wait(aside)
    kernel.run("q.add_(1);")
    fixes = "[one['fix']['applicability'] for one in ipy_tensorwatch.report().to_dict()['changes'] if one['silent']]"

    assert kernel.replies[aside]["status"] == "ok", kernel.replies[aside]
    assert "['p']" in kernel.printed[aside]
    assert "['safe']" in kernel.run(fixes)
