"""Checks a value against a parameter; a message says what is wrong and what to enter."""

from __future__ import annotations

import datetime
import inspect
import math
import numbers
import operator
from collections.abc import Collection, Mapping
from fractions import Fraction
from typing import Any

from napari_skylight.engine.actions import Action
from napari_skylight.plans.spec._annotations import (
    ArrayOf,
    ChoicesOf,
    is_union,
    unwrap,
    without_none,
)
from napari_skylight.plans.spec._params import ParamDescription, ParamKind, a_device
from napari_skylight.plans.spec._supported_types import (
    build,
    fits,
    is_collection,
    is_record,
    members_of,
    say_kind,
    values_of,
)
from napari_skylight.plans.spec._value_text import find_choice, say_choice, say_number

_MOST = 1_000_000  # limit on the length of a range: each number is checked

_EMPTY = inspect.Parameter.empty


def find_problem(param: ParamDescription, value: Any, label: str = "") -> str:
    """Return what is wrong with `value` and what to enter instead; an empty text if it is allowed.

    `value` is `inspect.Parameter.empty` where there is none. The message begins with `label`, by
    default that of `param`.
    """
    label = label or param.label
    if not param.has_field:
        return _hidden_problem(param, value, label)
    if value is _EMPTY:
        return _needed(param, label) if param.required else ""
    if param.multiselect:
        return _choice_problem(param, as_list(value), label)
    if value is None and param.kind is not ParamKind.VAR_POSITIONAL:
        return "" if param.optional else _needed(param, label)
    if param.required and _is_empty(value):
        return _needed(param, label)
    if param.choices is not None:
        return _choice_problem(param, [value], label)
    if param.alternatives:
        return _union_problem(param, value, label)
    if param.kind is ParamKind.VAR_POSITIONAL:
        return _items_problem(param, as_list(value), label)
    return _value_problem(param, value, label)


def _hidden_problem(param: ParamDescription, value: Any, label: str) -> str:
    """Check a value that a script gave, or that was kept from another microscope or version."""
    if value is _EMPTY or value is param.default or (value is None and param.optional):
        return ""
    if param.actions is not None:
        items = list(value) if is_collection(value) else [value]
        allowed = all(isinstance(item, Action) for item in items)
        return "" if allowed else f"{label} is {value!r}: enter an action."
    if param.kind is ParamKind.VAR_KEYWORD:
        return "" if isinstance(value, Mapping) else f"{label} is {value!r}: enter a mapping."
    has_choices = any(isinstance(item, ChoicesOf) for item in param.metadata)
    if param.missing is not None or has_choices:
        text = _text_in(value)
        if text is not None and has_choices:
            return f"{label}: there is no {text}, and nothing to choose from; leave it out."
        if text is not None and param.missing is not None:
            device = a_device(param.missing)
            return f"{label}: there is no {text}; connect {device}, or leave it out."
    return "" if fits(value, param.annotation) else f"{label} is {value!r}: leave it out."


def _text_in(value: Any, depth: int = 8) -> str | None:
    """Return a text in a value or its items, such as the name of a device."""
    if isinstance(value, str):
        return value
    if is_record(type(value)):
        value = values_of(type(value), value, [each.name for each in members_of(type(value))])
    items = value.values() if isinstance(value, Mapping) else value
    if depth == 0 or not is_collection(items):
        return None
    texts = (_text_in(item, depth - 1) for item in items)
    return next((text for text in texts if text is not None), None)


def find_alternative(param: ParamDescription, value: Any) -> ParamDescription | None:
    """Return the one of the alternatives of `param` that `value` is meant as, if there is one."""
    fitting = [each for each in param.alternatives if fits(value, each.annotation)]
    allowed = (each for each in (*fitting, *param.alternatives) if not find_problem(each, value))
    return next(allowed, fitting[0] if fitting else None)


def _union_problem(param: ParamDescription, value: Any, label: str) -> str:
    meant = find_alternative(param, value)
    if meant is not None:
        return find_problem(meant, value, label)
    if _is_unshown(param, value):
        return ""
    choices = [say_choice(c) for each in param.alternatives for c in each.choices or ()]
    kinds = [say_kind(each.shown) for each in param.alternatives if each.choices is None]
    *others, last = dict.fromkeys((*kinds, *choices))
    either = " or ".join(filter(None, (", ".join(others), last)))
    return f"{label} is {value!r}: enter {either}."


def _value_problem(param: ParamDescription, value: Any, label: str) -> str:
    shown = param.shown
    if shown is None or not fits(value, shown):
        is_allowed = shown is None or _is_unshown(param, value)
        return "" if is_allowed else f"{label} is {value!r}: enter {say_kind(shown)}."
    if param.element is not None:
        return _items_problem(param, value, label) or _array_problem(param, value, label)
    if param.record is not None:
        return _parts_problem(param, param.record, value, label)
    try:
        return _limits_problem(param, value, label)
    except TypeError as error:  # such as a limit with a time zone for a date without one
        return f"{label} is {value!r}: enter a value that compares with its limits ({error})."


def _is_unshown(param: ParamDescription, value: Any) -> bool:
    """Whether it is the default, or of a kind in a union that no field can show."""
    annotation = unwrap(without_none(param.annotation))[0]
    return value is param.default or (is_union(annotation) and fits(value, annotation))


def _items_problem(param: ParamDescription, value: Collection[Any], label: str) -> str:
    if _is_endless(value):
        return f"{label} has more than {_MOST} numbers: enter fewer."
    problem = _length_problem(param, len(value), label, "value")
    if problem or param.element is None:
        return problem
    for number, item in enumerate(value, 1):
        if isinstance(item, str) and item == "" and param.element.choices is None:
            continue  # an empty text among several was entered as such: ""
        problem = find_problem(param.element, item, f"item {number}")
        if problem:
            return f"{label}, {problem}"
    return ""


def _array_problem(param: ParamDescription, value: Any, label: str) -> str:
    for item in param.metadata:
        if isinstance(item, ArrayOf):
            try:
                item.make(value)
            except ValueError as error:
                return f"{label}: {error}"
    return ""


def _length_problem(param: ParamDescription, length: int, label: str, noun: str) -> str:
    bounds = param.bounds
    given = f"{label}: {length} {noun}{'s' * (length != 1)} given, enter"
    if length < bounds.fewest:
        return f"{given} at least {bounds.fewest}."
    if bounds.most is not None and length > bounds.most:
        return f"{given} at most {bounds.most}."
    return ""


def _parts_problem(param: ParamDescription, record: type, value: Any, label: str) -> str:
    names = [part.name for part in param.parts]
    if record is tuple and (isinstance(value, range) or len(value) != len(names)):
        return f"{label} is {value!r}: enter {len(names)} values."
    values = values_of(record, value, names)
    unknown = sorted(values.keys() - set(names))
    if unknown:
        return f"{label} takes no {unknown[0]}: leave it out."
    for part in param.parts:
        inner = f"part {part.name}" if record is tuple else ""
        problem = find_problem(part, values.get(part.name, _EMPTY), inner)
        if problem:
            return f"{label}, {problem[:1].lower()}{problem[1:]}"
    if isinstance(value, record) or has_devices(param):
        return ""
    try:
        build(record, values, names)
    except ValueError as error:
        return f"{label}: {error}"
    return ""


def has_devices(param: ParamDescription) -> bool:
    """Whether devices are among the parts: names alone do not make a value."""
    inner = (*param.parts, *param.alternatives, *filter(None, [param.element]))
    return param.device_proto is not None or any(map(has_devices, inner))


def _limits_problem(param: ParamDescription, value: Any, label: str) -> str:
    if isinstance(value, str):
        return _length_problem(param, len(value), label, "letter")
    bounds = param.bounds
    is_time = isinstance(value, datetime.date | datetime.time)
    more, less = ("later", "earlier") if is_time else ("more", "less")
    for limit, is_open, is_within, word in (
        (bounds.low, bounds.low_open, operator.gt, more),
        (bounds.high, bounds.high_open, operator.lt, less),
    ):
        if limit is None or is_within(value, limit) or (value == limit and not is_open):
            continue
        said = _say(limit, param)
        allowed = f"{word} than {said}" if is_open else f"{said} or {word}"
        return f"{label} is {_say(value, param)}: enter {allowed}."
    if bounds.step is not None and not _is_multiple(value, bounds.step):
        said = _say(bounds.step, param)
        return f"{label} is {_say(value, param)}: enter a multiple of {said}."
    return ""


def _is_multiple(value: Any, step: Any) -> bool:
    """Compare as decimals: 0.3 is a multiple of 0.1."""
    if not math.isfinite(value):
        return False
    return (Fraction(say_number(value)) / Fraction(say_number(step))).denominator == 1


def _say(value: Any, param: ParamDescription) -> str:
    said = say_number(value) if isinstance(value, numbers.Real) else str(value)
    return f"{said} {param.unit}" if param.unit else said


def _choice_problem(param: ParamDescription, chosen: list[Any], label: str) -> str:
    if not chosen and param.required:
        return _needed(param, label)
    choices = param.choices or []
    among = ", ".join(map(say_choice, choices))
    for item in chosen:
        is_device = param.device_proto is not None and not isinstance(item, str)
        if is_device and item is not None and not fits(item, param.device_proto):
            return f"{label} is {item!r}: choose from {among}."
        optional = item is None and param.optional
        if not is_device and not optional and find_choice(choices, item) is None:
            return f"{label}: there is no {say_choice(item)}; choose from {among}."
    return ""


def _is_empty(value: Any) -> bool:
    if isinstance(value, str):
        return not value.strip()
    is_range = isinstance(value, range)
    return is_collection(value) and not is_range and next(iter(value), _EMPTY) is _EMPTY


def _needed(param: ParamDescription, label: str) -> str:
    if param.choices is None:
        return f"{label} is empty: fill it in."
    return f"{label}: choose {'at least one' if param.multiselect else 'one'}."


def _is_endless(value: Any) -> bool:
    """Whether it is a range with more than `_MOST` numbers: `len` fails for the largest."""
    return isinstance(value, range) and bool(value[_MOST:])


def as_list(value: Any) -> list[Any]:
    """Return `value` as a list: none, one or several values."""
    if value is None:
        return []
    return list(value) if is_collection(value) and not _is_endless(value) else [value]
