"""Checks the values of a form and turns them into arguments of the plan."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from napari_skylight.plans.spec._annotations import ArrayOf, container_of
from napari_skylight.plans.spec._params import (
    ParamDescription,
    ParameterError,
    ParamKind,
    PlanSpec,
    sentence_case,
)
from napari_skylight.plans.spec._supported_types import build, fits, values_of
from napari_skylight.plans.spec._value_checks import (
    as_list,
    find_alternative,
    find_problem,
    has_devices,
)
from napari_skylight.plans.spec._value_text import find_choice
from napari_skylight.protocols import FrameCaches


def find_problems(spec: PlanSpec, values: Mapping[str, Any]) -> dict[str, str]:
    """Return a message for each value that is missing or not allowed, by parameter name."""
    known = {param.name for param in spec.parameters}
    problems = {
        name: f"{sentence_case(spec.name)} takes no {name}: leave it out."
        for name in values
        if name not in known
    }
    for param in spec.parameters:
        problem = find_problem(param, values.get(param.name, inspect.Parameter.empty))
        if problem:
            problems[param.name] = problem
    return problems


def check_arguments(spec: PlanSpec, values: Mapping[str, Any]) -> None:
    """Check that the plan can run with `values`.

    Raises
    ------
    ParameterError
        If values are missing or not allowed; it has a message for each.
    """
    problems = find_problems(spec, values)
    if problems:
        raise ParameterError(problems)


@dataclass(frozen=True)
class _Devices:
    """The devices by name, and the function that adapts one to the protocol of a parameter."""

    by_name: Mapping[str, Any]
    adapt: Callable[[Any, type], Any]

    def find(self, value: Any, protocol: type) -> Any:
        """Return the device that is given by name or as itself; None for an unknown name."""
        device = self.by_name.get(value) if isinstance(value, str) else value
        return None if device is None else self.adapt(device, protocol)


def _as_it_is(device: Any, _protocol: type) -> Any:
    return device


def resolve_arguments(
    spec: PlanSpec,
    values: Mapping[str, Any],
    devices: Mapping[str, Any],
    adapt: Callable[[Any, type], Any] = _as_it_is,
) -> dict[str, Any]:
    """Turn names into devices, and texts into choices; build records and arrays; add actions.

    Parameters
    ----------
    spec : PlanSpec
    values : mapping of str to object
        By parameter name. Devices are given by name or as themselves; an unknown name becomes
        None, or is left out of several (`find_problems` reports it).
    devices : mapping of str to object
        By name. A `FrameCaches` among them is passed to parameters annotated so.
    adapt : callable, optional
        ``adapt(device, protocol)`` returns what the plan gets as a device.

    Raises
    ------
    ValueError
        If the plan needs the frame caches and `devices` has none.
    ParameterError
        If a record refuses its parts.
    """
    resolved: dict[str, Any] = {}
    known = _Devices(devices, adapt)
    for param in spec.parameters:
        if param.name in values:
            resolved[param.name] = _resolve(param, values[param.name], known)
        elif param.actions is not None:
            resolved[param.name] = param.actions
        elif param.device_proto is FrameCaches:
            resolved[param.name] = _frame_caches(spec, param, devices)
    return resolved


def collect_arguments(
    spec: PlanSpec, values: Mapping[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return `values`, by parameter name, as the ``(args, kwargs)`` to call the plan with.

    A missing positional value takes its default if another follows it.

    Raises
    ------
    TypeError
        If it has no default, or the value of ``**kwargs`` is not a mapping.
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
                kind = type(value).__name__
                raise TypeError(f"The value of **{param.name} is a {kind}, not a Mapping.")
            kwargs.update(value)
        else:
            given = as_list(value) if param.kind is ParamKind.VAR_POSITIONAL else [value]
            if given:
                args += [_default(spec, param) for param in missing]
                missing.clear()
            args += [part for item in given for part in item] if param.spread else given
    return tuple(args), kwargs


def _resolve(param: ParamDescription, value: Any, devices: _Devices) -> Any:
    if param.multiselect:
        return _chosen(param, as_list(value), devices)
    if value is None or (value is param.default and param.device_proto is None):
        return value
    if param.device_proto is not None:
        return devices.find(value, param.device_proto)
    if param.choices is not None:
        return _choice(param.choices, value)
    if param.alternatives:
        meant = find_alternative(param, value)
        return value if meant is None else _resolve(meant, value, devices)
    if param.element is not None:
        return _items(param, param.element, value, devices)
    if param.record is not None and fits(value, param.shown):
        return _record(param, param.record, value, devices)
    return value


def _chosen(param: ParamDescription, chosen: list[Any], devices: _Devices) -> Any:
    if param.device_proto is None:
        found = [_choice(param.choices or [], item) for item in chosen]
    else:
        devices_found = (devices.find(item, param.device_proto) for item in chosen)
        found = [device for device in devices_found if device is not None]
    if not found and param.optional:
        return None
    return (container_of(param.annotation) or list)(found)


def _choice(choices: list[Any], value: Any) -> Any:
    index = find_choice(choices, value)
    return value if index is None else choices[index]


def _items(
    param: ParamDescription, element: ParamDescription, value: Any, devices: _Devices
) -> Any:
    """Return the items in the container that the plan takes; `value` itself if nothing changes."""
    if param.kind is ParamKind.VAR_POSITIONAL:
        return [_resolve(element, item, devices) for item in as_list(value)]
    if not fits(value, param.shown):
        return value
    array = next((item for item in param.metadata if isinstance(item, ArrayOf)), None)
    if array is not None:
        return array.make(value)
    items = [_resolve(element, item, devices) for item in value]
    container = container_of(param.annotation) or list
    same = all(old is new for old, new in zip(value, items, strict=True))
    return value if same and type(value) is not list else container(items)


def _record(param: ParamDescription, record: type, value: Any, devices: _Devices) -> Any:
    whole = isinstance(value, record) and not issubclass(record, tuple)
    if whole and not has_devices(param):
        return value
    names = [part.name for part in param.parts]
    values = values_of(record, value, names)
    made = {
        part.name: _resolve(part, values[part.name], devices)
        for part in param.parts
        if part.name in values
    }
    if whole and all(made[name] is values[name] for name in made):
        return value
    try:
        return build(record, made, names)
    except ValueError as error:
        raise ParameterError({param.name: f"{param.label}: {error}"}) from error


def _frame_caches(spec: PlanSpec, param: ParamDescription, devices: Mapping[str, Any]) -> Any:
    for device in devices.values():
        if isinstance(device, FrameCaches):
            return device
    if param.required:
        raise ValueError(f"{spec.name} needs the frame caches: run it in a session.")
    return param.default


def _default(spec: PlanSpec, param: ParamDescription) -> Any:
    if not param.has_default:
        raise TypeError(f"{spec.name} needs {param.name}: it has no value and no default.")
    return param.default
