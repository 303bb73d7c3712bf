"""Interpret the statements of a cell and of the functions that it calls: in order, branches, loops, bindings."""

from __future__ import annotations

import ast
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar

from ...interpreter.definitions import Code, Function
from ...records.trace.evidence import Position
from ...statements.statement import names_written, parse_statements
from ...syntax.ast_queries import OPERATOR_STEMS
from ...syntax.magic_calls import find_body
from ...syntax.parsing import parse_body, parse_cell, walk_statements
from ..library.container_methods import add_item, drop_part, set_items
from ..library.library_functions import GRAD_MODES
from ..library.tensor_methods import call_tensor_method
from ..values.abstract_values import (
    NONE,
    UNKNOWN,
    AbstractFunction,
    AbstractIterator,
    AbstractObject,
    AbstractTensor,
    AbstractValue,
    CallArguments,
    Constant,
    Either,
    LibraryName,
    constant_of,
    either,
    key_step,
    tensors_of,
)
from ..values.stopped_error import StoppedError
from .abstract_frame import AbstractFrame, JumpError, file_of
from .bind_target import TargetBinder
from .loop_turns import LoopTurns, run_turn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...runtime.deadline import Deadline
    from ..values.abstract_memory import AbstractMemory
    from .known_scene import KnownScene

_WHILE_TURNS = 2


class StatementInterpreter(TargetBinder):
    """Runs statements.

    Attributes
    ----------
    cell
        The cell that is previewed: its count and lines.
    """

    def __init__(
        self, memory: AbstractMemory, scene: KnownScene, deadline: Deadline, cell: Code, tree: ast.Module
    ) -> None:
        super().__init__(memory, scene, deadline)
        self.read(cell, tree, deadline)

    def read(self, cell: Code, tree: ast.Module, deadline: Deadline) -> None:
        """Take another source whose statements so far are the same."""
        self.cell, self.deadline = cell, deadline
        self._index = {id(node): number for number, node in enumerate(walk_statements(tree.body))}

    def run(self, body: Sequence[ast.stmt], frame: AbstractFrame) -> None:
        """Run statements in order."""
        for node in body:
            self.deadline.check()
            self._arrive(node, frame)
            handler = self._HANDLERS.get(type(node))
            if handler is not None:
                handler(self, node, frame)

    def _arrive(self, node: ast.stmt, frame: AbstractFrame) -> None:
        memory = self.memory
        if frame.code is None:
            index = self._index.get(id(node), memory.position.statement)
            memory.position = Position(index, None, blind=False)
            memory.now += 1
            self.notes.entered[memory.now] = index
            self.notes.ran.add(index)
            self._note_names(index)
        else:
            place = (file_of(frame.code.cell), node.lineno + frame.code.offset)
            memory.position = Position(memory.position.statement, place, blind=False)

    def _note_names(self, index: int) -> None:
        """Keep what the names led to that determine a statement's targets."""
        notes = self.notes
        if index not in notes.asked:
            statements = parse_statements(self.cell.text)
            notes.asked[index] = names_written(statements[index]).names if index < len(statements) else ()
        names = notes.asked[index]
        found = {name: self.top.look_up(name) for name in names}
        values = {name: one.value for name, one in found.items() if isinstance(one, Constant)}
        notes.values.setdefault(index, []).append({n: v for n, v in values.items() if isinstance(v, int | str)})
        led = notes.led.setdefault(index, {})
        for name, value in found.items():
            for one in tensors_of(value, 0):
                led.setdefault(name, set()).add(one.reading.object)

    # --- functions ---

    def define(self, node: ast.Lambda | ast.FunctionDef | ast.AsyncFunctionDef, frame: AbstractFrame) -> AbstractValue:
        """Return a function that the code defines."""
        name = "<lambda>" if isinstance(node, ast.Lambda) else node.name
        made = AbstractFunction(Function(name, node, frame.code or self.cell, frame.owner), around=frame)
        if isinstance(node, ast.Lambda):
            return made
        for one in reversed(node.decorator_list):
            decorator = self.evaluate(one, frame)
            if isinstance(decorator, AbstractFunction):
                found = self.call(decorator, CallArguments((made,)))
                made = found if isinstance(found, AbstractFunction) else made
        return made

    def run_body(self, function: AbstractFunction, frame: AbstractFrame) -> AbstractValue:
        """Run a function's statements, and return what it may return."""
        node = function.function.node
        if isinstance(node, ast.Lambda):
            self._arrive_at_lambda(node, frame)
            return self.evaluate(node.body, frame)
        try:
            self.run(node.body, frame)
            if frame.results:
                frame.results.append(NONE)
        except JumpError:
            pass
        return either(frame.results) if frame.results else NONE

    def _arrive_at_lambda(self, node: ast.Lambda, frame: AbstractFrame) -> None:
        code = frame.code
        if code is not None and not (code is self.cell or code.cell == self.cell.cell):
            place = (file_of(code.cell), node.body.lineno + code.offset)
            self.memory.position = Position(self.memory.position.statement, place, blind=False)

    # --- statements ---

    def _expression(self, node: ast.Expr, frame: AbstractFrame) -> None:
        body = find_body(node) if frame is self.top else None
        tree = None if body is None else parse_cell(body.source)
        if tree is not None:
            self.run(tree.body, frame)
        else:
            self.evaluate(node.value, frame)

    def _assign(self, node: ast.Assign, frame: AbstractFrame) -> None:
        parts = getattr(node.targets[0], "elts", [])
        if (
            len(node.targets) == 1
            and parts
            and isinstance(node.value, ast.Tuple)
            and len(parts) == len(node.value.elts)
        ):
            values = [self.evaluate(one, frame) for one in node.value.elts]
            for part, value in zip(parts, values, strict=True):
                self.bind(part, value, frame)
            return
        value = self.evaluate(node.value, frame)
        for target in node.targets:
            self.bind(target, value, frame)

    def _annotated(self, node: ast.AnnAssign, frame: AbstractFrame) -> None:
        if node.value is not None:
            self.bind(node.target, self.evaluate(node.value, frame), frame)

    def _augmented(self, node: ast.AugAssign, frame: AbstractFrame) -> None:
        target, value = node.target, self.evaluate(node.value, frame)
        name = OPERATOR_STEMS[type(node.op)]
        key = self.evaluate(target.slice, frame) if isinstance(target, ast.Subscript) else None
        owner = self.evaluate(target.value, frame) if isinstance(target, ast.Subscript | ast.Attribute) else None
        if isinstance(owner, AbstractTensor) and key is not None:
            self.write_item(owner, key, value, name)
            return
        own = self._own_value(target, owner, key, frame)
        made = self._update(own, name, value, node.op)
        if made is not None:
            self.bind(target, made, frame)

    def _own_value(
        self, target: ast.expr, owner: AbstractValue | None, key: AbstractValue | None, frame: AbstractFrame
    ) -> AbstractValue:
        if owner is None:
            return self.evaluate(target, frame)
        if key is not None:
            return self.item(owner, key)
        return self.attribute(owner, target.attr) if isinstance(target, ast.Attribute) else UNKNOWN

    def _update(self, own: AbstractValue, name: str, value: AbstractValue, op: ast.operator) -> AbstractValue | None:
        """Return what `own += value` binds; None if its object is the same."""
        if isinstance(own, AbstractTensor):
            call_tensor_method(self.memory, own, f"__i{name}__", CallArguments((value,)))
            return None
        if isinstance(own, Either):
            for one in own.options:
                if isinstance(one, AbstractTensor):
                    self.memory.write(one, certain=False)
            return None
        method = self.method_of(own, f"__i{name}__")
        if method is not None:
            return self.call(method, CallArguments((value,)))
        if isinstance(own, AbstractObject) and own.kind == "list" and name == "add":
            self.visit(value, lambda one: add_item(self.memory, own, one))
            return None
        return self.operate(op, own, value)

    def _delete(self, node: ast.Delete, frame: AbstractFrame) -> None:
        for target in node.targets:
            if isinstance(target, ast.Name):
                self.set_name(target.id, UNKNOWN, frame)
            elif isinstance(target, ast.Subscript):
                owner, step = self.evaluate(target.value, frame), key_step(self.evaluate(target.slice, frame))
                if isinstance(owner, AbstractObject) and owner.kind == "dict" and step is not None:
                    drop_part(self.memory, owner, step)
                elif isinstance(owner, AbstractObject) and owner.kind == "list":
                    self._delete_item(owner, self.evaluate(target.slice, frame))

    def _delete_item(self, owner: AbstractObject, key: AbstractValue) -> None:
        items, place = owner.items(), constant_of(key)
        with suppress(IndexError):
            if isinstance(place, int | slice):
                del items[place]
                set_items(self.memory, owner, items)

    def run_text(self, text: str) -> AbstractValue:
        """Run a text as `exec` does, in the cell itself; return what `eval` gives for it."""
        match parse_body(text):
            case [ast.Expr(value=value)]:
                return self.evaluate(value, self.top)
            case body:
                self.run(body, self.top)
        return NONE

    def _return(self, node: ast.Return, frame: AbstractFrame) -> None:
        frame.results.append(NONE if node.value is None else self.evaluate(node.value, frame))
        raise JumpError("return")

    def _break(self, _: ast.stmt, __: AbstractFrame) -> None:
        raise JumpError("break")

    def _continue(self, _: ast.stmt, __: AbstractFrame) -> None:
        raise JumpError("continue")

    def _raise(self, node: ast.Raise, frame: AbstractFrame) -> None:
        if node.exc is not None:
            self.evaluate(node.exc, frame)
        raise StoppedError

    def _assert(self, node: ast.Assert, frame: AbstractFrame) -> None:
        self.evaluate(node.test, frame)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, frame: AbstractFrame) -> None:
        self.set_name(node.name, self.define(node, frame), frame)

    def _class(self, node: ast.ClassDef, frame: AbstractFrame) -> None:
        frame.names.pop(node.name, None)  # what it defines is known with the notebook's other definitions

    def _import(self, node: ast.Import | ast.ImportFrom, frame: AbstractFrame) -> None:
        above = "" if isinstance(node, ast.Import) else f"{node.module}."
        for one in node.names:
            name = one.asname or one.name.split(".")[0]
            self.set_name(name, LibraryName(above + (one.name if one.asname or above else name)), frame)

    def _declare(self, node: ast.Global | ast.Nonlocal, frame: AbstractFrame) -> None:
        for name in node.names:
            frame.elsewhere[name] = frame.top if isinstance(node, ast.Global) else frame.holder_of(name)

    def _if(self, node: ast.If, frame: AbstractFrame) -> None:
        known = self.truth(self.evaluate(node.test, frame))
        if known is None:
            self._fork([node.body, node.orelse], frame)
        else:
            frame.decided += 1
            self.run(node.body if known else node.orelse, frame)

    def _match(self, node: ast.Match, frame: AbstractFrame) -> None:
        subject = self.evaluate(node.subject, frame)
        for one in node.cases:
            self.bind_pattern(one.pattern, subject, frame)
        self._fork([*(one.body for one in node.cases), []], frame)

    def _fork(self, branches: Sequence[Sequence[ast.stmt]], frame: AbstractFrame) -> None:
        """Run each of several branches, one of which the cell takes, and join what they bind.

        What follows is in doubt if one of them jumps.
        """
        before, joined, jumps = frame.names, [], list[Exception]()
        doubt = most = self.memory.doubt
        for body in branches:
            frame.names, self.memory.doubt = dict(before), doubt + 1
            try:
                self.run(body, frame)
                joined.append(frame.names)
                most = max(most, self.memory.doubt - 1)
            except (JumpError, StoppedError) as jump:
                jumps.append(jump)
        left = [one.kind for one in jumps if isinstance(one, JumpError)]
        self.memory.doubt, frame.names = most + bool(left), before
        frame.returned += "return" in left
        if not joined and jumps:
            raise jumps[0]
        known = before.items()
        for name in sorted({name for names in joined for name, _ in names.items() - known}):
            frame.names[name] = either([names.get(name) or self.scene.look_up(name) for names in joined])

    def _for(self, node: ast.For | ast.AsyncFor, frame: AbstractFrame) -> None:
        source, turns = self.evaluate(node.iter, frame), LoopTurns(self, self.run, node, frame)
        doubt, returned = self.memory.doubt, frame.returned
        turns.visit(source)
        if not turns.ended:
            self.run(node.orelse, frame)
        self.memory.doubt = doubt + frame.returned - returned

    def _while(self, node: ast.While, frame: AbstractFrame) -> None:
        doubt, returned = self.memory.doubt, frame.returned
        for _ in range(_WHILE_TURNS):
            if self.truth(self.evaluate(node.test, frame)) is False or run_turn(self.run, node.body, frame):
                break
        self.memory.doubt = doubt + frame.returned - returned

    def _with(self, node: ast.With | ast.AsyncWith, frame: AbstractFrame) -> None:
        records, infers = self.memory.records, self.memory.infers
        try:
            self._enter_all(node.items, node.body, frame)
        finally:
            self.memory.records, self.memory.infers = records, infers

    def _enter_all(self, items: Sequence[ast.withitem], body: Sequence[ast.stmt], frame: AbstractFrame) -> None:
        """Enter the managers of a `with` one inside the other, and run its body."""
        if not items:
            self.run(body, frame)
            return
        item, position = items[0], self.memory.position
        value = self.evaluate(item.context_expr, frame)

        def inside(entered: AbstractValue) -> None:
            if item.optional_vars is not None:
                self.bind(item.optional_vars, entered, frame)
            self._enter_all(items[1:], body, frame)
            self.memory.position = position

        if isinstance(value, AbstractIterator):  # a generator function that `contextmanager` decorates
            value.visit(inside)
        else:
            self._enter(value, inside)

    def _enter(self, value: AbstractValue, inside: Callable[[AbstractValue], None]) -> None:
        if isinstance(value, AbstractObject) and value.kind in GRAD_MODES:
            wanted = self.truth(value.parts["[0]"]) if value.kind == "set_grad_enabled" else value.kind == "enable_grad"
            self.memory.records = wanted is not False
            if value.kind == "inference_mode":
                self.memory.infers = self.truth(value.parts["[0]"]) is not False
                self.memory.records = not self.memory.infers
        method, leave = self.method_of(value, "__enter__"), self.method_of(value, "__exit__")
        entered = value.others if isinstance(value, AbstractObject) and value.kind == "nullcontext" else value
        inside(entered if method is None else self.call(method, CallArguments()))
        if leave is not None:
            self.call(leave, CallArguments((NONE, NONE, NONE)))

    def _try(self, node: ast.Try, frame: AbstractFrame) -> None:
        try:
            try:
                self.run(node.body, frame)
            except StoppedError:
                if not node.handlers:
                    raise
                self.run(node.handlers[0].body, frame)
            else:
                self.run(node.orelse, frame)
        finally:
            self.run(node.finalbody, frame)

    _HANDLERS: ClassVar[dict[type[ast.stmt], Callable[..., None]]] = {
        ast.Expr: _expression, ast.Assign: _assign, ast.AnnAssign: _annotated, ast.AugAssign: _augmented,
        ast.Delete: _delete, ast.Return: _return, ast.Break: _break, ast.Continue: _continue, ast.Raise: _raise,
        ast.Assert: _assert, ast.Global: _declare, ast.Nonlocal: _declare, ast.FunctionDef: _function,
        ast.AsyncFunctionDef: _function, ast.ClassDef: _class, ast.Import: _import, ast.ImportFrom: _import,
        ast.If: _if, ast.Match: _match, ast.For: _for, ast.AsyncFor: _for, ast.While: _while, ast.With: _with,
        ast.AsyncWith: _with, ast.Try: _try,
    }  # fmt: skip
