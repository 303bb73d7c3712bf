"""What a function of PyTorch, NumPy or `copy` does: a write, a view, or memory of its own."""

from __future__ import annotations

from ...syntax.ast_queries import is_inplace_name
from ...syntax.torch_vocabulary import (
    COLLECTIVE_OUTPUTS,
    LIBRARIES,
    METADATA,
    OF_DISTRIBUTED,
    OPTIMIZERS,
    VIEWS,
    WRITTEN_ARGUMENT,
)
from ..values.abstract_memory import AbstractMemory, leaves_of
from ..values.abstract_values import (
    NONE,
    UNKNOWN,
    AbstractObject,
    AbstractTensor,
    AbstractValue,
    CallArguments,
    Constant,
    constant_of,
    make_list,
    tensors_of,
    whole_number,
)
from ..values.stopped_error import StoppedError
from .array_functions import NUMPYS, call_array_function, find_outputs, view_of_einsum
from .functional_calls import call_functional
from .module_methods import make_module, make_parameter
from .new_tensors import dtype_of, fresh_like
from .saved_inputs import note_saved
from .tensor_methods import call_tensor_method
from .training_steps import make_optimizer
from .view_methods import layout_of, take_view

GRAD_MODES = frozenset(("no_grad", "enable_grad", "inference_mode", "set_grad_enabled"))
_SHARES = frozenset(("from_numpy", "as_tensor", "asarray", "from_dlpack", "frombuffer", "asanyarray"))
_SHAPED = frozenset(
    ("zeros", "ones", "empty", "rand", "randn", "full", "eye", "arange", "randint", "normal", "linspace")
)
_LIKE = frozenset(("zeros_like", "ones_like", "empty_like", "full_like", "rand_like", "randn_like", "clone"))
_NO_TENSORS = frozenset(("manual_seed", "seed", "set_printoptions", "default_rng", "device", "set_num_threads", "save"))
_SIZES_FIRST = frozenset(("zeros", "ones", "empty", "rand", "randn"))


def call_library(memory: AbstractMemory, name: str, given: CallArguments) -> AbstractValue:
    """Return what a library's function or class gives, and record what it writes."""
    last, is_numpy = name.rsplit(".", maxsplit=1)[-1], name.split(".", 1)[0] in NUMPYS
    if last in GRAD_MODES:
        return AbstractObject(last, parts={"[0]": given.get(0, "mode") or UNKNOWN})
    written = call_functional(memory, name, given) or _write_named(memory, last, given, is_numpy=is_numpy)
    if written is not None:
        return written
    if last in OPTIMIZERS:
        return make_optimizer(last, given)
    if last == "TensorDataset":
        return AbstractObject(last, last, {".tensors": make_list([*given.positional])})
    if last == "SimpleNamespace":
        return AbstractObject("object", parts={f".{step}": one for step, one in given.named.items()})
    made = _make_layer(memory, name, given)
    return made if made is not None else _share_or_compute(memory, name, given, is_numpy=is_numpy)


def _keeps(given: CallArguments) -> bool:
    """Return whether `np.array` copies only what it has to."""
    copies = given.named.get("copy")
    return isinstance(copies, Constant) and not copies.value


def _make_layer(memory: AbstractMemory, name: str, given: CallArguments) -> AbstractValue | None:
    """Return a new module or parameter; None if the name is no class of these."""
    last = name.rsplit(".", 1)[-1]
    if last in ("Parameter", "Buffer", "Variable"):
        return _parameter(memory, last, given)
    if last == "from_pretrained" and isinstance(first := given.get(0), AbstractTensor):
        weight = make_parameter(memory, first, needs_grad=constant_of(given.get(1, "freeze")) is False)
        made = AbstractObject("module", "Embedding", {".weight": weight})
        if constant_of(given.get(3, "max_norm")) is not None:
            made.parts[".inplace"] = Constant(True)  # noqa: FBT003  (the value of an attribute)
        return made
    is_class = last[:1].isupper()
    is_layer = name.startswith(("nn.", "torch.nn.")) or last in _LAYERS or "Norm" in last
    is_layer = is_layer or constant_of(given.named.get("inplace")) is True
    return make_module(memory, last, given) if is_class and is_layer else None


def _share_or_compute(memory: AbstractMemory, name: str, given: CallArguments, *, is_numpy: bool) -> AbstractValue:
    last = name.rsplit(".", 1)[-1]
    if is_numpy and (shared := call_array_function(memory, name, given)) is not None:
        return shared
    if last in _SHARES or (last == "array" and _keeps(given)):
        return _share(memory, last, given, is_numpy=is_numpy)
    if last in ("deepcopy", "copy"):
        return _copy(memory, given.get(0), deep=last == "deepcopy")
    if last in ("broadcast_tensors", "meshgrid"):
        return make_list([memory.view(one) for value in given.positional for one in tensors_of(value, 1)])
    if last == "einsum" and (view := view_of_einsum(memory, given)) is not None:
        return view
    return _compute(memory, name, given, is_numpy=is_numpy)


_LAYERS = frozenset(
    ("Compose", "Linear", "Sequential", "ReLU", "ModuleList", "Embedding", "Conv2d", "Conv1d", "Dropout")
)


def _write_named(memory: AbstractMemory, name: str, given: CallArguments, *, is_numpy: bool) -> AbstractValue | None:
    """Record a write that the name or an option announces; None if none is announced."""
    first, out = given.get(0, "input"), given.named.get("out")
    if isinstance(out, AbstractTensor | AbstractObject):
        return _write_out(memory, out, given, is_numpy=is_numpy)
    if constant_of(given.named.get("inplace")) is True and first is not None and not name[:1].isupper():
        memory.write(first)
        return first
    if is_inplace_name(name) and first is not None and name not in METADATA:
        return _write_inplace(memory, name, first, given)
    for place in WRITTEN_ARGUMENT.get(name, ()) if name != "put" or is_numpy else ():
        memory.write(given.get(place))
        return NONE
    if name in COLLECTIVE_OUTPUTS and name not in OF_DISTRIBUTED:
        memory.write(given.get(*COLLECTIVE_OUTPUTS[name]))
        return NONE
    outputs = find_outputs(name, given) if is_numpy else ()
    for each in outputs:
        memory.write(each)
    if outputs:
        return outputs[0]
    if name == "nan_to_num" and is_numpy and constant_of(given.get(1, "copy")) in (False, 0):
        memory.write(first)
        return first
    return None


def _write_out(memory: AbstractMemory, out: AbstractValue, given: CallArguments, *, is_numpy: bool) -> AbstractValue:
    """Record a write to `out=`, which autograd refuses if one of the tensors requires grad."""
    every = (*given.positional, *(value for name, value in given.named.items() if name != "out"))
    sources = [one for value in every for one in tensors_of(value, 1)]
    for one in tensors_of(out):
        if memory.records and not is_numpy and (leaves_of(one) or any(map(leaves_of, sources))):
            raise StoppedError("out", one, memory.position)
        memory.write(one, sources=sources, reads=not is_numpy)
    return out


def _write_inplace(memory: AbstractMemory, name: str, first: AbstractValue, given: CallArguments) -> AbstractValue:
    if name.startswith("clip_grad"):
        for one in tensors_of(first):
            if one.grad is not None:
                memory.record(one.grad)
        return UNKNOWN
    if isinstance(first, AbstractTensor) and not name.startswith(("_foreach", "_fused")):
        return (
            call_tensor_method(memory, first, name, given.after(1)) if name in _METHODS else _init(memory, first, name)
        )
    for one in tensors_of(first):
        memory.write(one)
    return first


_METHODS = frozenset(("copy_", "resize_", "detach_", "requires_grad_"))


def _init(memory: AbstractMemory, tensor: AbstractTensor, name: str) -> AbstractValue:
    """Write a tensor; the functions of `torch.nn.init` do so without recording it."""
    is_init = name.endswith(("uniform_", "normal_", "ones_", "zeros_", "constant_", "eye_", "dirac_", "orthogonal_"))
    if is_init:
        memory.record(tensor)
    else:
        memory.write(tensor)
    return tensor


def _parameter(memory: AbstractMemory, name: str, given: CallArguments) -> AbstractValue:
    first = given.get(0, "data")
    if not isinstance(first, AbstractTensor):
        return UNKNOWN
    needs_grad = constant_of(given.get(1, "requires_grad")) is not False and name == "Parameter"
    return make_parameter(memory, first, needs_grad=needs_grad)


def _share(memory: AbstractMemory, name: str, given: CallArguments, *, is_numpy: bool) -> AbstractValue:
    """Return a tensor over the memory of an array, or an array over that of a tensor."""
    first = given.get(0)
    if not isinstance(first, AbstractTensor):
        return memory.make(kind="ndarray" if is_numpy else "tensor")
    if constant_of(given.named.get("copy")) is True:
        return memory.make(first.shape, first.reading.dtype, "ndarray" if is_numpy else "tensor", (first,))
    own, wanted = first.reading.dtype.removeprefix("torch."), dtype_of(given.get(1, "dtype"))
    if wanted and wanted != own:
        return memory.make(first.shape, wanted, "ndarray" if is_numpy else "tensor")
    kind = "ndarray" if is_numpy else "tensor"
    if kind == first.reading.kind or (kind == "tensor" and not first.is_array):
        return (
            first if name not in ("frombuffer", "from_dlpack") else take_view(memory, first, "detach", given.after(1))
        )
    made = memory.view(first, layout_of(first) if first.is_exact else None, kind=kind, tracked=False)
    is_tensor = kind == "tensor"
    dtype = f"torch.{own}" if is_tensor else own
    made.reading = made.reading._replace(version=0 if is_tensor else None, dtype=dtype)
    made.is_counted = is_tensor
    return made


def _copy(memory: AbstractMemory, value: AbstractValue | None, *, deep: bool) -> AbstractValue:
    if isinstance(value, AbstractTensor):
        if deep or value.is_array:
            made = fresh_like(memory, value)
            made.reading = made.reading._replace(kind=value.reading.kind)
            return made
        return take_view(memory, value, "detach", CallArguments())
    if not isinstance(value, AbstractObject):
        return value or UNKNOWN
    return copy_object(memory, value, {}) if deep else _shallow(value)


def _shallow(value: AbstractObject) -> AbstractObject:
    return AbstractObject(
        value.kind,
        value.class_name,
        dict(value.parts),
        value.is_whole,
        is_training=value.is_training,
        held=value.held,
        others=value.others,
    )


def copy_object(memory: AbstractMemory, value: AbstractObject, known: dict[int, AbstractValue]) -> AbstractObject:
    """Return a deep copy of an object: each tensor once."""
    made = _shallow(value)
    known[id(value)] = made
    for step, one in value.parts.items():
        if id(one) not in known:
            if isinstance(one, AbstractObject):
                copy_object(memory, one, known)
            elif isinstance(one, AbstractTensor):
                known[id(one)] = _copy(memory, one, deep=True)
        made.parts[step] = known.get(id(one), one)
    made.held = [one for held in value.held if isinstance(one := known.get(id(held), held), AbstractTensor)]
    return made


def _compute(memory: AbstractMemory, name: str, given: CallArguments, *, is_numpy: bool) -> AbstractValue:
    last, first = name.rsplit(".", maxsplit=1)[-1], given.get(0, "input")
    if last in _SHAPED:
        return _make_shaped(memory, last, given, is_numpy=is_numpy)
    if isinstance(first, AbstractTensor):
        if last in VIEWS:
            return call_tensor_method(memory, first, last, given.after(1))
        if last in _LIKE:
            dtype = dtype_of(given.named.get("dtype"))
            made = memory.make(first.shape, f"torch.{dtype}" if dtype else first.reading.dtype, first.reading.kind)
            kind = "ndarray" if first.is_array else "tensor"
            made.reading = made.reading._replace(kind=kind)
            return _with_grad(made, given)
    if last in _NO_TENSORS or not _is_library(name):
        return UNKNOWN
    if last in ("tensor", "array") and not isinstance(first, AbstractTensor):
        return _with_grad(memory.make(kind="ndarray" if is_numpy else "tensor"), given)
    sources = [one for value in given.everything() for one in tensors_of(value, 2)]
    if not sources:
        return UNKNOWN if last not in ("load", "tensor", "array") else memory.make()
    made = memory.make(kind="ndarray" if is_numpy else "tensor", sources=sources)
    note_saved(memory, last, made, given.positional)
    return made


def _is_library(name: str) -> bool:
    return name.split(".", 1)[0] in LIBRARIES


def _make_shaped(memory: AbstractMemory, name: str, given: CallArguments, *, is_numpy: bool) -> AbstractValue:
    shape = _shape(name, given)
    wanted = dtype_of(given.named.get("dtype"))
    if is_numpy:
        made = memory.make(shape, wanted or "float64", "ndarray")
    else:
        made = memory.make(shape, f"torch.{wanted or ('int64' if name in ('arange', 'randint') else 'float32')}")
    return _with_grad(made, given)


def _with_grad(tensor: AbstractTensor, given: CallArguments) -> AbstractTensor:
    if constant_of(given.named.get("requires_grad")) is True:
        tensor.reading = tensor.reading._replace(requires_grad=True)
    return tensor


def _shape(name: str, given: CallArguments) -> tuple[int, ...] | None:
    first = given.get(0, "size")
    if name == "eye" and (size := whole_number(first)) is not None:
        return size, size
    if name == "arange" and len(given.positional) == 1 and (size := whole_number(first)) is not None:
        return (size,)
    if name == "full" or name in _SIZES_FIRST:
        sizes = first.items() if isinstance(first, AbstractObject) else [*given.positional]
        sizes = sizes[:1] if name == "full" and not isinstance(first, AbstractObject) else sizes
        found = [whole_number(one) for one in sizes]
        return None if None in found or not found else tuple(one or 0 for one in found)
    return None
