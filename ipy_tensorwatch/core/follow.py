"""Follow the calls of a statement into the notebook's own functions, and note every line that writes."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import Literal

from . import reference as to
from .callee import Callees
from .closure import Arguments, Closure, bind_arguments, read_arguments
from .frame import Frame
from .layers import run_module
from .notebook import Code, Function, Notebook
from .path import AccessPath
from .reference import Reference, References, union
from .run import body_of, run
from .trace import last_name, trace
from .writes import Write, is_plain_step

Kind = Literal["write", "module", "backward", "optimizer"]

DEEPEST = 12
MOST_CALLS = 400
_IMPLICIT = ("__getitem__", "__getitems__", "__iter__", "__next__", "__call__", "forward", "collate_fn")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line inside a function of the notebook that writes, and where to."""

    code: Code
    node: ast.stmt
    kind: Kind
    reference: Reference | None


class Follower:
    """Runs the notebook's functions in thought and keeps what they write.

    Attributes
    ----------
    events
        The writes, in the order in which they were reached.
    backward, optimizer
        Whether gradients were computed or cleared, and whether a `step` was called.
    """

    def __init__(self, notebook: Notebook) -> None:
        self.callees = Callees(notebook)
        self.library = self.callees.library
        self.forget()
        self._heap: dict[AccessPath, References] = {}

    def forget(self) -> None:
        """Forget the writes seen so far, not what leads where."""
        self.events: dict[Event, None] = {}
        self.backward = self.optimizer = False
        self._done: dict[object, References] = {}
        self._depth = 0

    # --- what a frame asks ---

    def call(self, node: ast.Call, frame: Frame) -> References | None:
        """Follow a call; None where only the names of libraries can tell where its result leads."""
        self._note_gradients(node, frame)
        handed = read_arguments(node, frame)
        made = self.callees.make(node, frame)
        found = self.callees.find(node.func, frame)
        for one in made:
            self._initialize(one, handed)
        if found or made:
            return union(made, *(self._follow_decorated(one, handed) for one in found))
        layer = run_module(node, handed, frame, self)
        opaque = self._call_back(node, handed, frame)
        return layer if layer is not None else (to.doubt(opaque) or None)

    def _initialize(self, made: Reference, handed: Arguments) -> None:
        for one in self.callees.methods(made, "__init__"):
            self.follow(one, handed)
        fields = self.callees.library.fields(self.callees.class_of(made))
        for name, refs in {**dict(zip(fields, handed.positional, strict=False)), **handed.named}.items():
            self.store((made,), f".{name}", refs)

    def _follow_decorated(self, closure: Closure, handed: Arguments) -> References:
        """Follow a function and what the notebook's own decorators have put around it."""
        results = [self.follow(closure, handed)]
        raw = self.callees.close(replace(closure, given=()))
        for name in closure.function.decorators():
            decorator = self.callees.library.function(name)
            made = () if decorator is None else self.follow(Closure(decorator), Arguments(positional=(raw,)))
            around = [each for one in made for each in self.callees.at(one) if each.function != closure.function]
            results += [self.follow(replace(each, given=closure.given), handed) for each in around]
        return union(*results)

    def follow(self, closure: Closure, handed: Arguments) -> References:
        """Run a function in thought, once for each set of arguments."""
        bound = bind_arguments(closure, handed)
        key = (closure.function.node, tuple(bound.items()))
        if key in self._done or self._depth >= DEEPEST or len(self._done) >= MOST_CALLS:
            return self._done.get(key, ())
        self._done[key] = ()
        self._depth += 1
        self._done[key] = self._run(closure, bound)
        self._depth -= 1
        return self._done[key]

    def _run(self, closure: Closure, bound: dict[str, References]) -> References:
        function = closure.function
        frame = Frame(self, bound, code=function.code, function=function, around=closure.around)
        run(body_of(function.node), frame)
        return frame.results

    def read(self, refs: References) -> References:
        """Follow what reading these paths runs, and add what the code has stored there."""
        kept = [refs]
        for one in refs:
            if not one.sealed and not one.below and not one.depth and one.path.steps:
                kept.append(self._read_step(one))
                kept.append(self._load(one))
        return union(*kept)

    def _read_step(self, one: Reference) -> References:
        owner = replace(one, path=AccessPath(one.path.root, one.path.steps[:-1]))
        step = one.path.steps[-1]
        name = "__getitem__" if step.startswith("[") else step[1:]
        found = self.callees.methods(owner, name)
        running = [each for each in found if name == "__getitem__" or each.function.is_marked("property", "cached_property")]
        return union(*(self.follow(each, Arguments()) for each in running))

    def _load(self, one: Reference) -> References:
        found = [refs for path, refs in self._heap.items() if len(path.steps) == len(one.path.steps) and path.leads_to(one.path)]
        return union(*found)

    def iterate(self, refs: References) -> References:
        """Follow what a loop over these objects runs, and give the items."""
        items = [to.element(refs)]
        for one in refs:
            items += [to.element(self.operate((one,), "__iter__", ())), self.operate((one,), "__next__", ())]
            items.append(self.operate((one,), "__getitem__", ()))
            if self.callees.is_opaque(one):
                items.append(to.doubt(union((one,), self._run_behind(one, Arguments()))))
        return self.read(union(*items)) if self._heap else union(*items)

    def operate(self, refs: References, name: str, others: References) -> References:
        """Follow a method that an operator or a `with` runs."""
        handed = Arguments(rest=others)
        return union(*(self.follow(each, handed) for one in refs for each in self.callees.methods(one, name)))

    def store(self, refs: References, step: str, value: References) -> None:
        """Note what is stored at an item or attribute."""
        for one in refs:
            if value and not one.sealed and not one.below and not one.depth:
                path = AccessPath(one.path.root, (*one.path.steps, step))
                self._heap[path] = union(self._heap.get(path, ()), value)

    def close(self, function: Function, frame: Frame) -> References:
        """Give a function that is made inside another one a path of its own."""
        return self.callees.close(Closure(function, frame))

    def note(self, frame: Frame, write: Write) -> None:
        """Note a write by the frame's current statement."""
        binding = write.step.startswith(".") and write.step != ".data"
        if not write.metadata and not binding:
            self.add(frame, "write", write.refs)

    def add(self, frame: Frame, kind: Kind, refs: References) -> None:
        """Keep a write, when it stands in a function of the notebook."""
        for one in refs:
            if not one.depth and frame.code is not None and frame.code.lines:
                self.events[Event(code=frame.code, node=frame.node, kind=kind, reference=one)] = None

    # --- what libraries run ---

    def _note_gradients(self, node: ast.Call, frame: Frame) -> None:
        name = last_name(node.func)
        kind: Kind | None = None
        if name in {"backward", "zero_grad"}:
            self.backward, kind = True, "backward"
        elif name == "step":
            self.optimizer = True
            kind = "optimizer" if is_plain_step(node) else None
        if kind is not None and frame.code is not None and frame.code.lines:
            self.events[Event(code=frame.code, node=frame.node, kind=kind, reference=None)] = None

    def _call_back(self, node: ast.Call, handed: Arguments, frame: Frame) -> References:
        """Run what a library may run of what it is given: functions, and the methods of the notebook's own classes."""
        results: list[References] = []
        for given in (*handed.positional, *handed.named.values(), handed.rest):
            for one in given:
                results.append(self._run_behind(one, handed))
        items = Arguments(rest=to.doubt(union(*results, handed.everything(), self._receiver(node, frame))))
        for given in (*handed.positional, *handed.named.values()):
            for one in given:
                results += [self.follow(each, items) for each in self.callees.at(one, called=False)]
        return union(*results)

    def _receiver(self, node: ast.Call, frame: Frame) -> References:
        return trace(node.func.value, frame) if isinstance(node.func, ast.Attribute) else ()

    def _run_behind(self, one: Reference, handed: Arguments) -> References:
        rest = Arguments(rest=to.doubt(handed.everything()))
        found = [each for inner in self.callees.instances(one) for name in _IMPLICIT for each in self.callees.methods(inner, name)]
        return union(*(self.follow(each, rest) for each in found))
