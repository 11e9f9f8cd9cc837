"""The types that a form can show: simple ones, collections, and records with named parts."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import inspect
import numbers
import os
import types
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from typing_extensions import is_typeddict

from napari_skylight.plans.spec._annotations import (
    element_of,
    is_optional,
    is_union,
    literal_values,
    unwrap,
    without_none,
)

_EMPTY = inspect.Parameter.empty
_DEVICE = ("read", "set", "trigger", "kickoff", "stage")
"""A class with any of these methods is a device, even if it is a dataclass."""


class Member(NamedTuple):
    """A parameter of a plan, or a part of a value."""

    name: str
    hint: Any
    default: Any = _EMPTY
    help: str = ""


def is_record(annotation: Any) -> bool:
    """Whether it is a dataclass, a pydantic model, a named tuple, a range or a slice."""
    if not isinstance(annotation, type) or any(hasattr(annotation, name) for name in _DEVICE):
        return False
    return (
        annotation in (range, slice)
        or dataclasses.is_dataclass(annotation)
        or issubclass(annotation, BaseModel)
        or _is_named_tuple(annotation)
    )


def members_of(record: type) -> list[Member]:
    """Return the parts of `record` that its constructor takes, in order."""
    if record is range:
        return [Member("start", int, 0), Member("stop", int), Member("step", int, 1)]
    if record is slice:
        return [Member(name, int | None, None) for name in ("start", "stop", "step")]
    infos = getattr(record, "__pydantic_fields__", None)
    if infos is not None:
        return [_of_pydantic(name, info) for name, info in infos.items() if info.init is not False]
    hints = get_type_hints(record, include_extras=True)
    if _is_named_tuple(record):
        defaults = record._field_defaults  # type: ignore[attr-defined]
        return [
            Member(name, hints.get(name, _EMPTY), defaults.get(name, _EMPTY))
            for name in record._fields  # type: ignore[attr-defined]
        ]
    return [
        Member(
            field.name,
            hints[field.name],
            _default(field),
            str(field.metadata.get("description", "")),
        )
        for field in dataclasses.fields(record)
        if field.init
    ]


def values_of(record: type, value: Any, names: Iterable[str]) -> dict[str, Any]:
    """Return the parts of `value`: a `record`, a mapping or, for a named tuple, a sequence."""
    names = list(names)
    if isinstance(value, Mapping):
        return dict(value)
    if record is tuple or (not isinstance(value, record) and isinstance(value, list | tuple)):
        return dict(zip(names, value, strict=False))
    return {name: getattr(value, name) for name in names}


def build(record: type, values: Mapping[str, Any], names: Iterable[str]) -> Any:
    """Return a `record` with these parts; a missing one takes its default.

    The `ValueError` if `record` refuses them has its message.
    """
    try:
        if record in (range, slice):
            given = {each.name: each.default for each in members_of(record)} | dict(values)
            if given["step"] == 0:
                raise ValueError("enter a step other than 0")
            return record(*(given[name] for name in names))
        if record is tuple:
            return tuple(values[name] for name in names)
        return record(**values)
    except ValidationError as error:
        raise ValueError(" ".join(_in_words(error))) from error
    except Exception as error:  # a record may raise anything about its values
        said = str(error) or type(error).__name__
        raise ValueError(f"{said.rstrip('.')}.") from error


def _in_words(error: ValidationError) -> Iterator[str]:
    for detail in error.errors(include_url=False):
        place = ", ".join(map(str, detail["loc"]))
        said = detail["msg"].removeprefix("Value error, ").rstrip(".")
        yield f"{place}: {said}." if place else f"{said}."


def _is_named_tuple(annotation: type) -> bool:
    return issubclass(annotation, tuple) and hasattr(annotation, "_fields")


def _of_pydantic(name: str, info: FieldInfo) -> Member:
    hint = Annotated[info.annotation, info] if info.annotation is not None else _EMPTY
    default = _EMPTY
    if not info.is_required():
        default = info.get_default(call_default_factory=True, validated_data={})
    alias = info.validation_alias
    return Member(alias if isinstance(alias, str) else name, hint, default, info.description or "")


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return _EMPTY if field.default is dataclasses.MISSING else field.default


_CONCRETE: dict[Any, type] = {
    os.PathLike: Path,
    numbers.Integral: int,
    numbers.Real: float,
    numbers.Number: float,
}
_NOT_DEVICES = (
    "builtins",
    "collections",
    "collections.abc",
    "numpy",
    "typing",
    "typing_extensions",
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
        simple = annotation in _KINDS or issubclass(annotation, enum.Enum)
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


# the simple types that have an editor, and lists of them
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
