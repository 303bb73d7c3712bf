"""Saved tensors that no gradient reads: only their sizes are used, or nothing in certain modes.

Backward checks their versions nevertheless. Measured with PyTorch's table of operators
(`tests/end_to_end/hazards/test_unread.py`).
"""

from __future__ import annotations

from typing import NamedTuple

_POOLS = (
    "AvgPool",
    "AdaptiveAvgPool",
    "AdaptiveMaxPool",
    "FractionalMaxPool",
    "MaxPool",
    "ReflectionPad",
    "ReplicationPad",
)
_SIZES_ONLY = frozenset((
    ("BatchNormWithUpdateBackward0", "running_mean"), ("BatchNormWithUpdateBackward0", "running_var"),
    ("CholeskySolveBackward0", "self"), ("ComplexBackward0", "imag"), ("ComplexBackward0", "real"),
    ("CummaxBackward0", "self"), ("CumminBackward0", "self"), ("FftR2CBackward0", "self"),
    ("GatherBackward0", "self"), ("IndexAddBackward0", "source"), ("IndexCopyBackward0", "source"),
    ("MaskedSelectBackward0", "self"), ("NativeDropoutBackwardBackward0", "grad_output"),
    ("NativeLayerNormBackward0", "bias"), ("NllLoss2DBackward0", "self"), ("NllLossBackward0", "self"),
    ("OrmqrBackward0", "input3"), ("PutBackward0", "source"), ("TakeBackward0", "self"),
    ("TriangularSolveBackward0", "self"),
))  # fmt: skip
_COMPLEX_ONLY = frozenset((
    ("AngleBackward0", "self"), ("LinalgSlogdetBackward0", "sign"), ("SgnBackward0", "result"),
    ("SgnBackward0", "self"),
))  # fmt: skip
_IN_MODE = {
    ("BatchNorm", "running_mean"): ("training", (True,)),
    ("BatchNorm", "running_var"): ("training", (True,)),
    ("DivBackward", "self"): ("rounding_mode", ("trunc", "floor")),
    ("DivBackward", "other"): ("rounding_mode", ("trunc", "floor")),
    **{
        (op, argument): ("reduce", ("sum", "mean"))
        for op in ("ScatterReduceBackward", "IndexReduceBackward", "SegmentReduceBackward")
        for argument in ("self", "src", "source", "data", "result")
    },
    **{
        (op, argument): ("p", (0.0,))
        for op in ("CdistBackward", "PdistBackward")
        for argument in ("self", "x1", "x2", "result")
    },
}
_NORMS = ("NativeBatchNorm", "BatchNormWithUpdate", "NativeGroupNorm", "NativeLayerNorm")
_FOR_INPUTS = {
    ("ConvolutionBackward", "input"): (1,),
    ("ConvolutionBackward", "weight"): (0,),
    ("LinalgSolveExBackward", "result"): (0,),
    ("PowBackward1", "result"): (1,),
    ("SoftmaxBackwardDataBackward", "grad_output"): (1,),
    ("SparseMmReduceImplBackward", "other"): (0,),
    **{(op, "weight"): (0,) for op in _NORMS},
    **{(op, argument): (0, 1) for op in _NORMS for argument in ("input", "result1", "result2")},
}
"""The inputs, counted from 0, whose gradients alone read an argument."""


class Use(NamedTuple):
    """What gradients read of a saved tensor's bytes.

    Attributes
    ----------
    is_none, is_complex_only
        Whether nothing is read, or only complex tensors are read.
    mode
        The setting of the node that decides, and its values for which nothing is read.
    inputs
        The inputs, counted from 0, whose gradients read it; None for all.
    """

    is_none: bool = False
    is_complex_only: bool = False
    mode: tuple[str, tuple[object, ...]] | None = None
    inputs: tuple[int, ...] | None = None


WHOLE = Use()
"""Gradients read all of it."""


def use_of(op: str, argument: str) -> Use:
    """Return what gradients read of an argument that a node saved.

    Examples
    --------
    >>> use_of("AvgPool2DBackward0", "self").is_none, use_of("MulBackward0", "self") is WHOLE
    (True, True)
    >>> use_of("NativeBatchNormBackward0", "running_mean").mode
    ('training', (True,))
    """
    modes = (one for (part, name), one in _IN_MODE.items() if name == argument and part in op)
    inputs = (one for (part, name), one in _FOR_INPUTS.items() if name == argument and op.startswith(part))
    use = Use(
        is_none=(op, argument) in _SIZES_ONLY or (argument == "self" and op.startswith(_POOLS)),
        is_complex_only=(op, argument) in _COMPLEX_ONLY,
        mode=next(modes, None),
        inputs=next(inputs, None),
    )
    return WHOLE if use == WHOLE else use
