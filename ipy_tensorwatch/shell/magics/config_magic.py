"""Show and change the settings by name."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from IPython.core.error import UsageError
from traitlets import TraitError

from ...render.pages.status_page import Setting

if TYPE_CHECKING:
    from typing import Any

    from traitlets import TraitType

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
        setattr(settings, name, trait.from_string(value))
    except (TraitError, ValueError) as error:
        raise UsageError(f"%tensorwatch config: {name} cannot be {value!r}: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _trait(settings: TensorWatch, name: str) -> TraitType[Any, Any]:
    traits = settings.traits(config=True)
    if name not in traits:
        near = difflib.get_close_matches(name, traits, n=1)
        hint = f": did you mean {near[0]}?" if near else f": there are {', '.join(sorted(traits))}"
        raise UsageError(f"%tensorwatch config: no setting is called {name}{hint}")
    return traits[name]
