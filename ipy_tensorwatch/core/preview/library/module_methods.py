"""What modules do: their methods, their calls, and the layers that write."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from ...syntax.torch_vocabulary import FRESH_LAYERS, INPLACE_LAYERS
from ..values.abstract_memory import AbstractMemory, is_one_memory
from ..values.abstract_values import (
    UNKNOWN,
    AbstractObject,
    AbstractTensor,
    AbstractValue,
    CallArguments,
    Constant,
    LibraryName,
    constant_of,
    make_list,
    tensors_of,
    whole_number,
)
from .container_methods import find_member
from .new_tensors import dtype_of, fresh_like
from .saved_inputs import note_saved, note_saved_by_each
from .training_steps import clear_gradients, held_inside, tensors_behind
from .view_methods import take_view

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    CallBack = Callable[[AbstractValue, CallArguments], AbstractValue]

_NORMS = ("BatchNorm", "SyncBatchNorm", "InstanceNorm", "LazyBatchNorm")
HANDLE = "RemovableHandle"
"""What a module returns that a hook is given to: its arguments are the two."""
_LIVE = ("parameter", "buffer")
_STATISTICS = (".running_mean", ".running_var", ".num_batches_tracked")
_DROPOUTS = ("Dropout", "AlphaDropout", "FeatureAlphaDropout")
_PARTS = {
    "Linear": ("weight", "bias"), "Conv": ("weight", "bias"), "Bilinear": ("weight", "bias"),
    "LayerNorm": ("weight", "bias"), "GroupNorm": ("weight", "bias"), "Embedding": ("weight",),
    "PReLU": ("weight",), "LSTM": ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"),
    "RNN": ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"),
    "GRU": ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"), "BatchNorm": ("weight", "bias"),
}  # fmt: skip
"""The parameters of a new layer, by the start of its class's name."""


def make_module(memory: AbstractMemory, name: str, given: CallArguments) -> AbstractObject:
    """Return a new module of a library's class."""
    made = AbstractObject("module", name)
    if name in ("Sequential", "ModuleList", "ParameterList", "Compose"):
        values = [*given.positional]
        if len(values) == 1 and isinstance(values[0], AbstractObject) and values[0].kind == "list":
            values = values[0].items()
        made.parts = make_list(values).parts
    elif name in ("ModuleDict", "ParameterDict") and isinstance(first := given.get(0), AbstractObject):
        made.parts = dict(first.parts)
    for kind, names in _PARTS.items():
        if name.startswith(kind):
            made.parts |= {f".{one}": make_parameter(memory, memory.make()) for one in names}
    if name.startswith(_NORMS):
        names = ("running_mean", "running_var", "num_batches_tracked")
        made.parts |= {f".{one}": memory.make(kind="buffer") for one in names}
    if name == "Flatten":
        made.parts |= {
            ".start_dim": given.get(0, "start_dim") or Constant(1),
            ".end_dim": given.get(1, "end_dim") or Constant(-1),
        }
    options = (given.named.get("inplace"), *(given.positional if name.startswith(INPLACE_LAYERS) else ()))
    limits = name.startswith("Embedding") and constant_of(given.get(3, "max_norm")) is not None
    if limits or any(constant_of(one) is True for one in options):
        made.parts[".inplace"] = Constant(True)  # noqa: FBT003  (the value of an attribute)
    return made


def make_parameter(memory: AbstractMemory, tensor: AbstractTensor, *, needs_grad: bool = True) -> AbstractTensor:
    """Return a parameter over the memory of a tensor."""
    made = memory.view(tensor, tracked=False, kind="parameter")
    made.is_exact = tensor.is_exact
    made.reading = made.reading._replace(
        shape=tensor.reading.shape, strides=tensor.reading.strides, requires_grad=needs_grad, is_leaf=True
    )
    return made


def call_module_method(
    memory: AbstractMemory, module: AbstractObject, name: str, given: CallArguments, call: CallBack
) -> AbstractValue:
    """Return what a method that every module has gives."""
    if name in ("parameters", "buffers"):
        return make_list([*held_inside(module, name[:-1])])
    if name in ("named_parameters", "named_buffers"):
        found = tensors_behind(module, (name[6:-1],))
        return make_list([make_list([Constant(spell_name(path.steps)), one]) for path, one in found])
    if name in ("modules", "children", "named_modules", "named_children"):
        return _inner_modules(module, name)
    if name == "state_dict":
        return state_dict(memory, module, given)
    if name in ("get_parameter", "get_buffer", "get_submodule"):
        return _find(module, constant_of(given.get(0, "target")))
    if name in ("load_state_dict", "reset_parameters", "reset_running_stats"):
        _load(memory, module, given, ("buffer",) if name == "reset_running_stats" else _LIVE)
        return UNKNOWN
    return _other_method(memory, module, name, given, call)


def _load(memory: AbstractMemory, module: AbstractObject, given: CallArguments, kinds: tuple[str, ...]) -> None:
    """Overwrite what is behind a module, except with itself; with `assign=True`, only other objects are put there."""
    source = given.get(0, "state_dict")
    known = source.parts if isinstance(source, AbstractObject) else {}
    if constant_of(given.get(2, "assign")) is True:
        return
    for path, one in tensors_behind(module, kinds):
        other = known.get(f"[{spell_name(path.steps)!r}]")
        if not (isinstance(other, AbstractTensor) and is_one_memory(one, other)):
            memory.record(one)


def _other_method(
    memory: AbstractMemory, module: AbstractObject, name: str, given: CallArguments, call: CallBack
) -> AbstractValue:
    if name in ("train", "eval"):
        switch(module, is_training=name == "train" and constant_of(given.get(0, "mode")) is not False)
    elif name == "apply":
        for each in (*inner(module), module):
            call(given.positional[0] if given.positional else UNKNOWN, CallArguments((each,)))
    elif name == "zero_grad":
        clear_gradients(memory, held_inside(module, "parameter"), given)
    elif name == "requires_grad_":
        _require_grad(module, constant_of(given.get(0)) is not False)
    elif name in ("half", "double", "bfloat16", "float", "to", "type", "cuda"):
        _convert(memory, module, name, given)
    elif name in ("register_buffer", "register_parameter") and len(given.positional) > 1:
        put_member(memory, module, name, given)
    elif name in ("register_forward_hook", "register_forward_pre_hook") and given.positional:
        hooks = module.pre_hooks if "pre" in name else module.hooks
        hooks.append(given.positional[0])
        return LibraryName(HANDLE, (module, given.positional[0]))
    elif name in ("append", "insert", "pop"):
        _rearrange(module, name, given)
    return module


def _require_grad(module: AbstractObject, wanted: bool) -> None:  # noqa: FBT001  (the value of an attribute)
    for one in held_inside(module, "parameter"):
        one.reading = one.reading._replace(requires_grad=wanted)


def _rearrange(module: AbstractObject, name: str, given: CallArguments) -> None:
    """Add a module to a container of modules, or take one out."""
    items, place = module.items(), whole_number(given.get(0))
    if name == "append":
        items += given.positional[:1]
    elif place is not None and name == "insert":
        items[place:place] = given.positional[1:2]
    elif place is not None and -len(items) <= place < len(items):
        items.pop(place)
    kept = {step: one for step, one in module.parts.items() if step[:1] != "["}
    module.parts = {**kept, **{f"[{n}]": one for n, one in enumerate(items)}}


def put_member(memory: AbstractMemory, module: AbstractObject, name: str, given: CallArguments) -> None:
    """Register a tensor as a parameter or a buffer: the very object becomes a member."""
    step, value = str(constant_of(given.positional[0])), given.positional[1]
    if isinstance(value, AbstractTensor) and name == "register_buffer":
        value.reading = value.reading._replace(kind="buffer")
    module.parts[f".{step}"] = value
    module.since[f".{step}"] = memory.now


def _convert(memory: AbstractMemory, module: AbstractObject, name: str, given: CallArguments) -> None:
    """Give other memory to the tensors of a module whose type is to change."""
    wanted = {"half": "float16", "double": "float64", "float": "float32", "bfloat16": "bfloat16"}.get(name, "")
    wanted = wanted or next((found for one in given.everything() if (found := dtype_of(one))), "")
    for _, one in tensors_behind(module, _LIVE) if wanted else ():
        dtype = one.reading.dtype.removeprefix("torch.")
        if dtype != wanted and "float" in dtype:
            other = memory.make(one.shape, f"torch.{wanted}").reading
            one.reading = one.reading._replace(
                storage=other.storage, data_ptr=other.data_ptr, low=0, high=other.high, dtype=f"torch.{wanted}"
            )


def _find(module: AbstractObject, target: object) -> AbstractValue:
    """Return what is behind a module under a dotted name."""
    found: AbstractValue | None = module
    for name in target.split(".") if isinstance(target, str) and target else ():
        found = find_member(found, name) if isinstance(found, AbstractObject) else None
    return found or UNKNOWN


def state_dict(memory: AbstractMemory, module: AbstractObject, given: CallArguments) -> AbstractObject:
    """Return a module's state dict: other tensors over the same memory, or with `keep_vars` the very ones."""
    made, prefix = AbstractObject("dict"), constant_of(given.named.get("prefix")) or ""
    keeps = constant_of(given.named.get("keep_vars")) is True
    for path, one in tensors_behind(module, _LIVE):
        value = one if keeps else take_view(memory, one, "detach", CallArguments())
        made.parts[f"[{f'{prefix}{spell_name(path.steps)}'!r}]"] = value
    return made


@lru_cache(maxsize=4096)
def spell_name(steps: tuple[str, ...]) -> str:
    """Return the name of a parameter, as `named_parameters` spells it."""
    return ".".join(step.strip(".[]'\"") for step in steps)


def inner(module: AbstractObject) -> Iterator[AbstractObject]:
    """Yield the modules inside a module."""
    for one in list(module.parts.values()):
        if isinstance(one, AbstractObject) and one.kind == "module":
            yield from inner(one)
            yield one


def _inner_modules(module: AbstractObject, name: str) -> AbstractObject:
    own = [
        (step, one) for step, one in module.parts.items() if isinstance(one, AbstractObject) and one.kind == "module"
    ]
    if name.endswith("children"):
        found = own
    else:
        found = [("", module), *own]
        found += [("", each) for _, one in own for each in inner(one)]
    if name.startswith("named_"):
        return make_list([make_list([Constant(spell_name((step,))), one]) for step, one in found])
    return make_list([one for _, one in found])


def switch(module: AbstractObject, *, is_training: bool) -> None:
    """Set a module and those inside it to training or to evaluation."""
    for one in (*inner(module), module):
        one.is_training = is_training


def call_layer(
    memory: AbstractMemory, module: AbstractObject, given: CallArguments, call: CallBack, *, in_place: bool
) -> AbstractValue:
    """Return what calling a library's module gives, and record what it writes."""
    name, value = module.class_name, given.get(0, "input")
    if name in ("Sequential", "Compose"):
        for one in module.items():
            value = call(one, CallArguments((value,) if value is not None else ()))
        return value or UNKNOWN
    if in_place and not name.startswith("Embedding") and (module.is_training or not name.startswith(_DROPOUTS)):
        memory.write(value)
        note_saved(memory, name, value or UNKNOWN, ())
        return value or UNKNOWN
    if name.startswith("Embedding") and in_place:
        for one in tensors_of(module.parts.get(".weight")):
            memory.touch(one)
            memory.record(one, certain=False)
    if name.startswith(_NORMS) and module.is_training:
        for step in _STATISTICS:  # its kernel moves no version counter
            if isinstance(statistic := module.parts.get(step), AbstractTensor):
                memory.record(statistic, by="module", is_counted=False)
    made = _result(memory, module, value, given)
    other = given.get(1) if name.endswith("Loss") else module.parts.get(".weight")
    note_saved_by_each(memory, name, made, (value, other))
    return made


def _result(
    memory: AbstractMemory, module: AbstractObject, value: AbstractValue | None, given: CallArguments
) -> AbstractValue:
    name = module.class_name
    if name == "Identity" or (name.startswith(_DROPOUTS) and not module.is_training):
        return value or UNKNOWN
    sources = [one for each in given.everything() for one in tensors_of(each)]
    sources += held_inside(module, "parameter")
    if name == "Flatten" and isinstance(value, AbstractTensor):
        ends = [
            module.parts.get(one, default) for one, default in ((".start_dim", Constant(1)), (".end_dim", Constant(-1)))
        ]
        return take_view(memory, value, "flatten", CallArguments((*ends,)))
    if name == "Unflatten" and isinstance(value, AbstractTensor):
        return memory.view(value)
    if name in ("LSTM", "GRU", "RNN", "MultiheadAttention"):
        return make_list([memory.make(sources=sources), memory.make(sources=sources)])
    if name.startswith((*FRESH_LAYERS, *_NORMS)) or name.endswith("Loss"):
        return memory.make(sources=sources)
    return UNKNOWN if not sources else fresh_like(memory, sources[0], CallArguments(tuple(sources)), exact=False)
