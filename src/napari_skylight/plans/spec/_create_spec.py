"""Makes the `PlanSpec` of a plan from its signature."""

from __future__ import annotations

import functools
import inspect
import types
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np

from napari_skylight.engine.actions import Action
from napari_skylight.plans.spec._annotations import array_hint, is_union, unwrap
from napari_skylight.plans.spec._describe_param import ParamDescriber
from napari_skylight.plans.spec._params import ParamDescription, ParamKind, PlanSpec
from napari_skylight.plans.spec._supported_types import Member

Plan = Callable[..., Generator[Any, Any, Any]]

_EMPTY = inspect.Parameter.empty
_forms: dict[Any, Callable[..., Any]] = {}


def register_form(plan: Plan, form: Callable[..., Any]) -> Callable[[], None]:
    """Use the signature and docstring of `form` for the form of `plan`; return its undo.

    For plans whose own signature says too little, such as bluesky's `scan`. `form` is never called:
    `plan` gets the values of positional parameters by position, of keyword-only ones by name.
    """
    _forms[plan] = form

    def undo() -> None:
        if _forms.get(plan) is form:
            del _forms[plan]

    return undo


def create_plan_spec(
    plan: Plan,
    devices: Mapping[str, Any],
    *,
    matches: Callable[[Any, type], bool] = isinstance,
    choices: Callable[[Any, str], Iterable[str]] = lambda _device, _setting: (),
) -> PlanSpec:
    """Describe `plan` from its signature.

    Parameters
    ----------
    plan : callable
        A generator function annotated as returning a ``MsgGenerator``: a function, a method, a
        `functools.partial` or an object with such a ``__call__``.
    devices : mapping of str to object
        The devices to choose from, by name.
    matches : callable, optional
        ``matches(device, protocol)`` returns whether a device can be chosen for a parameter.
    choices : callable, optional
        ``choices(device, setting)`` returns the choices of a device's signal, for parameters
        annotated with `ChoicesOf`.

    Returns
    -------
    PlanSpec

    Raises
    ------
    UnresolvableAnnotationError
        If no field can show a required parameter, or no device matches it.
    TypeError
        If `plan` is not a generator function, has no ``MsgGenerator`` return annotation, or has an
        action as the default of a parameter that is not annotated as one.
    ValueError
        If two actions have the same name.
    """
    hints = check_plan(plan)
    name = plan_name(plan)
    signature = inspect.signature(plan)
    describer = ParamDescriber(name, devices, matches, choices)
    form = _form_of(plan)
    if form is not None:
        hints, signature = _hints(form), inspect.signature(form)
    spec = PlanSpec(
        name=name,
        docs=_docs(plan, form),
        parameters=[
            _describe(describer, param, hints.get(param.name, _EMPTY))
            for param in _without_self(signature)
        ],
        togglable=_stamp(plan, "__togglable__"),
        pausable=_stamp(plan, "__pausable__"),
    )
    twice = [action for action, n in Counter(a.name for a in spec.actions).items() if n > 1]
    if twice:
        raise ValueError(f"{name} has two actions called {twice[0]}: give each its own name.")
    return spec


def check_plan(plan: Any) -> dict[str, Any]:
    """Return the type hints of `plan`.

    Raises
    ------
    TypeError
        If `plan` is not a generator function or has no ``MsgGenerator`` return annotation.
    """
    name = plan_name(plan)
    if not callable(plan) or not inspect.isgeneratorfunction(_function(plan)):
        raise TypeError(f"{name} is not a plan: write a generator function, which yields messages.")
    hints = _hints(_function(plan))
    returned = hints.get("return")
    if not _is_generator(returned) and _form_of(plan) is None:
        said = "has no return type annotation" if returned is None else f"returns {returned!r}"
        raise TypeError(f"{name} {said}: write `-> MsgGenerator[None]` after its parameters.")
    return hints


def is_meant_as_plan(function: Callable[..., Any]) -> bool:
    """Return whether `function` is a generator function not annotated as something else."""
    if not inspect.isgeneratorfunction(_function(function)):
        return False
    returned = _hints(_function(function)).get("return")
    return returned is None or isinstance(returned, str) or _is_generator(returned)


def plan_name(plan: Any) -> str:
    plan = _without_partial(plan)
    return str(getattr(plan, "__name__", None) or type(plan).__name__)


def _describe(describer: ParamDescriber, param: inspect.Parameter, hint: Any) -> ParamDescription:
    if hint is _EMPTY:
        hint = _hint_of(param.default)
    kind = ParamKind(int(param.kind))
    annotation, metadata = unwrap(hint)
    actions = _actions(describer.plan, param, annotation)
    if actions is None:
        return describer.describe(Member(param.name, hint, param.default), kind)
    return ParamDescription(
        param.name, kind, annotation, param.default, metadata=metadata, actions=actions
    )


def _hint_of(default: Any) -> Any:
    """Return a type hint for a parameter that has only a default."""
    if default is _EMPTY or default is None:
        return Any
    if isinstance(default, np.ndarray):
        return array_hint(default)
    if type(default) in (list, tuple, set, frozenset) and default:
        kinds: Any = tuple(dict.fromkeys(map(type, default)))
        item = float if set(kinds) == {int, float} else Union[kinds]  # noqa: UP007 - made at run time
        args = (item, ...) if type(default) is tuple else (item,)
        return types.GenericAlias(type(default), args)
    return type(default)


def _actions(
    plan: str, param: inspect.Parameter, annotation: Any
) -> Action | Sequence[Action] | None:
    default = param.default
    several = isinstance(default, Sequence) and not isinstance(default, str)
    items = list(default) if several else [default]
    if not items or not all(isinstance(item, Action) for item in items):
        return None
    if not _holds_action(annotation) and annotation is not type(default):
        raise TypeError(
            f"{plan} has an action as the default of {param.name}, which is annotated "
            f"{annotation!r}: annotate it as Action or Sequence[Action]."
        )
    found: Action | Sequence[Action] = default
    return found


def _holds_action(annotation: Any) -> bool:
    annotation = unwrap(annotation)[0]
    origin = get_origin(annotation)
    if is_union(annotation) or (isinstance(origin, type) and issubclass(origin, Sequence)):
        return any(map(_holds_action, get_args(annotation)))
    return isinstance(annotation, type) and issubclass(annotation, Action)


def _docs(plan: Any, form: Callable[..., Any] | None) -> str:
    function = _function(plan)
    sources = [form, function]
    if function.__name__ == "__call__":  # of an object: described by its class
        sources.append(type(plan))
    return next((inspect.getdoc(thing) or "" for thing in sources if thing and thing.__doc__), "")


def _form_of(plan: Any) -> Callable[..., Any] | None:
    try:
        return _forms.get(plan)
    except TypeError:  # not hashable, so not registered
        return None


def _function(plan: Any) -> Any:
    """Return the function behind a partial, decorator, method or callable object."""
    plan = _without_partial(plan)
    plan = getattr(plan, "__func__", plan)
    if not inspect.isfunction(plan) and callable(plan):
        plan = getattr(type(plan).__call__, "__func__", type(plan).__call__)
    return inspect.unwrap(plan)


def _without_partial(plan: Any) -> Any:
    while isinstance(plan, functools.partial):
        plan = plan.func
    return plan


def _stamp(plan: Any, name: str) -> bool:
    plan = _without_partial(plan)
    return bool(getattr(plan, name, getattr(_function(plan), name, False)))


def _hints(function: Any) -> dict[str, Any]:
    """Return the type hints; those that cannot be resolved as text."""
    try:
        return get_type_hints(function, include_extras=True)
    except Exception:  # noqa: BLE001 - a quoted hint can raise anything
        pass  # one bad hint fails the whole call: resolve each by itself below
    hints: dict[str, Any] = {}
    for name, hint in getattr(function, "__annotations__", {}).items():
        holder = types.SimpleNamespace(__annotations__={name: hint})
        try:
            hints |= get_type_hints(holder, function.__globals__, include_extras=True)
        except Exception:  # noqa: BLE001 - as above
            hints[name] = hint
    return hints


def _is_generator(returned: Any) -> bool:
    origin = get_origin(returned) or returned
    return isinstance(origin, type) and issubclass(origin, Generator)


def _without_self(signature: inspect.Signature) -> list[inspect.Parameter]:
    params = list(signature.parameters.values())
    return params[1:] if params and params[0].name in ("self", "cls") else params
