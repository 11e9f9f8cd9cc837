"""NumPy arrays, which a form shows as lists."""

from __future__ import annotations

import types
from dataclasses import dataclass
from typing import Any, get_args, get_origin

import numpy as np
from annotated_types import Ge, Le
from numpy.typing import ArrayLike

_ARRAY_LIKE = get_args(ArrayLike)
_ABSTRACT = (
    *(np.generic, np.number, np.inexact, np.floating),
    *(np.integer, np.signedinteger, np.unsignedinteger),
)
"""Scalar types that leave the dtype open."""


@dataclass(frozen=True)
class ArrayOf:
    """Metadata of a list that the plan takes as an array."""

    dtype: Any
    """None where the type hint leaves it open."""

    def make(self, values: Any) -> np.ndarray[Any, Any]:
        """Return `values` as an array; the same object if it is one of this dtype.

        Raises
        ------
        ValueError
            If the rows differ in length.
        """
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
