"""Classes of values that cost little to define: `record` for frozen ones, `mutable` for others.

`dataclasses.dataclass` compiles up to six methods of every class while its module is imported: half of the time that
``%load_ext`` took. Here `dataclasses` finds the fields and makes the slots, and a method is compiled when it is first
called.
"""

from __future__ import annotations

from dataclasses import MISSING, FrozenInstanceError, dataclass, field, fields
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from dataclasses import Field

    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_: object) -> Callable[[T], T]:
        """Tell type checkers only."""
        return lambda function: function


__all__ = ["field", "mutable", "record"]

T = TypeVar("T")


@overload
@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def record(kind: type[T], /) -> type[T]: ...
@overload
@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def record(*, kw_only: bool = True, eq: bool = True, slots: bool = True) -> Callable[[type[T]], type[T]]: ...
def record(kind: type[T] | None = None, /, *, kw_only: bool = True, eq: bool = True, slots: bool = True) -> object:
    """Make a class of frozen, slotted values, with fields as `dataclasses.dataclass` takes them.

    Parameters
    ----------
    kind
        The class.
    kw_only
        Whether every argument has to be named.
    eq
        Whether values with equal fields are equal, and hash alike.
    slots
        Whether there is no `__dict__`, which weak references and `functools.cached_property` need.
    """

    def make(kind: type[T]) -> type[T]:
        alike = {"__eq__": _write_eq, "__hash__": _write_hash} if eq else {}
        written = {"__init__": _write_frozen_init if slots else _write_open_init, **alike}
        shared = {"__setstate__": _set_state, **_FROZEN} if slots else _FROZEN
        return _make(kind, written, shared, kw_only=kw_only, slots=slots)

    return make if kind is None else make(kind)


@overload
@dataclass_transform(field_specifiers=(field,))
def mutable(kind: type[T], /) -> type[T]: ...
@overload
@dataclass_transform(field_specifiers=(field,))
def mutable(*, kw_only: bool = False, eq: bool = True, slots: bool = True) -> Callable[[type[T]], type[T]]: ...
def mutable(kind: type[T] | None = None, /, *, kw_only: bool = False, eq: bool = True, slots: bool = True) -> object:
    """Make a class of slotted objects that may change; the parameters are those of `record`.

    Equal objects have no hash.
    """

    def make(kind: type[T]) -> type[T]:
        alike = {"__eq__": _write_eq} if eq else {}
        unhashed = {"__hash__": None} if eq else {}
        return _make(kind, {"__init__": _write_init, **alike}, unhashed, kw_only=kw_only, slots=slots)

    return make if kind is None else make(kind)


def _make(
    kind: type[T], written: Mapping[str, Callable[[type[Any]], Any]], shared: Mapping[str, object], **options: bool
) -> type[T]:
    """Give a class its fields and methods; what its body defines stays."""
    own = {*vars(kind)}
    made = dataclass(init=False, repr=False, eq=False, match_args=False, **options)(kind)
    methods = {**shared, **{name: _written_when_called(made, name, write) for name, write in written.items()}}
    for name in methods.keys() - own:
        setattr(made, name, methods[name])
    return made


def _written_when_called(kind: type, name: str, write: Callable[[type[Any]], Any]) -> Callable[..., object]:
    def write_and_call(*args: object, **kwargs: object) -> object:
        method = write(kind)
        setattr(kind, name, method)
        return method(*args, **kwargs)

    return write_and_call


def _write_init(kind: type[Any]) -> Callable[..., None]:
    return _compile_init(kind, "self.{} = {}", {})


def _write_frozen_init(kind: type[Any]) -> Callable[..., None]:
    slots = {f"_set_{one.name}": getattr(kind, one.name).__set__ for one in fields(kind)}
    return _compile_init(kind, "_set_{}(self, {})", slots)


def _write_open_init(kind: type[Any]) -> Callable[..., None]:
    return _compile_init(kind, "_set(self, '{0}', {1})", {"_set": object.__setattr__})


def _compile_init(kind: type[Any], store: str, known: Mapping[str, object]) -> Callable[..., None]:
    taken = [one for one in fields(kind) if one.init]
    named = [_parameter(one) for one in taken if one.kw_only]
    parameters = ["self", *(_parameter(one) for one in taken if not one.kw_only), *(["*", *named] if named else [])]
    stored = [one for one in fields(kind) if one.init or one.default is not one.default_factory]  # else none is given
    body = [store.format(one.name, _value(one)) for one in stored]
    body += ["self.__post_init__()"] if hasattr(kind, "__post_init__") else ["pass"]
    defaults = {f"_default_{one.name}": one.default for one in stored}
    factories = {f"_make_{one.name}": one.default_factory for one in stored}
    return _compile(
        kind, f"__init__({', '.join(parameters)})", body, {"_MISSING": MISSING, **known, **defaults, **factories}
    )


def _parameter(one: Field[Any]) -> str:
    if one.default is not MISSING:
        return f"{one.name}=_default_{one.name}"
    return one.name if one.default_factory is MISSING else f"{one.name}=_MISSING"


def _value(one: Field[Any]) -> str:
    if one.default_factory is MISSING:
        return one.name if one.init else f"_default_{one.name}"
    return f"_make_{one.name}() if {one.name} is _MISSING else {one.name}" if one.init else f"_make_{one.name}()"


def _write_eq(kind: type[Any]) -> Callable[..., bool]:
    equal = f"{_compared(kind, 'self')} == {_compared(kind, 'other')}"
    body = [f"return {equal} if other.__class__ is self.__class__ else NotImplemented"]
    return _compile(kind, "__eq__(self, other)", body, {})


def _write_hash(kind: type[Any]) -> Callable[..., int]:
    return _compile(kind, "__hash__(self)", [f"return hash({_compared(kind, 'self')})"], {})


def _compared(kind: type[Any], name: str) -> str:
    return f"({''.join(f'{name}.{one.name}, ' for one in fields(kind) if one.compare)})"


def _compile(kind: type, head: str, body: list[str], known: Mapping[str, object]) -> Callable[..., Any]:
    """Return a method of which the source is made of the names of fields."""
    scope = dict(known)
    exec("\n    ".join([f"def {head}:", *body]), scope)  # noqa: S102
    method = cast("Callable[..., Any]", scope[head.partition("(")[0]])
    method.__qualname__ = f"{kind.__qualname__}.{method.__name__}"
    return method


@recursive_repr("...")
def _repr(self: Any) -> str:  # noqa: ANN401
    told = (f"{one.name}={getattr(self, one.name)!r}" for one in fields(self) if one.repr)
    return f"{type(self).__qualname__}({', '.join(told)})"


def _refuse(_: object, name: str, *__: object) -> None:
    raise FrozenInstanceError(f"{name!r} is frozen")


def _set_state(self: object, state: tuple[None, dict[str, object]]) -> None:
    """Restore what was pickled or copied; the values of slots are the second of the two."""
    for name, value in state[1].items():
        object.__setattr__(self, name, value)


_FROZEN = {"__repr__": _repr, "__setattr__": _refuse, "__delattr__": _refuse}
