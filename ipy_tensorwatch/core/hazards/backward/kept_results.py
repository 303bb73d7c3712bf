"""Results that a container keeps from round to round, as a memory bank does: it keeps them without their graph."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from ...interpreter.definitions import Code
from ...interpreter.functions_named import functions_named
from ...interpreter.source_index import Library
from ...records.typed_line import TypedLine
from ...statements.rewrite_statement import read_paths
from ...statements.writes.kept_in_loops import keeping_copies, puts_of
from ...syntax.ast_queries import spell_path
from ...syntax.parsing import bound_in, parse_body, parse_header, parse_path, walk_statements
from ...syntax.statement_text import spell_header
from ...syntax.syntax_tree import names_in
from ..fix import Fix

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ...interpreter.definitions import Function
    from ...records.path import AccessPath
    from ...records.trace.notebook import Notebook


class Putting(NamedTuple):
    """A statement that puts something into a container of the notebook."""

    line: TypedLine
    container: AccessPath


def kept_without_graph(
    paths: Sequence[str],
    user: TypedLine | None,
    cells: Mapping[int, str],
    notebook: Notebook,
    beside: Iterable[str] = (),
) -> Fix | None:
    r"""Return the fix that detaches what a container is given; None unless a single statement gives it something.

    Parameters
    ----------
    paths
        The paths of a result whose graph is freed.
    user
        The statement that computed from it: it, or a function that it calls, reads the container and no other path.
    cells
        The plain sources of the cells that may have put it there.
    beside
        The paths of other results with an old graph, which the same statement may keep.

    Examples
    --------
    >>> from ...records.trace.notebook import Notebook
    >>> user = TypedLine(cell=3, line=1, text="loss = (net(x) @ torch.cat(bank).T).mean()")
    >>> fix = kept_without_graph(["z", "bank[0]"], user, {2: "z = net(x)\nbank.append(z)"}, Notebook())
    >>> fix.code, fix.target.cell, fix.target.line
    ('bank.append(z.detach())', 2, 2)
    """
    read, reached = _roots_read(user, notebook)
    for item in map(parse_path, paths):
        within = [one for one in _putting(item, cells, notebook) if _is_inside(item, one.container)]
        others = (parse_path(one) for one in paths)
        if item.root not in reached or len({one.line for one in within}) != 1:
            continue
        line, container = within[0]
        if any(one.root in read and not _is_inside(one, container) for one in others):
            continue  # it may have been computed from that path
        old = {item, *map(parse_path, beside)}
        places = {one.steps[len(container.steps) + 1 :] for one in old if _is_inside(one, container)}
        code = keeping_copies(line.text, ".detach()", sorted(places))
        return Fix(kind="keep-detached", code=code, target=line, says_where=True) if code else None
    return None


def _roots_read(user: TypedLine | None, notebook: Notebook) -> tuple[set[str], set[str]]:
    """Return the variables that a statement reads, and with them those that the functions name which it may call."""
    read = {parse_path(one).root for one in read_paths(user.text)} if user else set[str]()
    inside = functions_named(parse_header(user.text), notebook).values() if user else ()
    return read, read.union(*map(names_in, inside))


def _is_inside(item: AccessPath, container: AccessPath) -> bool:
    """Return whether a path goes through an item of a container."""
    step = "".join(item.steps[len(container.steps) :][:1])
    return step.startswith("[") and container.leads_to(item)


def _putting(item: AccessPath, cells: Mapping[int, str], notebook: Notebook) -> Iterator[Putting]:
    """Yield the statements that put something into a container with the same root, those in functions too."""
    for cell, source in cells.items():
        yield from _puts(parse_body(source), Code.of(cell, source))
    library = Library(notebook)
    for owner in map(item.first, range(len(item.steps))):
        for method in library.methods(library.class_of(owner)):
            yield from _of_method(method, owner)
    for function in filter(None, map(library.function, notebook.definitions)):
        local = function.hidden | bound_in(function.node)
        yield from (one for one in _puts(_body_of(function), function.code) if one.container.root not in local)


def _of_method(method: Function, owner: AccessPath) -> Iterator[Putting]:
    """Yield what a method puts into the containers of its object."""
    given = method.node.args.args
    for line, container in _puts(_body_of(method), method.code) if given else ():
        if container.root == given[0].arg:
            yield Putting(line, owner.then(*container.steps))


def _body_of(function: Function) -> Sequence[ast.stmt]:
    return () if isinstance(function.node, ast.Lambda) else function.node.body


def _puts(body: Iterable[ast.stmt], code: Code) -> Iterator[Putting]:
    """Yield the statements of a body that put something into a container."""
    for node in walk_statements(body):
        spelled = [spell_path(into) for into, _ in puts_of(node) if into is not None]
        text = spell_header(node, [*code.lines]) if spelled else ""
        line = TypedLine(cell=code.cell, line=node.lineno + code.offset, text=text)
        yield from (Putting(line, parse_path(one)) for one in spelled if one is not None)
