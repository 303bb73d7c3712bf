"""Hostile messages to the panel: nothing may grow, and nothing be sent or shown but the panel's own answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trials.figure import Figure, none_of
from trials.kernel import Kernel, Message, opened

if TYPE_CHECKING:
    from collections.abc import Iterator

PANEL = "__import__('trials.inside').inside.panel()"
ANSWERS = ("roll", "news", "report", "watching", "cell", "path")
HALF = "x['\ud800']"
MOST = {"wants": 100, "unanswered": 8_200, "past": 300}
"""What the panel may keep, whatever it is told."""
LONG = "y" * 200_000


def deep(levels: int) -> Any:
    found: Any = 7
    for _ in range(levels):
        found = [found]
    return found


def junk() -> Iterator[Any]:
    """Give what may stand behind `data` of a message."""
    values = (None, True, -1, 10**400, 1.5, "", HALF, LONG, [], {}, deep(200), {"a": {"b": {}}})
    for value in values:
        yield value
        yield {"method": value}
        yield {"method": "custom", "content": value}
        yield {"method": "update", "state": value}
        for name in ("from", "what", "number", "count", "path", "kind"):
            for kind in ("hello", "want", "answer", "cell", "path", "roll", "anywidget-command", "eval", "__init__"):
                yield {"method": "custom", "content": {"kind": kind, name: value}}
        yield {"method": "custom", "content": {"kind": "want", "what": "report", "from": value}}


def trial(*, quick: bool) -> Iterator[Figure]:
    many = 1_000 if quick else 10_000
    floods = {
        f"{many:,} `want`s, each from another": lambda n: {"kind": "want", "what": "report", "from": f"page {n}"},
        f"{many:,} `hello`s": lambda n: {"kind": "hello", "what": "news", "from": f"page {n}"},
        f"{many:,} questions about a path": lambda _: {"kind": "path", "path": "x"},
        f"{many:,} questions about a cell": lambda n: {"kind": "cell", "count": n % 3},
        f"{many:,} answers": lambda n: {"kind": "answer", "number": -n},
    }
    with Kernel() as kernel:
        name = opened(kernel.cell("%load_ext tensorwatch", {"cellId": "a"}))
        kernel.cell("import torch\nx = torch.zeros(3)\ny = x.view(3)", {"cellId": "b"})
        kernel.cell("y += 1", {"cellId": "c"})
        if name is None:
            yield Figure(what="hostile messages", bar="a panel", measured="no panel was made", is_ok=False)
            return
        wrong, sent = _throw(kernel, name)
        grown = []
        for what, make in floods.items():
            before = kernel.memory()
            requests = [kernel.comm(name, {"method": "custom", "content": make(number)}) for number in range(many)]
            answers = kernel.gather(requests[-1], reply=False).messages
            wrong += _wrong(what, answers)
            kept, more = kernel.ask(PANEL), kernel.memory() - before
            if any(kept[one] > MOST[one] for one in MOST) or more > 64 << 20:
                grown.append(f"{what}: keeps {kept}, {more >> 20} MB more memory")
        last = kernel.cell("y += 1", {"cellId": "d"})
        wrong += _wrong("the next cell", [one for one in last.messages if one["msg_type"] != "display_data"])
    yield none_of("hostile messages to the panel: shown or sent besides its own answers", wrong, sent, "messages")
    yield none_of("floods of messages to the panel: growth", grown, len(floods), "floods")


def _throw(kernel: Kernel, name: str) -> tuple[list[str], int]:
    wrong, sent = [], 0
    for sent, data in enumerate(junk(), 1):  # noqa: B007  (told at the end)
        answers = kernel.gather(kernel.comm(name, data), reply=False).messages
        wrong += _wrong(json.dumps(data)[:120], answers)
    return wrong, sent


def _wrong(what: str, answers: list[Message]) -> list[str]:
    """Give what is no answer of the panel's own."""
    found = []
    for one in answers:
        content = one["content"]
        told = content.get("data", {}) if one["msg_type"] == "comm_msg" else {}
        is_answer = told.get("method") == "custom" and told.get("content", {}).get("kind") in ANSWERS
        if not is_answer:
            found.append(f"{what}: {one['msg_type']} {str(content)[:150]}")
    return found
