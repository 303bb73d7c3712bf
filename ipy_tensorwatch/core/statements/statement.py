"""A cell's own statements: their targets, mentions and bindings."""

from __future__ import annotations

import ast
from dataclasses import replace
from functools import cached_property, lru_cache
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from ..records.report_parts import Certainty, Inner, Site
from ..runtime.record import field, record
from ..syntax.magic_calls import MAGIC_CALL, as_typed_unless_running, find_body, find_source
from ..syntax.parsing import LAST_SOURCES, parse_cell, walk_statements
from ..syntax.statement_text import header_end, spell
from .assigned_value import value_of
from .bound_values import BoundValue, assigns_gradient, bound_values, may_put
from .names_used import binds_of, calls_of, mentions_of, operates, reads_of, values_read
from .writes.called_methods import CalledMethod, called_methods
from .writes.loop_elements import Element, Loops, called_through, elements_of, loops_around
from .writes.statement_writes import targets_of
from .writes.write_target import Target, key_names, lengths_of, spell_target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from ..records.path import AccessPath

__all__ = ["Statement", "Target", "parse_cell", "parse_statements", "spell_target", "statements_of", "walk_statements"]

T = TypeVar("T")


@record(slots=False)
class Statement:
    """One of a cell's own statements; of a compound statement its header only.

    Each fact is searched on first use: most statements of a long cell are never asked for any. One nested too deep for
    the recursion limit is handled like an unknown call.

    Attributes
    ----------
    index
        Its index among the cell's statements in source order, those inside top-level blocks included.
    text
        Its source on one line.
    """

    index: int
    line: int
    end_line: int
    text: str
    _node: ast.stmt = field(compare=False, repr=False)
    _loops: Loops = field(default=(), compare=False, repr=False)

    def site(self, certainty: Certainty = "observed", inner: Inner | None = None) -> Site:
        """Return where it stands, with a line inside a function that it led to."""
        return Site(line=self.line, end_line=self.end_line, text=self.text, certainty=certainty, inner=inner)

    @cached_property
    def targets(self) -> tuple[Target, ...]:
        """The targets that it names as written."""
        return self._join(targets_of, [one.targets for one in self._inner])

    @cached_property
    def elements(self) -> tuple[Element, ...]:
        """The elements of containers that it writes through the variables of the loops around it."""
        return self._join(lambda node: elements_of(node, self._loops), [one.elements for one in self._inner])

    @cached_property
    def called_in_loops(self) -> tuple[AccessPath, ...]:
        """The paths that it calls through the variables of the loops around it."""
        return self._join(lambda node: called_through(node, self._loops), [])

    @cached_property
    def mentions(self) -> tuple[AccessPath, ...]:
        """The chains of names, attributes and constant items that it uses; for a method call the object's chain."""
        return self._join(mentions_of, [one.mentions for one in self._inner])

    @cached_property
    def binds(self) -> frozenset[str]:
        """The names that it binds."""
        return frozenset(self._join(binds_of, [one.binds for one in self._inner]))

    @cached_property
    def reads(self) -> frozenset[str]:
        """The names whose objects it reads."""
        return frozenset(self._join(reads_of, [one.reads for one in self._inner]))

    @cached_property
    def calls(self) -> bool:
        """Whether it may run the code of a function: calls, `await`, decorators, loops, `with`."""
        return calls_of(self._node)

    @cached_property
    def operates(self) -> bool:
        """Whether it may run an object's own code without a call."""
        return operates(self._node)

    @cached_property
    def methods(self) -> tuple[CalledMethod, ...]:
        """The methods that it calls by name, each with its object's path, also through the variables of loops."""
        return self._join(lambda node: called_methods(node, self._loops), [one.methods for one in self._inner])

    @property
    def value(self) -> ast.expr | None:
        """The value that it assigns."""
        return value_of(self._node)

    def values_read(self, path: str) -> list[bool]:
        """Return, for each time that it reads a path, whether it reads only its values: `y.detach()`."""
        return values_read(self._node, path)

    def values_for(self, root: str) -> Iterator[BoundValue]:
        """Yield what it binds to a name, or to an item or attribute of its object."""
        return bound_values(self._node, root)

    @property
    def assigns_gradient(self) -> bool:
        """Whether it gives a leaf its gradient: `p.grad = g`."""
        return assigns_gradient(self._node)

    @property
    def may_put(self) -> bool:
        """Whether it may put something anywhere that it does not spell."""
        return may_put(self._node)

    @cached_property
    def _inner(self) -> tuple[Statement, ...]:
        """The statements of the code that a magic runs."""
        source = find_source(self._node)
        return parse_statements(source) if source else ()

    def _join(self, find: Callable[[ast.stmt], Iterable[T]], inner: Iterable[Iterable[T]]) -> tuple[T, ...]:
        try:
            return tuple(dict.fromkeys(chain(find(self._node), *inner)))
        except RecursionError:
            return ()


@lru_cache(maxsize=LAST_SOURCES)
def parse_statements(source: str) -> tuple[Statement, ...]:
    r"""Parse a cell's source into its own statements; empty if it is not Python.

    Examples
    --------
    >>> [one.text for one in parse_statements("if ok:\n    x.add_(1)")]
    ['if ok:', 'x.add_(1)']
    """
    tree = parse_cell(source)
    return () if tree is None else statements_of(tree, source)


def statements_of(tree: ast.Module, source: str) -> tuple[Statement, ...]:
    """Return the own statements of a parsed cell, in the order of `walk_statements`."""
    lines, loops = source.split("\n"), loops_around(tree.body)
    return tuple(
        _describe(index, node, lines, loops.get(id(node), ())) for index, node in enumerate(walk_statements(tree.body))
    )


def statements_in(one: Statement) -> tuple[Statement, ...]:
    r"""Return the statements of the code that a magic runs, numbered by cell lines; else the statement itself.

    Examples
    --------
    >>> [timed] = parse_statements("get_ipython().run_cell_magic('time', '', 'a = 1\\nx.add_(a)')")
    >>> [(each.line, each.text) for each in statements_in(timed)]
    [(2, 'a = 1'), (3, 'x.add_(a)')]
    """
    tree = parse_cell(one.text) if one.text.startswith(MAGIC_CALL) else None
    body = find_body(tree.body[0]) if tree is not None else None
    if body is None:
        return (one,)
    above = one.line - 1 + body.offset
    inner = parse_statements(body.source)
    return tuple(replace(each, line=each.line + above, end_line=each.end_line + above) for each in inner)


@lru_cache(maxsize=LAST_SOURCES)
def every_statement(source: str) -> tuple[Statement, ...]:
    """Return a cell's own statements, those of the code that its magics run included."""
    return tuple(inner for one in parse_statements(source) for inner in statements_in(one))


def _describe(index: int, node: ast.stmt, lines: list[str], loops: Loops) -> Statement:
    start = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))])
    end, column = header_end(node, lines)
    text = as_typed_unless_running(spell(node, lines, start, end, column))
    made = Statement(index=index, line=start, end_line=end, text=text, _node=node, _loops=loops)
    is_simple = start == end and not loops and isinstance(node, ast.Assign | ast.AugAssign | ast.Expr)
    return _known(made) if is_simple else made


@lru_cache(maxsize=1024)
def _known(one: Statement) -> Statement:
    """Return the equal statement of an earlier source: while a cell is typed, most of it stays as it is."""
    return one


class TargetNames(NamedTuple):
    """What determines a statement's targets: names, and containers whose lengths do, by the lengths' names."""

    names: tuple[str, ...] = ()
    lengths: Mapping[str, AccessPath] = {}


def names_written(statement: Statement) -> TargetNames:
    """Return the names that determine a statement's targets: their roots, and the names in their items' keys.

    Examples
    --------
    >>> names_written(parse_statements("h[i].add_(x)")[0]).names
    ('h', 'i')
    """
    paths = [one.path for one in statement.targets]
    names = {path.root for path in paths}.union(*map(key_names, paths))
    return TargetNames(tuple(sorted(names)), {name: one for path in paths for name, one in lengths_of(path).items()})
