"""From the values of a form to the arguments of a plan."""

from __future__ import annotations

import inspect
import numbers
from collections.abc import Collection, Mapping
from typing import Any

from napari_skylight.plans._annotations import container_of, without_none
from napari_skylight.plans._params import (
    ParamDescription,
    ParameterError,
    ParamKind,
    PlanSpec,
    sentence_case,
)
from napari_skylight.protocols import FrameCaches

__all__ = ["check_arguments", "collect_arguments", "find_problems", "resolve_arguments"]


def find_problems(spec: PlanSpec, values: Mapping[str, Any]) -> dict[str, str]:
    """Return what is wrong with `values`, by parameter name, in plain words."""
    known = {param.name for param in spec.parameters}
    problems = {
        name: f"{sentence_case(spec.name)} takes no {name}." for name in values if name not in known
    }
    for param in spec.parameters:
        if param.has_field:
            problem = _problem(param, values.get(param.name, inspect.Parameter.empty))
            if problem:
                problems[param.name] = problem
    return problems


def check_arguments(spec: PlanSpec, values: Mapping[str, Any]) -> None:
    """Make sure that the plan can run with `values`.

    Raises
    ------
    ParameterError
        If a value is missing or not allowed; it says what is wrong with which.
    """
    problems = find_problems(spec, values)
    if problems:
        raise ParameterError(problems)


def resolve_arguments(
    spec: PlanSpec, values: Mapping[str, Any], devices: Mapping[str, Any]
) -> dict[str, Any]:
    """Turn names into devices and the text of a choice into its value; add the actions.

    Parameters
    ----------
    spec : PlanSpec
    values : mapping of str to object
        By parameter name. A device may be given by name or as itself; a name that is none
        becomes None, and is left out of several (`find_problems` tells).
    devices : mapping of str to object
        By name. The one that is a `FrameCaches` fills the parameters annotated so.

    Raises
    ------
    ValueError
        If the plan needs the frame caches and `devices` has none.
    """
    resolved: dict[str, Any] = {}
    for param in spec.parameters:
        if param.name in values:
            resolved[param.name] = _resolve(param, values[param.name], devices)
        elif param.actions is not None:
            resolved[param.name] = param.actions
        elif param.device_proto is FrameCaches:
            resolved[param.name] = _frame_caches(spec, param, devices)
    return resolved


def collect_arguments(
    spec: PlanSpec, values: Mapping[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Arrange `values`, by parameter name, as the ``(args, kwargs)`` to call the plan with.

    A positional value missing before one that is there takes its default; missing ones at the end
    are left to Python.

    Raises
    ------
    TypeError
        If such a value has no default, or the value of ``**kwargs`` is not a mapping.
    """
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    missing: list[ParamDescription] = []
    for param in spec.parameters:
        if param.name not in values:
            if param.kind in (ParamKind.POSITIONAL_ONLY, ParamKind.POSITIONAL_OR_KEYWORD):
                missing.append(param)
            continue
        value = values[param.name]
        if param.kind is ParamKind.KEYWORD_ONLY:
            kwargs[param.name] = value
        elif param.kind is ParamKind.VAR_KEYWORD:
            if not isinstance(value, Mapping):
                raise TypeError(f"The value of **{param.name} is a {_type(value)}, not a Mapping.")
            kwargs.update(value)
        else:
            several = _several(value) if param.kind is ParamKind.VAR_POSITIONAL else [value]
            if several:
                args += [_default(spec, param) for param in missing]
                missing.clear()
            args += several
    return tuple(args), kwargs


def _problem(param: ParamDescription, value: Any) -> str:
    if value is inspect.Parameter.empty:
        return _needed(param) if param.required else ""
    if param.multiselect:
        return _choice_problem(param, _several(value))
    if value is None:
        return "" if param.optional else _needed(param)
    if param.required and _is_empty(value):
        return _needed(param)
    if param.choices is not None:
        return _choice_problem(param, [value])
    return _number_problem(param, value)


def _is_empty(value: Any) -> bool:
    if isinstance(value, str):
        return not value.strip()
    return isinstance(value, (list, tuple, set, frozenset)) and not value


def _needed(param: ParamDescription) -> str:
    if param.device_proto is None:
        return f"{param.label} is empty: fill it in."
    return f"{param.label}: choose {'at least one' if param.multiselect else 'one'}."


def _choice_problem(param: ParamDescription, chosen: list[Any]) -> str:
    if not chosen and param.required:
        return _needed(param)
    choices = param.choices or []
    for item in chosen:
        is_device = param.device_proto is not None and not isinstance(item, str)
        if not is_device and item not in choices and str(item) not in map(str, choices):
            among = ", ".join(map(str, choices))
            return f"{param.label}: {item} is not one of {among}."
    return ""


def _number_problem(param: ParamDescription, value: Any) -> str:
    wanted = {int: numbers.Integral, float: numbers.Real}.get(without_none(param.annotation))
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if wanted is not None and not (is_number and isinstance(value, wanted)):
        return f"{param.label} is {value!r}, not a {'whole ' * (wanted is numbers.Integral)}number."
    if not is_number:
        return ""
    bounds = param.bounds
    unit = f" {param.unit}" if param.unit else ""
    if bounds.low is not None and (value < bounds.low or (bounds.low_open and value == bounds.low)):
        words = "must be above" if bounds.low_open else "is below the lowest allowed,"
        return f"{param.label} {value:g}{unit} {words} {bounds.low:g}{unit}."
    if bounds.high is not None and (
        value > bounds.high or (bounds.high_open and value == bounds.high)
    ):
        words = "must be below" if bounds.high_open else "is above the highest allowed,"
        return f"{param.label} {value:g}{unit} {words} {bounds.high:g}{unit}."
    return ""


def _resolve(param: ParamDescription, value: Any, devices: Mapping[str, Any]) -> Any:
    if param.choices is None:
        return value
    if param.device_proto is None:
        return _literal(param, value)
    if not param.multiselect:
        return _device(value, devices)
    found = [device for item in _several(value) if (device := _device(item, devices)) is not None]
    if not found and param.optional:
        return None
    return (container_of(param.annotation) or list)(found)


def _literal(param: ParamDescription, value: Any) -> Any:
    by_text = {str(choice): choice for choice in param.choices or []}
    if not param.multiselect:
        return value if value in (param.choices or []) else by_text.get(value, value)
    chosen = [by_text.get(str(item), item) for item in _several(value)]
    return (container_of(param.annotation) or list)(chosen)


def _device(value: Any, devices: Mapping[str, Any]) -> Any:
    return devices.get(value) if isinstance(value, str) else value


def _frame_caches(spec: PlanSpec, param: ParamDescription, devices: Mapping[str, Any]) -> Any:
    for device in devices.values():
        if isinstance(device, FrameCaches):
            return device
    if param.required:
        raise ValueError(f"{spec.name} needs the frame caches, and there are none here.")
    return param.default


def _several(value: Any) -> list[Any]:
    if value is None:
        return []
    is_one = isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Collection)
    return [value] if is_one else list(value)


def _default(spec: PlanSpec, param: ParamDescription) -> Any:
    if not param.has_default:
        raise TypeError(f"{spec.name} needs {param.name}: it has no value and no default.")
    return param.default


def _type(value: Any) -> str:
    return type(value).__name__
