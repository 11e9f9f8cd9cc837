"""Whether a value is one that a parameter can have, and what is wrong with it otherwise."""

from __future__ import annotations

import datetime
import inspect
import math
import numbers
from collections.abc import Collection, Mapping
from fractions import Fraction
from typing import Any

from napari_skylight.plans.spec._annotations import is_union, unwrap, without_none
from napari_skylight.plans.spec._params import ParamDescription, ParamKind
from napari_skylight.plans.spec._structured_types import build, values_of
from napari_skylight.plans.spec._supported_types import field_type, fits
from napari_skylight.plans.spec._value_text import find_choice, say_choice, say_number

__all__ = ["find_problem", "several"]

_MOST = 1_000_000
"""How many numbers a range may stand for: each is looked at."""

_EMPTY = inspect.Parameter.empty


def find_problem(param: ParamDescription, value: Any, label: str = "") -> str:
    """Return what is wrong with `value`, in plain words; an empty text if nothing is.

    `value` is `inspect.Parameter.empty` where there is none. The words begin with `label`, or the
    label of `param`.
    """
    label = label or param.label
    if value is _EMPTY:
        return _needed(param, label) if param.required else ""
    if param.multiselect:
        return _choice_problem(param, several(value), label)
    if value is None and param.kind is not ParamKind.VAR_POSITIONAL:
        return "" if param.optional else _needed(param, label)
    if param.required and _is_empty(value):
        return _needed(param, label)
    if param.choices is not None:
        return _choice_problem(param, [value], label)
    if param.kind is ParamKind.VAR_POSITIONAL:
        return _items_problem(param, several(value), label)
    return _value_problem(param, value, label)


def _value_problem(param: ParamDescription, value: Any, label: str) -> str:
    shown = param.shown
    if shown is None or not fits(value, shown):
        annotation = unwrap(without_none(param.annotation))[0]
        other = shown is None or (is_union(annotation) and fits(value, annotation))
        other = other or value is param.default  # the author of the plan should know
        return "" if other else f"{label} is {value!r}, not {_a(shown)}."
    if param.element is not None:
        return _items_problem(param, value, label)
    if param.record is not None:
        return _parts_problem(param, param.record, value, label)
    try:
        return _limits_problem(param, value, label)
    except TypeError as error:  # such as a limit without a time zone for a date with one
        return f"{label}: {error}."


def _items_problem(param: ParamDescription, value: Collection[Any], label: str) -> str:
    if _is_endless(value):
        return f"{label} has more than {_MOST} numbers."
    problem = _length_problem(param, len(value), label)
    if problem or param.element is None:
        return problem
    for number, item in enumerate(value, 1):
        if isinstance(item, str) and item == "" and param.element.choices is None:
            continue  # among several, an empty text has been written: ""
        problem = find_problem(param.element, item, f"item {number}")
        if problem:
            return f"{label}, {problem}"
    return ""


def _length_problem(param: ParamDescription, length: int, label: str) -> str:
    bounds = param.bounds
    if length < bounds.fewest:
        return f"{label}: at least {bounds.fewest} needed, {length} given."
    if bounds.most is not None and length > bounds.most:
        return f"{label}: at most {bounds.most} allowed, {length} given."
    return ""


def _parts_problem(param: ParamDescription, record: type, value: Any, label: str) -> str:
    names = [part.name for part in param.parts]
    if record is tuple and (isinstance(value, range) or len(value) != len(names)):
        return f"{label} is {value!r}, not {len(names)} values."
    values = values_of(record, value, names)
    unknown = sorted(values.keys() - set(names))
    if unknown:
        return f"{label} takes no {unknown[0]}."
    for part in param.parts:
        inner = f"part {part.name}" if record is tuple else ""
        problem = find_problem(part, values.get(part.name, _EMPTY), inner)
        if problem:
            return f"{label}, {problem[:1].lower()}{problem[1:]}"
    if isinstance(value, record) or _has_devices(param):
        return ""
    try:
        build(record, values, names)
    except ValueError as error:
        return f"{label}: {error}"
    return ""


def _has_devices(param: ParamDescription) -> bool:
    """Whether devices are among the parts, of which no value can be made by their names."""
    inner = (*param.parts, *filter(None, [param.element]))
    return param.device_proto is not None or any(map(_has_devices, inner))


def _limits_problem(param: ParamDescription, value: Any, label: str) -> str:
    if isinstance(value, str):
        return _length_problem(param, len(value), f"{label}, letters")
    bounds, unit = param.bounds, f" {param.unit}" if param.unit else ""
    said = f"{label}{':' * label[-1:].isdigit()} {_say(value)}{unit}"
    low, high, step = bounds.low, bounds.high, bounds.step
    if low is not None and not (value > low if bounds.low_open else value >= low):
        words = "must be above" if bounds.low_open else "is below the lowest allowed,"
        return f"{said} {words} {_say(low)}{unit}."
    if high is not None and not (value < high if bounds.high_open else value <= high):
        words = "must be below" if bounds.high_open else "is above the highest allowed,"
        return f"{said} {words} {_say(high)}{unit}."
    if step is not None and not _is_multiple(value, step):
        return f"{said} is not a multiple of {_say(step)}{unit}."
    return ""


def _is_multiple(value: Any, step: Any) -> bool:
    """Whether it is one as the two are written, 0.3 of 0.1, rather than in binary."""
    if not math.isfinite(value):
        return False
    return (Fraction(say_number(value)) / Fraction(say_number(step))).denominator == 1


def _say(value: Any) -> str:
    return say_number(value) if isinstance(value, numbers.Real) else str(value)


def _choice_problem(param: ParamDescription, chosen: list[Any], label: str) -> str:
    if not chosen and param.required:
        return _needed(param, label)
    choices = param.choices or []
    for item in chosen:
        is_device = param.device_proto is not None and not isinstance(item, str)
        optional = item is None and param.optional
        if not is_device and not optional and find_choice(choices, item) is None:
            among = ", ".join(map(say_choice, choices))
            return f"{label}: {say_choice(item)} is not one of {among}."
    return ""


def _is_empty(value: Any) -> bool:
    if isinstance(value, str):
        return not value.strip()
    is_record = isinstance(value, Mapping | range)
    return isinstance(value, Collection) and not is_record and next(iter(value), _EMPTY) is _EMPTY


def _needed(param: ParamDescription, label: str) -> str:
    if param.choices is None:
        return f"{label} is empty: fill it in."
    return f"{label}: choose {'at least one' if param.multiselect else 'one'}."


def _is_endless(value: Any) -> bool:
    """Whether it is a range with no room in memory for its numbers."""
    # len() does not go as far as ranges do
    return isinstance(value, range) and bool(value[_MOST:])


def several(value: Any) -> list[Any]:
    """Return what was given for several values as a list, though it may be one value or none."""
    if value is None:
        return []
    is_one = isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Collection)
    is_one = is_one or _is_endless(value)
    return [value] if is_one else list(value)


def _a(shown: Any) -> str:
    """Return what a form calls a type."""
    if field_type(shown) in _KINDS:
        return _KINDS[field_type(shown)]
    return "several values" if not isinstance(shown, type) else f"a {shown.__name__}"


_KINDS: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    str: "a text",
    bool: "True or False",
    datetime.date: "a date",
    datetime.datetime: "a date and time",
    datetime.time: "a time of day",
    datetime.timedelta: "a duration",
}
