"""What the node of an operation saves for its backward, as far as that is sure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..values.abstract_memory import AbstractMemory, leaves_of
from ..values.abstract_values import AbstractObject, AbstractTensor, AbstractValue

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


_RESULT = frozenset(
    ("exp", "sigmoid", "tanh", "softmax", "log_softmax", "sqrt", "rsqrt", "reciprocal", "relu", "expm1", "exp_",
     "sigmoid_", "tanh_", "sqrt_", "relu_", "Sigmoid", "Tanh", "ReLU", "Softmax", "LogSoftmax")
)  # fmt: skip
"""The operations that save their result."""
_INPUT = frozenset(
    ("log", "log2", "log10", "log1p", "sin", "cos", "abs", "square", "pow", "silu", "gelu", "leaky_relu", "softplus",
     "clamp", "clip", "norm", "std", "var", "prod", "erf", "mish", "hardtanh", "GELU", "SiLU", "LeakyReLU", "Softplus",
     "Mish", "layer_norm", "LayerNorm", "GroupNorm")
)  # fmt: skip
"""Those that save their input."""
_PRODUCTS = frozenset(("mul", "multiply", "matmul", "mm", "bmm", "mv", "dot", "inner", "linear", "Linear"))
"""Those that save each of two tensors if the other needs a gradient."""
_QUOTIENTS = frozenset(("div", "divide", "true_divide"))
_BOTH = frozenset(("mse_loss", "MSELoss", "smooth_l1_loss", "SmoothL1Loss", "conv1d", "conv2d", "Conv1d", "Conv2d"))
"""Those that save both of two tensors."""
_OTHERS = frozenset(
    ("RNN", "LSTM", "GRU", "CrossEntropyLoss", "cross_entropy", "Embedding", "BatchNorm1d", "BatchNorm2d", "max_pool2d",
     "MaxPool2d", "logsumexp")
)  # fmt: skip
"""Those that surely save something that no other operation can overwrite, or of which it is not known what."""


_KNOWN = _RESULT | _INPUT | _PRODUCTS | _QUOTIENTS | _BOTH | _OTHERS


def note_saved(memory: AbstractMemory, op: str, result: AbstractValue, inputs: Sequence[AbstractValue | None]) -> None:
    """Note what the node of a result has saved, if that is sure."""
    if op not in _KNOWN or not isinstance(result, AbstractTensor) or not result.leaves or not memory.records:
        return
    saved = [*_saved(op, result, [one for one in inputs[:2] if isinstance(one, AbstractTensor)])]
    if saved or op in _OTHERS:
        memory.note_saved(result, saved)


def note_saved_by_each(
    memory: AbstractMemory, op: str, results: AbstractValue, inputs: Sequence[AbstractValue | None]
) -> None:
    """Note the same of all results of one operation, which one node has made."""
    if not memory.records:
        return
    first, *rest = results.items() if isinstance(results, AbstractObject) and results.parts else (results,)
    note_saved(memory, op, first, inputs)
    for one in rest:
        if isinstance(one, AbstractTensor) and isinstance(first, AbstractTensor):
            one.graph |= first.graph


def _saved(op: str, result: AbstractTensor, tensors: Sequence[AbstractTensor]) -> Iterator[AbstractTensor]:
    if op in _RESULT:
        yield result
    elif op in _INPUT or op in _BOTH:
        yield from tensors if op in _BOTH else tensors[:1]
    elif len(tensors) == 2:  # noqa: PLR2004  (two factors)
        first, second = tensors
        if op in _PRODUCTS and leaves_of(first):
            yield second
        if op in _PRODUCTS | _QUOTIENTS and leaves_of(second):
            yield first
        if op in _QUOTIENTS:
            yield second
