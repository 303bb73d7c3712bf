"""An alias group's relations in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .measure import spell_bytes
from .page import Line, code, join, words
from .phrases import names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ..core.records import AliasGroup, Relation

MAX_PAIRS = 3

_PAIRED: dict[Relation, str] = {
    "overlap": "overlap: ",
    "disjoint": "no byte in common: ",
    "unknown": "not known: ",
}


def relations(group: AliasGroup) -> Line:
    """Say how the members of a group relate, members that hold the same elements as one."""
    known = {(pair.a, pair.b): pair.relation for pair in group.pairs}
    same = _classes(group.members, [pair for pair, relation in known.items() if relation == "same-object"])
    equal = _classes([one[0] for one in same], _same(known))
    parts = [*_sentences(same, "is one tensor" if len(group.members) > 1 else ""), *_equals(equal)]
    first = {one[0] for one in equal}
    for relation, text in _PAIRED.items():
        pairs = [pair for pair, found in known.items() if found == relation and first.issuperset(pair)]
        if pairs:
            parts.append(words(text) + _spell(pairs))
    if group.pairs_left_out:
        parts.append(words(f"{group.pairs_left_out:,} pairs not looked at"))
    return join(parts, "; ")


def _same(known: dict[tuple[str, str], Relation]) -> list[tuple[str, str]]:
    return [pair for pair, relation in known.items() if relation in ("same-object", "same-elements")]


def _classes(members: Iterable[str], pairs: Iterable[tuple[str, str]]) -> list[list[str]]:
    """Put members into classes, given which of them are the same."""
    leader = {one: one for one in members}
    for a, b in pairs:
        if a in leader and b in leader:
            old, new = leader[b], leader[a]
            leader = {one: new if found == old else found for one, found in leader.items()}
    classes: dict[str, list[str]] = {}
    for one, found in leader.items():
        classes.setdefault(found, []).append(one)
    return list(classes.values())


def _sentences(classes: list[list[str]], text: str) -> Iterator[Line]:
    for one in classes:
        if len(one) > 1:
            yield join([code(name) for name in one[:MAX_PAIRS]], " = ") + words(_more(one) + f" {text}")


def _equals(classes: list[list[str]]) -> Iterator[Line]:
    for one in classes:
        if len(one) > 1:
            yield words("the same elements: ") + names(one)


def _spell(pairs: Sequence[tuple[str, str]]) -> Line:
    shown = join([code(a) + words(" and ") + code(b) for a, b in pairs[:MAX_PAIRS]], ", ")
    return shown + words(_more(pairs))


def _more(items: Sequence[object]) -> str:
    return f" and {len(items) - MAX_PAIRS} more" if len(items) > MAX_PAIRS else ""


def block(group: AliasGroup) -> Line:
    """Name a group's block of memory by its device and its size."""
    return words(f"{group.device} · {spell_bytes(group.nbytes)}")
