"""`dataclass` as in the standard library, except that a method is compiled when it is first called.

The standard library compiles up to seven methods of each class when the class is made, which took half of the time for
loading two hundred records, most of which a session never makes.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import dataclass as dataclass  # noqa: PLC0414  (type checkers know this one)

_COMPILED = ("__init__", "__repr__", "__eq__", "__hash__")


def _make_dataclass(  # noqa: PLR0913
    kind: type | None = None,
    /,
    *,
    init: bool = True,
    repr: bool = True,  # noqa: A002
    eq: bool = True,
    frozen: bool = False,
    kw_only: bool = False,
    slots: bool = False,
) -> Any:  # noqa: ANN401
    """Make a class a dataclass; the parameters are those of the standard library."""

    def wrap(kind: type) -> type:
        kind.__doc__ = kind.__doc__ or kind.__name__  # else a signature is spelled out for it
        own = [name for name in _COMPILED if vars(kind).get(name) is not None]
        made = _with_fields(kind, kw_only=kw_only, slots=slots)
        wanted = {"__init__": init, "__repr__": repr, "__eq__": eq, "__hash__": eq and frozen}
        for name in _COMPILED:
            if wanted[name] and name not in own:
                setattr(made, name, _late(made, name, frozen=frozen, slots=slots))
        if eq and not frozen and "__hash__" not in own:
            made.__hash__ = None
        if frozen:
            made.__setattr__, made.__delattr__ = _refuse_to_set, _refuse_to_delete
        if frozen and slots:
            made.__getstate__, made.__setstate__ = _get_state, _set_state
        return made  # type: ignore[no-any-return]

    return wrap if kind is None else wrap(kind)


if not TYPE_CHECKING:
    dataclass = _make_dataclass


def _with_fields(kind: type, *, kw_only: bool, slots: bool) -> Any:  # noqa: ANN401
    """Make the fields of a class, none of which is a `ClassVar`: to look for those takes a third of the time."""
    types = vars(kind).get("__annotations__", {})
    kind.__annotations__ = dict.fromkeys(types, object)
    make = dataclasses.dataclass(init=False, repr=False, eq=False, kw_only=kw_only, slots=slots)
    made: Any = make(kind)
    made.__annotations__ = types
    for name in types:
        made.__dataclass_fields__[name].type = types[name]
    return made


def _late(made: Any, name: str, *, frozen: bool, slots: bool) -> Callable[..., Any]:  # noqa: ANN401
    """Return a method that puts the compiled one in its place, and calls that."""

    def compile_first(self: Any, /, *args: Any, **keywords: Any) -> Any:  # noqa: ANN401
        method = _compiled(made, name, frozen=frozen, slots=slots)
        setattr(made, name, method)
        return method(self, *args, **keywords)

    compile_first.__name__ = name
    compile_first.__qualname__ = f"{made.__qualname__}.{name}"
    return compile_first


def _compiled(made: Any, name: str, *, frozen: bool, slots: bool) -> Callable[..., Any]:  # noqa: ANN401
    """Compile one method, by making another dataclass of the same fields."""
    fields = dataclasses.fields(made)
    twin: Any = type(made.__name__, (), {one.name: _copied(one) for one in fields})
    twin.__annotations__ = {one.name: one.type for one in fields}
    twin.__module__, twin.__qualname__, twin.__doc__ = made.__module__, made.__qualname__, made.__doc__
    if name == "__init__" and hasattr(made, "__post_init__"):
        twin.__post_init__ = made.__post_init__
    is_compared = name in {"__eq__", "__hash__"}
    again = dataclasses.dataclass(
        init=name == "__init__", repr=name == "__repr__", eq=is_compared, frozen=frozen, slots=slots
    )
    full: Any = again(twin)
    return vars(full)[name]  # type: ignore[no-any-return]


def _copied(one: dataclasses.Field[Any]) -> Any:  # noqa: ANN401
    """Return a new field like another, since a class marks its fields as its own."""
    return dataclasses.field(
        default=one.default,
        default_factory=one.default_factory,
        init=one.init,
        repr=one.repr,
        hash=one.hash,
        compare=one.compare,
        kw_only=one.kw_only,
    )


def _refuse_to_set(_: object, name: str, __: object) -> None:
    raise dataclasses.FrozenInstanceError(name)


def _refuse_to_delete(_: object, name: str) -> None:
    raise dataclasses.FrozenInstanceError(name)


def _get_state(self: Any) -> dict[str, Any]:  # noqa: ANN401
    return {one.name: getattr(self, one.name) for one in dataclasses.fields(self)}


def _set_state(self: Any, state: dict[str, Any]) -> None:  # noqa: ANN401
    for name, value in state.items():
        object.__setattr__(self, name, value)
