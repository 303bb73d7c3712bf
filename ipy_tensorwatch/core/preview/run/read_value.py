"""What an attribute, an item or an index of a value leads to."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, TypeVar

from ...memory.view_layouts import take_index
from ...syntax.parsing import parse_path
from ..library.container_methods import attribute_dict, find_member, put_part, take_item
from ..library.new_tensors import fresh_like
from ..library.training_steps import param_groups
from ..library.view_methods import layout_of, take_view
from ..values.abstract_values import (
    NONE,
    NUMBER,
    UNKNOWN,
    AbstractClass,
    AbstractFunction,
    AbstractObject,
    AbstractTensor,
    AbstractValue,
    CallArguments,
    Constant,
    Either,
    LibraryMethod,
    LibraryName,
    Unknown,
    constant_of,
    either,
    key_step,
    make_list,
    whole_number,
)
from .abstract_frame import AbstractFrame
from .run_notes import RunNotes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ...interpreter.definitions import Function
    from ...runtime.deadline import Deadline
    from ..values.abstract_memory import AbstractMemory
    from .known_scene import KnownScene

T = TypeVar("T")
_VIEW_ATTRIBUTES = frozenset(("T", "mT", "mH", "H", "real", "imag", "flat"))
_NUMBER_ATTRIBUTES = frozenset(("nbytes", "itemsize", "_version"))
_FACTS = frozenset(("is_leaf", "device", "grad_fn", "_base", "base", "is_cuda"))


class ValueReader:
    """Reads values; subclasses evaluate expressions, and interpret calls and statements."""

    def __init__(self, memory: AbstractMemory, scene: KnownScene, deadline: Deadline) -> None:
        self.memory, self.scene, self.deadline = memory, scene, deadline
        self.top = AbstractFrame(scene, {})
        self.notes = RunNotes()

    # --- what subclasses do ---

    def run_text(self, text: str) -> AbstractValue:
        """Run a text as `exec` does; return what `eval` gives for it."""
        raise NotImplementedError

    def evaluate(self, node: ast.expr, frame: AbstractFrame) -> AbstractValue:
        """Return what an expression gives."""
        raise NotImplementedError

    def call(self, function: AbstractValue, given: CallArguments) -> AbstractValue:
        """Interpret a call."""
        raise NotImplementedError

    def define(self, node: ast.Lambda | ast.FunctionDef | ast.AsyncFunctionDef, frame: AbstractFrame) -> AbstractValue:
        """Return a function that the code defines."""
        raise NotImplementedError

    def bind(self, target: ast.expr, value: AbstractValue, frame: AbstractFrame) -> None:
        """Bind a target to a value."""
        raise NotImplementedError

    def visit(self, value: AbstractValue, each: Callable[[AbstractValue], None]) -> bool:
        """Call a function with each item of a value; return whether these are all."""
        raise NotImplementedError

    def list_items(self, value: AbstractValue | None) -> tuple[list[AbstractValue], bool]:
        """Return the items of a value, and whether these are all; none for None."""
        found: list[AbstractValue] = []
        return found, value is None or self.visit(value, found.append)

    def assign_attribute(self, owner: AbstractValue, name: str, value: AbstractValue) -> None:
        """Set an attribute."""
        raise NotImplementedError

    def either_of(self, give: Callable[[T], AbstractValue], several: Iterable[T]) -> AbstractValue:
        """Return what a function may give for one of several, of which it is not known which one the code takes."""
        self.memory.doubt += 1
        found = [give(one) for one in several]
        self.memory.doubt -= 1
        return either(found)

    def attribute(self, owner: AbstractValue, name: str) -> AbstractValue:
        """Return what an attribute leads to."""
        match owner:
            case AbstractTensor():
                return self._tensor_attribute(owner, name)
            case AbstractObject():
                return self._object_attribute(owner, name)
            case LibraryName(name="namedtuple()") if name == "_fields":
                return _texts(constant_of(owner.given[0]))
            case LibraryName():
                return LibraryName(f"{owner.name}.{name}", owner.given, owner.named)
            case Either():
                return either([self.attribute(one, name) for one in owner.options])
            case AbstractClass():
                found = self.scene.library.method(owner.name, name)
                if found is not None:
                    return self._class_method(owner, found)
                return self.class_attribute(owner.name, name) or LibraryMethod(owner, name)
            case _:
                return LibraryMethod(owner, name)

    def class_attribute(self, name: str, attribute: str) -> AbstractValue | None:
        """Return what a class of the notebook itself holds under a name; None if nothing is known."""
        node = self.scene.library.class_node(name)
        if node is None:
            return None
        parts = self.scene.class_parts(name).parts
        if f".{attribute}" not in parts:
            for one in node.body:
                targets = one.targets if isinstance(one, ast.Assign) else [getattr(one, "target", None)]
                value = getattr(one, "value", None)
                if value is not None and any(getattr(each, "id", "") == attribute for each in targets):
                    parts[f".{attribute}"] = self.evaluate(value, self.top)
        return parts.get(f".{attribute}")

    def _class_method(self, owner: AbstractClass, found: Function) -> AbstractValue:
        return AbstractFunction(found, given=(owner,) if found.is_marked("classmethod") else ())

    def _tensor_attribute(self, tensor: AbstractTensor, name: str) -> AbstractValue:
        if f".{name}" in tensor.parts:
            return tensor.parts[f".{name}"]
        if name == "data":
            made = take_view(self.memory, tensor, "detach", CallArguments())
            if isinstance(made, AbstractTensor):
                made.is_counted = False
            return made
        if name in _VIEW_ATTRIBUTES:
            return take_view(self.memory, tensor, name, CallArguments())
        return self._fact(tensor, name)

    def _fact(self, tensor: AbstractTensor, name: str) -> AbstractValue:
        shape = tensor.shape
        known: dict[str, AbstractValue] = {
            "grad": tensor.grad or NONE,
            "shape": UNKNOWN if shape is None else make_list([Constant(size) for size in shape]),
            "ndim": NUMBER if shape is None else Constant(len(shape)),
            "dtype": Constant(tensor.reading.dtype) if tensor.reading.dtype != "unknown" else UNKNOWN,
            "requires_grad": Constant(tensor.reading.requires_grad),
        }
        if name in known:
            return known[name]
        if name in _NUMBER_ATTRIBUTES:
            return NUMBER
        return UNKNOWN if name in _FACTS else LibraryMethod(tensor, name)

    def _object_attribute(self, owner: AbstractObject, name: str) -> AbstractValue:
        found = owner.parts.get(f".{name}") or (find_member(owner, name) if owner.kind == "module" else None)
        if found is not None:
            return found
        if owner.kind == "optimizer" and name == "param_groups":
            return param_groups(owner)
        if owner.kind == "module" and name == "training":
            return Constant(owner.is_training)
        if owner.kind == "named tuple" and name == "_fields":
            return _texts([step[1:] for step in owner.parts])
        if name in ("__dict__", "_parameters", "_buffers", "_modules"):
            return attribute_dict(owner, name)
        library = self.scene.library
        method = library.method(owner.class_name, name)
        if method is None:
            return self.class_attribute(owner.class_name, name) or LibraryMethod(owner, name)
        getter = library.accessor(owner.class_name, name, "property", "cached_property")
        if getter is not None:
            value = self.call(AbstractFunction(getter, given=(owner,)), CallArguments())
            if getter.is_marked("cached_property"):
                owner.parts[f".{name}"] = value
            return value
        return AbstractFunction(method, given=() if method.is_marked("staticmethod") else (owner,))

    def method_of(self, owner: AbstractValue, name: str) -> AbstractFunction | None:
        """Return a method of the notebook's class of an object."""
        if not isinstance(owner, AbstractObject):
            return None
        found = self.scene.library.method(owner.class_name, name)
        return None if found is None else AbstractFunction(found, given=(owner,))

    def item(self, owner: AbstractValue, key: AbstractValue) -> AbstractValue:
        """Return what an item leads to."""
        match owner:
            case AbstractTensor():
                return self.index(owner, key)
            case AbstractObject():
                method = self.method_of(owner, "__getitem__")
                return self._object_item(owner, key) if method is None else self.call(method, CallArguments((key,)))
            case Either():
                return either([self.item(one, key) for one in owner.options])
            case LibraryName(name="globals()"):
                name = constant_of(key)
                return self.top.look_up(name) if isinstance(name, str) else UNKNOWN
            case Constant(value=str() | tuple() as text) if isinstance(place := whole_number(key), int):
                return Constant(text[place]) if -len(text) <= place < len(text) else UNKNOWN
            case _:
                return UNKNOWN

    def _object_item(self, owner: AbstractObject, key: AbstractValue) -> AbstractValue:
        tensors = owner.parts.get(".tensors")
        if isinstance(tensors, AbstractObject) and owner.kind != "module":  # a `TensorDataset`
            return make_list([self.item(one, key) for one in tensors.items()])
        if owner.class_name == "Subset":
            return self.item(owner.parts.get(".dataset", UNKNOWN), NUMBER)
        if isinstance(key, AbstractTensor):
            steps = (step for step in owner.parts if step[1:2].isidentifier())
            found = (owner.parts[step] for step in steps if self.scene.at(parse_path(step[1:-1])) is key)
            return next(found, UNKNOWN)
        return self._made_by_factory(owner, key) or take_item(owner, key)

    def _made_by_factory(self, owner: AbstractObject, key: AbstractValue) -> AbstractValue | None:
        """Return what a `defaultdict` puts under a key that it does not have; None for every other item."""
        factory, step = owner.parts.get(".default_factory"), key_step(key)
        if factory is None or factory is NONE or step is None or step in owner.parts or not owner.is_whole:
            return None
        made = self.call(factory, CallArguments())
        put_part(self.memory, owner, step, made)
        return made

    def index(self, tensor: AbstractTensor, key: AbstractValue) -> AbstractValue:
        """Return the part of a tensor that an index takes: a view, or a copy for a mask or a list."""
        keys = key.items() if isinstance(key, AbstractObject) and key.class_name == "tuple" else [key]
        if any(isinstance(one, AbstractTensor | AbstractObject) for one in keys):
            return fresh_like(self.memory, tensor, exact=False)
        found = [one.value if isinstance(one, Constant) else one for one in keys]
        if any(isinstance(one, str | float) for one in found):
            return UNKNOWN
        if any(not isinstance(one, int | slice | type(None) | type(...)) or one is True for one in found):
            is_number = all(not isinstance(one, Unknown | Either) or getattr(one, "is_number", False) for one in found)
            return self.memory.view(tensor) if is_number else UNKNOWN
        layout = take_index(layout_of(tensor), found) if tensor.is_exact else None
        if tensor.is_array and layout is not None and not layout.shape and ... not in found:
            return NUMBER  # an element of an array is a number
        return self.memory.view(tensor, layout)

    def truth(self, value: AbstractValue) -> bool | None:
        """Return whether a value counts as true; None if that is not known."""
        match value:
            case Constant(value=known):
                return bool(known)
            case AbstractObject(kind="list" | "dict") if value.is_whole or value.items():
                return bool(value.items())
            case AbstractFunction() | AbstractClass():
                return True
            case AbstractObject(kind="module" | "optimizer"):
                return True
            case _:
                return None


def _texts(names: object) -> AbstractObject:
    return (
        make_list([Constant(one) for one in names])
        if isinstance(names, list | tuple)
        else make_list([], is_whole=False)
    )
