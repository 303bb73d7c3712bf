"""Record the operators that write, each with the notebook line that ran it, while `%%tensordiff` runs a cell."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ..core.operation import UNKNOWN, Operation, Region
from .read import TORCH_TYPES
from .torch_private import (
    has_storage,
    is_cow,
    is_fake,
    is_functorch,
    plain_reads,
    push_below,
    spare_subclassing,
    take_out,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping, Sequence

    from ..core.operation import Place
    from .identity import StorageSerials

MAX_OPERATIONS = 100_000

_BATCH_NORM = ("native_batch_norm", "_native_batch_norm_legit", "cudnn_batch_norm", "miopen_batch_norm")
_TRAINING = frozenset(f"aten::{name}" for name in _BATCH_NORM)
_RUNNING = ((3, "running_mean"), (4, "running_var"))
_TRAINING_PLACE = 5

_CELL = "<module>"


@dataclass(slots=True)
class OperatorRecorder:
    """Records each operator that writes, before it runs, so that one that fails half-way is known too.

    Attributes
    ----------
    files
        The file names of the notebook's cells.
    statement
        Tells the statement of the cell that runs, where that is known.
    seen
        How often each operation ran, in the order in which they ran first.
    left_out
        How many more ran, or could not be understood.
    """

    storages: StorageSerials
    files: Container[str]
    statement: Callable[[], int | None]
    seen: Counter[Operation] = field(default_factory=Counter)
    left_out: int = 0
    _mode: _Mode | None = None
    _stop_sparing: Callable[[], object] | None = None

    def open(self) -> None:
        """Begin to record, in this thread."""
        self._mode = _Mode(self._note)
        push_below(self._mode)
        self._stop_sparing = spare_subclassing(self._mode)

    def close(self) -> None:
        """Stop recording; modes that the cell itself entered stay as they are."""
        mode, self._mode = self._mode, None
        if mode is not None:
            take_out(mode)
        if self._stop_sparing is not None:
            self._stop_sparing()
            self._stop_sparing = None

    def _note(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:  # noqa: ANN401
        try:
            name, slots = _signature(function)
            if slots:
                regions = tuple([self._region(one) for one in _written(name, slots, args, kwargs)])
                if regions:
                    self._add(Operation(name, *_places(self.files), self.statement(), regions))
        except Exception:  # noqa: BLE001  (the user's operator runs whatever we meet)
            self.left_out += 1

    def _add(self, operation: Operation) -> None:
        if operation in self.seen or len(self.seen) < MAX_OPERATIONS:
            self.seen[operation] += 1
        else:
            self.left_out += 1

    def _region(self, tensor: torch.Tensor) -> Region:
        if type(tensor) in TORCH_TYPES:
            return self._read(tensor)
        with plain_reads():
            return self._read(tensor)

    def _read(self, tensor: torch.Tensor) -> Region:
        if is_functorch(tensor) or is_fake(tensor) or tensor.layout is not torch.strided:
            return UNKNOWN
        if not has_storage(tensor) or is_cow(tensor):
            return UNKNOWN
        return Region(
            self.storages.of_torch(tensor.untyped_storage()),
            tensor.data_ptr(),
            tensor.element_size(),
            int(tensor.storage_offset()),
            tensor.shape,
            tensor.stride(),
        )


class _Mode(TorchDispatchMode):
    """Hands each operator to a note-taker, then runs it."""

    supports_higher_order_operators = True

    def __init__(self, note: Callable[[Any, Sequence[Any], Mapping[str, Any]], None]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._note = note

    @classmethod
    def ignore_compile_internals(cls) -> bool:
        """Let compiled functions stay compiled: a mode that looks inside them slows them down for good."""
        return True

    def __torch_dispatch__(
        self,
        func: Any,  # noqa: ANN401
        types: object,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        """Note the operator, then run it."""
        del types
        self._note(func, args, kwargs or {})
        return func(*args, **(kwargs or {}))


@cache
def _signature(function: Any) -> tuple[str, tuple[tuple[int, str], ...]]:  # noqa: ANN401
    """Tell an operator's name, and the place and name of each argument that it writes to."""
    schema = getattr(function, "_schema", None)
    if schema is None:
        return str(function), ()
    if torch.Tag.inplace_view in function.tags:  # `t_`, `squeeze_`, `resize_`: they change no byte
        return schema.name, ()
    written = tuple(
        (place, argument.name)
        for place, argument in enumerate(schema.arguments)
        if argument.alias_info is not None and argument.alias_info.is_write
    )
    if schema.name in _TRAINING:  # the schema of the first says that it writes nothing
        written = (*_RUNNING, *(slot for slot in written if slot not in _RUNNING))
    return schema.name, written


def _written(
    name: str, slots: tuple[tuple[int, str], ...], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Iterator[torch.Tensor]:
    for place, argument in slots:
        if _is_spared(name, argument, args, kwargs):
            continue
        value = args[place] if place < len(args) else kwargs.get(argument)
        for one in value if isinstance(value, list | tuple) else (value,):
            if isinstance(one, torch.Tensor):
                yield one


def _is_spared(name: str, argument: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Tell an argument that the schema calls written although this call leaves it alone."""
    if name in _TRAINING and argument in ("running_mean", "running_var"):
        return not (args[_TRAINING_PLACE] if len(args) > _TRAINING_PLACE else kwargs.get("training"))
    return name.startswith("aten::_fused_") and argument == "grads" and kwargs.get("grad_scale") is None


def _places(files: Container[str]) -> tuple[Place | None, Place | None]:
    """Find the line of the cell itself, and the innermost line of the notebook."""
    inner: Place | None = None
    frame = sys._getframe(3)
    while frame is not None:
        code = frame.f_code
        if code.co_filename in files:
            here = code.co_filename, frame.f_lineno
            inner = inner or here
            if code.co_name == _CELL:
                return here, inner
        frame = frame.f_back  # type: ignore[assignment]
    return None, inner
