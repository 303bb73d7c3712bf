"""What the methods of lists and dicts give, and what they put into them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..values.abstract_values import (
    NONE,
    NUMBER,
    UNKNOWN,
    AbstractObject,
    AbstractValue,
    Constant,
    constant_of,
    either,
    key_step,
    make_list,
    whole_number,
)

if TYPE_CHECKING:
    from ..values.abstract_memory import AbstractMemory
    from ..values.abstract_values import CallArguments

_ADDERS = frozenset(("append", "appendleft", "add", "push", "put", "insert"))
_GETTERS = frozenset(("get", "pop", "setdefault", "popleft", "popitem", "__getitem__", "get_parameter", "get_buffer"))
_READS = frozenset(("count", "index", "sort", "reverse"))


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


def take_item(owner: AbstractObject, key: AbstractValue) -> AbstractValue:
    """Return one item of a container, or a list of those of a slice."""
    found = constant_of(key)
    if isinstance(found, slice) and owner.kind in ("list", "module"):
        return make_list(owner.items()[found], is_whole=owner.is_whole)
    number = whole_number(key)
    if number is not None and owner.kind in ("list", "module"):
        items = owner.items()
        inside = -len(items) <= number < len(items)
        return items[number] if inside and (owner.is_whole or number >= 0) else owner.others
    step = key_step(key)
    if step is not None:
        return owner.parts.get(step, owner.others)
    return either([*owner.items(), owner.others] if owner.others is not UNKNOWN else owner.items())


def call_container_method(
    memory: AbstractMemory, owner: AbstractObject, name: str, given: CallArguments
) -> AbstractValue:
    """Return what a method of a list or a dict gives."""
    if _puts(memory, owner, name, given):
        return NONE
    if name in _GETTERS:
        return _get(memory, owner, name, given)
    if name in ("values", "items", "keys"):
        return _list_items(owner, name)
    if name == "copy":
        return AbstractObject(owner.kind, parts=dict(owner.parts), is_whole=owner.is_whole, others=owner.others)
    return NUMBER if name in _READS else UNKNOWN


def _puts(memory: AbstractMemory, owner: AbstractObject, name: str, given: CallArguments) -> bool:
    """Put into a container what a method puts there; return whether it is such a method."""
    if name in _ADDERS and given.positional and owner.kind != "dict":
        put_part(memory, owner, _next_step(owner), given.positional[-1])
    elif name in ("extend", "update", "extendleft"):
        _add_all(memory, owner, given)
    elif name == "clear":
        owner.parts.clear()
        owner.is_whole = True
    elif name == "__setitem__" and len(given.positional) > 1:
        put_part(memory, owner, key_step(given.positional[0]), given.positional[1])
    else:
        return False
    return True


def _next_step(owner: AbstractObject) -> str:
    return f"[{len(owner.items())}]"


def _add_all(memory: AbstractMemory, owner: AbstractObject, given: CallArguments) -> None:
    for one in given.positional[:1]:
        if isinstance(one, AbstractObject) and owner.kind == "dict":
            for step, value in one.parts.items():
                put_part(memory, owner, step, value)
        elif isinstance(one, AbstractObject):
            for value in one.items():
                put_part(memory, owner, _next_step(owner), value)
    for name, value in given.named.items() if owner.kind == "dict" else ():
        put_part(memory, owner, f"[{name!r}]", value)


def _get(memory: AbstractMemory, owner: AbstractObject, name: str, given: CallArguments) -> AbstractValue:
    items = owner.items()
    if name in ("pop", "popleft", "popitem") and owner.kind == "list":
        place = 0 if name == "popleft" else whole_number(given.get(0)) if given.positional else -1
        if place is None or not items or not -len(items) <= place < len(items):
            return either(items)
        found = items.pop(place)
        owner.parts = {f"[{n}]": one for n, one in enumerate(items)}
        return found
    step = key_step(given.get(0))
    if step is not None and step in owner.parts:
        return owner.parts.pop(step) if name == "pop" else owner.parts[step]
    default = given.get(1, "default")
    if name == "setdefault" and default is not None:
        put_part(memory, owner, step, default)
    if step is not None and owner.is_whole:
        return default or NONE
    return either([*items, *([default] if default is not None else [])])


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


def listed_keys(owner: AbstractObject) -> list[AbstractValue]:
    """Return the keys of a dict."""
    return [item_key(step) for step in owner.parts if step.startswith("[")]
