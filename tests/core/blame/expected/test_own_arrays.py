"""What an object does to its own arrays is expected where the statement calls its method by name."""

from __future__ import annotations

import pytest

from tests.support.records import reading
from tests.support.traces import explain

MEAN = reading(1)
NORM = """class Norm:
    def update(self, x):
        self.mean += x
    def __call__(self, x):
        self.update(x)
    def __getitem__(self, i):
        self.update(i)
    def normalize(self, x):
        self.update(x)
    def get_mean(self):
        self.update(1)
    @property
    def half(self):
        self.mean /= 2"""
CELLS = [
    NORM,
    "def feed(n):\n    n.update(1)",
    "def feed_twice():\n    for _ in range(2): feed(norm)",
    "def predict(n):\n    n.update(1)",
    "def predict_later(n):\n    return feed(n)",
    "def call(n):\n    return n(1)",
    "def add_to_mean(n):\n    n.mean += 1",
    "def shift(n):\n    n.mean += 1",
    "def evaluate(n):\n    return n.update(1)",
    "def update_counts(c, i):\n    c[i] += 1",
    "def update_x(i):\n    x[i] += 1",
    "def update_later(i):\n    update_x(i)",
    "def update_all(i):\n    x[i] += 1",
    "def update_part(c):\n    c[1:].add_(1)",
    "def predict_and_update(i):\n    update_x(i)",
    "def add_noise(c):\n    c += 1",
]
CLASSES = {"norm": "Norm", "norms[0]": "Norm"}


def cause(plain, readings=None, **more):
    readings = readings or {"norm.mean": MEAN}
    return next(iter(explain(plain, readings, cells=CELLS, classes=CLASSES, **more).values())).cause


@pytest.mark.parametrize(
    "plain",
    [
        "norm.update(x)",
        "a, b = norm.update(x)",
        "if norm.update(x): pass",
        "with torch.no_grad(): norm.update(x)",
        "print(norm.update(x))",
        "feed(norm)",
        "y = [feed(norm) for _ in range(2)]",
        "feed_twice()",
        "add_to_mean(norm)",
        "y = evaluate(norm)",
    ],
)
def test_a_method_that_is_called_by_name_may(plain):
    assert cause(plain) == "object"


@pytest.mark.parametrize("plain", ["norms[0].update(x)", "norms[i].update(x)"])
def test_an_item_of_a_container_is_an_object_too(plain):
    assert cause(plain, {"norms[0].mean": MEAN}) == "object"


def test_the_variable_of_a_loop_leads_to_the_objects():
    assert cause("for n in norms:\n    n.update(x)", {"norms[0].mean": MEAN}, writes={1: [[1]]}) == "object"


@pytest.mark.parametrize(
    "plain",
    [
        "y = norm[0]",
        "y = norm(x)",
        "for a in norm: pass",
        "y = norm.normalize(x)",
        "y = norm.get_mean()",
        "y = norm.half",
        "y = predict(norm)",
        "y = predict_later(norm)",
        "y = call(norm)",
        "shift(norm)",
    ],
)
def test_what_only_reads_may_not(plain):
    assert cause(plain) in ("call", "alias")


ADVANCING = """class Filter:
    def predict(self):
        self.mean += 1
    def transform(self):
        self.mean += 1
        return self.mean * 2
    def show(self):
        self.mean += 1"""


@pytest.mark.parametrize(
    ("plain", "expected"),
    [
        ("norm.predict()", "object"),
        ("y = norm.predict()", "call"),  # the name of a value that is asked for
        ("norm.transform()", "call"),
        ("norm.show()", "call"),
    ],
)
def test_a_method_that_gives_none_of_the_value_that_it_promises_may(plain, expected):
    found = explain(plain, {"norm.mean": MEAN}, cells=[ADVANCING], classes={"norm": "Filter"})
    assert expected == found["norm.mean"].cause


@pytest.mark.parametrize("plain", ["norm.update(x)", "norm.mean.numpy().fill(norm.update(x))"])
def test_every_other_path_to_the_bytes_is_silent(plain):
    changes = explain(plain, {"held": reading(2), "norm.mean": MEAN}, cells=CELLS, classes=CLASSES)
    assert (changes["held"].cause, changes["held"].via) == ("alias", ("norm.mean",))


def test_the_object_under_another_name_is_the_object():
    both = {"norm.mean": MEAN, "again.mean": MEAN}
    for number, expected in ((7, "object"), (8, "alias")):
        changes = explain("norm.update(x)", both, cells=CELLS, classes=CLASSES, objects={"norm": 7, "again": number})
        assert changes["again.mean"].cause == expected


@pytest.mark.parametrize("plain", ["feed(norm)", "add_to_mean(norm)"])
def test_another_object_over_the_array_that_a_function_changes_is_silent(plain):
    changes = explain(plain, {"norm.mean": MEAN, "other.mean": MEAN}, cells=CELLS, classes=CLASSES)
    assert {path: one.cause for path, one in changes.items()} == {"norm.mean": "object", "other.mean": "alias"}


def test_what_a_list_holds_is_not_its_own():
    assert cause("items.append(f())", {"items[0]": MEAN}) == "call"


@pytest.mark.parametrize("plain", ["update_counts(x, 1)", "update_x(1)", "for i in range(2):\n    update_later(i)"])
def test_a_function_may_write_to_a_tensor_that_it_promises_to_update(plain):
    changes = explain(plain, {"x": MEAN, "view": reading(2)}, cells=CELLS)
    assert {path: one.cause for path, one in changes.items()} == {"x": "object", "view": "alias"}


@pytest.mark.parametrize("plain", ["add_noise(x)", "y = predict_and_update(1)", "update_part(x)", "update_all(1)"])
def test_a_function_that_promises_nothing_of_the_kind_may_not(plain):
    assert cause(plain, {"x": MEAN}) == "call"


def test_an_array_is_no_object_of_its_own():
    assert cause("x.frob(1)", {"x": MEAN}) == "call"
