"""Visit the items of a value one by one, as a loop does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...memory.view_layouts import take_one
from ..library.container_methods import listed_keys
from ..library.library_functions import copy_object
from ..library.view_methods import layout_of
from ..values.abstract_values import (
    NUMBER,
    UNKNOWN,
    AbstractFunction,
    AbstractIterator,
    AbstractObject,
    AbstractTensor,
    AbstractValue,
    CallArguments,
    Constant,
    Either,
    constant_of,
    make_list,
)
from .evaluate_expression import ExpressionEvaluator

if TYPE_CHECKING:
    from collections.abc import Callable

_PLAIN_LISTS = frozenset(("", "list", "tuple"))
MOST_ROWS = 16
"""How many rows of a tensor a loop visits."""


class ItemVisitor(ExpressionEvaluator):
    """Visits items."""

    def visit(self, value: AbstractValue, each: Callable[[AbstractValue], None]) -> bool:
        """Call a function with each item of a value; return whether these are all."""
        match value:
            case AbstractIterator():
                return value.visit(each)
            case AbstractTensor():
                return self._visit_rows(value, each)
            case AbstractObject():
                return self._visit_object(value, each)
            case Constant(value=str() as text):
                for letter in text[:MOST_ROWS]:
                    each(Constant(letter))
                return len(text) <= MOST_ROWS
            case Either():
                self.memory.doubt += 1
                for one in value.options:
                    self.visit(one, each)
                self.memory.doubt -= 1
                return False
            case _:
                each(UNKNOWN)
                each(UNKNOWN)
                return False

    def _visit_rows(self, tensor: AbstractTensor, each: Callable[[AbstractValue], None]) -> bool:
        if not tensor.shape:
            each(self.memory.view(tensor) if tensor.shape is None else UNKNOWN)
            return False
        places = (
            range(tensor.shape[0]) if tensor.shape[0] <= MOST_ROWS else [*range(MOST_ROWS - 1), tensor.shape[0] - 1]
        )
        for place in places:
            is_scalar = tensor.is_array and len(tensor.shape) == 1
            row = NUMBER if is_scalar else self.memory.view(tensor, take_one(layout_of(tensor), 0, place))
            if isinstance(row, AbstractTensor):
                row.is_piece = True  # a loop unbinds it
            each(row)
        return len(places) == tensor.shape[0]

    def _visit_object(self, owner: AbstractObject, each: Callable[[AbstractValue], None]) -> bool:
        if owner.kind == "list" and owner.class_name in _PLAIN_LISTS:
            return self._visit_items(owner, each)
        for name in ("__iter__", "__next__"):
            method = self.method_of(owner, name)
            if method is not None:
                found = self.call(method, CallArguments())
                if name == "__iter__" and found is not owner:
                    return self.visit(found, each)
                if name == "__next__":
                    each(found)
                    return False
        method = self.method_of(owner, "__getitem__")
        if method is not None:
            return self._visit_by_index(owner, method, each)
        if owner.kind == "DataLoader":
            return self._visit_batches(owner, each)
        return self._visit_items(owner, each)

    def _visit_items(self, owner: AbstractObject, each: Callable[[AbstractValue], None]) -> bool:
        keys = owner.kind == "dict"
        values = listed_keys(owner) if keys else owner.items()
        for one in list(values):
            each(one)
        if not owner.is_whole and not values:
            each(owner.others)
        return owner.is_whole

    def _visit_by_index(
        self, owner: AbstractObject, method: AbstractFunction, each: Callable[[AbstractValue], None]
    ) -> bool:
        length = self.method_of(owner, "__len__")
        size = constant_of(self.call(length, CallArguments())) if length else None
        places = range(min(size, MOST_ROWS)) if isinstance(size, int) else range(2)
        for place in places:
            each(self.call(method, CallArguments((Constant(place),))))
        return isinstance(size, int) and size <= MOST_ROWS

    def _visit_batches(self, loader: AbstractObject, each: Callable[[AbstractValue], None]) -> bool:
        """Visit batches: copies of what the dataset gives."""

        def batch(value: AbstractValue) -> None:
            each(self._collate(value))

        dataset = loader.parts.get(".dataset", UNKNOWN)
        if isinstance(dataset, AbstractObject) and dataset.class_name == "TensorDataset":
            dataset = make_list([dataset.parts.get(".tensors", UNKNOWN)] * 2)
        self.visit(dataset, batch)
        return False

    def _collate(self, value: AbstractValue) -> AbstractValue:
        if isinstance(value, AbstractTensor):
            return self.memory.make()
        if isinstance(value, AbstractObject):
            return copy_object(self.memory, value, {})
        return self.memory.make() if value is NUMBER or isinstance(value, Constant) else UNKNOWN
