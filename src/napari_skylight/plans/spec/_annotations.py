"""Type hints: their members, elements and metadata (limits, unit, label); arrays as lists."""

from __future__ import annotations

import enum
import types
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NewType, Union, get_args, get_origin

import numpy as np
from annotated_types import Ge, GroupedMetadata, Gt, Le, Lt, MaxLen, MinLen, MultipleOf, Unit
from numpy.typing import ArrayLike
from pydantic.fields import FieldInfo
from typing_extensions import TypeAliasType

_ARRAY_LIKE = get_args(ArrayLike)
_ABSTRACT = (
    *(np.generic, np.number, np.inexact, np.floating),
    *(np.integer, np.signedinteger, np.unsignedinteger),
)
"""Scalar types that leave the dtype open."""


@dataclass(frozen=True)
class ArrayOf:
    """Metadata of a list that the plan takes as an array; dtype None where the hint has none."""

    dtype: Any

    def make(self, values: Any) -> np.ndarray[Any, Any]:
        """Return `values` as an array; the same object if it is one of this dtype."""
        try:
            return np.asarray(values, self.dtype)
        except ValueError:
            raise ValueError("enter as many values in each row.") from None


def array_as_list(annotation: Any) -> tuple[Any, tuple[Any, ...]] | None:
    """Return the list that stands for an array, and its metadata: `ArrayOf`, limits of the dtype.

    An array without a shape has one dimension; further dimensions are lists of lists. None for
    other annotations, and for dtypes that no field can show, such as complex ones.
    """
    if all(member in get_args(annotation) for member in _ARRAY_LIKE):
        optional = type(None) in get_args(annotation)
        return (list[float] | None if optional else list[float]), (ArrayOf(None),)
    if annotation is not np.ndarray and get_origin(annotation) is not np.ndarray:
        return None
    shape, dtype = get_args(annotation) or (Any, Any)
    scalar = next(iter(get_args(dtype)), np.generic)
    if scalar is Any or not isinstance(scalar, type):
        scalar = np.generic
    listed: Any = _item_type(scalar)
    if listed is None:
        return None
    for _ in [1] if Ellipsis in get_args(shape) else get_args(shape) or [1]:
        listed = types.GenericAlias(list, (listed,))
    if scalar in _ABSTRACT:
        return listed, (ArrayOf(None),)
    if not issubclass(scalar, np.integer):
        return listed, (ArrayOf(scalar),)
    limits = np.iinfo(scalar)
    return listed, (ArrayOf(scalar), Ge(int(limits.min)), Le(int(limits.max)))


def array_hint(array: np.ndarray[Any, Any]) -> Any:
    """Return the type hint that `array` stands for as a default."""
    shape = types.GenericAlias(tuple, (int,) * array.ndim)
    return types.GenericAlias(
        np.ndarray, (shape, types.GenericAlias(np.dtype, (array.dtype.type,)))
    )


def _item_type(scalar: type) -> type | None:
    if issubclass(scalar, np.bool_):
        return bool
    if issubclass(scalar, np.integer):
        return int
    if issubclass(scalar, np.floating) or scalar in _ABSTRACT:
        return float
    return str if issubclass(scalar, np.str_) else None


@dataclass(frozen=True)
class Bounds:
    """Limits of a number or of the length of a collection; None for no limit."""

    low: float | None = None
    high: float | None = None
    low_open: bool = False
    """Whether `low` itself is excluded."""
    high_open: bool = False
    step: float | None = None
    """Only multiples of it are allowed."""
    fewest: int = 0
    """The least number of items of a collection, or letters of a text."""
    most: int | None = None


@dataclass(frozen=True)
class Wording:
    """The label of a parameter in a form, given in ``Annotated``."""

    label: str = ""
    """Replaces the parameter's name."""
    zero: str = ""
    """Shown for the number 0: "every frame" for 0 s between frames."""


@dataclass(frozen=True)
class Spread:
    """Marks ``*args`` of a registered form whose parts are passed as separate arguments.

    ``*axes: Annotated[Axis, Spread()]`` describes ``scan(detectors, motor, start, stop, motor,
    start, stop, …)``, where `Axis` is a named tuple of the three.
    """

    fewest: int = 1
    """The least number of them."""


@dataclass(frozen=True)
class ChoicesOf:
    """Takes a parameter's choices from a signal of the devices, given in ``Annotated``.

    ``Annotated[Sequence[str], ChoicesOf(Light, "channel")]`` offers the channels of the lights. A
    parameter with a default has no field if no device offers choices.
    """

    device: type
    """The class or runtime-checkable protocol of the devices."""
    setting: str
    """The name of the signal within the device."""


_OF_THE_WHOLE = (ArrayOf, MinLen, MaxLen, Wording, Spread, ChoicesOf, Mapping)


def unwrap(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """Return a type hint without ``Annotated``, also in a union's members, and its metadata.

    An array becomes a list, with `ArrayOf` and the limits of its dtype among the metadata.
    """
    annotation, metadata = _peel(annotation)
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
    """Return the hints of a union's members except None, each with the metadata of the union."""
    annotation, metadata = _peel(hint)
    if not is_union(annotation) or array_as_list(annotation) is not None:
        return []
    members = [member for member in get_args(annotation) if member is not type(None)]
    return [Annotated[member, *metadata] if metadata else member for member in members]


def _peel(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """Return what aliases, ``NewType`` and ``Annotated`` stand for, and the metadata."""
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
            return annotation, metadata


def is_optional(annotation: Any) -> bool:
    """Whether None is allowed."""
    if annotation is None or annotation is type(None):
        return True
    if get_origin(annotation) is Literal:
        return None in get_args(annotation)
    return is_union(annotation) and any(is_optional(member) for member in get_args(annotation))


def without_none(annotation: Any) -> Any:
    if not is_union(annotation):
        return annotation
    members = tuple(member for member in get_args(annotation) if member is not type(None))
    return Union[members] if members else annotation  # noqa: UP007 - made at run time


def literal_values(annotation: Any) -> list[Any] | None:
    """Return the values of a ``Literal`` or an enum; None for other annotations."""
    inner = without_none(annotation)
    if isinstance(inner, type) and issubclass(inner, enum.Enum):
        values: list[Any] = list(inner)
    elif get_origin(inner) is Literal:
        values = list(get_args(inner))
    else:
        return None
    if is_optional(annotation) and None not in values:
        values.append(None)
    return values


def container_of(annotation: Any) -> type | None:
    """Return the class for values of a collection type: list, tuple, set or frozenset; or None."""
    origin = get_origin(without_none(annotation))
    if not isinstance(origin, type) or element_of(annotation) is None:
        return None
    if origin in (list, tuple, set, frozenset):
        return origin
    return set if issubclass(origin, AbstractSet) else list


def element_of(annotation: Any) -> Any | None:
    """Return the item type of a collection of any length, `int` for ``Sequence[int]``; or None."""
    hint = element_hint(annotation)
    return None if hint is None else unwrap(hint)[0]


def element_hint(annotation: Any) -> Any | None:
    """Return the type hint of the items of a collection of any length; or None."""
    annotation = without_none(annotation)
    origin, args = get_origin(annotation), get_args(annotation)
    if not isinstance(origin, type):
        return None
    if origin is tuple:
        return args[0] if len(args) == 2 and args[1] is Ellipsis else None
    known = issubclass(origin, Sequence | AbstractSet) or origin in (Iterable, Collection)
    return args[0] if known and len(args) == 1 else None


def item_metadata(metadata: Iterable[Any], own: Iterable[Any]) -> tuple[Any, ...]:
    """Return the metadata of each item: its `own`, and other kinds from that of the collection."""
    kinds = {type(item) for item in own}
    of_all = (item for item in flat_metadata(metadata) if not isinstance(item, _OF_THE_WHOLE))
    return (*own, *(item for item in of_all if type(item) not in kinds))


def unit_of(metadata: Iterable[Any]) -> str:
    """Return the unit in the metadata, or an empty text."""
    return next((item.unit for item in flat_metadata(metadata) if isinstance(item, Unit)), "")


def wording_of(metadata: Iterable[Any]) -> Wording:
    """Return the `Wording` in the metadata, or an empty one."""
    for item in metadata:
        if isinstance(item, Wording):
            return item
        if isinstance(item, FieldInfo) and item.title:
            return Wording(item.title)
    return Wording()


def bounds_of(metadata: Iterable[Any]) -> Bounds:
    """Return the limits in the metadata, from `annotated_types` or pydantic."""
    found: dict[str, Any] = {}
    for item in flat_metadata(metadata):
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


def flat_metadata(metadata: Iterable[Any]) -> Iterator[Any]:
    """Yield the metadata with each ``Interval`` or pydantic ``Field`` taken apart."""
    for item in metadata:
        if isinstance(item, FieldInfo):
            yield from flat_metadata(item.metadata)
        elif isinstance(item, GroupedMetadata):
            yield from flat_metadata(item)
        else:
            yield item


def is_union(annotation: Any) -> bool:
    """Whether it is a union, also one with None."""
    return get_origin(annotation) in (Union, types.UnionType)
