"""What an annotation says: unit and limits, the devices meant, the field that can show it."""

from __future__ import annotations

import datetime
import enum
import os
import types
from collections.abc import Collection, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, GroupedMetadata, Gt, Le, Lt, MultipleOf, Unit
from typing_extensions import TypeAliasType

__all__ = [
    "Bounds",
    "ChoicesOf",
    "Wording",
    "bounds_of",
    "container_of",
    "device_type",
    "element_of",
    "field_type",
    "is_optional",
    "literal_values",
    "unit_of",
    "unwrap",
    "without_none",
    "wording_of",
]

_SIMPLE = (
    bool,
    int,
    float,
    str,
    Path,
    range,
    slice,
    datetime.datetime,
    datetime.date,
    datetime.time,
    datetime.timedelta,
)
_CONTAINERS: tuple[type, ...] = (list, tuple, set, frozenset)
_NOT_DEVICES = ("builtins", "collections", "collections.abc", "typing", "typing_extensions")


@dataclass(frozen=True)
class Bounds:
    """The numbers allowed: None where there is no limit; an open limit is itself not allowed."""

    low: float | None = None
    high: float | None = None
    low_open: bool = False
    high_open: bool = False
    step: float | None = None
    """Only multiples of it are meant."""


@dataclass(frozen=True)
class Wording:
    """What a form says of a parameter, given in ``Annotated``, where its name says too little."""

    label: str = ""
    """Stands for the name."""
    zero: str = ""
    """Stands for the number 0: "every frame" for 0 s between frames."""


@dataclass(frozen=True)
class ChoicesOf:
    """Says, in ``Annotated``, that a parameter's choices are those of a setting of the devices.

    ``Annotated[Sequence[str], ChoicesOf(Light, "channel")]`` offers the channels of the lights. A
    parameter with a default has no field while no device offers any.
    """

    device: type
    """The class or runtime-checkable protocol of the devices meant."""
    setting: str
    """The name of the part of the device that has the choices."""


def unwrap(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """Take ``Annotated`` off an annotation and off a union's members; return the metadata too."""
    metadata: tuple[Any, ...] = ()
    while True:
        if isinstance(annotation, TypeAliasType):
            annotation = annotation.__value__
        elif get_origin(annotation) is Annotated:
            metadata = (*annotation.__metadata__, *metadata)
            annotation = annotation.__origin__
        else:
            break
    if _is_union(annotation):
        parts = [unwrap(member) for member in get_args(annotation)]
        metadata = (*metadata, *(item for _, found in parts for item in found))
        if any(found for _, found in parts):
            annotation = Union[tuple(member for member, _ in parts)]  # noqa: UP007 - made at run time
    return annotation, metadata


def is_optional(annotation: Any) -> bool:
    """Whether None is allowed."""
    if annotation is None or annotation is type(None):
        return True
    if get_origin(annotation) is Literal:
        return None in get_args(annotation)
    return _is_union(annotation) and any(is_optional(member) for member in get_args(annotation))


def without_none(annotation: Any) -> Any:
    """Return the annotation without its None: the only other member, or a union of the others."""
    if not _is_union(annotation):
        return annotation
    members = tuple(member for member in get_args(annotation) if member is not type(None))
    return Union[members] if members else annotation  # noqa: UP007 - made at run time


def literal_values(annotation: Any) -> list[Any] | None:
    """Return the values a ``Literal`` allows, as they are; None for any other annotation."""
    inner = without_none(annotation)
    if get_origin(inner) is not Literal:
        return None
    values = list(get_args(inner))
    if is_optional(annotation) and None not in values:
        values.append(None)
    return values


def container_of(annotation: Any) -> type | None:
    """Return the class that makes a value for a collection: list, tuple, set, frozenset or None."""
    origin = get_origin(without_none(annotation))
    if not isinstance(origin, type) or element_of(annotation) is None:
        return None
    if origin in _CONTAINERS:
        return origin
    return set if issubclass(origin, AbstractSet) else list


def element_of(annotation: Any) -> Any | None:
    """Return what a collection of any length holds, `int` for ``Sequence[int]``, or None."""
    annotation = without_none(annotation)
    origin, args = get_origin(annotation), get_args(annotation)
    if not isinstance(origin, type):
        return None
    if origin is tuple:
        return unwrap(args[0])[0] if len(args) == 2 and args[1] is Ellipsis else None
    known = issubclass(origin, Sequence | AbstractSet) or origin in (Iterable, Collection)
    return unwrap(args[0])[0] if known and len(args) == 1 else None


def device_type(annotation: Any) -> type | None:
    """Return the class or runtime-checkable protocol that devices are told by, if it is one."""
    annotation = without_none(annotation)
    origin = get_origin(annotation) or annotation
    if not isinstance(origin, type) or origin.__module__ in _NOT_DEVICES:
        return None
    if getattr(origin, "_is_protocol", False):
        return origin if getattr(origin, "_is_runtime_protocol", False) else None
    return None if field_type(origin) is not None else origin


def field_type(annotation: Any) -> Any | None:
    """Return the type by which a form can show an annotation, None if no field can.

    A union is shown as its first member that a field can show (`int` and `float` together as
    `float`), a collection of any length as a list.
    """
    annotation = unwrap(annotation)[0]
    if isinstance(annotation, type) and not get_args(annotation):
        if annotation in _SIMPLE or issubclass(annotation, enum.Enum):
            return annotation
        return Path if annotation is os.PathLike else None
    if literal_values(annotation) is not None:
        return annotation
    if _is_union(annotation):
        return _union_field(annotation)
    element = element_of(annotation)
    if element is not None:
        shown = field_type(element)
        return None if shown is None else types.GenericAlias(list, (shown,))
    args = get_args(annotation)
    if get_origin(annotation) is tuple and args and Ellipsis not in args:
        parts = [field_type(part) for part in args]
        return None if None in parts else types.GenericAlias(tuple, tuple(parts))
    return Path if get_origin(annotation) is os.PathLike else None


def unit_of(metadata: Iterable[Any]) -> str:
    """Return the unit that the metadata names, or an empty text."""
    return next((item.unit for item in metadata if isinstance(item, Unit)), "")


def wording_of(metadata: Iterable[Any]) -> Wording:
    """Return the `Wording` in the metadata, or one that says nothing."""
    return next((item for item in metadata if isinstance(item, Wording)), Wording())


def bounds_of(metadata: Iterable[Any]) -> Bounds:
    """Return the limits in the metadata, from `annotated_types` or what is made of it."""
    found: dict[str, Any] = {}
    for item in _flat(metadata):
        match item:
            case Ge():
                found |= {"low": item.ge, "low_open": False}
            case Gt():
                found |= {"low": item.gt, "low_open": True}
            case Le():
                found |= {"high": item.le, "high_open": False}
            case Lt():
                found |= {"high": item.lt, "high_open": True}
            case MultipleOf():
                found["step"] = item.multiple_of
    return Bounds(**found)


def _flat(metadata: Iterable[Any]) -> Iterable[Any]:
    for item in metadata:
        if isinstance(item, GroupedMetadata):
            yield from item
        else:
            yield item


def _union_field(annotation: Any) -> Any | None:
    members = [member for member in get_args(annotation) if member is not type(None)]
    shown = [found for member in members if (found := field_type(member)) is not None]
    if not shown:
        return None
    first = float if {int, float} <= set(map(_hashable, shown)) else shown[0]
    return first | None if is_optional(annotation) else first


def _hashable(shown: Any) -> Any:
    return shown if isinstance(shown, type) else None


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, types.UnionType)
