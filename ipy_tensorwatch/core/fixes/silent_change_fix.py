"""The fix of a silent change: store a copy where sharing began."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from ..hazards.fix import Edit, Fix, with_edits
from ..records.typed_line import TypedLine, typed_line
from ..runtime.deadline import NEVER, Deadline, LateError
from ..runtime.record import record
from ..statements.copied_value import Copying, copied_value, with_copied_arguments
from ..statements.rewrite_statement import out_of_place, parse_one, with_clones, written_path
from ..statements.statement import parse_statements
from ..syntax.ast_queries import arguments, last_name, makes_array, root_variable
from ..syntax.cached_functions import cached_functions, calls_any
from ..syntax.parsing import function_around, parse_path
from ..syntax.syntax_tree import find_nodes
from ..syntax.torch_vocabulary import OPTIMIZERS
from .copied_capture import copied_capture
from .copy_imports import spelled_deepcopy, with_deepcopy
from .derivation import Derivation, FixContext
from .edited_source import are_apart
from .function_fix import copied_result, fix_in_function
from .sharing import Sharing, bindings, carried_over, goes_by_rows, is_stored_inside, sharings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ..records.path import AccessPath
    from ..records.report_parts import Change

_COPIES_NEW = re.compile(r"deepcopy\((\w+)\(")
_ITERATING = frozenset(("dict", "enumerate", "iter", "list", "next", "set", "sorted", "tuple"))

MAX_COPIES = 20
"""With more paths that were written, no fix is looked for that copies where each of them was bound."""


def change_fixes(change: Change, context: FixContext, deadline: Deadline = NEVER) -> Iterator[Fix]:
    """Yield what may mend a silent change, the likeliest first; all but the first must be proven by a trial.

    Parameters
    ----------
    deadline
        When the search ends, with what was found so far.
    """
    if not change.silent or change.cause == "outside" or change.site is None:
        return
    if goes_by_rows(change, context.cell, context.cells.get(context.cell, "")):
        return
    search = FixSearch(change=change, context=context, deadline=deadline)
    try:
        yield from search.useful()
    except LateError:
        return


@record
class FixSearch:
    """The search for what mends one change."""

    change: Change
    context: FixContext
    deadline: Deadline

    @property
    def derivation(self) -> Derivation:
        """What is known of where the path began to share memory with what was written."""
        return Derivation(change=self.change, context=self.context, deadline=self.deadline)

    def useful(self) -> Iterator[Fix]:
        """Yield the possible fixes with edits, but for copies that are known to part nothing."""
        known: set[tuple[Edit, ...]] = {()}
        for one in map(self.complete, self.possible()):
            self.deadline.check()
            if one.edits not in known and self._may_mend(one):
                yield one
            known.add(one.edits)

    def _may_mend(self, fix: Fix) -> bool:
        if fix.kind != "copy-shared":
            return True
        from_cache = fix.target is not None and self._takes_from_cache(fix.target.text)
        return from_cache or self.derivation.parts_all(fix.edits)

    def possible(self) -> Iterator[Fix]:
        """Yield fixes, the likeliest first; some may have no edit."""
        yield from self._written_anew()
        yield from self._copied_result()
        yield from self._copied_for_each()
        yield from self._copied_where_known()
        for sharing in sharings(self.change, self.context.cell, self.context.cells):
            yield from self._copied(*sharing)
        yield from self._in_function()
        yield from self._handed()
        for sharing in self.sharings():
            yield from self._copied(*sharing)

    def complete(self, fix: Fix) -> Fix:
        """Add the edits, and the import that they need."""
        if fix.edits or fix.target is None or fix.target.cell not in self.context.cells:
            return fix
        target = fix.target
        return with_deepcopy(with_edits(fix, self.context.cells.__getitem__), self.context.cells, target)

    def copied_together(self, target: TypedLine, changes: Iterable[Change]) -> Fix | None:
        """Copy in one statement what it stores of several changes; None if it is not plain what that is."""
        code, names = target.text, list[str]()
        for one in changes:
            several = (each for each in replace(self, change=one).sharings() if each.begun == target)
            copied = (self._joined(code, copied_value(target.text, self._copying(*each)), each) for each in several)
            made = next((text for text in copied if text is not None), None)
            if made is None:
                return None
            code, names = made, [*names, one.path]
        return Fix(kind="copy-shared", code=code, names=tuple(names), target=target, says_where=True)

    def sharings(self) -> Iterator[Sharing]:
        """Yield where sharing may have begun; where only the path itself is known, what may have bound it."""
        yield from sharings(self.change, self.context.cell, self.context.cells)
        if self.change.cause == "alias":
            path = parse_path(self.change.path)
            yield from (
                Sharing(begun, path, path) for begun in bindings(self.change, self.context.cell, self.context.cells)
            )

    def _copied_result(self) -> Iterator[Fix]:
        """Copy in the function that gives the path its memory, if it was the next call of it that wrote."""
        site, began = self.change.site, next(self.sharings(), None)
        if self.change.cause == "alias" and began is not None and site is not None and site.inner is not None:
            source = self.context.cells.get(site.inner.cell, "")
            callers = (began.begun.text, site.text)
            found = copied_result(source, site.inner, callers, is_array=self._is_array(self.change.path))
            yield from (replace(one, names=(self.change.path,)) for one in found)

    def _copied_for_each(self) -> Iterator[Fix]:
        """Copy where each of several paths that were written, or each turn of a loop, began to share the memory."""
        yield from self._copied_in_all(carried_over(self.change, self.context.cell, self.context.cells))
        several = self._distinct()
        if len(several) > MAX_COPIES:
            return
        found = {one: self._begun_with(one) for one in several}
        known = [one for one in found.values() if one is not None]
        if all(begun is not None or self._goes_by_another_name(one, found) for one, begun in found.items()):
            yield from self._copied_in_all(_not_of_each_other(known))

    def _distinct(self) -> list[str]:
        """Return the paths that were written; where a method stored the memory of one, no other name of its tensor."""
        origin = self.change.shared_since
        if origin is None or not is_stored_inside(origin):
            return [*self.change.via]
        numbers = {
            one: reading.object for one in self.change.via if (reading := self.context.after.get(one)) is not None
        }
        known = {numbers[one] for one in (origin.a, origin.b) if one in numbers}
        return [one for one in self.change.via if one in (origin.a, origin.b) or numbers.get(one) not in known]

    def _copied_where_known(self) -> Iterator[Fix]:
        """Copy where the path is known to have begun to share memory with each of several that were written."""
        found = (self.derivation.beginnings(via) for via in self.derivation.through)
        first = (next((one for one in several if self._code(one) is not None), None) for several in found)
        known = list(dict.fromkeys(one for one in first if one is not None))
        yield from self._copied(*known[0]) if len(known) == 1 else self._copied_in_all(known)

    def _code(self, sharing: Sharing) -> str | None:
        if self._is_given_back(sharing) or self._is_second_way(sharing) or self._hides_cache(sharing):
            return None
        code = copied_value(sharing.begun.text, self._copying(*sharing))
        is_deep = code is not None and "deepcopy(" in code
        is_in_vain = self._is_stored_inside(sharing.begun) or _is_state(sharing.path) or _works_on_others(sharing.begun)
        shares_nothing_own = self._is_of_class or sharing.path == sharing.other
        is_in_vain = is_in_vain or (shares_nothing_own and self._copies_new_object(code or ""))
        return None if is_deep and is_in_vain else code

    @property
    def _is_of_class(self) -> bool:
        """Return whether a class holds the memory, which a copy of a new object of that class does not part from it."""
        reading = self.context.after.get(self.change.path)
        alike = self.context.after.by_storage.get(reading.storage, ()) if reading is not None else ()
        return self._defines_any({path.root for path, _ in alike if path.steps})

    def _copies_new_object(self, code: str) -> bool:
        """Return whether a statement makes a deep copy of an object of a class of the notebook where it makes it."""
        return self._defines_any(set(_COPIES_NEW.findall(code)))

    def _defines_any(self, names: set[str]) -> bool:
        classes = re.compile(rf"^\s*class ({'|'.join(map(re.escape, sorted(names)))})\b", re.MULTILINE)
        return bool(names) and any(map(classes.search, self.context.cells.values()))

    def _written_anew(self) -> Iterator[Fix]:
        """Give an object its own tensor where it writes to that of its class: `self.total = self.total + x`."""
        site = self.change.site
        line = None if site is None else site.inner or site
        path = written_path(line.text) if line is not None and self._is_of_class else None
        code = out_of_place(line.text, {path}) if line is not None and path is not None and "." in path else None
        if code is not None:
            target = typed_line(self.context.cell, line)
            yield Fix(kind="out-of-place", code=code, target=target, says_where=True)

    def _is_second_way(self, sharing: Sharing) -> bool:
        """Return whether a copy would go to, or part from, another way to the very object: a loader of a dataset."""
        is_apart = self.change.shared_since is not None or not sharing.other.steps
        ways = [sharing.path] if is_apart else [sharing.path, sharing.other]
        return any(str(one) in self.change.via and self.context.after.get(str(one)) is None for one in ways)

    def _hides_cache(self, sharing: Sharing) -> bool:
        """Return whether a copy would keep what was read of a cache, while the cache itself is written on."""
        is_written = any(parse_path(one).leads_to(sharing.path) for one in self.change.via)
        return not is_written and self._takes_from_cache(sharing.begun.text)

    def _takes_from_cache(self, text: str) -> bool:
        cached = frozenset[str]().union(*map(cached_functions, self.context.cells.values()))
        return calls_any(text, cached)

    def _is_given_back(self, sharing: Sharing) -> bool:
        """Return whether a statement stores what its own call wrote and gave back: a copy of that comes too late."""
        inner = self.change.site.inner if self.change.site is not None else None
        is_within = self.change.cause == "call" or (self.change.cause == "alias" and inner is not None)
        is_own = is_within and sharing.begun == self._writing()
        return is_own and sharing.path.root != parse_path(self.change.path).root

    def _copied_in_all(self, several: Sequence[Sharing]) -> Iterator[Fix]:
        """Copy in each of several statements, if there is more than one copy to make."""
        if len(several) < 2:  # noqa: PLR2004  (one of them is tried without the others)
            return
        codes: dict[TypedLine, str] = {}
        for one in several:
            code = self._added_to(codes.get(one.begun), one)
            codes |= {} if code is None else {one.begun: code}
        ordered = sorted(codes, key=lambda one: (one.cell or 0, one.line))
        fixes = [
            self.complete(Fix(kind="copy-shared", code=code, names=(self.change.path,), target=target, says_where=True))
            for target, code in ((one, codes[one]) for one in ordered)
        ]
        edits = tuple(dict.fromkeys(edit for one in fixes for edit in one.edits))
        if fixes and all(one.edits for one in fixes) and are_apart(edits):
            yield replace(
                fixes[0], code="; ".join(codes[one] for one in ordered), says_where=len(fixes) == 1, edits=edits
            )

    def _added_to(self, known: str | None, sharing: Sharing) -> str | None:
        """Copy in a statement that stores other copies already; None if it is not plain what else it stores."""
        code = self._code(sharing)
        return code if known is None else self._joined(known, code, sharing)

    def _joined(self, known: str, code: str | None, sharing: Sharing) -> str | None:
        """Return a statement with a further copy, given as a rewriting of the plain statement, beside those it has."""
        if code is None or code == known:
            return code
        text, behind = sharing.begun.text, f"{sharing.begun.text}; "
        if code.startswith(behind) and known.startswith(behind):
            return f"{known}; {code.removeprefix(behind)}"
        return code if known == text else copied_value(known, self._copying(*sharing))

    def _goes_by_another_name(self, via: str, found: Mapping[str, Sharing | None]) -> bool:
        """Return whether a path leads to the object of another one, as the variable of a loop that is over."""
        own = self.context.after.get(via)
        others = (
            self.context.after.get(one) for one in (self.change.path, *(one for one in found if found[one] is not None))
        )
        return own is not None and any(one is not None and one.object == own.object for one in others)

    def _begun_with(self, via: str) -> Sharing | None:
        """Return where the changed path and one that was written began to share memory."""
        origin = self.change.shared_since
        is_known = origin is not None and via in (origin.a, origin.b)
        own = replace(self.change, via=(via,), shared_since=origin if is_known else None)
        found = sharings(own, self.context.cell, self.context.cells)
        return next((one for one in found if self._code(one) is not None), None)

    def _copied(self, begun: TypedLine, path: AccessPath, other: AccessPath) -> Iterator[Fix]:
        if self.context.after.get(str(path)) is None and not path.steps:  # it is no tensor: a memoryview, a bytearray
            code = with_clones(begun.text, {str(other)}, ".copy()" if self._is_array(str(other)) else ".clone()")
        else:
            code = self._code(Sharing(begun, path, other))
        if code is not None:
            yield Fix(kind="copy-shared", code=code, names=(str(path),), target=begun, says_where=True)
        else:
            source = self.context.cells.get(begun.cell or 0, "")
            yield from copied_capture(source, begun, self._copying(begun, path, other))

    def _is_stored_inside(self, begun: TypedLine) -> bool:
        origin = self.change.shared_since
        is_there = origin is not None and (origin.cell, origin.line) == (begun.cell, begun.line)
        return is_there and origin is not None and is_stored_inside(origin)

    def _in_function(self) -> Iterator[Fix]:
        site = self.change.site
        if (
            site is not None
            and site.inner is not None
            and site.inner.cell in self.context.cells
            and self._is_result_used()
        ):
            source, is_array = self.context.cells[site.inner.cell], self._is_array(self.change.path)
            writer = getattr(function_around(source, site.inner.line), "name", None)
            calls = [one for one in find_nodes(ast.Call, parse_one(site.text)) if last_name(one.func) == writer]
            given = (makes_array(part, is_array=is_array) for one in calls for part in arguments(one))
            yield from fix_in_function(source, site.inner, is_array=is_array or any(given))

    def _handed(self) -> Iterator[Fix]:
        """Hand a copy to the call that wrote."""
        site = self.change.site
        if site is None or self.change.cause != "call" or not self._is_result_used():
            return
        target, path = typed_line(self.context.cell, site), parse_path(self.change.path)
        if target is None or _only_iterates(site.text, path.root):
            return
        copying = self._copying(target, path, path)._replace(is_leaf=False)
        code = with_copied_arguments(site.text, copying)
        if code is not None:
            yield Fix(kind="hand-copy", code=code, target=target, says_where=True)

    def _is_result_used(self) -> bool:
        """Return whether the call that wrote gives a result, so that the write need not be what it is called for."""
        site = self.change.site
        node = parse_one(site.text) if site else None
        if site is None or not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Call):
            return True
        inner = site.inner
        writer = function_around(self.context.cells.get(inner.cell, ""), inner.line) if inner is not None else None
        handed = [last_name(one.func) for part in arguments(node.value) for one in find_nodes(ast.Call, part)]
        return getattr(writer, "name", None) in handed

    def _copying(self, begun: TypedLine, path: AccessPath, other: AccessPath) -> Copying:
        mine, theirs = self.context.after.get(str(path)), self.context.after.get(str(other))
        beside = [one for found, one in self.context.after.entries() if found.root == path.root]
        is_same = mine is not None and theirs is not None and mine.object == theirs.object
        value = getattr(parse_one(begun.text), "value", None)
        is_later = mine is not None and theirs is not None and self._is_bound_again(path, begun)
        known = self._is_array(str(other if mine is None or is_later else path))
        is_other = mine is None or is_later
        is_array = makes_array(value, is_array=known) if is_other and isinstance(value, ast.expr) else known
        return Copying(
            path=path,
            other=other,
            is_array=is_array,
            is_leaf=is_same and mine is not None and mine.requires_grad and mine.is_leaf,
            has_graph=any(one.grad_fn is not None for one in beside),
            deepcopy=spelled_deepcopy(self.context.cells, begun),
            keeps_writes=begun != self._writing(),
        )

    def _is_bound_again(self, path: AccessPath, begun: TypedLine) -> bool:
        """Return whether the path leads to something else by now than the statement gave it."""
        several = parse_statements(self.context.cells.get(begun.cell or 0, ""))
        return any(one.line > begun.line and path.root in one.binds for one in several)

    def _writing(self) -> TypedLine | None:
        """Return the statement that wrote."""
        return typed_line(self.context.cell, self.change.site)

    def _is_array(self, path: str) -> bool:
        reading = self.context.after.get(path)
        return reading is not None and reading.kind == "ndarray"


def _not_of_each_other(several: Sequence[Sharing]) -> list[Sharing]:
    """Leave out what a statement took from another of these paths: the copy of that one parts both."""
    reads = {one: {name for part in parse_statements(one.begun.text) for name in part.reads} for one in several}
    return [
        one
        for one in several
        if not any(other.begun != one.begun and other.path.root in reads[one] for other in several)
    ]


def _only_iterates(text: str, name: str) -> bool:
    """Return whether a statement hands a variable only to what iterates over it: a copy of a loader is none."""
    calls = [one for one in find_nodes(ast.Call, parse_one(text)) if name in map(root_variable, arguments(one))]
    return bool(calls) and all(isinstance(one.func, ast.Name) and one.func.id in _ITERATING for one in calls)


def _works_on_others(begun: TypedLine) -> bool:
    """Return whether a statement makes an optimizer or a loader: a deep copy would train, or load from, copies."""
    return any(
        last_name(one.func) in {"DataLoader", *OPTIMIZERS} for one in find_nodes(ast.Call, parse_one(begun.text))
    )


def _is_state(path: AccessPath) -> bool:
    """Return whether a path goes through the state of an optimizer, by a parameter: a copy of it would train copies."""
    return any(one == ".state" and key[1:2].isalpha() for one, key in pairwise(path.steps))
