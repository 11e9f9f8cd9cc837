"""Makes a `ParamDescription` from a type hint."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, NamedTuple, get_args

from napari_skylight.plans.spec._annotations import (
    ChoicesOf,
    element_hint,
    element_of,
    item_metadata,
    literal_values,
    member_hints,
    unwrap,
    without_none,
)
from napari_skylight.plans.spec._params import (
    ParamDescription,
    ParamKind,
    UnresolvableAnnotationError,
)
from napari_skylight.plans.spec._structured_types import Member, is_record, members_of
from napari_skylight.plans.spec._supported_types import (
    device_type,
    distinct_members,
    field_type,
    fits,
    is_fixed_tuple,
    shown_type,
)
from napari_skylight.protocols import FrameCaches

_EMPTY = inspect.Parameter.empty


class KnownDevices(NamedTuple):
    """The devices to choose from; see `create_plan_spec`."""

    devices: Mapping[str, Any]
    matches: Callable[[Any, type], bool]
    choices: Callable[[Any, str], Iterable[str]]

    def names(self, protocol: type) -> list[str]:
        """Return the names of the devices that match `protocol`.

        A part of a device, such as "stage.x", is listed if the whole device does not match.
        """
        names = [name for name, device in self.devices.items() if self.matches(device, protocol)]
        return [name for name in names if not any(name.startswith(f"{n}.") for n in names)]


def describe(
    plan: str,
    member: Member,
    known: KnownDevices,
    kind: ParamKind = ParamKind.KEYWORD_ONLY,
    within: tuple[type, ...] = (),
) -> ParamDescription:
    """Describe a parameter of `plan`, or a part of a value within the records `within`.

    Raises
    ------
    UnresolvableAnnotationError
        If it is required and no field can show it, or no device matches it.
    """
    annotation, metadata = unwrap(member.hint)
    param = ParamDescription(
        member.name, kind, annotation, member.default, metadata=metadata, help=member.help
    )
    if device_type(annotation) is FrameCaches:
        return replace(param, hidden=True, device_proto=FrameCaches)
    if kind is ParamKind.VAR_KEYWORD:
        return replace(param, hidden=True)
    source = next((item for item in metadata if isinstance(item, ChoicesOf)), None)
    if source is not None:
        found = _choices_of(source, param, known)
        return replace(param, hidden=not found and param.has_default, **found)
    found = _choices(param, known)
    if found or _has_own_widget(param):
        return replace(param, **found)
    alternatives = _alternatives(plan, member, known, kind, within)
    if len(alternatives) > 1:
        return replace(param, alternatives=alternatives)
    try:
        return replace(param, **_structure(plan, param, known, within))
    except UnresolvableAnnotationError as error:
        if param.has_default:
            return replace(param, hidden=True, missing=error.device)
        raise UnresolvableAnnotationError(plan, member.name, annotation, error.device) from error


def _alternatives(
    plan: str, member: Member, known: KnownDevices, kind: ParamKind, within: tuple[type, ...]
) -> tuple[ParamDescription, ...]:
    """Describe the kinds of values of a union that a form can show, and its devices."""
    found = []
    hints = [] if kind is ParamKind.VAR_POSITIONAL else member_hints(member.hint)
    devices = [hint for hint in hints if field_type(hint) is None]
    for hint in (*distinct_members(hints), *devices):
        default = member.default if fits(member.default, hint) else _EMPTY
        with suppress(UnresolvableAnnotationError):
            each = Member(member.name, hint, default, member.help)
            found.append(describe(plan, each, known, kind, within))
    return tuple(each for each in found if each.has_field)


def _structure(
    plan: str, param: ParamDescription, known: KnownDevices, within: tuple[type, ...]
) -> dict[str, Any]:
    """Return the element of a collection, or the parts of a value with parts.

    Raises
    ------
    UnresolvableAnnotationError
        If a form can show neither the value nor its parts.
    """
    several = param.kind is ParamKind.VAR_POSITIONAL
    shown = shown_type(param.annotation, param.default)
    whole = unwrap(without_none(param.annotation))[0] if shown is None else shown
    element = param.annotation if several else element_hint(whole)
    if element is not None:
        member = Member("item", element)
        found = describe(plan, member, known, within=within)
        own = param.metadata if several else found.metadata
        return {"element": replace(found, metadata=item_metadata(param.metadata, own))}
    if shown is not None and is_record(shown) and shown not in within:
        return {"record": shown, "parts": _parts(plan, shown, known, (*within, shown))}
    if is_fixed_tuple(whole):
        hints = enumerate(get_args(whole), 1)
        parts = [describe(plan, Member(str(n), hint), known, within=within) for n, hint in hints]
        of_each = [replace(p, metadata=item_metadata(param.metadata, p.metadata)) for p in parts]
        return {"record": tuple, "parts": tuple(of_each)}
    if shown is None:
        kinds = (param.annotation, *get_args(param.annotation))
        device = next(filter(None, map(device_type, kinds)), None)
        raise UnresolvableAnnotationError(plan, param.name, param.annotation, device)
    if is_record(shown):  # within itself
        raise UnresolvableAnnotationError(plan, param.name, param.annotation)
    return {}


def _parts(
    plan: str, record: type, known: KnownDevices, within: tuple[type, ...]
) -> tuple[ParamDescription, ...]:
    try:
        members = members_of(record)
    except Exception as error:  # a quoted hint can raise anything
        name = getattr(error, "name", None) or record.__name__
        raise UnresolvableAnnotationError(plan, name, record) from error
    return tuple(describe(plan, member, known, within=within) for member in members)


def _has_own_widget(param: ParamDescription) -> bool:
    """Whether the plan chooses a widget of magicgui."""
    return any(isinstance(item, Mapping) and "widget_type" in item for item in param.metadata)


def _is_several(param: ParamDescription) -> bool:
    return element_of(param.annotation) is not None or param.kind is ParamKind.VAR_POSITIONAL


def _choices_of(source: ChoicesOf, param: ParamDescription, known: KnownDevices) -> dict[str, Any]:
    offered = [
        choice
        for name in known.names(source.device)
        for choice in known.choices(known.devices[name], source.setting)
    ]
    if not offered:
        return {}
    return {"choices": list(dict.fromkeys(offered)), "multiselect": _is_several(param)}


def _choices(param: ParamDescription, known: KnownDevices) -> dict[str, Any]:
    """Return choices, multiselect and device_proto; nothing without choices."""
    several = _is_several(param)
    element = element_of(param.annotation)
    one = param.annotation if element is None else element
    values = literal_values(one)
    if values is not None:
        return {"choices": values, "multiselect": several}
    protocol = device_type(one)
    names = [] if protocol is None else known.names(protocol)
    if not names:
        return {}
    return {"choices": names, "multiselect": several, "device_proto": protocol}
