"""Interpret calls: of the notebook's functions, classes and objects, of Python's functions, and of libraries."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ...syntax.ast_queries import defaults_of, positional_names
from ...syntax.torch_vocabulary import BUILTINS, WRITTEN_ARGUMENT
from ..library.container_methods import call_container_method, call_record_method, set_items
from ..library.library_functions import GRAD_MODES, call_library
from ..library.module_methods import call_layer, call_module_method
from ..library.tensor_methods import call_tensor_method
from ..library.training_steps import call_optimizer_method, run_backward, step_optimizer
from ..values.abstract_values import (
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
    make_list,
    make_record,
    tensors_of,
)
from . import builtin_calls, iterator_calls
from .abstract_frame import AbstractFrame
from .fold_constants import call_text_method, call_with_constants
from .module_hooks import call_after, call_before, remove_hook
from .ordering_calls import sort_items
from .other_state import call_with_other_state
from .visit_items import ItemVisitor

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...runtime.deadline import Deadline
    from ..values.abstract_memory import AbstractMemory
    from .known_scene import KnownScene

_UNBOUND = ("torch.Tensor.", "Tensor.", "np.ndarray.", "numpy.ndarray.")
"""The classes whose methods are called with the object as the first argument."""
DEEPEST_CALL = 20
"""The maximum call depth."""
_RANDOM = frozenset(("shuffle", "copyto", "pack_into"))
"""Methods that write to their argument, whatever their object is."""
_CALLERS = frozenset(
    ("checkpoint", "map", "starmap", "submit", "apply", "timeit", "repeat", "jacobian", "hessian", "Thread", "minimize")
)
"""Functions and methods that call a function that they are given."""
_WRAPPERS = frozenset(("compile", "script", "trace", "lru_cache", "cache", "wraps", "njit", "jit", "vmap", "no_grad"))
"""Functions that return a function that does what the given one does."""
_BIND_ANY = frozenset(
    f"globals().{name}" for name in ("clear", "pop", "popitem", "setdefault", "update", "__delitem__", "__setitem__")
)
_NUMBERS = frozenset(("len", "int", "float", "abs", "round"))
_CONTAINERS = frozenset(("list", "dict", "set", "tuple", "deque", "defaultdict", "OrderedDict", "ModuleDict"))


class CallInterpreter(ItemVisitor):
    """Interprets calls; a subclass runs the bodies of functions."""

    def __init__(self, memory: AbstractMemory, scene: KnownScene, deadline: Deadline) -> None:
        super().__init__(memory, scene, deadline)
        self._depth = 0

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
                return self.either_of(lambda one: self.call(one, given), function.options)
            case _:
                return UNKNOWN

    # --- the notebook's own code ---

    def _call_function(self, closure: AbstractFunction, given: CallArguments) -> AbstractValue:
        if self._depth >= DEEPEST_CALL:
            return UNKNOWN
        function = closure.function
        around = closure.around if isinstance(closure.around, AbstractFrame) else None
        if isinstance(closure.around, dict):
            around = AbstractFrame(self.scene, closure.around, top=self.top)
        names = self.bind_arguments(closure, given)
        frame = AbstractFrame(self.scene, names, around=around, top=self.top, code=function.code, owner=function.owner)
        if is_generator(function.node):
            return AbstractIterator(lambda each: self._run_generator(closure, frame, each))
        return self.enter(closure, frame)

    def enter(self, closure: AbstractFunction, frame: AbstractFrame) -> AbstractValue:
        """Run a function with its arguments bound."""
        memory = self.memory
        position, records, infers, doubt = memory.position, memory.records, memory.infers, memory.doubt
        modes = {one.split(".")[-1] for one in closure.function.decorators()} & GRAD_MODES
        if modes:
            memory.records, memory.infers = False, infers or "inference_mode" in modes
        self._depth += 1
        try:
            return self.run_body(closure, frame)
        finally:
            self._depth -= 1
            memory.position, memory.records, memory.infers, memory.doubt = position, records, infers, doubt

    def _run_generator(
        self, closure: AbstractFunction, frame: AbstractFrame, each: Callable[[AbstractValue], None]
    ) -> bool:
        own = self.memory.position

        def give(value: AbstractValue) -> None:
            inside, self.memory.position = self.memory.position, own
            each(value)
            self.memory.now += 1
            self.memory.position = inside

        frame.give = give
        self.enter(closure, frame)
        return True

    def bind_arguments(self, closure: AbstractFunction, given: CallArguments) -> dict[str, AbstractValue]:
        """Return what each parameter leads to."""
        spec = closure.function.node.args
        names, defaults = positional_names(spec), defaults_of(spec)
        handed = (*closure.given, *given.positional)
        named = {**closure.named, **given.named}
        bound = dict(zip(names, handed, strict=False))
        bound |= {name: value for name, value in named.items() if name in defaults}
        for name, default in defaults.items():
            if name not in bound:
                kept = closure.around.get(name) if isinstance(closure.around, dict) else None
                bound[name] = kept or (UNKNOWN if default is None or given.is_open else self._default(default))
        if spec.vararg:
            bound[spec.vararg.arg] = make_list([*handed[len(names) :]], is_whole=not given.is_open)
        if spec.kwarg:
            parts = {f"[{name!r}]": value for name, value in named.items() if name not in bound}
            bound[spec.kwarg.arg] = AbstractObject("dict", parts=parts)
        return bound

    def _default(self, node: ast.expr) -> AbstractValue:
        known = self.notes.defaults
        if node not in known:
            known[node] = self.evaluate(node, self.top)
        return known[node]

    def _make(self, name: str, given: CallArguments) -> AbstractValue:
        """Return a new instance of a class of the notebook."""
        library = self.scene.library
        kind = library.kind_of(name) or "object"
        made = AbstractObject(kind, name, is_whole=False)
        if names := library.tuple_fields(name):
            return self._fill_in(make_record(names, given, name), name)
        start = library.method(name, "__init__")
        if start is not None:
            self.call(AbstractFunction(start, given=(made,)), given)
        fields = library.fields(name)
        for step, value in {**dict(zip(fields, given.positional, strict=False)), **given.named}.items():
            if step in fields:
                made.parts[f".{step}"] = value
        return self._fill_in(made, name) if start is None else made

    def _fill_in(self, made: AbstractObject, name: str) -> AbstractObject:
        """Give the fields of a dataclass or a named tuple that no argument is for their defaults."""
        for step, node in self.scene.library.fields(name).items():
            if node is not None and made.parts.get(f".{step}", UNKNOWN) is UNKNOWN:
                value = self.evaluate(node, self.top)
                made.parts[f".{step}"] = value
        return made

    def _call_object(self, owner: AbstractObject, given: CallArguments) -> AbstractValue:
        given = call_before(self, owner, given)
        return call_after(self, owner, given, self._run_object(owner, given))

    def _run_object(self, owner: AbstractObject, given: CallArguments) -> AbstractValue:
        if owner.kind in GRAD_MODES and given.positional:
            return given.positional[0]  # `torch.no_grad()(f)`
        own = self.method_of(owner, "__call__") or self.method_of(owner, "forward")
        if own is not None:
            return self.call(own, given)
        if owner.kind == "module":
            inplace = self.scene.library.notebook.inplace
            in_place = ".inplace" in owner.parts or (owner.path is not None and str(owner.path) in inplace)
            return call_layer(self.memory, owner, given, self.call, in_place=in_place)
        is_library = owner.class_name and not owner.parts and self.scene.library.class_node(owner.class_name) is None
        return self._call_library(LibraryName(owner.class_name), given) if is_library else UNKNOWN

    # --- methods of libraries ---

    def _call_method(self, owner: AbstractValue, name: str, given: CallArguments) -> AbstractValue:
        match owner:
            case AbstractTensor():
                return self._call_on_tensor(owner, name, given)
            case AbstractObject():
                return self._call_on_object(owner, name, given)
            case Either():
                return self.either_of(lambda one: self.call(self.attribute(one, name), given), owner.options)
            case AbstractClass() if name == "apply":
                forward = self.scene.library.method(owner.name, "forward")
                handed = CallArguments((UNKNOWN, *given.positional), given.named)
                return UNKNOWN if forward is None else self.call(AbstractFunction(forward), handed)
            case Constant(value=str() as text) if (known := call_text_method(text, name, given.positional)) is not None:
                return known
            case LibraryMethod(owner=AbstractTensor() as flags, name="flags") if name == "writeable":
                return Constant(not flags.is_read_only)
            case LibraryMethod(owner=AbstractObject() as myself, name=above) if above.startswith("super "):
                return self._call_above(myself, above.removeprefix("super "), name, given)
            case _:
                return self._call_on_unknown(name, given)

    def _call_on_unknown(self, name: str, given: CallArguments) -> AbstractValue:
        """Interpret a method of an object that is not known, as far as its name tells."""
        for place in WRITTEN_ARGUMENT.get(name, ()) if name in _RANDOM else ():
            self.memory.write(given.get(place))
        if isinstance(out := given.named.get("out"), AbstractTensor):
            self.memory.write(out)
        if name == "remove" and not given.positional:
            self.scene.forget_hooks()
        return self._call_back(name, given) or UNKNOWN

    def _call_back(self, name: str, given: CallArguments) -> AbstractValue | None:
        """Interpret the function that a library's function is given and calls; None if it calls none."""
        handed = [one for one in given.everything() if isinstance(one, AbstractFunction)]
        if not handed or name not in _CALLERS:
            return None
        function = handed[0]
        target = given.named.get("args")
        rest = [one for one in given.positional if one is not function]
        rest = target.items() if isinstance(target, AbstractObject) else rest
        self.memory.doubt += 1
        made = self.call(function, CallArguments(tuple(rest)))
        self.memory.doubt -= 1
        if name == "checkpoint" and isinstance(made, AbstractTensor):
            made.graph = frozenset()  # it keeps nothing of what the function computed
        return made

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
        if owner.kind == "named tuple":
            return call_record_method(self.memory, owner, name, given)
        if owner.kind == "list" and name == "sort":
            items, is_ordered = sort_items(self, owner.items(), given)
            set_items(self.memory, owner, items, ordered=is_ordered)
            return NONE
        if owner.kind in _CONTAINERS or owner.kind == "module":
            return call_container_method(self.memory, owner, name, given)
        return UNKNOWN

    def _call_on_optimizer(self, owner: AbstractObject, name: str, given: CallArguments) -> AbstractValue:
        if name != "step":
            return call_optimizer_method(self.memory, owner, name, given)
        for one in given.positional[:1]:
            self.call(one, CallArguments())
        self.notes.steps.append(step_optimizer(self.memory, owner))
        return UNKNOWN

    def _call_on_module(self, owner: AbstractObject, name: str, given: CallArguments) -> AbstractValue:
        if name == "forward":
            return self._run_object(owner, given)
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
        name, last = function.name, function.name.rsplit(".", 1)[-1]
        given = CallArguments((*function.given, *given.positional), {**function.named, **given.named}, given.is_open)
        interpreted = builtin_calls.CALLS.get(name) or iterator_calls.CALLS.get(name.removeprefix("itertools."))
        if interpreted is not None:
            return interpreted(self, given)
        self.memory.is_lost |= name in _BIND_ANY
        made = self._call_higher(last, given)
        if made is not None:
            return made
        if last == "remove":
            remove_hook(self.scene, given)
            return NONE
        if name.endswith("autograd.backward") and given.positional:
            run_backward(self.memory, tensors_of(given.positional[0]), given)
            return NONE
        if name.startswith(_UNBOUND) and given.positional:
            return self.call(self.attribute(given.positional[0], last), given.after(1))
        if name.startswith("torch.ops."):
            name = ".".join(name.split(".")[:4])  # without its overload
        if name in BUILTINS and (known := call_with_constants(name, given.positional)) is not None:
            return known
        if name in BUILTINS:
            return NUMBER if name in _NUMBERS else UNKNOWN
        return call_library(self.memory, name, given)

    def _call_higher(self, name: str, given: CallArguments) -> AbstractValue | None:
        """Interpret a library's function that calls or wraps what it is given; None for every other one."""
        if name == "partial":
            return self._bind_some(given)
        if name in _WRAPPERS and isinstance(given.get(0), AbstractFunction | AbstractObject):
            return given.get(0)
        if name == "DataLoader":
            return AbstractObject(name, name, {".dataset": given.get(0, "dataset") or UNKNOWN})
        if name == "functional_call":
            return call_with_other_state(self, given)
        return self._own_copy(name, given) if name in ("deepcopy", "copy") else self._call_back(name, given)

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
        return LibraryName("functools.partial()", given.positional, given.named)


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
