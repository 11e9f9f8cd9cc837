"""What an annotation says: what it holds, its unit and limits, the words for it."""

from __future__ import annotations

import types
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NewType, Union, get_args, get_origin

from annotated_types import Ge, GroupedMetadata, Gt, Le, Lt, MaxLen, MinLen, MultipleOf, Unit
from pydantic.fields import FieldInfo
from typing_extensions import TypeAliasType

from napari_skylight.plans.spec._arrays import ArrayOf, array_as_list

__all__ = [
    "Bounds",
    "ChoicesOf",
    "Spread",
    "Wording",
    "bounds_of",
    "container_of",
    "element_hint",
    "element_of",
    "flat",
    "inherited",
    "is_optional",
    "is_union",
    "literal_values",
    "member_hints",
    "unit_of",
    "unwrap",
    "without_none",
    "wording_of",
]

_CONTAINERS: tuple[type, ...] = (list, tuple, set, frozenset)


@dataclass(frozen=True)
class Bounds:
    """The numbers allowed: None where there is no limit; an open limit is itself not allowed."""

    low: float | None = None
    high: float | None = None
    low_open: bool = False
    high_open: bool = False
    step: float | None = None
    """Only multiples of it are allowed."""
    fewest: int = 0
    """The least number of items, of a collection."""
    most: int | None = None


@dataclass(frozen=True)
class Wording:
    """What a form says of a parameter, given in ``Annotated``, where its name says too little."""

    label: str = ""
    """Stands for the name."""
    zero: str = ""
    """Stands for the number 0: "every frame" for 0 s between frames."""


@dataclass(frozen=True)
class Spread:
    """Says of ``*args`` in a registered form that the parts of each are arguments of their own.

    ``*axes: Annotated[Axis, Spread()]`` for a plan called ``scan(detectors, motor, start, stop,
    motor, start, stop, …)``, where `Axis` is a named tuple of these three.
    """

    fewest: int = 1
    """How many there must be."""


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


_OF_THE_WHOLE = (ArrayOf, MinLen, MaxLen, Wording, Spread, ChoicesOf, Mapping)


def unwrap(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """Take ``Annotated`` off an annotation and off a union's members; return the metadata too.

    A NumPy array becomes a list, with `ArrayOf` and the limits of its dtype among the metadata.
    """
    metadata: tuple[Any, ...] = ()
    while True:
        if isinstance(annotation, TypeAliasType):
            annotation = annotation.__value__
        elif isinstance(annotation, NewType):
            annotation = annotation.__supertype__
        elif get_origin(annotation) is Annotated:
            metadata = (*annotation.__metadata__, *metadata)
            annotation = annotation.__origin__
        else:
            break
    listed = array_as_list(annotation)
    if listed is not None:
        annotation, of_array = listed
        metadata = (*of_array, *metadata)
    if is_union(annotation):
        parts = [unwrap(member) for member in get_args(annotation)]
        metadata = (*metadata, *(item for _, found in parts for item in found))
        if any(found for _, found in parts):
            annotation = Union[tuple(member for member, _ in parts)]  # noqa: UP007 - made at run time
    return annotation, metadata


def member_hints(hint: Any) -> list[Any]:
    """Return the type hints of a union's members but None, each with the metadata of the whole."""
    annotation, metadata = hint, ()
    while isinstance(annotation, TypeAliasType) or get_origin(annotation) is Annotated:
        if isinstance(annotation, TypeAliasType):
            annotation = annotation.__value__
        else:
            metadata = (*annotation.__metadata__, *metadata)
            annotation = annotation.__origin__
    if not is_union(annotation) or array_as_list(annotation) is not None:
        return []
    members = [member for member in get_args(annotation) if member is not type(None)]
    return [Annotated[member, *metadata] if metadata else member for member in members]


def is_optional(annotation: Any) -> bool:
    """Whether None is allowed."""
    if annotation is None or annotation is type(None):
        return True
    if get_origin(annotation) is Literal:
        return None in get_args(annotation)
    return is_union(annotation) and any(is_optional(member) for member in get_args(annotation))


def without_none(annotation: Any) -> Any:
    """Return the annotation without its None: the only other member, or a union of the others."""
    if not is_union(annotation):
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
    hint = element_hint(annotation)
    return None if hint is None else unwrap(hint)[0]


def element_hint(annotation: Any) -> Any | None:
    """Return the type hint of what a collection of any length holds, or None."""
    annotation = without_none(annotation)
    origin, args = get_origin(annotation), get_args(annotation)
    if not isinstance(origin, type):
        return None
    if origin is tuple:
        return args[0] if len(args) == 2 and args[1] is Ellipsis else None
    known = issubclass(origin, Sequence | AbstractSet) or origin in (Iterable, Collection)
    return args[0] if known and len(args) == 1 else None


def inherited(metadata: Iterable[Any], own: Iterable[Any]) -> tuple[Any, ...]:
    """Return what is said of each item of a collection: its `own`, and what is said of them all."""
    kinds = {type(item) for item in own}
    of_all = (item for item in flat(metadata) if not isinstance(item, _OF_THE_WHOLE))
    return (*own, *(item for item in of_all if type(item) not in kinds))


def unit_of(metadata: Iterable[Any]) -> str:
    """Return the unit that the metadata names, or an empty text."""
    return next((item.unit for item in flat(metadata) if isinstance(item, Unit)), "")


def wording_of(metadata: Iterable[Any]) -> Wording:
    """Return the `Wording` in the metadata, or one that says nothing."""
    for item in metadata:
        if isinstance(item, Wording):
            return item
        if isinstance(item, FieldInfo) and item.title:
            return Wording(item.title)
    return Wording()


def bounds_of(metadata: Iterable[Any]) -> Bounds:
    """Return the limits in the metadata, from `annotated_types` or what is made of it."""
    found: dict[str, Any] = {}
    for item in flat(metadata):
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
            case MinLen():
                found["fewest"] = item.min_length
            case MaxLen():
                found["most"] = item.max_length
            case Spread():
                found["fewest"] = item.fewest
    return Bounds(**found)


def flat(metadata: Iterable[Any]) -> Iterator[Any]:
    """Yield the metadata one by one, those behind an ``Interval`` or a pydantic ``Field`` too."""
    for item in metadata:
        if isinstance(item, FieldInfo):
            yield from flat(item.metadata)
        elif isinstance(item, GroupedMetadata):
            yield from flat(item)
        else:
            yield item


def is_union(annotation: Any) -> bool:
    """Whether it is a union, with None or without."""
    return get_origin(annotation) in (Union, types.UnionType)
