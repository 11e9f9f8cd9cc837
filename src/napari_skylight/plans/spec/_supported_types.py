"""The annotations that a form can show, and how."""

from __future__ import annotations

import datetime
import enum
import numbers
import os
import types
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from typing_extensions import is_typeddict

from napari_skylight.plans.spec._annotations import (
    element_of,
    is_optional,
    is_union,
    literal_values,
    unwrap,
    without_none,
)
from napari_skylight.plans.spec._structured_types import is_record

_SIMPLE = (
    *(bool, int, float, str, Path),
    *(datetime.datetime, datetime.date, datetime.time, datetime.timedelta),
)
_CONCRETE: dict[Any, type] = {
    os.PathLike: Path,
    numbers.Integral: int,
    numbers.Real: float,
    numbers.Number: float,
}
_NOT_DEVICES = (
    *("builtins", "collections", "collections.abc"),
    *("numpy", "typing", "typing_extensions"),
)


def device_type(annotation: Any) -> type | None:
    """Return the device class or runtime-checkable protocol that an annotation names; or None."""
    annotation = without_none(annotation)
    origin = get_origin(annotation) or annotation
    if not isinstance(origin, type) or origin.__module__ in _NOT_DEVICES:
        return None
    if is_typeddict(origin):  # a dict at run time, without instance checks
        return None
    if getattr(origin, "_is_protocol", False):
        return origin if getattr(origin, "_is_runtime_protocol", False) else None
    return origin if field_type(origin) is None or is_record(origin) else None


def field_type(annotation: Any) -> Any | None:
    """Return the type as which a form shows an annotation; None if no field can.

    A union is shown as its first member that a field can show, a collection of any length as a
    list.
    """
    annotation = unwrap(annotation)[0]
    if isinstance(annotation, type) and not get_args(annotation):
        simple = annotation in _SIMPLE or issubclass(annotation, enum.Enum)
        return annotation if simple or is_record(annotation) else _CONCRETE.get(annotation)
    if literal_values(annotation) is not None:
        return annotation
    if is_union(annotation):
        first = next(iter(distinct_members(get_args(annotation))), None)
        return first | None if first is not None and is_optional(annotation) else first
    element = element_of(annotation)
    if element is not None:
        item = field_type(element)
        return None if item is None else types.GenericAlias(list, (item,))
    if is_fixed_tuple(annotation):
        parts = [field_type(part) for part in get_args(annotation)]
        return None if None in parts else types.GenericAlias(tuple, tuple(parts))
    return Path if get_origin(annotation) is os.PathLike else None


def is_fixed_tuple(annotation: Any) -> bool:
    """Whether it is a tuple of a fixed number of parts."""
    args = get_args(annotation)
    return get_origin(annotation) is tuple and bool(args) and Ellipsis not in args


def shown_type(annotation: Any, default: Any) -> Any | None:
    """Return the member of a union that `default` is of, otherwise the first that a form shows.

    Other annotations are returned if a form can show them; otherwise None.
    """
    annotation = unwrap(without_none(annotation))[0]
    if not is_union(annotation):
        return annotation if field_type(annotation) is not None else None
    shown = distinct_members(get_args(annotation))
    return next((member for member in shown if fits(default, member)), shown[0] if shown else None)


def distinct_members(hints: Iterable[Any]) -> list[Any]:
    """Return the members of a union that a form can show, one for each kind of value.

    `int` and `float` are one kind, shown as `float`; `str` and `Path`, as the first of them.
    """
    found: dict[Any, Any] = {}
    for hint in hints:
        shown = field_type(hint)
        if shown is None:
            continue
        kind = _widest(shown)
        if kind not in found or (shown == kind and kind is not str):
            found[kind] = hint
    return list(found.values())


def _widest(shown: Any) -> Any:
    if get_origin(shown) in (list, tuple):
        return types.GenericAlias(get_origin(shown), tuple(map(_widest, get_args(shown))))
    return {int: float, Path: str}.get(shown, shown)


def fits(value: Any, annotation: Any) -> bool:
    """Whether `value` is of the kind of `annotation`; items and parts are not checked."""
    annotation = unwrap(annotation)[0]
    if is_union(annotation):
        return any(fits(value, member) for member in get_args(annotation))
    if get_origin(annotation) is Literal:
        return not getattr(value, "ndim", 0) and value in get_args(annotation)
    if element_of(annotation) is not None or is_fixed_tuple(annotation):
        return is_collection(value)
    origin = get_origin(annotation) or _CONCRETE.get(annotation, annotation)
    if not isinstance(origin, type):
        return True
    if is_record(origin):
        return isinstance(value, origin | Mapping) or (
            issubclass(origin, tuple) and isinstance(value, list | tuple)
        )
    return _is_instance(value, origin)


def is_collection(value: Any) -> bool:
    """Whether `value` has items; texts, mappings and arrays without dimensions have none."""
    has_items = isinstance(value, Collection) and not isinstance(value, str | bytes | Mapping)
    return has_items and getattr(value, "ndim", 1) > 0


def _is_instance(value: Any, kind: type) -> bool:
    if kind in (int, float):
        number = numbers.Integral if kind is int else numbers.Real
        return isinstance(value, number) and not isinstance(value, bool)
    if kind is Path:
        return isinstance(value, str | os.PathLike)
    if kind is datetime.date:  # of which datetime is a subclass
        return isinstance(value, kind) and not isinstance(value, datetime.datetime)
    try:
        return isinstance(value, kind)
    except TypeError:  # a protocol without instance checks
        return True


_KINDS: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    str: "a text",
    bool: "True or False",
    Path: "a path",
    datetime.date: "a date",
    datetime.datetime: "a date and time",
    datetime.time: "a time of day",
    datetime.timedelta: "a duration",
    list[int]: "whole numbers",
    list[float]: "numbers",
    list[str]: "texts",
}


def say_kind(annotation: Any) -> str:
    """Return what a form calls values of a type: "a number", "texts", "a Roi"."""
    shown = field_type(annotation)
    if shown in _KINDS:
        return _KINDS[shown]
    if is_fixed_tuple(shown):
        return f"{len(get_args(shown))} values"
    return f"a {annotation.__name__}" if isinstance(annotation, type) else "several values"
