"""The variables that code uses which a statement may run without naming them."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.capture.running.used_names import UsedNames

CODE = """import functools, os.path
from torch import nn
acts, kept, other, path = [], [], [], []
def keep(one): kept.append(one)
def each(many): return [keep(one) for one in many]
def first(): return second()
def second(): return first(), other
class Hook:
    def __call__(self, *given): keep(given)
    def note(self, *given): acts.append(given)
class Layer(nn.Identity):
    def forward(self, x): return other and x
hook = Hook()
net, plain, layers = nn.Sequential(nn.Identity()), nn.Sequential(nn.Identity()), nn.ModuleList([Layer()])
net[0].register_forward_hook(functools.partial(hook.note, 1))
isfile = os.path.isfile"""


@pytest.fixture(name="names")
def run_code() -> dict[str, object]:
    """Return what the code defines."""
    names: dict[str, object] = {"__name__": "__main__"}
    exec(CODE, names)
    return names


@pytest.mark.parametrize(
    ("mentioned", "expected"),
    [
        ("each", {"keep", "kept"}), ("first", {"first", "second", "other"}), ("hook", {"keep", "kept", "acts"}),
        ("net", {"acts", "hook"}), ("plain", set()), ("layers", {"other"}), ("isfile", set()), ("acts", set()), ("gone", set()),
    ],
)  # fmt: skip
def test_the_names_are_those_of_all_code_that_it_may_run(mentioned: str, expected: set[str], names: dict[str, object]):
    assert expected == UsedNames(names).of(0, [mentioned])


def test_an_object_that_is_a_hook_is_among_them(names: dict[str, object]):
    exec("plain[0].register_forward_pre_hook(hook)", names)

    assert {"hook", "keep", "kept", "acts"} == UsedNames(names).of(0, ["plain"])


def test_each_statement_asks_once_for_the_same_object(names: dict[str, object]):
    used = UsedNames(names)
    assert set() == used.of(0, ["plain"])
    exec("plain[0].register_forward_pre_hook(hook)", names)

    assert set() == used.of(0, ["plain"])
    assert "hook" in used.of(1, ["plain"])
