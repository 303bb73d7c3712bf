"""The functions that a module calls before its forward and after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..values.abstract_values import (
    NONE,
    UNKNOWN,
    AbstractFunction,
    AbstractObject,
    AbstractTensor,
    AbstractValue,
    CallArguments,
    make_tuple,
)

if TYPE_CHECKING:
    from .evaluate_expression import ExpressionEvaluator
    from .known_scene import KnownScene

_BEFORE, _AFTER = 3, 4
"""How many parameters a hook takes that is also given the named arguments."""


def call_before(run: ExpressionEvaluator, owner: AbstractObject, given: CallArguments) -> CallArguments:
    """Call the hooks before a module's forward; return what its forward is then given."""
    for one in owner.pre_hooks:
        found = run.call(one, CallArguments((owner, make_tuple(given.positional), *_named(one, given, _BEFORE))))
        if isinstance(found, AbstractTensor):
            given = CallArguments((found,), given.named)
        elif isinstance(found, AbstractObject) and found.class_name == "tuple":
            given = CallArguments((*found.items(),), given.named)
    return given


def call_after(
    run: ExpressionEvaluator, owner: AbstractObject, given: CallArguments, made: AbstractValue
) -> AbstractValue:
    """Call the hooks after a module's forward; return what the call of the module then gives."""
    for one in owner.hooks:
        found = run.call(one, CallArguments((owner, make_tuple(given.positional), *_named(one, given, _AFTER), made)))
        made = made if found is NONE or found is UNKNOWN else found
    return made


def remove_hook(scene: KnownScene, given: CallArguments) -> None:
    """Take a hook off its module; all hooks off all modules, if it is not known which one a handle is of."""
    match given.positional:
        case (AbstractObject(kind="module") as module, hook):
            module.hooks = [one for one in module.hooks if one is not hook]
            module.pre_hooks = [one for one in module.pre_hooks if one is not hook]
        case ():
            scene.forget_hooks()


def _named(hook: AbstractValue, given: CallArguments, count: int) -> tuple[AbstractValue, ...]:
    """Return the named arguments of a module's call, if the hook takes so many parameters that it is given them."""
    if not isinstance(hook, AbstractFunction) or len(hook.function.node.args.args) - len(hook.given) != count:
        return ()
    return (AbstractObject("dict", parts={f"[{name!r}]": value for name, value in given.named.items()}),)
