"""Interpret calls: of the notebook's functions, classes and objects, of Python's functions, and of libraries."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ..syntax.torch_vocabulary import BUILTINS
from . import builtin_calls
from .abstract_frame import AbstractFrame
from .abstract_values import (
    NONE,
    NUMBER,
    UNKNOWN,
    AbstractClass,
    AbstractFunction,
    AbstractIterator,
    AbstractObject,
    AbstractTensor,
    AbstractValue,
    CallArguments,
    Constant,
    Either,
    LibraryMethod,
    LibraryName,
    constant_of,
    either,
    make_list,
    tensors_in,
)
from .container_methods import call_container_method
from .evaluate_expression import ExpressionEvaluator
from .library_functions import GRAD_MODES, call_library, copy_object
from .module_methods import call_layer, call_module_method
from .tensor_methods import call_tensor_method, layout_of
from .training_steps import AbstractStep, call_optimizer_method, run_backward, step_optimizer
from .view_layouts import take_one

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..host.deadline import Deadline
    from .abstract_memory import AbstractMemory
    from .known_scene import KnownScene

DEEPEST_CALL = 20
"""The maximum call depth."""
MOST_ROWS = 16
"""How many rows of a tensor a loop visits."""
_CONTAINERS = frozenset(("list", "dict", "set", "tuple", "deque", "defaultdict", "OrderedDict", "ModuleDict"))


class CallInterpreter(ExpressionEvaluator):
    """Interprets calls; a subclass runs the bodies of functions.

    Attributes
    ----------
    steps
        The steps that optimizers made.
    """

    def __init__(self, memory: AbstractMemory, scene: KnownScene, deadline: Deadline) -> None:
        super().__init__(memory, scene, deadline)
        self.top = AbstractFrame(scene, {})
        self.steps: list[AbstractStep] = []
        self._depth = 0
        self._defaults: dict[ast.expr, AbstractValue] = {}

    def run_body(self, function: AbstractFunction, frame: AbstractFrame) -> AbstractValue:
        """Run a function's statements, and return what it may return."""
        raise NotImplementedError

    def call(self, function: AbstractValue, given: CallArguments) -> AbstractValue:
        """Interpret a call."""
        match function:
            case AbstractFunction():
                return self._call_function(function, given)
            case LibraryMethod():
                return self._call_method(function.owner, function.name, given)
            case LibraryName():
                return self._call_library(function, given)
            case AbstractClass():
                return self._make(function.name, given)
            case AbstractObject():
                return self._call_object(function, given)
            case Either():
                self.memory.doubt += 1
                found = [self.call(one, given) for one in function.options]
                self.memory.doubt -= 1
                return either(found)
            case _:
                return UNKNOWN

    # --- the notebook's own code ---

    def _call_function(self, closure: AbstractFunction, given: CallArguments) -> AbstractValue:
        if self._depth >= DEEPEST_CALL:
            return UNKNOWN
        function = closure.function
        around = closure.around if isinstance(closure.around, AbstractFrame) else None
        names = self.bind_arguments(closure, given)
        frame = AbstractFrame(self.scene, names, around=around, top=self.top, code=function.code, owner=function.owner)
        if is_generator(function.node):
            return AbstractIterator(lambda each: self._run_generator(closure, frame, each))
        return self.enter(closure, frame)

    def enter(self, closure: AbstractFunction, frame: AbstractFrame) -> AbstractValue:
        """Run a function with its arguments bound."""
        position, records = self.memory.position, self.memory.records
        if any(one.split(".")[-1] in GRAD_MODES for one in closure.function.decorators()):
            self.memory.records = False
        self._depth += 1
        try:
            return self.run_body(closure, frame)
        finally:
            self._depth -= 1
            self.memory.position, self.memory.records = position, records

    def _run_generator(
        self, closure: AbstractFunction, frame: AbstractFrame, each: Callable[[AbstractValue], None]
    ) -> None:
        own = self.memory.position

        def give(value: AbstractValue) -> None:
            inside, self.memory.position = self.memory.position, own
            each(value)
            self.memory.position = inside

        frame.give = give
        self.enter(closure, frame)

    def bind_arguments(self, closure: AbstractFunction, given: CallArguments) -> dict[str, AbstractValue]:
        """Return what each parameter leads to."""
        spec = closure.function.node.args
        names = [one.arg for one in (*spec.posonlyargs, *spec.args)]
        handed = (*closure.given, *given.positional)
        named = {**closure.named, **given.named}
        bound = dict(zip(names, handed, strict=False))
        bound |= {name: value for name, value in named.items() if name in {*names, *(a.arg for a in spec.kwonlyargs)}}
        missing = [None] * (len(names) - len(spec.defaults))
        defaults = zip(
            (*names, *(a.arg for a in spec.kwonlyargs)), (*missing, *spec.defaults, *spec.kw_defaults), strict=True
        )
        for name, default in defaults:
            if name not in bound:
                bound[name] = UNKNOWN if default is None or given.is_open else self._default(default)
        if spec.vararg:
            bound[spec.vararg.arg] = make_list([*handed[len(names) :]], is_whole=not given.is_open)
        if spec.kwarg:
            parts = {f"[{name!r}]": value for name, value in named.items() if name not in bound}
            bound[spec.kwarg.arg] = AbstractObject("dict", parts=parts)
        return bound

    def _default(self, node: ast.expr) -> AbstractValue:
        if node not in self._defaults:
            self._defaults[node] = self.evaluate(node, self.top)
        return self._defaults[node]

    def _make(self, name: str, given: CallArguments) -> AbstractValue:
        """Return a new instance of a class of the notebook."""
        library = self.scene.library
        kind = library.kind_of(name) or "object"
        made = AbstractObject(kind, name, is_whole=False)
        start = library.method(name, "__init__")
        if start is not None:
            self.call(AbstractFunction(start, given=(made,)), given)
        fields = library.fields(name)
        for step, value in {**dict(zip(fields, given.positional, strict=False)), **given.named}.items():
            if step in fields:
                made.parts[f".{step}"] = value
        return made

    def method_of(self, owner: AbstractValue, name: str) -> AbstractFunction | None:
        """Return a method of the notebook's class of an object."""
        if not isinstance(owner, AbstractObject):
            return None
        found = self.scene.library.method(owner.class_name, name)
        return None if found is None else AbstractFunction(found, given=(owner,))

    def _call_object(self, owner: AbstractObject, given: CallArguments) -> AbstractValue:
        own = self.method_of(owner, "__call__") or self.method_of(owner, "forward")
        if own is not None:
            return self.call(own, given)
        if owner.kind == "module":
            inplace = self.scene.library.notebook.inplace
            in_place = ".inplace" in owner.parts or (owner.path is not None and str(owner.path) in inplace)
            return call_layer(self.memory, owner, given, self.call, in_place=in_place)
        return UNKNOWN

    # --- methods of libraries ---

    def _call_method(self, owner: AbstractValue, name: str, given: CallArguments) -> AbstractValue:
        match owner:
            case AbstractTensor():
                return self._call_on_tensor(owner, name, given)
            case AbstractObject():
                return self._call_on_object(owner, name, given)
            case Either():
                self.memory.doubt += 1
                found = [self.call(self.attribute(one, name), given) for one in owner.options]
                self.memory.doubt -= 1
                return either(found)
            case AbstractClass() if name == "apply":
                forward = self.scene.library.method(owner.name, "forward")
                handed = CallArguments((UNKNOWN, *given.positional), given.named)
                return UNKNOWN if forward is None else self.call(AbstractFunction(forward), handed)
            case Constant(value=str()):
                return UNKNOWN
            case _ if name.startswith("super "):
                return UNKNOWN
            case LibraryMethod(owner=AbstractObject() as myself, name=above) if above.startswith("super "):
                return self._call_above(myself, above.removeprefix("super "), name, given)
            case _:
                return UNKNOWN

    def _call_above(self, owner: AbstractObject, above: str, name: str, given: CallArguments) -> AbstractValue:
        """Interpret `super().name(…)`."""
        found = self.scene.library.method(owner.class_name, name, above=above)
        if found is not None:
            return self.call(AbstractFunction(found, given=(owner,)), given)
        return UNKNOWN if name == "__init__" else self._call_on_object(owner, name, given)

    def _call_on_tensor(self, tensor: AbstractTensor, name: str, given: CallArguments) -> AbstractValue:
        if name == "backward":
            run_backward(self.memory, [tensor], given)
            return NONE
        if name == "__setitem__" and len(given.positional) > 1:
            self.memory.write(self.index(tensor, given.positional[0]))
            return NONE
        if name == "__getitem__" and given.positional:
            return self.index(tensor, given.positional[0])
        return call_tensor_method(self.memory, tensor, name, given)

    def _call_on_object(self, owner: AbstractObject, name: str, given: CallArguments) -> AbstractValue:
        if owner.kind == "optimizer":
            return self._call_on_optimizer(owner, name, given)
        if owner.kind == "module" and name not in ("items", "values", "keys"):
            return self._call_on_module(owner, name, given)
        if owner.kind in _CONTAINERS or owner.kind == "module":
            return call_container_method(self.memory, owner, name, given)
        return UNKNOWN

    def _call_on_optimizer(self, owner: AbstractObject, name: str, given: CallArguments) -> AbstractValue:
        if name != "step":
            return call_optimizer_method(self.memory, owner, name, given)
        for one in given.positional[:1]:
            self.call(one, CallArguments())
        self.steps.append(step_optimizer(self.memory, owner))
        return UNKNOWN

    def _call_on_module(self, owner: AbstractObject, name: str, given: CallArguments) -> AbstractValue:
        if name in ("train", "eval"):
            self._switch_inside(owner, given if name == "train" else CallArguments((Constant(False),)))  # noqa: FBT003
        return call_module_method(self.memory, owner, name, given, self.call)

    def _switch_inside(self, owner: AbstractObject, given: CallArguments) -> None:
        """Run the `train` of the notebook's modules inside a module."""
        for one in list(owner.parts.values()):
            if isinstance(one, AbstractObject) and one.kind == "module":
                method = self.method_of(one, "train")
                if method is not None:
                    self.call(method, given)
                self._switch_inside(one, given)

    # --- functions of libraries and of Python ---

    def _call_library(self, function: LibraryName, given: CallArguments) -> AbstractValue:
        name, given = (
            function.name,
            CallArguments((*function.given, *given.positional), {**function.named, **given.named}),
        )
        if name == "partial" or name.endswith(".partial"):
            return self._bind_some(given)
        if name in builtin_calls.CALLS:
            return builtin_calls.CALLS[name](self, given)
        if name == "DataLoader" or name.endswith(".DataLoader"):
            parts = {".dataset": given.get(0, "dataset") or UNKNOWN}
            return AbstractObject("DataLoader", "DataLoader", parts)
        if name.endswith("autograd.backward") and given.positional:
            run_backward(self.memory, tensors_in(given.positional[0]), given)
            return NONE
        if name.split(".")[-1] in ("deepcopy", "copy") and (own := self._own_copy(name, given)) is not None:
            return own
        if name in BUILTINS:
            return NUMBER if name in ("len", "int", "float", "abs", "round", "min", "max", "sum") else UNKNOWN
        return call_library(self.memory, name, given)

    def _own_copy(self, name: str, given: CallArguments) -> AbstractValue | None:
        special = "__deepcopy__" if name.endswith("deepcopy") else "__copy__"
        for one in given.positional[:1]:
            method = self.method_of(one, special)
            if method is not None:
                return self.call(method, CallArguments((UNKNOWN,)) if special == "__deepcopy__" else CallArguments())
        return None

    def _bind_some(self, given: CallArguments) -> AbstractValue:
        if not given.positional:
            return UNKNOWN
        function, rest = given.positional[0], given.after(1)
        if isinstance(function, AbstractFunction):
            named = {**function.named, **rest.named}
            return AbstractFunction(function.function, function.around, (*function.given, *rest.positional), named)
        if isinstance(function, LibraryName):
            return LibraryName(function.name, (*function.given, *rest.positional), {**function.named, **rest.named})
        return UNKNOWN

    # --- loops ---

    def visit(self, value: AbstractValue, each: Callable[[AbstractValue], None]) -> bool:
        """Call a function with each item of a value; return whether these are all."""
        match value:
            case AbstractIterator():
                value.visit(each)
                return True
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
            each(NUMBER if is_scalar else self.memory.view(tensor, take_one(layout_of(tensor), 0, place)))
        return len(places) == tensor.shape[0]

    def _visit_object(self, owner: AbstractObject, each: Callable[[AbstractValue], None]) -> bool:
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
        keys = owner.kind == "dict"
        values = builtin_calls.keys_of(owner) if keys else owner.items()
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


def is_generator(node: ast.AST) -> bool:
    """Return whether a function yields."""
    waiting: list[ast.AST] = [*ast.iter_child_nodes(node)]
    while waiting:
        part = waiting.pop()
        if isinstance(part, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            waiting += ast.iter_child_nodes(part)
    return False
