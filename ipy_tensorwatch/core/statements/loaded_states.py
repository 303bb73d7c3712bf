"""Statements that hand a state dict over: `opt.load_state_dict(ckpt["opt"])`, which keeps its tensors."""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from ..syntax.ast_queries import last_name, positional_names, spell_path
from ..syntax.parsing import parse_cell, parse_path
from ..syntax.syntax_tree import find_nodes
from .rewrite_statement import parse_one
from .statement import every_statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Loader(NamedTuple):
    """A function or method that loads a state dict out of one of its parameters, and the steps to it."""

    name: str
    place: int
    parameter: str
    steps: str
    is_method: bool = False


@lru_cache(maxsize=1024)
def loaded_states(source: str, loaders: frozenset[Loader] = frozenset()) -> tuple[tuple[str, int, str], ...]:
    """Return the paths of state dicts that the statements of a cell load, as typed, with their lines and texts.

    Parameters
    ----------
    loaders
        The functions of the notebook that load what they are given.

    Examples
    --------
    >>> loaded_states("opt.load_state_dict(ckpt['opt']); net.load_state_dict(make())")
    (("ckpt['opt']", 1, "opt.load_state_dict(ckpt['opt'])"),)
    >>> loaded_states("resume(net, ckpt)", frozenset((Loader("resume", 1, "state", "['opt']"),)))
    (("ckpt['opt']", 1, 'resume(net, ckpt)'),)
    """
    may_load = ".load_state_dict(" in source or any(f"{one.name}(" in source for one in loaders)
    several = every_statement(source) if may_load else ()
    calls = ((call, one) for one in several for call in find_nodes(ast.Call, parse_one(one.text)))
    return tuple((path, one.line, one.text) for call, one in calls for path in _all_loaded(call, loaders))


@lru_cache(maxsize=1024)
def loading_functions(source: str) -> frozenset[Loader]:
    r"""Return the functions and methods of a source that load a state dict out of what they are given.

    Examples
    --------
    >>> [*loading_functions("def resume(net, state):\n    opt.load_state_dict(state['opt'])")]
    [Loader(name='resume', place=1, parameter='state', steps="['opt']", is_method=False)]
    """
    tree = parse_cell(source) if ".load_state_dict(" in source else None
    every = find_nodes(ast.FunctionDef, tree) if tree is not None else ()
    return frozenset(loader for one in every for loader in _loaders_of(one))


def sure_loaders(loaders: Iterable[Loader], sources: Iterable[str]) -> frozenset[Loader]:
    """Return some loaders without the functions that load nothing any more, as they were defined again.

    Parameters
    ----------
    sources
        The functions and classes of the notebook, as they are now.
    """
    others = frozenset[str]().union(*map(_loading_nothing, sources))
    return frozenset(one for one in loaders if one.is_method or one.name not in others)


@lru_cache(maxsize=1024)
def _loading_nothing(source: str) -> frozenset[str]:
    tree = parse_cell(source)
    functions = [one for one in tree.body if isinstance(one, ast.FunctionDef)] if tree is not None else []
    return frozenset(one.name for one in functions if not any(True for _ in _loaders_of(one)))


def _loaders_of(function: ast.FunctionDef) -> Iterator[Loader]:
    names = positional_names(function.args)
    own = names[:1] == ["self"]
    for path in filter(None, map(_loaded, find_nodes(ast.Call, function))):
        root = parse_path(path).root
        if root in names[own:]:
            yield Loader(function.name, names.index(root) - own, root, path.removeprefix(root), is_method=own)


def _all_loaded(call: ast.Call, loaders: frozenset[Loader]) -> Iterator[str]:
    if (path := _loaded(call)) is not None:
        yield path
    for one in loaders:
        if one.name == last_name(call.func) and one.is_method == isinstance(call.func, ast.Attribute):
            named = [each.value for each in call.keywords if each.arg == one.parameter]
            for given in map(spell_path, (*call.args[one.place : one.place + 1], *named)):
                if given is not None:
                    yield f"{given}{one.steps}"


def _loaded(call: ast.Call) -> str | None:
    match call:
        case ast.Call(func=ast.Attribute(attr="load_state_dict"), args=[state, *_]):
            return spell_path(state)
    return None
