"""Show and change the settings by name."""

from __future__ import annotations

import difflib
import math
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from traitlets import Enum, Float, Int, TraitError, TraitType

from ...render.pages.status_page import Setting

if TYPE_CHECKING:
    from ..ipython.settings import TensorWatch


def settings_of(settings: TensorWatch, name: str | None) -> tuple[Setting, ...]:
    """Return all settings, or the one with this name; raise `UsageError` if there is none."""
    traits = settings.traits(config=True)
    chosen = traits if name is None else {name: _trait(settings, name)}
    return tuple(
        Setting(name=one, value=str(getattr(settings, one)), default=str(trait.default_value), help=str(trait.help))
        for one, trait in sorted(chosen.items())
    )


def change(settings: TensorWatch, name: str, value: str) -> None:
    """Set a setting from text, as in a config file; raise `UsageError` if the value does not fit."""
    trait = _trait(settings, name)
    try:
        setattr(settings, name, _read(trait, value))
    except (TraitError, ValueError):
        raise UsageError(f"%tensorwatch config: {name} cannot be {value!r}: it is {_allowed(trait)}") from None


def _read(trait: TraitType[Any, Any], value: str) -> object:
    read = trait.from_string(value)
    if isinstance(read, float) and math.isnan(read):  # no limit refuses it
        raise ValueError(value)
    return read


def _allowed(trait: TraitType[Any, Any]) -> str:
    """Return what a setting may be."""
    if isinstance(trait, Enum):
        return f"one of {', '.join(map(str, trait.values or ()))}"
    if not isinstance(trait, Float | Int):
        return "True or False"
    number = "a number" if isinstance(trait, Float) else "a whole number"
    has_limit = trait.max is not None and trait.max < math.inf
    return f"{number} from {trait.min:g} to {trait.max:g}" if has_limit else f"{number} from {trait.min:g}"


def _trait(settings: TensorWatch, name: str) -> TraitType[Any, Any]:
    traits = settings.traits(config=True)
    if name not in traits:
        near = difflib.get_close_matches(name, traits, n=1)
        hint = f": did you mean {near[0]}?" if near else f": the settings are {', '.join(sorted(traits))}"
        raise UsageError(f"%tensorwatch config: there is no setting {name}{hint}")
    return traits[name]
