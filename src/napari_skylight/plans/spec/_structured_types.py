"""Types with named parts (dataclass, model, named tuple, range, slice), and values of them."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Annotated, Any, NamedTuple, get_type_hints

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

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
    """Return the parts of `record` that its constructor takes, in order.

    Raises
    ------
    NameError
        If a type hint cannot be resolved.
    """
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
        Member(field.name, hints[field.name], _default(field), _help(field))
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

    Raises
    ------
    ValueError
        If `record` refuses the values; the message is its own.
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
    default = _EMPTY if info.is_required() else _made(info)
    alias = info.validation_alias
    return Member(alias if isinstance(alias, str) else name, hint, default, info.description or "")


def _made(info: FieldInfo) -> Any:
    return info.get_default(call_default_factory=True, validated_data={})


def _default(field: dataclasses.Field[Any]) -> Any:
    factory: Callable[[], Any] | Any = field.default_factory
    if factory is not dataclasses.MISSING:
        return factory()
    return _EMPTY if field.default is dataclasses.MISSING else field.default


def _help(field: dataclasses.Field[Any]) -> str:
    return str(field.metadata.get("description", ""))
