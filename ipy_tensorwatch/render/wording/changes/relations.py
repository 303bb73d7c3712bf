"""The relations within an alias group, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....core.runtime.grouped import grouped, tally
from ...page import Line, code, join_words, words
from ..quantities import count_of, few
from .fold_changes import gather
from .phrases import names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ....core.records.report_parts import AliasGroup, Relation

    Pairs = dict[tuple[str, str], Relation]

MAX_PAIRS = 3

_ALIKE: dict[Relation, str] = {
    "same-object": "one tensor",
    "same-elements": "the same elements",
    "overlap": "overlap",
    "disjoint": "no byte in common",
    "unknown": "not known",
}


def relations(group: AliasGroup) -> Line:
    """Return the relations between members; members with the same elements are treated as one."""
    known = {(pair.a, pair.b): pair.relation for pair in group.pairs}
    found = set(known.values())
    if len(found) == 1 and not group.pairs_left_out:
        return words(_ALIKE[found.pop()])
    parts = list(_parts(group, known))
    if group.pairs_left_out:
        parts.append(words(f"{count_of(group.pairs_left_out, 'pair')} not looked at"))
    return join_words(parts, "; ")


def _parts(group: AliasGroup, known: Pairs) -> Iterator[Line]:
    same = _classes(group.members, [pair for pair, relation in known.items() if relation == "same-object"])
    equal = _classes([one[0] for one in same], _same(known))
    yield from (words("one tensor: ") + names(one) for one in same if len(one) > 1)
    yield from (words("the same elements: ") + names(one) for one in equal if len(one) > 1)
    yield from _told({pair: known[pair] for pair in known if {one[0] for one in equal}.issuperset(pair)})


def _same(known: Pairs) -> list[tuple[str, str]]:
    return [pair for pair, relation in known.items() if relation in ("same-object", "same-elements")]


def _classes(members: Iterable[str], pairs: Iterable[tuple[str, str]]) -> list[list[str]]:
    """Return the equivalence classes of members, given pairs that are equivalent."""
    leader = {one: one for one in members}
    for a, b in pairs:
        if a in leader and b in leader:
            old, new = leader[b], leader[a]
            leader = {one: new if found == old else found for one, found in leader.items()}
    return list(grouped(leader, leader.__getitem__).values())


def _told(known: Pairs) -> Iterator[Line]:
    """Yield one line per relation with its pairs; items of one container share a label."""
    named = {path: text for text, alike in gather(path for pair in known for path in pair) for path in alike}
    folded: dict[Relation, dict[tuple[str, str], None]] = {}
    for (a, b), relation in known.items():
        folded.setdefault(relation, {})[named[a], named[b]] = None
    often = tally(pair for pairs in folded.values() for pair in pairs)
    for relation, pairs in folded.items():
        shown, left = few([_pair(pair, is_part=often[pair] > 1) for pair in pairs], MAX_PAIRS)
        yield (
            words(f"{_ALIKE[relation]}: ")
            + join_words(list(shown), ", ")
            + words(f" and {left:,} more" if left else "")
        )


def _pair(pair: tuple[str, str], *, is_part: bool) -> Line:
    a, b = pair
    both = code(a) if a == b else code(a) + words(" and ") + code(b)
    return words("some of ") + both if is_part else both
