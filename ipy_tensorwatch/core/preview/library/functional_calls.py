"""What the functions of `torch.nn.functional` write: their input, in place, or running statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..values.abstract_values import AbstractTensor, AbstractValue, CallArguments, constant_of, tensors_of

if TYPE_CHECKING:
    from ..values.abstract_memory import AbstractMemory

_DROPOUTS = ("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout")
_INPLACE = {
    **dict.fromkeys(("relu", "relu6", "selu", "silu", "mish", "hardswish", "hardsigmoid"), 1),
    **dict.fromkeys(("leaky_relu", "elu", "celu"), 2),
    **dict.fromkeys(("threshold", "hardtanh", *_DROPOUTS), 3),
    "rrelu": 4,
}
"""The place of the argument `inplace`."""
_STATISTICS = {"batch_norm": ("training", False), "instance_norm": ("use_input_stats", True)}
"""The functions that write running statistics: the argument that says so, at place 5, and its default."""


def call_functional(memory: AbstractMemory, name: str, given: CallArguments) -> AbstractValue | None:
    """Return the input of a function that gives it back, and record what is written; None for every other function."""
    last, first = name.rsplit(".", 1)[-1], given.get(0, "input")
    if not isinstance(first, AbstractTensor):
        return None
    if last.startswith("embedding") and constant_of(given.get(3, "max_norm")) is not None:
        for weight in tensors_of(given.get(1, "weight")):
            memory.touch(weight)
            memory.record(weight, certain=False)
    if last in _DROPOUTS and _drops_nothing(last, given):
        return first
    if last in _INPLACE and _flag(given, _INPLACE[last], "inplace"):
        memory.write(first)
        return first
    if last in _STATISTICS and not name.startswith(f"torch.{last}") and _flag(given, 5, *_STATISTICS[last]):
        for one in (given.get(1, "running_mean"), given.get(2, "running_var")):
            if isinstance(one, AbstractTensor):
                memory.record(one, is_counted=False)
    return None


def _drops_nothing(name: str, given: CallArguments) -> bool:
    chance = constant_of(given.get(1, "p"))
    return not _flag(given, 2, "training", not name.endswith("alpha_dropout")) or chance in (0, 0.0)


def _flag(given: CallArguments, place: int, name: str, default: bool = False) -> bool:  # noqa: FBT001, FBT002
    value = given.get(place, name)
    return default if value is None else bool(constant_of(value))
