"""Evaluate the expressions of a cell without running them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ...syntax.ast_queries import OPERATOR_STEMS, is_library, spell_path
from ..library.new_tensors import fresh_like
from ..library.saved_inputs import note_saved
from ..values.abstract_values import (
    NONE,
    NUMBER,
    UNKNOWN,
    AbstractIterator,
    AbstractObject,
    AbstractTensor,
    AbstractValue,
    CallArguments,
    Constant,
    LibraryMethod,
    LibraryName,
    Unknown,
    constant_of,
    either,
    key_step,
    make_list,
    whole_number,
)
from .fold_constants import compute_constant, is_one_object
from .read_value import ValueReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...runtime.deadline import Deadline
    from ..values.abstract_memory import AbstractMemory
    from .abstract_frame import AbstractFrame
    from .known_scene import KnownScene


class ExpressionEvaluator(ValueReader):
    """Evaluates expressions; subclasses interpret calls and statements."""

    def __init__(self, memory: AbstractMemory, scene: KnownScene, deadline: Deadline) -> None:
        super().__init__(memory, scene, deadline)
        self._handlers: dict[type[ast.AST], Callable[..., AbstractValue]] = {
            ast.Constant: lambda node, _: Constant(node.value),
            ast.Name: lambda node, frame: frame.look_up(node.id),
            ast.Attribute: self._attribute,
            ast.Subscript: self._subscript,
            ast.Call: self._call,
            ast.BinOp: self._binary,
            ast.UnaryOp: self._unary,
            ast.Compare: self._compare,
            ast.BoolOp: self._boolean,
            ast.IfExp: self._choice,
            ast.List: self._display,
            ast.Tuple: self._display,
            ast.Set: self._display,
            ast.Dict: self._dict,
            ast.Slice: self._slice,
            ast.JoinedStr: self._text,
            ast.Lambda: self.define,
            ast.NamedExpr: self._walrus,
            ast.Starred: lambda node, frame: self.evaluate(node.value, frame),
            ast.Await: lambda node, frame: self.evaluate(node.value, frame),
            ast.Yield: self._yield,
            ast.YieldFrom: self._yield_from,
            ast.ListComp: self._comprehension,
            ast.SetComp: self._comprehension,
            ast.GeneratorExp: self._comprehension,
            ast.DictComp: self._comprehension,
        }

    def evaluate(self, node: ast.expr, frame: AbstractFrame) -> AbstractValue:
        """Return what an expression gives, and record what it writes."""
        self.deadline.check()
        handler = self._handlers.get(type(node))
        return UNKNOWN if handler is None else handler(node, frame)

    def _attribute(self, node: ast.Attribute, frame: AbstractFrame) -> AbstractValue:
        if is_library(node) and isinstance(node.value, ast.Name | ast.Attribute):
            root = spell_path(node)
            if root is not None and not frame.binds(root.split(".")[0]):
                return LibraryName(root)
        return self.attribute(self.evaluate(node.value, frame), node.attr)

    def _subscript(self, node: ast.Subscript, frame: AbstractFrame) -> AbstractValue:
        return self.item(self.evaluate(node.value, frame), self.evaluate(node.slice, frame))

    def _call(self, node: ast.Call, frame: AbstractFrame) -> AbstractValue:
        if isinstance(node.func, ast.Name) and node.func.id == "super" and not node.args:
            return LibraryMethod(frame.look_up("self"), f"super {frame.owner}")
        function = self.evaluate(node.func, frame)
        return self.call(function, self.arguments(node, frame))

    def arguments(self, node: ast.Call, frame: AbstractFrame) -> CallArguments:
        """Evaluate the arguments of a call."""
        positional: list[AbstractValue] = []
        is_open = False
        for one in node.args:
            value = self.evaluate(one, frame)
            if isinstance(one, ast.Starred):
                found: list[AbstractValue] = []
                is_open |= not self.visit(value, found.append)
                positional += found
            else:
                positional.append(value)
        named = {one.arg: self.evaluate(one.value, frame) for one in node.keywords if one.arg is not None}
        for each in node.keywords:
            if each.arg is None and isinstance(rest := self.evaluate(each.value, frame), AbstractObject):
                named |= {step[2:-2]: value for step, value in rest.parts.items() if step.startswith("['")}
        return CallArguments(tuple(positional), named, is_open)

    def _binary(self, node: ast.BinOp, frame: AbstractFrame) -> AbstractValue:
        return self.operate(node.op, self.evaluate(node.left, frame), self.evaluate(node.right, frame))

    def operate(self, op: ast.operator, left: AbstractValue, right: AbstractValue) -> AbstractValue:
        """Return what an operator gives."""
        if isinstance(left, AbstractTensor) or isinstance(right, AbstractTensor):
            made = self._compute(left, right)
            note_saved(self.memory, _NAMES.get(type(op), ""), made, (left, right))
            return made
        if isinstance(left, AbstractObject):
            return self._join(op, left, right)
        known = compute_constant(type(op), left, right)
        is_number = any(isinstance(one, Unknown) and one.is_number for one in (left, right))
        return known or (NUMBER if is_number else UNKNOWN)

    def _compute(self, left: AbstractValue, right: AbstractValue) -> AbstractValue:
        tensors = [one for one in (left, right) if isinstance(one, AbstractTensor)]
        other = right if left is tensors[0] else left
        first = tensors[0]
        alike = len(tensors) == 1 and isinstance(other, Constant | Unknown)
        alike = alike or (len(tensors) > 1 and tensors[0].shape == tensors[1].shape)
        kind = "ndarray" if all(one.is_array for one in tensors) else "tensor"
        return self.memory.make(first.shape if alike else None, first.reading.dtype, kind, tensors)

    def _join(self, op: ast.operator, left: AbstractObject, right: AbstractValue) -> AbstractValue:
        method = self.method_of(left, f"__{OPERATOR_STEMS[type(op)]}__")
        if method is not None:
            return self.call(method, CallArguments((right,)))
        if isinstance(op, ast.Add) and isinstance(right, AbstractObject):
            return make_list([*left.items(), *right.items()], is_whole=left.is_whole and right.is_whole)
        if isinstance(op, ast.Mult) and left.kind == "list":
            times = whole_number(right)
            return make_list(left.items() * min(8 if times is None else times, 64), is_whole=times is not None)
        if isinstance(op, ast.BitOr) and isinstance(right, AbstractObject):
            return AbstractObject("dict", parts={**left.parts, **right.parts})
        return UNKNOWN

    def _unary(self, node: ast.UnaryOp, frame: AbstractFrame) -> AbstractValue:
        value = self.evaluate(node.operand, frame)
        if isinstance(node.op, ast.Not):
            known = self.truth(value)
            return UNKNOWN if known is None else Constant(not known)
        if isinstance(value, AbstractTensor):
            return fresh_like(self.memory, value)
        return compute_constant(type(node.op), value) or (NUMBER if value is NUMBER else UNKNOWN)

    def _compare(self, node: ast.Compare, frame: AbstractFrame) -> AbstractValue:
        left, *rest = [self.evaluate(one, frame) for one in (node.left, *node.comparators)]
        tensors = [one for one in (left, *rest) if isinstance(one, AbstractTensor)]
        op = node.ops[0]
        if len(rest) > 1 or isinstance(op, ast.In | ast.NotIn):
            return self._contains(op, left, rest[0]) if len(rest) == 1 else UNKNOWN
        if isinstance(op, ast.Is | ast.IsNot):
            same = is_one_object(left, rest[0])
            return UNKNOWN if same is None else Constant(same is isinstance(op, ast.Is))
        if tensors:
            return fresh_like(self.memory, tensors[0], dtype="torch.bool")
        return compute_constant(type(op), left, rest[0]) or UNKNOWN

    def _contains(self, op: ast.cmpop, key: AbstractValue, owner: AbstractValue) -> AbstractValue:
        step = key_step(key)
        if isinstance(text := constant_of(owner), str) and isinstance(part := constant_of(key), str):
            return Constant((part in text) is isinstance(op, ast.In))
        if not isinstance(owner, AbstractObject) or owner.kind != "dict" or step is None:
            return UNKNOWN
        if step in owner.parts or owner.is_whole:
            return Constant((step in owner.parts) is isinstance(op, ast.In))
        return UNKNOWN

    def _boolean(self, node: ast.BoolOp, frame: AbstractFrame) -> AbstractValue:
        stops, doubt = isinstance(node.op, ast.Or), self.memory.doubt
        found: list[AbstractValue] = []
        for one in node.values:
            value = self.evaluate(one, frame)
            known = self.truth(value)
            self.memory.doubt += known is None
            if known is None or known is stops or one is node.values[-1]:
                found.append(value)
            if known is stops:
                break
        self.memory.doubt = doubt
        return either(found)

    def _choice(self, node: ast.IfExp, frame: AbstractFrame) -> AbstractValue:
        known = self.truth(self.evaluate(node.test, frame))
        if known is not None:
            return self.evaluate(node.body if known else node.orelse, frame)
        return self.either_of(lambda one: self.evaluate(one, frame), (node.body, node.orelse))

    def _display(self, node: ast.List | ast.Tuple | ast.Set, frame: AbstractFrame) -> AbstractValue:
        found: list[AbstractValue] = []
        is_whole = True
        for one in node.elts:
            value = self.evaluate(one, frame)
            if isinstance(one, ast.Starred):
                is_whole &= self.visit(value, found.append)
            else:
                found.append(value)
        made = make_list(found, is_whole=is_whole)
        made.class_name = "tuple" if isinstance(node, ast.Tuple) else ""
        made.since = dict.fromkeys(made.parts, self.memory.now)
        return made

    def _dict(self, node: ast.Dict, frame: AbstractFrame) -> AbstractValue:
        made = AbstractObject("dict")
        for key, one in zip(node.keys, node.values, strict=True):
            value = self.evaluate(one, frame)
            step = None if key is None else key_step(self.evaluate(key, frame))
            if step is not None:
                made.parts[step] = value
            elif key is None and isinstance(value, AbstractObject):
                made.parts.update(value.parts)
            else:
                made.is_whole = False
        return made

    def _slice(self, node: ast.Slice, frame: AbstractFrame) -> AbstractValue:
        ends = [NONE if one is None else self.evaluate(one, frame) for one in (node.lower, node.upper, node.step)]
        if all(isinstance(one, Constant) and isinstance(one.value, int | None) for one in ends):
            return Constant(slice(*map(constant_of, ends)))
        return NUMBER

    def _text(self, node: ast.JoinedStr, frame: AbstractFrame) -> AbstractValue:
        found: list[str] = []
        for one in node.values:
            if isinstance(one, ast.FormattedValue):
                value = self.evaluate(one.value, frame)
                if one.format_spec or one.conversion != -1 or not isinstance(value, Constant):
                    return UNKNOWN
                found.append(str(value.value) if isinstance(value.value, int | str) else "?")
            elif isinstance(one, ast.Constant):
                found.append(str(one.value))
        return Constant("".join(found))

    def _walrus(self, node: ast.NamedExpr, frame: AbstractFrame) -> AbstractValue:
        value = self.evaluate(node.value, frame)
        self.bind(node.target, value, frame)
        return value

    def _yield(self, node: ast.Yield, frame: AbstractFrame) -> AbstractValue:
        frame.give(UNKNOWN if node.value is None else self.evaluate(node.value, frame))
        return UNKNOWN

    def _yield_from(self, node: ast.YieldFrom, frame: AbstractFrame) -> AbstractValue:
        self.visit(self.evaluate(node.value, frame), frame.give)
        return UNKNOWN

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, frame: AbstractFrame
    ) -> AbstractValue:
        if isinstance(node, ast.GeneratorExp):
            return AbstractIterator(lambda each: self._run_generators(node, 0, frame.inside(), each))
        made = AbstractObject("dict" if isinstance(node, ast.DictComp) else "list")
        inside, doubt = frame.inside(), self.memory.doubt
        if isinstance(node, ast.DictComp):

            def put(value: AbstractValue) -> None:
                step = key_step(self.evaluate(node.key, inside))
                made.is_whole &= step is not None
                made.parts[step or f"[?{len(made.parts)}]"] = value
                made.since[step or ""] = self.memory.now
        else:

            def put(value: AbstractValue) -> None:
                made.is_whole &= self.memory.doubt == doubt
                step = f"[{'' if made.is_whole else '?'}{len(made.parts)}]"
                made.since[step], made.parts[step] = self.memory.now, value

        self._run_generators(node, 0, inside, put)
        return made

    def _run_generators(
        self,
        node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp,
        depth: int,
        frame: AbstractFrame,
        put: Callable[[AbstractValue], None],
    ) -> bool:
        if depth == len(node.generators):
            put(self.evaluate(node.value if isinstance(node, ast.DictComp) else node.elt, frame))
            return True
        source = node.generators[depth]

        def turn(value: AbstractValue) -> None:
            self.bind(source.target, value, frame)
            tests = [self.truth(self.evaluate(one, frame)) for one in source.ifs]
            if False not in tests:
                self.memory.doubt += None in tests
                self._run_generators(node, depth + 1, frame, put)
                self.memory.doubt -= None in tests

        return self.visit(self.evaluate(source.iter, frame), turn)


_NAMES: dict[type[ast.operator], str] = {ast.Mult: "mul", ast.Div: "div", ast.MatMult: "matmul", ast.Pow: "pow"}
