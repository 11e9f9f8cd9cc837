"""Parameter values to JSON and back.

A value that JSON lacks is an object with one key, its kind. Enums, dataclasses and pydantic models
are looked up by module and name in the loaded modules; decoding imports nothing.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

_PLAIN = (type(None), bool, int, float, str)


@dataclasses.dataclass(frozen=True)
class _Kind:
    """A type, and its conversion to JSON values and back."""

    of: type
    parts: Callable[[Any], Any]
    make: Callable[[Any], Any]


_KINDS = {
    "tuple": _Kind(tuple, list, tuple),
    "set": _Kind(set, list, set),
    "frozenset": _Kind(frozenset, list, frozenset),
    "mapping": _Kind(dict, lambda value: [list(item) for item in value.items()], dict),
    "range": _Kind(range, lambda value: [value.start, value.stop, value.step], lambda n: range(*n)),
    "slice": _Kind(slice, lambda value: [value.start, value.stop, value.step], lambda n: slice(*n)),
    "path": _Kind(type(Path()), str, Path),
    "datetime": _Kind(datetime, datetime.isoformat, datetime.fromisoformat),
    "date": _Kind(date, date.isoformat, date.fromisoformat),
    "time": _Kind(time, time.isoformat, time.fromisoformat),
    "timedelta": _Kind(
        timedelta,
        lambda value: [value.days, value.seconds, value.microseconds],
        lambda parts: timedelta(*parts),
    ),
}
"""The kinds of values that JSON lacks."""


def encode(value: Any) -> Any:
    """Return `value` as JSON values; raise TypeError if that is impossible."""
    if isinstance(value, Enum):
        return {"enum": [*_address(type(value)), _name(value)]}
    if isinstance(value, np.generic):
        return encode(value.item())
    if type(value) in _PLAIN:
        return value
    if type(value) is list:
        return [encode(item) for item in value]
    for name, kind in _KINDS.items():
        if type(value) is kind.of:
            return {name: encode(kind.parts(value))}
    names = _field_names(type(value))
    fields = {name: encode(getattr(value, name)) for name in names}
    return {"object": [*_address(type(value)), fields]}


def decode(data: Any) -> Any:
    """Undo `encode`; raise ValueError if it did not return `data`, or if a class is gone."""
    if isinstance(data, list):
        return [decode(item) for item in data]
    if not isinstance(data, dict):
        return data
    if len(data) != 1:
        raise ValueError(f"{data!r} cannot be read.")
    ((kind, content),) = data.items()
    try:
        if kind == "enum":
            return _enum(*content)
        return _object(*content) if kind == "object" else _KINDS[kind].make(decode(content))
    except Exception as error:  # a class may raise anything about values of another version
        raise ValueError(f"{data!r} cannot be read.") from error


def items_of(value: Any) -> list[Any]:
    """Return the items of a collection, or the fields of a dataclass or pydantic model."""
    if isinstance(value, Mapping):
        return list(value.values())
    if isinstance(value, list | tuple | set | frozenset):
        return list(value)
    try:
        return [getattr(value, name) for name in _field_names(type(value))]
    except TypeError:
        return []


def _enum(module: str, qualname: str, name: str) -> Enum:
    found = _class(module, qualname)
    if not issubclass(found, Enum):
        raise TypeError(f"{found!r} is not an enum.")
    return found[name]


def _object(module: str, qualname: str, fields: Mapping[str, Any]) -> Any:
    found = _class(module, qualname)
    _field_names(found)
    return found(**{name: decode(value) for name, value in fields.items()})


def _name(member: Enum) -> str:
    if member.name is None or member.name not in type(member).__members__:  # combined flags
        raise TypeError(f"{member!r} has no name.")
    return member.name


def _address(kind: type) -> tuple[str, str]:
    """Return module and name of a class; raise TypeError for one made within a function."""
    if _class_or_none(kind.__module__, kind.__qualname__) is None:
        raise TypeError(f"{kind!r} cannot be looked up by name.")
    return kind.__module__, kind.__qualname__


def _class(module: str, qualname: str) -> type:
    found = _class_or_none(module, qualname)
    if found is None:
        raise TypeError(f"There is no class {qualname} in {module}.")
    return found


def _class_or_none(module: str, qualname: str) -> type | None:
    found: Any = sys.modules.get(module)
    for part in qualname.split("."):
        found = getattr(found, part, None)
    return found if isinstance(found, type) else None


def _field_names(kind: type) -> list[str]:
    """Return the fields of a dataclass or pydantic model; raise TypeError for other classes."""
    if dataclasses.is_dataclass(kind):
        return [field.name for field in dataclasses.fields(kind) if field.init]
    fields = getattr(kind, "model_fields", None)
    if not isinstance(fields, Mapping):
        raise TypeError(f"{kind!r} has no fields.")
    return list(fields)
