"""Makes a `ParamDescription` from a type hint."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, get_args

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
from napari_skylight.plans.spec._supported_types import (
    Member,
    device_type,
    distinct_members,
    field_type,
    fits,
    is_fixed_tuple,
    is_record,
    members_of,
    shown_type,
)
from napari_skylight.protocols import FrameCaches

_EMPTY = inspect.Parameter.empty


@dataclass(frozen=True)
class ParamDescriber:
    """Describes the parameters of a plan; see `create_plan_spec` for the attributes."""

    plan: str
    devices: Mapping[str, Any]
    matches: Callable[[Any, type], bool]
    choices: Callable[[Any, str], Iterable[str]]
    within: tuple[type, ...] = ()
    """The records whose parts are described."""

    def describe(
        self, member: Member, kind: ParamKind = ParamKind.KEYWORD_ONLY
    ) -> ParamDescription:
        """Describe a parameter, or a part of a value.

        Raises `UnresolvableAnnotationError` if it is required and no field can show it, or no
        device matches it.
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
            found = self._choices_of(source)
            several = found is not None and _is_several(param)
            hidden = found is None and param.has_default
            return replace(param, hidden=hidden, choices=found, multiselect=several)
        if any(isinstance(item, Mapping) and "widget_type" in item for item in metadata):
            return param  # the plan chooses a widget of magicgui
        try:
            return replace(param, **(self._choices(param) or self._structure(param, member)))
        except UnresolvableAnnotationError as error:
            if param.has_default:
                return replace(param, hidden=True, missing=error.device)
            raise UnresolvableAnnotationError(
                self.plan, member.name, annotation, error.device
            ) from error

    def _names(self, protocol: type) -> list[str]:
        """Return the names of the devices that match `protocol`.

        A part of a device, such as "stage.x", is listed if the whole device does not match.
        """
        names = [name for name, device in self.devices.items() if self.matches(device, protocol)]
        return [name for name in names if not any(name.startswith(f"{n}.") for n in names)]

    def _choices_of(self, source: ChoicesOf) -> list[Any] | None:
        offered = [
            choice
            for name in self._names(source.device)
            for choice in self.choices(self.devices[name], source.setting)
        ]
        return list(dict.fromkeys(offered)) or None

    def _choices(self, param: ParamDescription) -> dict[str, Any]:
        """Return choices, multiselect and device_proto; nothing without choices."""
        one = element_of(param.annotation) or param.annotation
        values, protocol = literal_values(one), device_type(one)
        if values is None and protocol is not None:
            values = self._names(protocol) or None
        if values is None:
            return {}
        return {"choices": values, "multiselect": _is_several(param), "device_proto": protocol}

    def _alternatives(self, member: Member) -> tuple[ParamDescription, ...]:
        """Describe the kinds of values of a union that a form can show, and its devices."""
        found = []
        hints = member_hints(member.hint)
        devices = [hint for hint in hints if field_type(hint) is None]
        for hint in (*distinct_members(hints), *devices):
            default = member.default if fits(member.default, hint) else _EMPTY
            with suppress(UnresolvableAnnotationError):
                found.append(self.describe(Member(member.name, hint, default, member.help)))
        return tuple(each for each in found if each.has_field)

    def _structure(self, param: ParamDescription, member: Member) -> dict[str, Any]:
        """Return the alternatives of a union, the element of a collection, or the parts."""
        if param.kind is ParamKind.VAR_POSITIONAL:
            return self._element(param, param.annotation, param.metadata)
        alternatives = self._alternatives(member)
        if len(alternatives) > 1:
            return {"alternatives": alternatives}
        shown = shown_type(param.annotation, param.default)
        whole = unwrap(without_none(param.annotation))[0] if shown is None else shown
        element = element_hint(whole)
        if element is not None:
            return self._element(param, element)
        if is_fixed_tuple(whole):
            hints = enumerate(get_args(whole), 1)
            parts = [self.describe(Member(str(number), hint)) for number, hint in hints]
            return {"record": tuple, "parts": tuple(_with_metadata_of(param, p) for p in parts)}
        if shown is None:
            kinds = (param.annotation, *get_args(param.annotation))
            device = next(filter(None, map(device_type, kinds)), None)
            raise UnresolvableAnnotationError(self.plan, param.name, param.annotation, device)
        return {"record": shown, "parts": self._parts(shown)} if is_record(shown) else {}

    def _element(
        self, param: ParamDescription, hint: Any, own: tuple[Any, ...] | None = None
    ) -> dict[str, Any]:
        return {"element": _with_metadata_of(param, self.describe(Member("item", hint)), own)}

    def _parts(self, record: type) -> tuple[ParamDescription, ...]:
        try:
            members = members_of(record)
        except Exception as error:  # a quoted hint can raise anything
            name = getattr(error, "name", None) or record.__name__
            raise UnresolvableAnnotationError(self.plan, name, record) from error
        if record in self.within:
            raise UnresolvableAnnotationError(self.plan, record.__name__, record)
        inner = replace(self, within=(*self.within, record))
        return tuple(map(inner.describe, members))


def _with_metadata_of(
    whole: ParamDescription, item: ParamDescription, own: tuple[Any, ...] | None = None
) -> ParamDescription:
    """Return `item` with the limits and unit that hold for each item of `whole`."""
    own = item.metadata if own is None else own
    return replace(item, metadata=item_metadata(whole.metadata, own))


def _is_several(param: ParamDescription) -> bool:
    return element_of(param.annotation) is not None or param.kind is ParamKind.VAR_POSITIONAL
