"""Bind names, attributes and items to values; an item or the values of a tensor are written."""

from __future__ import annotations

import ast
from contextlib import suppress
from typing import TYPE_CHECKING

from ..library.container_methods import put_part, set_items
from ..library.tensor_methods import call_tensor_method
from ..values.abstract_values import (
    UNKNOWN,
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
    key_step,
    make_list,
    tensors_of,
)
from ..values.stopped_error import StoppedError
from .call_function import CallInterpreter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .abstract_frame import AbstractFrame


class TargetBinder(CallInterpreter):
    """Binds targets."""

    def bind(self, target: ast.expr, value: AbstractValue, frame: AbstractFrame) -> None:
        """Bind a target to a value."""
        match target:
            case ast.Name(id=name):
                self.set_name(name, value, frame)
            case ast.Starred(value=inner):
                self.bind(inner, value, frame)
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                self._unpack(parts, value, frame)
            case ast.Attribute(value=owner, attr=name):
                self.assign_attribute(self.evaluate(owner, frame), name, value)
            case ast.Subscript(value=owner, slice=key):
                self._assign_item(target.value, self.evaluate(owner, frame), self.evaluate(key, frame), value, frame)
            case _:
                pass

    def set_name(self, name: str, value: AbstractValue, frame: AbstractFrame) -> None:
        """Bind a name."""
        frame = frame.elsewhere.get(name, frame)
        frame.names[name] = value
        if frame is self.top:
            self.notes.bound[name] = (self.memory.now, self.memory.position.statement)

    def _unpack(self, parts: Sequence[ast.expr], value: AbstractValue, frame: AbstractFrame) -> None:
        found = self._items_to_bind(value)
        stars = [place for place, part in enumerate(parts) if isinstance(part, ast.Starred)]
        if stars and isinstance(value, AbstractObject) and value.is_whole and len(found) >= len(parts) - 1:
            last = len(found) - (len(parts) - 1 - stars[0])
            found[stars[0] : last] = [make_list(found[stars[0] : last])]
            parts = [part.value if isinstance(part, ast.Starred) else part for part in parts]
        rest = value.others if isinstance(value, AbstractObject) and not value.is_whole else UNKNOWN
        for place, part in enumerate(parts):
            if isinstance(part, ast.Starred):
                self.bind(part, UNKNOWN, frame)
            else:
                self.bind(part, found[place] if place < len(found) else rest, frame)

    def bind_pattern(self, pattern: ast.pattern, value: AbstractValue, frame: AbstractFrame) -> None:
        """Bind the names of a `match` pattern to the parts of a value that they take, whether it matches or not."""
        match pattern:
            case ast.MatchAs(pattern=inner, name=name):
                if inner is not None:
                    self.bind_pattern(inner, value, frame)
                if name is not None:
                    self.set_name(name, value, frame)
            case ast.MatchOr(patterns=several):
                self.bind_pattern(several[0], value, frame)
            case ast.MatchSequence(patterns=several):
                self._bind_items(several, value, frame)
            case ast.MatchMapping(keys=keys, patterns=several):
                for key, one in zip(keys, several, strict=True):
                    self.bind_pattern(one, self.item(value, self.evaluate(key, frame)), frame)
            case ast.MatchClass(kwd_attrs=names, kwd_patterns=several):
                for name, one in zip(names, several, strict=True):
                    self.bind_pattern(one, self.attribute(value, name), frame)
            case _:
                pass

    def _bind_items(self, several: Sequence[ast.pattern], value: AbstractValue, frame: AbstractFrame) -> None:
        found = self._items_to_bind(value)
        for place, one in enumerate(several):
            if isinstance(one, ast.MatchStar):
                break  # of what follows it is not known which item it takes
            self.bind_pattern(one, found[place] if place < len(found) else UNKNOWN, frame)

    def _items_to_bind(self, value: AbstractValue) -> list[AbstractValue]:
        return [] if isinstance(value, Either) else self.list_items(value)[0]

    def assign_attribute(self, owner: AbstractValue, name: str, value: AbstractValue) -> None:
        """Set an attribute: of an object, or the values or the gradient of a tensor."""
        if isinstance(owner, LibraryMethod) and name == "writeable" and isinstance(owner.owner, AbstractTensor):
            owner.owner.is_read_only = constant_of(value) is False  # `a.flags.writeable = False`
        elif isinstance(owner, AbstractTensor):
            self._assign_to_tensor(owner, name, value)
        elif isinstance(owner, AbstractObject):
            setter = self.scene.library.accessor(owner.class_name, name, "setter")
            if setter is not None:
                self.call(AbstractFunction(setter, given=(owner,)), CallArguments((value,)))
            else:
                is_item = owner.kind == "module" and f"[{name}]" in owner.parts
                put_part(self.memory, owner, f"[{name}]" if is_item else f".{name}", value)

    def _assign_to_tensor(self, owner: AbstractTensor, name: str, value: AbstractValue) -> None:
        if name == "grad":
            owner.grad = value if isinstance(value, AbstractTensor) else None
            owner.since[".grad"] = self.memory.now
        elif name == "data" and isinstance(value, AbstractTensor):
            self.memory.replace(owner, value.reading)
            owner.is_exact = value.is_exact
        elif name == "requires_grad" and isinstance(value, Constant):
            owner.reading = owner.reading._replace(requires_grad=bool(value.value))
        elif name in ("real", "imag", "flat"):
            self.memory.write(owner)
        else:
            owner.parts[f".{name}"] = value

    def _assign_item(
        self, node: ast.expr, owner: AbstractValue, key: AbstractValue, value: AbstractValue, frame: AbstractFrame
    ) -> None:
        match owner:
            case AbstractTensor():
                self.write_item(owner, key, value)
            case Either():
                for one in owner.options:
                    if isinstance(one, AbstractTensor):
                        self.memory.write(one, certain=False)
            case LibraryName(name="globals()"):
                self._bind_global(constant_of(key), value)
            case AbstractObject():
                method = self.method_of(owner, "__setitem__")
                if method is not None:
                    self.call(method, CallArguments((key, value)))
                elif owner.kind == "list" and isinstance(part := constant_of(key), slice):
                    self._assign_slice(owner, part, value)
                else:
                    put_part(self.memory, owner, key_step(key), value)
            case Unknown() | LibraryName() if isinstance(node, ast.Name) and not frame.binds(node.id):
                made = AbstractObject("dict", is_whole=False)
                put_part(self.memory, made, key_step(key), value)
                self.set_name(node.id, made, self.top)

    def _bind_global(self, name: object, value: AbstractValue) -> None:
        if isinstance(name, str):
            self.set_name(name, value, self.top)
        else:
            self.memory.is_lost = True

    def _assign_slice(self, owner: AbstractObject, part: slice, value: AbstractValue) -> None:
        items, (given, _) = owner.items(), self.list_items(value)
        with suppress(ValueError):
            items[part] = given
            set_items(self.memory, owner, items)

    def write_item(self, owner: AbstractTensor, key: AbstractValue, value: AbstractValue, name: str = "") -> None:
        """Write a part of a tensor; with an operator's `name`, in place."""
        part = self.index(owner, key)
        is_view = isinstance(part, AbstractTensor) and part.reading.storage == owner.reading.storage
        target = part if is_view else owner
        if isinstance(target, AbstractTensor) and name:
            call_tensor_method(self.memory, target, f"__i{name}__", CallArguments((value,)))
        elif isinstance(target, AbstractTensor):
            try:
                self.memory.write(target, certain=is_view, sources=tensors_of(value, 1), reads=is_view)
            except StoppedError as error:
                raise StoppedError(error.trouble, owner, error.position) from error
