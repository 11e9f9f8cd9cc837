"""Which annotations a form can show, and as what."""

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

__all__ = [
    "device_type",
    "distinct_members",
    "field_type",
    "fits",
    "is_collection",
    "is_fixed_tuple",
    "say_kind",
    "shown_type",
]

_SIMPLE = (
    *(bool, int, float, str, Path),
    *(datetime.datetime, datetime.date, datetime.time, datetime.timedelta),
)
_MEANT: dict[Any, type] = {
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
    """Return the class or runtime-checkable protocol that devices are told by, if it is one."""
    annotation = without_none(annotation)
    origin = get_origin(annotation) or annotation
    if not isinstance(origin, type) or origin.__module__ in _NOT_DEVICES:
        return None
    if is_typeddict(origin):  # a dict in truth, and nothing can be told to be one
        return None
    if getattr(origin, "_is_protocol", False):
        return origin if getattr(origin, "_is_runtime_protocol", False) else None
    return origin if field_type(origin) is None or is_record(origin) else None


def field_type(annotation: Any) -> Any | None:
    """Return the type by which a form can show an annotation, None if no field can.

    A union is shown as its first member that a field can show (`int` and `float` together as
    `float`), a collection of any length as a list.
    """
    annotation = unwrap(annotation)[0]
    if isinstance(annotation, type) and not get_args(annotation):
        simple = annotation in _SIMPLE or issubclass(annotation, enum.Enum)
        return annotation if simple or is_record(annotation) else _MEANT.get(annotation)
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
    """Whether it is a tuple of so many parts."""
    args = get_args(annotation)
    return get_origin(annotation) is tuple and bool(args) and Ellipsis not in args


def shown_type(annotation: Any, default: Any) -> Any | None:
    """Return the type that is shown for a value that is there, as `default` is one.

    That is the member of a union that `default` is one of; otherwise, what `field_type` says.
    """
    annotation = unwrap(without_none(annotation))[0]
    if not is_union(annotation):
        return annotation if field_type(annotation) is not None else None
    shown = distinct_members(get_args(annotation))
    return next((member for member in shown if fits(default, member)), shown[0] if shown else None)


def distinct_members(hints: Iterable[Any]) -> list[Any]:
    """Return those of a union's members that a form can show, one for each kind of value.

    `int` and `float` are one kind, shown as `float`; `str` and `Path` are one, shown as the first.
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
    """Whether `value` is of the kind that `annotation` says, as far as can be seen at once."""
    annotation = unwrap(annotation)[0]
    if is_union(annotation):
        return any(fits(value, member) for member in get_args(annotation))
    if get_origin(annotation) is Literal:
        return value in get_args(annotation)
    if element_of(annotation) is not None or is_fixed_tuple(annotation):
        return is_collection(value)
    origin = get_origin(annotation) or _MEANT.get(annotation, annotation)
    if not isinstance(origin, type):
        return True
    if is_record(origin):
        return isinstance(value, origin | Mapping) or (
            issubclass(origin, tuple) and isinstance(value, list | tuple)
        )
    return _is_instance(value, origin)


def is_collection(value: Any) -> bool:
    """Whether `value` has items: no text, no mapping, no array without dimensions."""
    has_items = isinstance(value, Collection) and not isinstance(value, str | bytes | Mapping)
    return has_items and getattr(value, "ndim", 1) > 0


def _is_instance(value: Any, kind: type) -> bool:
    if kind in (int, float):
        number = numbers.Integral if kind is int else numbers.Real
        return isinstance(value, number) and not isinstance(value, bool)
    if kind is Path:
        return isinstance(value, str | os.PathLike)
    if kind is datetime.date:  # which every datetime is, too
        return isinstance(value, kind) and not isinstance(value, datetime.datetime)
    try:
        return isinstance(value, kind)
    except TypeError:  # a protocol that does not say
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
