"""Which saved tensors no gradient reads: of some only the sizes are used, of others nothing in certain modes.

Backward checks their versions all the same. Measured with PyTorch's table of operators (`tests/test_unread.py`).
"""

from __future__ import annotations

from functools import lru_cache

MAX_KNOWN = 4096
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
"""For the gradients of which inputs alone, counted from 0, an argument is read."""


@lru_cache(MAX_KNOWN)
def is_unread(op: str, argument: str, *, is_complex: bool = False) -> bool:
    """Tell a saved tensor whose bytes no gradient depends on.

    Examples
    --------
    >>> is_unread("AvgPool2DBackward0", "self"), is_unread("MulBackward0", "self")
    (True, False)
    """
    known = _SIZES_ONLY if is_complex else _SIZES_ONLY | _COMPLEX_ONLY
    return (op, argument) in known or (argument == "self" and op.startswith(_POOLS))


@lru_cache(MAX_KNOWN)
def mode_of(op: str, argument: str) -> tuple[str, tuple[object, ...]] | None:
    """Tell which setting of a node decides, and its values with which no gradient depends on the bytes.

    Examples
    --------
    >>> mode_of("NativeBatchNormBackward0", "running_mean")
    ('training', (True,))
    """
    return next((mode for (part, name), mode in _IN_MODE.items() if name == argument and part in op), None)


@lru_cache(MAX_KNOWN)
def inputs_of(op: str, argument: str) -> tuple[int, ...] | None:
    """Tell for the gradients of which inputs alone, counted from 0, an argument is read; None where for all.

    Examples
    --------
    >>> inputs_of("ConvolutionBackward0", "weight")
    (0,)
    """
    return next((one for (part, name), one in _FOR_INPUTS.items() if name == argument and op.startswith(part)), None)
