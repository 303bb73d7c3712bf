"""A cell on its way: its statements, and what its probes note."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..capture.ledger import Ledger
from ..core.statement import Statement, parse_statements, statements_of

if TYPE_CHECKING:
    import ast
    from collections.abc import Callable, Mapping

    from ..capture.observer import Observer
    from ..core.records import Change
    from .config import TensorWatch

MAX_VALUES = 1000


@dataclass(slots=True, eq=False)
class RunningCell:
    """What is known of a cell when it begins, and what its probes note while it runs.

    Attributes
    ----------
    plain
        The cell as plain Python; its line 1 is line `1 + offset` of what the user typed.
    values, targets
        For each statement, the values of the names in its item keys, and the serials of the objects that its written
        names led to, as it was entered.
    """

    count: int
    source: str
    plain: str
    offset: int
    names: Mapping[str, Any]
    observer: Observer
    settings: TensorWatch
    outside: tuple[Change, ...] = ()
    began: float = 0.0
    overhead: float = 0.0
    statements: tuple[Statement, ...] = ()
    ledger: Ledger = field(init=False)
    values: dict[int, list[dict[str, int | str]]] = field(default_factory=dict)
    targets: dict[int, set[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Open the ledger."""
        self.ledger = Ledger(
            marks=self.observer.prints.marks,
            references=self.observer.lens.storages.references,
            share=self.settings.probe_share,
            floor=self.settings.probe_floor,
            sample=self._sample,
        )

    def instrument(self, tree: ast.Module) -> list[Callable[[int], None]]:
        """Take the cell's own statements and return a probe for each."""
        self.statements = statements_of(tree, self.plain)
        self.ledger.sampled = frozenset(one.index for one in self.statements if one.targets)
        self.ledger.begin(len(self.statements))
        return self.ledger.probes

    def own_statements(self) -> tuple[Statement, ...]:
        """Return the cell's statements, also of a cell that was not instrumented."""
        return self.statements or parse_statements(self.plain)

    def _sample(self, index: int) -> None:
        statement = self.statements[index]
        if statement.index_names:
            wanted = {name: self.names.get(name) for name in statement.index_names}
            values = {name: value for name, value in wanted.items() if type(value) is int or type(value) is str}
            known = self.values.setdefault(index, [])
            if values not in known and len(known) < MAX_VALUES:
                known.append(values)
        for target in statement.targets:
            serial = self.observer.lens.objects.of_id(id(self.names.get(target.path.root)))
            if serial is not None:
                self.targets.setdefault(index, set()).add(serial)
