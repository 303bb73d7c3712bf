"""Interpret a statement's calls inside notebook functions, and record every line that writes."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..records.path import AccessPath
from ..runtime.deadline import NEVER, Deadline
from ..statements.aliases import reference as to
from ..statements.aliases.expression_aliases import trace
from ..statements.aliases.reference import Reference, References, union
from ..syntax.ast_queries import last_name
from ..syntax.cached_functions import CACHES
from ..syntax.torch_vocabulary import BUILTINS, FRESH_LAYERS, MODULE_METHODS
from .call_binding import Arguments, Closure, bind_arguments, bind_keys, read_arguments
from .callees import RESUMING, Callees, is_tensor_method
from .definitions import Function, RunningFunction
from .frame import Frame
from .interpret_body import body_of, interpret
from .write_events import Diary

if TYPE_CHECKING:
    from ..records.trace.notebook import Notebook
    from ..statements.writes.call_writes import NamedWrite

DEEPEST = 12
"""The maximum call depth."""

MOST_CALLS = 400
"""The maximum number of calls interpreted, each with other arguments."""

_SAME = ("Identity", "Dropout", "AlphaDropout", "FeatureAlphaDropout")
_VIEWS = ("Flatten", "Unflatten")
_OWN_BUFFERS = ("BatchNorm", "SyncBatchNorm", "InstanceNorm", "LazyBatchNorm")

_CALLED = ("forward", "__call__")
_SWITCHES = ("train", "eval")
"""Methods of a module that run the `train` of every module inside it."""

_IMPLICIT = ("__getitem__", "__getitems__", "__iter__", "__next__", "__call__", "forward", "collate_fn")
"""Methods that a library may call on an argument."""

_NOTHING = Arguments()


class Interpreter:
    """Abstract interpreter of notebook functions; `diary` records their writes."""

    def __init__(self, notebook: Notebook, deadline: Deadline = NEVER) -> None:
        self.callees = Callees(notebook)
        self._deadline = deadline
        self._stored: dict[tuple[str, int], dict[AccessPath, References]] = {}
        self._known_accessors: dict[Reference, list[Closure]] = {}
        self.begin()

    def begin(self) -> Diary:
        """Start a new diary and return it; what names refer to is kept."""
        self.diary = Diary()
        self._done: dict[object, References] = {}
        self._depth = 0
        return self.diary

    def state(self) -> tuple[Any, ...]:
        """Return what names refer to, for `restore`."""
        stored = {key: dict(found) for key, found in self._stored.items()}
        return stored, dict(self._done), self.callees.state()

    def restore(self, state: tuple[Any, ...]) -> None:
        """Restore a state; writes seen since are dropped."""
        self.begin()
        stored, done, callees = state
        self._stored, self._done = {key: dict(found) for key, found in stored.items()}, dict(done)
        self.callees.restore(callees)

    def keep_time(self) -> None:
        """Stop work that is late.

        Raises
        ------
        LateError
            If the deadline has passed.
        """
        self._deadline.check()

    # --- calls ---

    def call(self, node: ast.Call, frame: Frame) -> References | None:
        """Interpret a call; None if only a library's names can tell what its result refers to."""
        self.keep_time()
        handed = read_arguments(node, frame)
        made = self.callees.make(node, frame)
        found = self.callees.find(node.func, frame)
        for one in made:
            self._initialize(one, handed)
        if found or made:
            return union(made, *(self._follow_decorated(one, handed) for one in found))
        if isinstance(node.func, ast.Attribute) and node.func.attr in RESUMING:
            resumed = self._resume(trace(node.func.value, frame), handed.everything())
            if resumed:
                return union(*resumed)
        self.diary.add_training(node, frame)
        self._note_modules(node, handed, frame)
        layer = _run_module(node, handed, frame, self)
        opaque = self._call_back(node, handed, frame)
        return layer if layer is not None else (to.doubt(opaque) or None)

    def _initialize(self, made: Reference, handed: Arguments) -> None:
        for one in self.callees.methods(made, "__init__"):
            self.follow(one, handed)
        fields = self.callees.library.fields(self.callees.class_of(made))
        for name, refs in {**dict(zip(fields, handed.positional, strict=False)), **handed.named}.items():
            self.store((made,), f".{name}", refs)

    def _follow_decorated(self, closure: Closure, handed: Arguments) -> References:
        """Interpret a function and the notebook decorators around it."""
        results = [self.follow(closure, handed)]
        if closure.function.is_marked(*CACHES):  # what it gives is what it gave before
            results.append((Reference(path=AccessPath(f"<{closure.function.name}>")),))
        raw = self.callees.close(replace(closure, given=()))
        for name in closure.function.decorators():
            decorator = self.callees.library.function(name)
            made = () if decorator is None else self.follow(Closure(decorator), Arguments(positional=(raw,)))
            around = [each for one in made for each in self.callees.at(one) if each.function != closure.function]
            results += [self.follow(replace(each, given=closure.given), handed) for each in around]
        return union(*results)

    def follow(self, closure: Closure, handed: Arguments) -> References:
        """Interpret a function, once for each set of arguments."""
        bound = bind_arguments(closure, handed)
        around, running = self.diary.running, self._describe(closure)
        keys = bind_keys(closure, handed)
        key = (
            closure.function.node,
            tuple(bound.items()),
            tuple(keys.items()),
            any(one.is_called for one in around),
        )
        if key in self._done or self._depth >= DEEPEST or len(self._done) >= MOST_CALLS:
            return self._done.get(key, ())
        function = closure.function
        frame = Frame(self, bound, code=function.code, function=function, around=closure.around)
        frame.keys = keys
        self._done[key] = ()
        self._depth += 1
        self.diary.running = (*around, running)
        if running.kind == "module" and running.name in _CALLED:
            self.diary.called.update(dict.fromkeys(closure.given[0]))
        interpret(body_of(function.node), frame)
        self.diary.running = around
        self._depth -= 1
        self._done[key] = frame.results
        return frame.results

    def _describe(self, closure: Closure) -> RunningFunction:
        """Return what is known of a function: a method's object, if it was bound to one."""
        function = closure.function
        name = function.name.split(".")[-1]
        if not function.owner or function.is_marked("staticmethod", "classmethod") or not closure.given:
            return RunningFunction(name, function=function)
        classes = [function.owner, *map(self.callees.class_of, closure.given[0])]
        kinds = (self.callees.library.kind_of(one) for one in classes if one)
        owners = tuple(one.path for one in closure.given[0] if not one.path.root.startswith("<"))
        return RunningFunction(name, owners, next(filter(None, kinds), ""), is_method=True, function=function)

    # --- what a frame reads and writes ---

    def read(self, refs: References) -> References:
        """Interpret the code that reading these paths runs, and add what the code stored there."""
        plain = [one for one in refs if one.is_spelled]
        run_by = [self.follow(each, _NOTHING) for one in plain for each in self._accessors(one)]
        stored = [self._load(one) for one in plain] if self._stored else ()
        return union(refs, *run_by, *stored) if run_by or any(stored) else refs

    def _accessors(self, one: Reference) -> list[Closure]:
        """Return the methods that reading an item or an attribute runs."""
        if one in self._known_accessors or not one.path.steps:
            return self._known_accessors.get(one, [])
        found = self._find_accessors(one)
        if not one.path.root.startswith("<"):  # the class of what the code makes is known only once it is made
            self._known_accessors[one] = found
        return found

    def _find_accessors(self, one: Reference) -> list[Closure]:
        *before, step = one.path.steps
        owner = one._replace(path=AccessPath(one.path.root, tuple(before)))
        if step.startswith("["):
            return self.callees.methods(owner, "__getitem__")
        methods = self.callees.methods(owner, step[1:])
        return [each for each in methods if each.function.is_marked("property", "cached_property")]

    def _load(self, one: Reference) -> References:
        alike = self._stored.get((one.path.root, len(one.path.steps)))
        return union(*(refs for path, refs in alike.items() if path.leads_to(one.path))) if alike else ()

    def assign(self, refs: References, name: str, value: References) -> None:
        """Interpret the assignment to an attribute, and the setter that it runs."""
        self.store(refs, f".{name}", value)
        for one in refs:
            setters = [each for each in self.callees.methods(one, name) if each.function.is_marked("setter")]
            for each in setters:
                self.follow(each, Arguments(positional=(value,)))
            for each in self.callees.methods(one, "__setattr__"):
                self.follow(each, Arguments(positional=((), value)))

    def store(self, refs: References, step: str, value: References) -> None:
        """Record what is stored at an item or attribute."""
        for one in refs:
            if value and one.is_spelled:
                path = to.step_to(one, step).path
                alike = self._stored.setdefault((path.root, len(path.steps)), {})
                alike[path] = union(alike.get(path, ()), value)

    def iterate(self, refs: References) -> References:
        """Interpret iteration over these objects, and return the items."""
        items = [to.element(refs), to.element(self.operate(refs, "__iter__", ()))]
        items += [self.operate(refs, name, ()) for name in ("__next__", "__getitem__")]
        items += self._resume(refs)
        opaque = [one for one in refs if self.callees.is_opaque(one)]
        items += [to.doubt(union((one,), self.run_behind(one, Arguments(rest=to.behind((one,)))))) for one in opaque]
        return self.read(union(*items)) if self._stored else union(*items)

    def _resume(self, refs: References, sent: References = ()) -> list[References]:
        """Interpret the functions that generators go on running, and return what each of them yields."""
        return [
            self.follow(each, Arguments(rest=to.doubt((one,)), sent=sent))
            for one in refs
            for each in self.callees.resumed(one)
        ]

    def operate(self, refs: References, name: str, others: References) -> References:
        """Interpret a method that an operator or a `with` runs."""
        handed = Arguments(rest=others)
        return union(*(self.follow(each, handed) for one in refs for each in self.callees.methods(one, name)))

    def close(self, function: Function, frame: Frame) -> References:
        """Return a nested function under a path of its own."""
        return self.callees.close(Closure(function, frame))

    def note(self, frame: Frame, write: NamedWrite) -> None:
        """Record a write by the frame's current statement; binding an attribute or a dict's item writes no byte."""
        binds = write.step.startswith((".", "['", "[f'")) and write.step != ".data"
        if write.only == "module":
            self.diary.add(frame, "write", tuple(one for one in write.refs if self.callees.class_of(one)))
        elif not write.metadata and not binds:
            self.diary.add(frame, "write", write.refs)

    def give(self) -> None:
        """Record that the function that runs gives something back."""
        self.diary.giving.update(self.diary.running[-1:])

    # --- what a library runs ---

    def _note_modules(self, node: ast.Call, handed: Arguments, frame: Frame) -> None:
        """Record the modules that a library calls, or may call: those in its arguments, and a module of its own."""
        name = last_name(node.func)
        owner = trace(node.func.value, frame) if isinstance(node.func, ast.Attribute) else ()
        if owner and name in MODULE_METHODS:
            inside = [each for one in owner for each in self.callees.instances(one)] if name in _SWITCHES else []
            for each in (method for one in inside for method in self.callees.methods(one, "train")):
                self.follow(each, Arguments())
            return
        called = [*_called(node.func, frame), *(one for one in owner if self.callees.is_module(one))]
        called += handed.everything() if name not in BUILTINS else ()
        self.diary.called.update(dict.fromkeys(one for one in called if one.is_spelled))

    def _call_back(self, node: ast.Call, handed: Arguments, frame: Frame) -> References:
        """Interpret notebook callbacks that a library may call: functions, and methods of notebook classes."""
        given = [one for refs in (*handed.positional, *handed.named.values()) for one in refs]
        seen = () if is_tensor_method(node.func) else union(given, handed.rest)
        results = [self.run_behind(one, handed) for one in seen]
        owner = trace(node.func.value, frame) if isinstance(node.func, ast.Attribute) else ()
        modules = tuple(one for one in owner if last_name(node.func) == "apply" and self.callees.is_module(one))
        rest = to.doubt(union(*results, handed.everything(), owner))
        items = Arguments(positional=(to.behind(modules),)) if modules else Arguments(rest=rest)
        callbacks = [each for one in given for each in self.callees.at(one, called=False)]
        return union(*results, *(self.follow(each, items) for each in callbacks))

    def run_behind(self, one: Reference, handed: Arguments) -> References:
        """Interpret notebook callbacks at or behind an object that a library may call."""
        rest = Arguments(rest=to.doubt(handed.everything()))
        owners = list(self.callees.instances(one))
        found = [each for owner in owners for name in _IMPLICIT for each in self.callees.methods(owner, name)]
        return union(*(self.follow(each, rest) for each in (*found, *self.callees.functions_behind(one))))


# --- what calling a library's module writes to, and what its result shares ---


def _run_module(node: ast.Call, handed: Arguments, frame: Frame, follower: Interpreter) -> References | None:
    """Interpret a call of a library module; None if the callee is not known to be one."""
    called = _called(node.func, frame)
    known = [one for one in called if follower.callees.class_of(one) or _writers(one, follower)]
    if not known:
        return None
    return union(*(_run_layer(one, handed.everything(), frame, follower) for one in known))


def _called(func: ast.expr, frame: Frame) -> References:
    if isinstance(func, ast.Attribute):
        return frame.stored(to.member(trace(func.value, frame), func.attr))
    return trace(func, frame) if isinstance(func, ast.Name | ast.Subscript) else ()


def _run_layer(one: Reference, value: References, frame: Frame, follower: Interpreter) -> References:
    around = follower.diary.running
    follower.diary.running = (*around, RunningFunction("forward", (one.path,), "module", is_method=True))
    made = _run_inside(one, value, frame, follower)
    follower.diary.running = around
    return made


def _run_inside(one: Reference, value: References, frame: Frame, follower: Interpreter) -> References:
    name = follower.callees.class_of(one)
    if one.path in _writers(one, follower):
        follower.diary.add(frame, "module", union(value, to.behind((one,))))
        return value
    for each in follower.callees.functions_behind(one):
        follower.follow(each, Arguments(rest=to.doubt(value)))
    own: list[Closure] = follower.callees.at(one)
    if own:
        return union(*(follower.follow(each, Arguments(positional=(value,))) for each in own))
    if name == "Sequential":
        return _run_children(one, value, frame, follower)
    if name.startswith(_OWN_BUFFERS):
        follower.diary.add(frame, "module", to.behind((one,), grad=False))
        return ()
    if name.startswith(_SAME):
        return value
    return to.view(value) if name.startswith(_VIEWS) else _run_other(one, name, value, frame, follower)


def _run_children(one: Reference, value: References, frame: Frame, follower: Interpreter) -> References:
    children = follower.callees.library.children(one.path)
    for path in children:
        value = _run_layer(one._replace(path=path), value, frame, follower)
    return value if children else _run_other(one, "", value, frame, follower)


def _run_other(one: Reference, name: str, value: References, frame: Frame, follower: Interpreter) -> References:
    writers = _writers(one, follower)
    if writers:
        follower.diary.add(frame, "module", union(value, to.behind(tuple(one._replace(path=path) for path in writers))))
    made = follower.run_behind(one, Arguments(rest=value))
    return () if name.startswith(FRESH_LAYERS) and not writers else to.doubt(union(value, made, (one,)))


def _writers(one: Reference, follower: Interpreter) -> list[AccessPath]:
    """Return the modules at or behind a path that write in place."""
    return follower.callees.library.inplace_behind(one.path) if one.is_spelled else []
