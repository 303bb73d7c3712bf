"""What gradients take of what a node saved: nothing, a mask, or all of it."""

from __future__ import annotations

import numpy as np
import pytest

from ipy_tensorwatch.core.hazards.overwritten.mask_only_backward import COMPARING, Mask, mask_of_node
from ipy_tensorwatch.core.hazards.overwritten.unused_by_backward import WHOLE, Use, use_of


def settings(**known):
    return known.get


MASKS = [
    ("ReluBackward0", ["result"], {}, Mask(("result",), (0.0,))),
    ("ReluBackward0", ["self"], {}, None),
    ("MulBackward0", ["self"], {}, None),
    ("HardtanhBackward0", ["self"], {"min_val": -1.0, "max_val": 1}, Mask(("self",), (-1.0, 1))),
    ("HardtanhBackward0", ["self"], {"min_val": -1.0, "max_val": "?"}, None),
    ("SoftshrinkBackward0", ["self"], {"lambd": 0.5}, Mask(("self",), (0.5, -0.5))),
    ("SoftshrinkBackward0", ["self"], {"lambd": "?"}, None),
    ("ClampBackward1", ["self"], {"min": 0.0}, Mask(("self",), (0.0,))),
    ("ClampBackward0", ["self", "max"], {}, Mask(("self", "max"), ())),
    ("MaximumBackward0", ["other", "self"], {}, Mask(("self", "other"), ())),
]


@pytest.mark.parametrize(("op", "saved", "known", "expected"), MASKS)
def test_a_node_that_compares_is_masked_by_its_bounds_and_settings(op, saved, known, expected):
    assert expected == mask_of_node(op, saved, settings(**known))


def numbers(*values):
    return [np.array(one, dtype="float32") for one in values]


SAME = [
    (Mask(("result",), (0.0,)), [[0, 2]], [[0, 5]], True),
    (Mask(("result",), (0.0,)), [[0, 2]], [[1, 5]], False),
    (Mask(("result",), (0.0,)), [[0, 2]], [[-1, 5]], False),
    (Mask(("self",), ()), [[0, 2]], [[7, 7]], True),
    (Mask(("self",), ()), [[0, 2]], [[np.nan, 2]], False),
    (Mask(("self", "other"), ()), [[1, 2], [3, 1]], [[1, 9], [2, 8]], True),
    (Mask(("self", "other"), ()), [[1, 2], [3, 1]], [[3, 2], [3, 1]], False),
    (Mask(("self", "other"), ()), [[1, 2], [3, 1]], [[4, 2], [3, 1]], False),
    (Mask(("self",), (0.1,)), [[0.1]], [[0.1]], True),
]


@pytest.mark.parametrize(("mask", "then", "now", "expected"), SAME)
def test_other_numbers_mask_the_same_elements_or_not(mask, then, now, expected):
    assert expected == mask.is_same(numbers(*then), numbers(*now))


def test_a_bound_is_compared_in_the_type_of_the_numbers():
    assert not Mask(("self",), (0.1,)).is_same(numbers([0.1]), numbers([0.2]))


def test_every_node_that_compares_names_what_it_saved():
    assert all(arguments and op.rstrip("0123456789").endswith("Backward") for op, (arguments, _) in COMPARING.items())


USES = [
    ("MulBackward0", "self", WHOLE),
    ("GatherBackward0", "self", Use(is_none=True)),
    ("GatherBackward0", "index", WHOLE),
    ("MaxPool2DWithIndicesBackward0", "self", Use(is_none=True)),
    ("MaxPool2DWithIndicesBackward0", "result1", WHOLE),
    ("SgnBackward0", "self", Use(is_complex_only=True)),
    ("NativeBatchNormBackward0", "running_mean", Use(mode=("training", (True,)))),
    ("CudnnBatchNormBackward0", "running_var", Use(mode=("training", (True,)))),
    ("DivBackward2", "other", Use(mode=("rounding_mode", ("trunc", "floor")))),
    ("ScatterReduceBackward0", "src", Use(mode=("reduce", ("sum", "mean")))),
    ("CdistBackward0", "x1", Use(mode=("p", (0.0,)))),
    ("ConvolutionBackward0", "weight", Use(inputs=(0,))),
    ("NativeLayerNormBackward0", "weight", Use(inputs=(0,))),
    ("NativeBatchNormBackward0", "input", Use(inputs=(0, 1))),
    ("NativeLayerNormBackward0", "input", Use(inputs=(0, 1))),
    ("PowBackward1", "result", Use(inputs=(1,))),
]


@pytest.mark.parametrize(("op", "argument", "expected"), USES)
def test_gradients_take_of_an_argument_what_the_table_says(op, argument, expected):
    assert expected == use_of(op, argument)


def test_what_is_read_whole_is_one_object():
    assert use_of("MulBackward0", "self") is WHOLE
