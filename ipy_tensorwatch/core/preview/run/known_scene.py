"""What the variables lead to before the cell runs: the values of an abstract run, made from the last snapshot."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from ...records.path import AccessPath
from ...records.trace.notebook import FORWARD_HOOKS, FORWARD_PRE_HOOKS
from ..known_state import UNREAD, PathBranch
from ..values.abstract_values import (
    RECORD_CLASS,
    UNKNOWN,
    AbstractClass,
    AbstractFunction,
    AbstractObject,
    AbstractTensor,
    AbstractValue,
    Constant,
    LibraryName,
)
from ..values.saved_values import SavedValue, save_object, save_tensor, set_back

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ...interpreter.source_index import Library
    from ...records.reading import Reading
from ..known_state import KnownState

MOST_LEAVES = 2000
_CALLABLES = frozenset(("function", "builtin_function_or_method", "method", "type"))
_LISTS = frozenset(("list", "tuple", "deque", "set", "Size"))
_VIEWS = (
    "View",
    "Select",
    "Slice",
    "AsStrided",
    "Expand",
    "Transpose",
    "T",
    "Permute",
    "Squeeze",
    "Unsqueeze",
    "Alias",
)


_PIECES = ("Unbind", "Split", "Chunk", "UnsafeSplit", "TensorSplit")


class KnownScene:
    """Finds the value of a variable; each tensor and object is one value, under however many paths.

    Parameters
    ----------
    known
        What was read before the cell runs.
    """

    def __init__(self, known: KnownState, library: Library) -> None:
        self.known, self.snapshot, self.library = known, known.snapshot, library
        self._optimizers = {one.path: one.parameters for one in known.optimizers}
        self.tensors: dict[int, AbstractTensor] = {}
        self._objects: dict[object, AbstractObject] = {}
        self._known: dict[str, AbstractValue] = {}
        self._sizes: dict[int, tuple[int, int]] = {}
        self._first: dict[int, SavedValue] = {}
        self._around: list[tuple[dict[str, AbstractValue], dict[str, AbstractValue]]] = []

    def is_untouched(self) -> bool:
        """Return whether everything looked up is as it was before the cell, apart from the values of tensors."""
        tensors, readings, places = self.tensors.items(), self.known.readings, self.known.by_object
        if any(one.reading != places[key][1] or one.parts for key, one in tensors):
            return False
        if any((one.grad is None) is (f"{places[key][0]}.grad" in readings) for key, one in tensors if one.is_leaf):
            return False
        made = (one for one in (*self._objects.values(), *self._known.values()) if isinstance(one, AbstractObject))
        return not any(
            one.since or one.hooks or one.pre_hooks
            or self._sizes.get(id(one), (0, 0)) != (len(one.parts), len(one.held))
            or (one.path is not None and one.is_training is (str(one.path) in self.library.notebook.evaluating))
            for one in made
        )  # fmt: skip

    def look_up(self, name: str) -> AbstractValue:
        """Return what a variable leads to."""
        if name not in self._known:
            self._known[name] = UNKNOWN  # a path may lead back to its own variable
            self._known[name] = self._find(name)
        return self._known[name]

    def made(self) -> Iterator[AbstractValue]:
        """Yield the values of the variables, and the tensors and objects behind them."""
        yield from (*self._known.values(), *self.tensors.values(), *self._objects.values())

    def count_made(self) -> int:
        """Return how many tensors and objects were made."""
        return len(self._first)

    def set_back(self, made: int) -> None:
        """Make every tensor and object, but those that were made first, what it was before the cell."""
        for one in islice(self._first.values(), made, None):
            set_back(one)
        for names, first in self._around:
            names.clear()
            names.update(first)

    def touched(self, names: frozenset[str]) -> list[str]:
        """Return the variables, others than some names, into which the cell has put something."""
        if not any(one.value.since for one in self._first.values()):
            return []
        found = [name for name in self._known if name not in names]
        return [name for name in found if _has_new_parts(self._known[name])]

    def _find(self, name: str) -> AbstractValue:
        reading = self.snapshot.place_at_root(name)
        if reading is not None:
            found = self._tensor(AccessPath(name), reading[0].readings[reading[1]])
            if name in self.known.read_only:
                found.is_read_only = True
                self._first[id(found)] = self._first[id(found)]._replace(plain=save_tensor(found).plain)
            return found
        if self.library.class_node(name) is not None:
            return AbstractClass(name)
        branch = self.known.branch_of(name)
        if branch is not None and branch.plain is UNREAD and "._fields" in branch.steps:
            return LibraryName(RECORD_CLASS, (Constant(branch.steps["._fields"].plain),))
        if branch is not None and _is_plain(branch):
            return Constant(branch.plain)
        if branch is not None or self.library.class_of(AccessPath(name)):
            return self._object(AccessPath(name), branch or PathBranch())
        return self._defined(name)

    def class_parts(self, name: str) -> AbstractObject:
        """Return what a class of the notebook holds itself."""
        key = f"class {name}"
        if key not in self._objects:
            made = self._objects[key] = AbstractObject("object", path=AccessPath(name))
            made.parts.update(self._parts(AccessPath(name), self.known.branch_of(name) or PathBranch()))
            self._first[id(made)] = save_object(made)
        return self._objects[key]

    def _defined(self, name: str) -> AbstractValue:
        function = self.library.function(self.library.class_of(AccessPath(name)) or name)
        if function is None:
            return LibraryName(name)
        held = {one: self._by_serial(serial) for one, serial in self.known.closures.get(name, {}).items()}
        around = {**dict.fromkeys(function.hidden, UNKNOWN), **held}
        self._around.append((around, around.copy()))
        return AbstractFunction(function, around=around)

    def _by_serial(self, serial: int) -> AbstractValue:
        place = self.known.by_object.get(serial)
        return UNKNOWN if place is None else self._tensor(*place)

    def _value(self, path: AccessPath, branch: PathBranch) -> AbstractValue:
        if branch.target is not None:
            return self.at(branch.target)
        if branch.reading is not None:
            return self._tensor(path, branch.reading)
        return Constant(branch.plain) if _is_plain(branch) else self._object(path, branch)

    def at(self, path: AccessPath) -> AbstractValue:
        """Return what a path leads to."""
        value = self.look_up(path.root)
        for step in path.steps:
            value = value.parts.get(step, UNKNOWN) if isinstance(value, AbstractObject) else UNKNOWN
        return value

    def _tensor(self, path: AccessPath, reading: Reading) -> AbstractTensor:
        known = self.tensors.get(reading.object)
        if known is None:
            known = self.tensors[reading.object] = AbstractTensor(reading)
            known.is_counted = reading.kind != "ndarray"
            known.is_piece = (reading.grad_fn or "").startswith(_PIECES)
            if reading.requires_grad and not reading.is_leaf:
                known.leaves = frozenset((AbstractTensor(reading._replace(object=0), base=known),))
                known.base = self._base_of(reading)
            self._add_gradient(known, path)
            self._first[id(known)] = save_tensor(known)
        return known

    def _base_of(self, reading: Reading) -> AbstractTensor | None:
        """Return the leaf that a tensor is a view of, if its node says that it is one."""
        if not is_view(reading):
            return None
        beside = self.snapshot.by_storage.get(reading.storage)
        return next((self._tensor(path, one) for path, one in beside if one.collects_gradient), None)

    def every_leaf(self) -> list[AbstractTensor]:
        """Return the leaves that collect gradients, at most `MOST_LEAVES`."""
        found = (place for place in self.known.by_object.values() if place[1].collects_gradient)
        return [self._tensor(*place) for place in islice(found, MOST_LEAVES)]

    def _add_gradient(self, tensor: AbstractTensor, path: AccessPath) -> None:
        if tensor.is_leaf:
            found = self.known.readings.get(f"{path}.grad")
            tensor.grad = None if found is None else self._tensor(path.then(".grad"), found)

    def _object(self, path: AccessPath, branch: PathBranch) -> AbstractValue:
        notebook = self.library.notebook
        is_catalogued = (
            path.root in self.library.paths
        )  # a variable that leads to tensors alone has no classes behind it
        spelled = str(path) if is_catalogued else ""
        number: object = notebook.objects.get(spelled, spelled) if is_catalogued else branch
        if number in self._objects:
            return self._objects[number]
        name = self.library.class_of(path) if is_catalogued else ""
        if self.library.function(name) is not None and not branch.steps:
            return self._defined(spelled if not path.steps else name)
        made = AbstractObject(self._kind(spelled, name, branch), name, path=path)
        if branch.plain is tuple and not name:
            made.class_name = "tuple"
        self._objects[number] = made
        made.is_training = spelled not in notebook.evaluating
        made.is_whole = made.kind in ("list", "dict", "named tuple") and (branch.size is not None or bool(branch.steps))
        made.parts.update(self._parts(path, branch))
        self._complete(made, branch)
        if made.kind == "module":
            made.hooks, made.pre_hooks = (self._hooks(made, step) for step in (FORWARD_HOOKS, FORWARD_PRE_HOOKS))
        if made.kind == "optimizer":
            made.held = [*self._held(self._optimizers.get(spelled, frozenset()))]
        self._sizes[id(made)] = len(made.parts), len(made.held)
        self._first[id(made)] = save_object(made)
        return made

    def _hooks(self, module: AbstractObject, step: str) -> list[AbstractValue]:
        """Return the functions that a module calls before or after its forward."""
        held = module.parts.pop(step, None)
        return [self._bind(one, module) for one in held.parts.values()] if isinstance(held, AbstractObject) else []

    def _bind(self, hook: AbstractValue, module: AbstractObject) -> AbstractValue:
        """Return a hook; one that is a method of the module's own class is bound to it."""
        name = hook.function.name if isinstance(hook, AbstractFunction) else getattr(hook, "class_name", "")
        own = self.library.method(module.class_name, name)
        return hook if own is None else AbstractFunction(own, given=(module,))

    def forget_hooks(self) -> None:
        """Take the hooks off all modules: some were removed, and it is not known which."""
        hooked = (path for path in self.library.notebook.classes if FORWARD_HOOKS in path or FORWARD_PRE_HOOKS in path)
        for root in {path.partition(".")[0].partition("[")[0] for path in hooked}:
            self.look_up(root)
        for one in self._objects.values():
            one.hooks, one.pre_hooks = [], []

    def _complete(self, made: AbstractObject, branch: PathBranch) -> None:
        """Add the parts of a container that lead to no tensor and are not plain."""
        if made.kind == "named tuple":
            names: Any = branch.steps["._fields"].plain
            places = {f"[{place}]": f".{one}" for place, one in enumerate(names)}
            known = {places.get(step, step): one for step, one in made.parts.items()}
            made.parts = {step: known.get(step, UNKNOWN) for step in places.values()}
        elif made.kind == "list" and branch.size is not None:
            others = {step: one for step, one in made.parts.items() if step[:1] != "["}
            items = {f"[{place}]": made.parts.get(f"[{place}]", UNKNOWN) for place in range(branch.size)}
            made.parts = {**items, **others}
        elif made.kind == "dict" and branch.size is not None:
            made.is_whole = len(made.items()) == branch.size
        factory = made.parts.get(".default_factory")
        if isinstance(factory, Constant):
            made.parts[".default_factory"] = self.look_up(str(factory.value))

    def _kind(self, spelled: str, name: str, branch: PathBranch) -> str:
        notebook = self.library.notebook
        if "._fields" in branch.steps:
            return "named tuple"
        if branch.plain in (list, tuple, dict):
            return "dict" if branch.plain is dict else "list"
        if spelled in notebook.modules:
            return "module"
        if spelled in notebook.optimizers:
            return "optimizer"
        if name in _CALLABLES or (not name and not branch.steps):
            return name or "object"
        if name and name not in _LISTS:
            return "object" if self.library.class_node(name) is not None else name
        steps = next(iter(branch.steps), "")
        return "object" if steps.startswith(".") else "dict" if steps.startswith(("['", '["')) else "list"

    def _parts(self, path: AccessPath, branch: PathBranch) -> Iterator[tuple[str, AbstractValue]]:
        for step in _in_order(branch.steps):
            inner, known = branch.steps[step], None
            if inner.reading is not None and inner.target is None and not inner.reading.requires_grad:
                known = self._tensor(path, inner.reading)  # only a gradient would need the path
            if step not in (".grad", "._fields"):
                yield step, known or self._value(path.then(step), inner)

    def _held(self, serials: frozenset[int]) -> Iterator[AbstractTensor]:
        for number in sorted(serials):
            place = self.known.by_object.get(number)
            if place is not None:
                yield self._tensor(*place)


def _is_plain(branch: PathBranch) -> bool:
    """Return whether a path leads to a plain value, and not to a container."""
    return branch.plain is not UNREAD and not branch.steps and not isinstance(branch.plain, type)


def is_view(reading: Reading) -> bool:
    """Return whether the node of a tensor says that it is a view."""
    return (reading.grad_fn or "").startswith(_VIEWS)


def _in_order(steps: Mapping[str, object]) -> list[str]:
    """Return the steps to items in the order of their numbers."""
    numbers = {step: int(step[1:-1]) for step in steps if step[1:-1].isdecimal()}
    ordered = sorted(numbers, key=numbers.__getitem__) if len(numbers) > 1 else numbers
    return [*ordered, *(step for step in steps if step not in numbers)]


def _has_new_parts(value: AbstractValue) -> bool:
    """Return whether the cell has put anything into an object."""
    waiting, seen = [value], set[int]()
    while waiting:
        one = waiting.pop()
        if isinstance(one, AbstractObject | AbstractTensor) and id(one) not in seen:
            seen.add(id(one))
            if one.since:
                return True
            waiting += one.parts.values()
    return False
