"""A real kernel, asked for cells as a notebook asks, that may die."""

from __future__ import annotations

import ast
import json
import os
import re
import signal
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty
from subprocess import DEVNULL
from typing import IO, TYPE_CHECKING, Any

from jupyter_client.jsonutil import json_default
from jupyter_client.manager import KernelManager

from trials.process import ROOT, environment

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

Message = dict[str, Any]

COLOUR = re.compile(r"\x1b\[[\d;]*m")
SILENT = {"code": "", "silent": True, "store_history": False, "allow_stdin": False}


class KernelDiedError(Exception):
    """The kernel's process has ended, or answers no more."""


@dataclass
class Answer:
    """What a cell has led to.

    Attributes
    ----------
    reply
        The content of the reply; empty where none came.
    messages
        All that was shown or sent, but for status and input.
    """

    reply: dict[str, Any]
    messages: list[Message]

    @property
    def status(self) -> str:
        """`ok`, `error`, `aborted`, or `none` where no reply came."""
        return str(self.reply.get("status", "none"))

    @property
    def error(self) -> str:
        """The name of the error that the cell ended with."""
        return str(self.reply.get("ename", ""))

    @property
    def text(self) -> str:
        """All text that was shown."""
        parts = []
        for one in self.messages:
            content = one["content"]
            parts += [content.get("text", ""), *content.get("traceback", [])]
            parts.append(str(content.get("data", {}).get("text/plain", "")) if one["msg_type"] != "comm_msg" else "")
        return COLOUR.sub("", "\n".join(part for part in parts if part))

    def comms(self, kind: str = "comm_msg") -> list[Message]:
        """Give the messages of comms."""
        return [one for one in self.messages if one["msg_type"] == kind]


@dataclass
class Kernel:
    """One kernel with its client; use it as a context manager."""

    patience: float = 60.0
    manager: KernelManager = field(init=False)
    log: IO[str] = field(init=False)

    def __enter__(self) -> Self:
        """Start it."""
        self.manager = KernelManager(kernel_name="python3")
        self.log = tempfile.NamedTemporaryFile("r")
        self.manager.start_kernel(env=environment(), cwd=str(ROOT), stdout=DEVNULL, stderr=DEVNULL)
        self.client = self.manager.client()
        self.client.session.pack = _pack
        self.client.start_channels()
        self.client.wait_for_ready(timeout=self.patience)
        self.ask(f"__import__('faulthandler').enable(open({self.log.name!r}, 'w'))")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """End it."""
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.log.close()

    @property
    def pid(self) -> int:
        """The number of its process."""
        return int(self.manager.provisioner.process.pid)

    @property
    def is_alive(self) -> bool:
        """Whether its process is there."""
        return bool(self.manager.is_alive())

    def memory(self) -> int:
        """Return the bytes of memory that it has at hand."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        os.kill(self.pid, signal.SIGINT)

    def send(self, kind: str, content: dict[str, Any], metadata: dict[str, Any] | None = None) -> str:
        """Send a request and return its number."""
        request = self.client.session.msg(kind, content, metadata=metadata)
        self.client.shell_channel.send(request)
        return str(request["header"]["msg_id"])

    def execute(self, code: str, metadata: dict[str, Any] | None = None) -> str:
        """Send a cell, without waiting for it."""
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
        return self.send("execute_request", {**content, "stop_on_error": False}, metadata)

    def cell(self, code: str, metadata: dict[str, Any] | None = None) -> Answer:
        """Run a cell."""
        return self.gather(self.execute(code, metadata))

    def ask(self, expression: str) -> Any:
        """Evaluate an expression outside of any cell, so that no hook runs; its value has to be JSON."""
        wrapped = {"value": f"__import__('json').dumps({expression})"}
        request = self.send("execute_request", {**SILENT, "user_expressions": wrapped})
        told = self.gather(request).reply.get("user_expressions", {}).get("value", {})
        if told.get("status") != "ok":
            raise KernelDiedError(f"{expression}: {told}")
        return json.loads(ast.literal_eval(told["data"]["text/plain"]))

    def comm(self, name: str, data: Any) -> str:
        """Send a message to a widget."""
        return self.send("comm_msg", {"comm_id": name, "data": data})

    def gather(self, request: str, *, reply: bool = True) -> Answer:
        """Wait until a request is done; give what it led to."""
        messages = self._until_idle(request)
        return Answer(self._reply(request) if reply else {}, messages)

    def _until_idle(self, request: str) -> list[Message]:
        found: list[Message] = []
        until = time.monotonic() + self.patience
        while True:
            try:
                message = self.client.get_iopub_msg(timeout=0.5)
            except Empty:
                if not self.is_alive:
                    raise KernelDiedError(f"the kernel has died {self._where()}".strip()) from None
                if time.monotonic() > until:
                    raise KernelDiedError("the kernel answers no more") from None
                continue
            if message["parent_header"].get("msg_id") != request:
                continue
            if message["msg_type"] == "status":
                if message["content"]["execution_state"] == "idle":
                    return found
            elif message["msg_type"] != "execute_input":
                found.append(message)

    def _where(self) -> str:
        """Say where it died: the innermost line of ours, from what faulthandler has written."""
        self.log.seek(0)
        lines = self.log.read().partition("Current thread")[2].splitlines()
        places = [one.strip() for one in lines if "File" in one and "ipy_tensorwatch" in one]
        return f"in {places[0].rpartition('ipy_tensorwatch/')[2]}" if places else ""

    def _reply(self, request: str) -> dict[str, Any]:
        until = time.monotonic() + 5
        while time.monotonic() < until:
            try:
                message = self.client.get_shell_msg(timeout=1)
            except Empty:
                continue
            if message["parent_header"].get("msg_id") == request:
                return dict(message["content"])
        return {}


def _pack(message: Any) -> bytes:
    """Write JSON as a page does, which escapes half surrogate pairs."""
    return json.dumps(message, default=json_default).encode()


def opened(answer: Answer) -> str | None:
    """Find the name of the panel's widget among what a cell has led to."""
    models = [one["content"] for one in answer.comms("comm_open")]
    names = [one["comm_id"] for one in models if "born" in one["data"].get("state", {})]
    return names[-1] if names else None
