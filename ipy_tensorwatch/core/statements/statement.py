"""A cell's own statements: their targets, mentions and bindings."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from ..syntax.magic_calls import MAGIC_CALL, as_typed, find_body, find_source, runs_magic
from ..syntax.parsing import parse_cell, walk_statements
from ..syntax.statement_text import header_end, spell
from .assigned_value import value_of
from .called_methods import CalledMethod, called_methods
from .loop_elements import elements_of, loops_around
from .names_used import binds_of, calls_of, mentions_of, operates
from .statement_writes import targets_of
from .write_target import Target, key_names, spell_target

if TYPE_CHECKING:
    import ast

    from ..model.path import AccessPath
    from .loop_elements import Element, Loops

__all__ = ["Statement", "Target", "parse_cell", "parse_statements", "spell_target", "statements_of", "walk_statements"]


class StatementFacts(NamedTuple):
    """The facts in a statement's text; `elements` are those of the code that a magic runs."""

    targets: tuple[Target, ...] = ()
    elements: tuple[Element, ...] = ()
    mentions: tuple[AccessPath, ...] = ()
    binds: frozenset[str] = frozenset()
    calls: bool = True
    methods: tuple[CalledMethod, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One of a cell's own statements; of a compound statement its header only.

    It is analysed on first use: most statements of a long cell never are.

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
    _facts: list[StatementFacts] = field(default_factory=list, compare=False, repr=False)
    _led: list[tuple[Element, ...]] = field(default_factory=list, compare=False, repr=False)

    @property
    def targets(self) -> tuple[Target, ...]:
        """The targets that it names as written."""
        return self._read().targets

    @property
    def elements(self) -> tuple[Element, ...]:
        """The elements of containers that it writes through the variables of the loops around it."""
        if not self._led:
            inner = self._read().elements if runs_magic(self.text) else ()
            self._led.append((*_elements_of(self._node, self._loops), *inner))
        return self._led[0]

    @property
    def mentions(self) -> tuple[AccessPath, ...]:
        """The chains of names, attributes and constant items that it uses; for a method call the object's chain."""
        return self._read().mentions

    @property
    def binds(self) -> frozenset[str]:
        """The names that it binds."""
        return self._read().binds

    @property
    def calls(self) -> bool:
        """Whether it may run the code of a function: calls, `await`, decorators, loops, `with`."""
        return self._read().calls

    @property
    def operates(self) -> bool:
        """Whether it may run an object's own code without a call."""
        return operates(self._node)

    @property
    def methods(self) -> tuple[CalledMethod, ...]:
        """The methods that it calls by name, each with its object's path, also through the variables of loops."""
        return self._read().methods

    @property
    def value(self) -> ast.expr | None:
        """The value that it assigns."""
        return value_of(self._node)

    def _read(self) -> StatementFacts:
        if not self._facts:
            self._facts.append(_facts_of(self._node, self._loops))
        return self._facts[0]


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


def _describe(index: int, node: ast.stmt, lines: list[str], loops: Loops) -> Statement:
    start = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))])
    end, column = header_end(node, lines)
    text = as_typed(spell(node, lines, start, end, column))
    return Statement(index=index, line=start, end_line=end, text=text, _node=node, _loops=loops)


def _facts_of(node: ast.stmt, loops: Loops) -> StatementFacts:
    try:
        return _analyse(node, loops)
    except RecursionError:  # too deep for the recursion limit: handled like an unknown call
        return StatementFacts()


def _elements_of(node: ast.stmt, loops: Loops) -> tuple[Element, ...]:
    try:
        return tuple(dict.fromkeys(elements_of(node, loops)))
    except RecursionError:
        return ()


def _analyse(node: ast.stmt, loops: Loops) -> StatementFacts:
    source = find_source(node)
    inner = parse_statements(source) if source else ()
    return StatementFacts(
        targets=tuple(dict.fromkeys([*targets_of(node), *(one for part in inner for one in part.targets)])),
        elements=tuple(dict.fromkeys(one for part in inner for one in part.elements)),
        mentions=tuple(dict.fromkeys([*mentions_of(node), *(one for part in inner for one in part.mentions)])),
        binds=binds_of(node).union(*(part.binds for part in inner)),
        calls=calls_of(node),
        methods=tuple(dict.fromkeys([*called_methods(node, loops), *(one for part in inner for one in part.methods)])),
    )


def names_written(node: ast.stmt) -> tuple[str, ...]:
    """Return the names that determine a statement's targets: their roots, and the names in their items' keys.

    Examples
    --------
    >>> import ast
    >>> names_written(ast.parse("h[i].add_(x)").body[0])
    ('h', 'i')
    """
    try:
        paths = [one.path for one in targets_of(node)]
    except RecursionError:  # too deep for the recursion limit
        return ()
    return tuple(sorted({path.root for path in paths}.union(*map(key_names, paths))))
