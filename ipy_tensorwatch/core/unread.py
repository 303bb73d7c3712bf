"""Which saved tensors no gradient reads: of some only the sizes are used, of others nothing in certain modes.

Backward checks their versions all the same. Measured with PyTorch's table of operators (`tests/test_hazards_op_db.py`).
"""

from __future__ import annotations

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
    ("ComplexBackward0", "imag"), ("ComplexBackward0", "real"), ("CummaxBackward0", "self"),
    ("CumminBackward0", "self"), ("GatherBackward0", "self"), ("IndexAddBackward0", "source"),
    ("IndexCopyBackward0", "source"), ("LinalgSolveExBackward0", "A"), ("MaskedSelectBackward0", "self"),
    ("NativeLayerNormBackward0", "bias"), ("NllLoss2DBackward0", "self"), ("NllLossBackward0", "self"),
    ("PutBackward0", "source"), ("TakeBackward0", "self"), ("TriangularSolveBackward0", "self"),
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
}


def is_unread(op: str, argument: str, *, is_complex: bool = False) -> bool:
    """Tell a saved tensor whose bytes no gradient depends on.

    Examples
    --------
    >>> is_unread("AvgPool2DBackward0", "self"), is_unread("MulBackward0", "self")
    (True, False)
    """
    known = _SIZES_ONLY if is_complex else _SIZES_ONLY | _COMPLEX_ONLY
    return (op, argument) in known or (argument == "self" and op.startswith(_POOLS))


def mode_of(op: str, argument: str) -> tuple[str, tuple[object, ...]] | None:
    """Tell which setting of a node decides, and its values with which no gradient depends on the bytes.

    Examples
    --------
    >>> mode_of("NativeBatchNormBackward0", "running_mean")
    ('training', (True,))
    """
    return next((mode for (part, name), mode in _IN_MODE.items() if name == argument and part in op), None)
