"""Results that a container keeps from round to round, as a memory bank does: it keeps them without their graph."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ...records.typed_line import TypedLine
from ...statements.rewrite_statement import read_paths
from ...statements.writes.kept_in_loops import keeping_copies, puts_of
from ...syntax.ast_queries import spell_path
from ...syntax.parsing import parse_cell, walk_statements
from ...syntax.statement_text import spell_header
from ..fix import Fix

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_ITEM = re.compile(r"(.+?)\[.+\]")


def kept_without_graph(paths: Iterable[str], user: TypedLine | None, cells: Mapping[int, str]) -> Fix | None:
    r"""Return the fix that detaches what a container is given; None unless a single statement gives it something.

    Parameters
    ----------
    paths
        The paths of a result whose graph is freed.
    user
        The statement that computed from it: it reads the container.
    cells
        The plain sources of the cells that may have put it there.

    Examples
    --------
    >>> user = TypedLine(cell=3, line=1, text="loss = (net(x) @ torch.cat(bank).T).mean()")
    >>> fix = kept_without_graph(["z", "bank[0]"], user, {2: "z = net(x)\nbank.append(z)"})
    >>> fix.code, fix.target.cell, fix.target.line
    ('bank.append(z.detach())', 2, 2)
    """
    read = read_paths(user.text) if user is not None else ()
    items = (item[1] for path in paths if (item := _ITEM.fullmatch(path)) is not None)
    container = next((one for one in items if one in read), None)
    if container is None:
        return None
    putting = [line for cell, source in cells.items() for line in _putting(container, cell, source)]
    code = keeping_copies(putting[0].text, ".detach()") if len(putting) == 1 else None
    return Fix(kind="keep-detached", code=code, target=putting[0], says_where=True) if code else None


def _putting(container: str, cell: int, source: str) -> Iterator[TypedLine]:
    """Yield the statements that put something into a container."""
    tree, lines = parse_cell(source), source.split("\n")
    for node in walk_statements(tree.body) if tree else ():
        if any(into is not None and spell_path(into) == container for into, _ in puts_of(node)):
            yield TypedLine(cell=cell, line=node.lineno, text=spell_header(node, lines))
