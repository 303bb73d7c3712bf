"""What the methods of lists and dicts give, and what they put into them or take out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..values.abstract_values import (
    NONE,
    NUMBER,
    UNKNOWN,
    AbstractObject,
    AbstractTensor,
    AbstractValue,
    CallArguments,
    Constant,
    constant_of,
    either,
    key_step,
    make_list,
    only_one,
    whole_number,
)

if TYPE_CHECKING:
    from ..values.abstract_memory import AbstractMemory

_ADDERS = frozenset(("append", "add", "push", "put"))
_AT_A_PLACE = frozenset(("insert", "appendleft", "extendleft", "reverse", "rotate", "sort", "remove"))
_TAKERS = frozenset(("pop", "popleft", "popitem"))
_GETTERS = frozenset(("get", "setdefault", "__getitem__"))
_READS = frozenset(("count", "index"))
_ORDERED = frozenset(("list", "named tuple", "module"))


def put_part(memory: AbstractMemory, owner: AbstractObject, step: str | None, value: AbstractValue) -> None:
    """Put a value into an object; `step` is None if its key is not known."""
    if step is None:
        step = f"[{len(owner.parts)}]" if owner.kind == "list" else f"[?{len(owner.parts)}]"
        owner.is_whole = False
        owner.others = value if owner.others is UNKNOWN else either([owner.others, value])
    if step not in owner.parts:
        memory.filled.append((owner, value))
    owner.parts[step] = value
    owner.since[step] = memory.now


def set_items(
    memory: AbstractMemory, owner: AbstractObject, items: list[AbstractValue], *, ordered: bool = True
) -> None:
    """Give a list other items; if they are not `ordered`, it is not known which one lies where."""
    before = owner.parts
    kept = {step: one for step, one in before.items() if step[:1] == "."}
    owner.parts = {f"[{n}]" if ordered else f"[?{n}]": one for n, one in enumerate(items)} | kept
    owner.since |= {step: memory.now for step, one in owner.parts.items() if before.get(step) is not one}
    owner.since[""] = memory.now


def drop_part(memory: AbstractMemory, owner: AbstractObject, step: str) -> AbstractValue:
    """Take a part out of an object, and return it."""
    owner.since[""] = memory.now
    return owner.parts.pop(step, UNKNOWN)


def take_item(owner: AbstractObject, key: AbstractValue) -> AbstractValue:
    """Return one item of a container, or a list of those of a slice."""
    found = constant_of(key)
    if owner.kind == "list" and "[?0]" in owner.parts:
        return _take_unordered(owner, found) if isinstance(found, slice) else only_one(owner.items())
    if isinstance(found, slice) and owner.kind in _ORDERED:
        return make_list(owner.items()[found], is_whole=owner.is_whole)
    number = whole_number(key)
    if number is not None and owner.kind in _ORDERED:
        items = owner.items()
        inside = -len(items) <= number < len(items)
        return items[number] if inside and (owner.is_whole or number >= 0) else owner.others
    step = key_step(key)
    if step is not None:
        return owner.parts.get(step, owner.others)
    return only_one([*owner.items(), owner.others] if owner.others is not UNKNOWN else owner.items())


def _take_unordered(owner: AbstractObject, part: slice) -> AbstractObject:
    """Return a slice of a list whose order is not known: of a part, it is not known which items it has."""
    items = owner.items()
    if len(items[part]) < len(items):
        return make_list([only_one(items)] * len(items[part]), is_whole=owner.is_whole)
    return AbstractObject("list", parts=dict(owner.parts), is_whole=owner.is_whole)


def call_container_method(
    memory: AbstractMemory, owner: AbstractObject, name: str, given: CallArguments
) -> AbstractValue:
    """Return what a method of a list or a dict gives."""
    if _puts(memory, owner, name, given):
        return NONE
    if name in _TAKERS:
        return _take(memory, owner, name, given)
    if name in _GETTERS:
        return _get(memory, owner, name, given)
    if name in ("values", "items", "keys"):
        return _list_items(owner, name)
    if name == "copy":
        return AbstractObject(owner.kind, parts=dict(owner.parts), is_whole=owner.is_whole, others=owner.others)
    return _count(owner, name, given) if name in _READS else UNKNOWN


def _count(owner: AbstractObject, name: str, given: CallArguments) -> AbstractValue:
    """Return the place of a plain value among others, or how often it is there."""
    items, wanted = owner.items(), given.get(0)
    if not (owner.is_whole and isinstance(wanted, Constant) and all(isinstance(one, Constant) for one in items)):
        return NUMBER
    places = [place for place, one in enumerate(items) if constant_of(one) == wanted.value]
    return Constant(len(places)) if name == "count" else Constant(places[0]) if places else NUMBER


def _puts(memory: AbstractMemory, owner: AbstractObject, name: str, given: CallArguments) -> bool:
    """Put into a container what a method puts there; return whether it is such a method."""
    if name in _ADDERS and given.positional and owner.kind != "dict":
        add_item(memory, owner, given.positional[-1])
    elif name in _AT_A_PLACE and owner.kind == "list":
        _rearrange(memory, owner, name, given)
    elif name in ("extend", "update"):
        _add_all(memory, owner, given)
    elif name == "move_to_end" and (step := key_step(given.get(0))) in owner.parts:
        _move_to_end(owner, step or "", given)
    elif name == "clear":
        set_items(memory, owner, [])
        owner.is_whole = True
    elif name == "__setitem__" and len(given.positional) > 1:
        put_part(memory, owner, key_step(given.positional[0]), given.positional[1])
    else:
        return False
    return True


def _move_to_end(owner: AbstractObject, step: str, given: CallArguments) -> None:
    others = {each: one for each, one in owner.parts.items() if each != step}
    moved = {step: owner.parts[step]}
    owner.parts = {**moved, **others} if constant_of(given.get(1, "last")) is False else {**others, **moved}


def _rearrange(memory: AbstractMemory, owner: AbstractObject, name: str, given: CallArguments) -> None:
    """Put items elsewhere than behind the others, or the others elsewhere."""
    items, first = owner.items(), given.get(0)
    place = whole_number(first)
    if name == "insert" and place is not None and len(given.positional) > 1:
        memory.filled.append((owner, given.positional[1]))
        items.insert(place, given.positional[1])
    elif name == "appendleft" and first is not None:
        memory.filled.append((owner, first))
        items = [first, *(items[:-1] if _is_full(owner, items) else items)]
    elif name == "extendleft" and isinstance(first, AbstractObject):
        items = [*first.items()[::-1], *items]
    elif name == "reverse":
        items.reverse()
    elif name == "rotate" and items:
        turns = (place if first is not None else 1) or 0
        items = [items[(n - turns) % len(items)] for n in range(len(items))]
    elif name == "remove" and first in items:
        items.remove(first)
    set_items(memory, owner, items, ordered=name != "sort" or len(items) < 2)  # noqa: PLR2004  (one has one order)


def add_item(memory: AbstractMemory, owner: AbstractObject, value: AbstractValue) -> None:
    """Add an item behind the others; a full deque drops its first one."""
    items = owner.items()
    if not _is_full(owner, items):
        put_part(memory, owner, f"[{len(items)}]", value)
    else:
        memory.filled.append((owner, value))
        set_items(memory, owner, [*items, value][1:])


def _is_full(owner: AbstractObject, items: list[AbstractValue]) -> bool:
    limit = whole_number(owner.parts.get(".maxlen"))
    return limit is not None and len(items) >= limit


def _add_all(memory: AbstractMemory, owner: AbstractObject, given: CallArguments) -> None:
    for one in given.positional[:1]:
        if isinstance(one, AbstractObject) and owner.kind == "dict":
            pairs = [(step, part) for step, part in one.parts.items() if step[:1] == "["]
            for step, value in pairs if one.kind == "dict" else map(_pair, one.items()):
                put_part(memory, owner, step, value)
        elif isinstance(one, AbstractObject):
            for value in one.items():
                add_item(memory, owner, value)
    for name, value in given.named.items() if owner.kind == "dict" else ():
        put_part(memory, owner, f"[{name!r}]", value)


def _pair(value: AbstractValue) -> tuple[str | None, AbstractValue]:
    key, other = (*(value.items() if isinstance(value, AbstractObject) else ()), UNKNOWN, UNKNOWN)[:2]
    return key_step(key), other


def _take(memory: AbstractMemory, owner: AbstractObject, name: str, given: CallArguments) -> AbstractValue:
    """Return what a method takes out of a container."""
    items, first = owner.items(), given.get(0)
    if owner.kind == "list":
        place = 0 if name == "popleft" else whole_number(first) if given.positional else -1
        if place is None or not items or "[?0]" in owner.parts or not -len(items) <= place < len(items):
            return only_one(items)
        found = items.pop(place)
        set_items(memory, owner, items)
        return found
    if name == "popitem" and items:
        steps = [step for step in owner.parts if step.startswith("[")]
        last = constant_of(given.get(0, "last")) is not False
        return make_list([item_key(steps[-last]), drop_part(memory, owner, steps[-last])])
    step = key_step(first)
    if step is not None and step in owner.parts:
        return drop_part(memory, owner, step)
    return _default(owner, given, is_known=step is not None)


def _get(memory: AbstractMemory, owner: AbstractObject, name: str, given: CallArguments) -> AbstractValue:
    step = key_step(given.get(0))
    if step is not None and step in owner.parts:
        return owner.parts[step]
    default = given.get(1, "default")
    if name == "setdefault" and default is not None:
        put_part(memory, owner, step, default)
    return (
        take_item(owner, given.get(0) or UNKNOWN)
        if owner.kind == "list"
        else _default(owner, given, is_known=step is not None)
    )


def _default(owner: AbstractObject, given: CallArguments, *, is_known: bool) -> AbstractValue:
    """Return what a method gives for a key that a container does not have, or that is not known."""
    default = given.get(1, "default")
    if is_known and owner.is_whole:
        return default or NONE
    return only_one([*owner.items(), *([default] if default is not None else [])])


def _list_items(owner: AbstractObject, name: str) -> AbstractValue:
    pairs = [(step, value) for step, value in owner.parts.items() if step.startswith("[")]
    if name == "values":
        return make_list([value for _, value in pairs], is_whole=owner.is_whole)
    keys = [item_key(step) for step, _ in pairs]
    if name == "keys":
        return make_list(keys, is_whole=owner.is_whole)
    both = zip(keys, (value for _, value in pairs), strict=True)
    return make_list([make_list([*pair]) for pair in both], is_whole=owner.is_whole)


def item_key(step: str) -> AbstractValue:
    """Return the key of an item's step."""
    text = step[1:-1]
    if text.lstrip("-").isdecimal():
        return Constant(int(text))
    return Constant(text[1:-1]) if text[:1] in "'\"" else UNKNOWN


def call_record_method(memory: AbstractMemory, owner: AbstractObject, name: str, given: CallArguments) -> AbstractValue:
    """Return what a method of a named tuple gives."""
    if name == "_replace":
        new = {f".{step}": one for step, one in given.named.items()}
        return AbstractObject(owner.kind, owner.class_name, {**owner.parts, **new})
    if name == "_asdict":
        return AbstractObject("dict", parts={f"[{step[1:]!r}]": one for step, one in owner.parts.items()})
    return call_container_method(memory, owner, name, given)


def listed_keys(owner: AbstractObject) -> list[AbstractValue]:
    """Return the keys of a dict."""
    return [item_key(step) for step in owner.parts if step.startswith("[")]


def find_member(owner: AbstractObject, name: str) -> AbstractValue | None:
    """Return the attribute of an object, or of a container of modules the item, that has a name."""
    return next((owner.parts[step] for step in (f".{name}", f"[{name}]", f"[{name!r}]") if step in owner.parts), None)


def attribute_dict(owner: AbstractObject, name: str) -> AbstractObject:
    """Return the dict behind an object: its `__dict__`, or the `_parameters`, `_buffers` or `_modules` of a module."""
    made = AbstractObject("dict", is_whole=False)
    for step, value in owner.parts.items():
        kind = value.reading.kind if isinstance(value, AbstractTensor) else getattr(value, "kind", "")
        if name in ("__dict__", f"_{kind}s"):
            made.parts[f"[{step.strip('.[]')!r}]" if step[:2] not in ("['", '["') else step] = value
    if name == "__dict__" and owner.kind == "module":
        inner = ("_parameters", "_buffers", "_modules")
        made.parts |= {f"[{one!r}]": attribute_dict(owner, one) for one in inner}
    return made
