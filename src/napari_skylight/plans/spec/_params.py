"""The description of a plan and its parameters, and the errors about them."""

from __future__ import annotations

import enum
import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from napari_skylight.engine.actions import Action
from napari_skylight.plans.spec._annotations import (
    Bounds,
    Spread,
    bounds_of,
    is_optional,
    unit_of,
    unwrap,
    without_none,
    wording_of,
)
from napari_skylight.plans.spec._supported_types import shown_type


class UnresolvableAnnotationError(TypeError):
    """A required parameter that no field of a form can show.

    Attributes
    ----------
    plan_name, param_name : str
    annotation : Any
        The parameter's annotation without ``Annotated``.
    device : type or None
        The class or protocol of the devices it needs, if none is connected.
    """

    def __init__(
        self, plan_name: str, param_name: str, annotation: Any, device: type | None = None
    ) -> None:
        self.plan_name = plan_name
        self.param_name = param_name
        self.annotation = annotation
        self.device = device
        shown = re.sub(r"\w+\.", "", inspect.formatannotation(annotation))
        reason = (
            "no field can show that. Give it another type, a protocol marked @runtime_checkable, "
            "or a default."
            if device is None
            else f"no {device.__name__} is connected."
        )
        super().__init__(f"{plan_name} needs {param_name} ({shown}): {reason}")

    def in_words(self, title: str) -> str:
        """Return the message for the user who runs the plan called `title`."""
        if self.device is None:
            return str(self)
        return f"{title} needs {a_device(self.device)}: connect one."


class ParameterError(ValueError):
    """Values with which a plan cannot run.

    Attributes
    ----------
    problems : dict of str to str
        Messages by parameter name.
    """

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        super().__init__(" ".join(self.problems.values()))


class ParamKind(enum.IntEnum):
    """How a parameter is passed; the values are those of `inspect.Parameter.kind`."""

    POSITIONAL_ONLY = 0
    POSITIONAL_OR_KEYWORD = 1
    VAR_POSITIONAL = 2
    KEYWORD_ONLY = 3
    VAR_KEYWORD = 4


@dataclass(frozen=True, eq=False)
class ParamDescription:
    """One parameter of a plan."""

    name: str
    kind: ParamKind
    annotation: Any
    """The type hint without ``Annotated``; `Any` if there is none."""
    default: Any
    """The default, or `inspect.Parameter.empty`."""
    choices: list[Any] | None = None
    """The values to choose from: of a ``Literal`` or enum, or the names of matching devices."""
    multiselect: bool = False
    """Whether several can be chosen."""
    hidden: bool = False
    """Whether it has no field: it is filled in by the session or keeps its default."""
    actions: Action | Sequence[Action] | None = None
    """The default, if it consists of actions."""
    device_proto: type | None = None
    """The class or protocol of the devices to choose from."""
    missing: type | None = None
    """The class or protocol of the devices it takes, if it is hidden because none is connected."""
    metadata: tuple[Any, ...] = ()
    """The metadata in ``Annotated``."""
    element: ParamDescription | None = None
    """The description of each item of a collection or of ``*args``; None with choices."""
    record: type | None = None
    """The class of a value with `parts`: a dataclass, model or tuple, for example."""
    parts: tuple[ParamDescription, ...] = ()
    alternatives: tuple[ParamDescription, ...] = ()
    """One description for each kind of value that a union allows."""
    help: str = ""
    """Its description, if the type hint has one; the plan's docstring has precedence."""

    @property
    def has_default(self) -> bool:
        """Whether it has a default."""
        return self.default is not inspect.Parameter.empty

    @property
    def has_field(self) -> bool:
        """Whether a form has a field for it."""
        return not self.hidden and self.actions is None

    @property
    def required(self) -> bool:
        """Whether the plan needs a value."""
        variable = self.kind in (ParamKind.VAR_POSITIONAL, ParamKind.VAR_KEYWORD)
        return not self.has_default and (not variable or self.bounds.fewest > 0)

    @cached_property
    def optional(self) -> bool:
        """Whether None is allowed."""
        return is_optional(self.annotation) or self.default is None

    @cached_property
    def shown(self) -> Any:
        """The type as which a form shows it, one member of a union; None if no field can."""
        shown = shown_type(self.annotation, self.default)
        if shown is None and (self.element is not None or self.parts):  # with devices among them
            shown = unwrap(without_none(self.annotation))[0]
        return shown

    @property
    def spread(self) -> bool:
        """Whether the parts of each of ``*args`` are passed as separate arguments."""
        return any(isinstance(item, Spread) for item in self.metadata)

    @cached_property
    def label(self) -> str:
        """The label in a form."""
        return wording_of(self.metadata).label or sentence_case(self.name)

    @cached_property
    def unit(self) -> str:
        """The unit of the value, or an empty text."""
        return unit_of(self.metadata)

    @property
    def zero(self) -> str:
        """The text shown for the number 0, or an empty text."""
        return wording_of(self.metadata).zero

    @cached_property
    def bounds(self) -> Bounds:
        """The limits of the value."""
        return bounds_of(self.metadata)

    @property
    def initial(self) -> Any:
        """The value that a form starts with, or `inspect.Parameter.empty`.

        The default; without one, the device with the parameter's name or the first choice. A device
        to be moved is left to the user to choose.
        """
        if self.device_proto is None or not self.choices:
            if self.choices and not self.has_default:
                return [] if self.multiselect else self.choices[0]
            return self.default
        named = [self.name] if self.name in self.choices else []
        if self.multiselect:
            return _names(self.default) if self.has_default else named or self.choices[:1]
        if self.has_default:
            return named[0] if named and self.default is None else _name(self.default)
        if named:
            return named[0]
        return inspect.Parameter.empty if hasattr(self.device_proto, "set") else self.choices[0]


@dataclass(frozen=True, eq=False)
class PlanSpec:
    """A plan's name, docstring, parameters and actions."""

    name: str
    docs: str
    """The docstring, or an empty text."""
    parameters: list[ParamDescription] = field(default_factory=list)
    togglable: bool = False
    """Whether the plan runs until it is stopped."""
    pausable: bool = False

    @property
    def actions(self) -> tuple[Action, ...]:
        """The plan's actions, in order."""
        found: list[Action] = []
        for param in self.parameters:
            if isinstance(param.actions, Action):
                found.append(param.actions)
            elif param.actions is not None:
                found.extend(param.actions)
        return tuple(found)

    def defaults(self) -> dict[str, Any]:
        """Return the initial values of a form, with devices by name."""
        return {
            param.name: param.initial
            for param in self.parameters
            if param.has_field and param.initial is not inspect.Parameter.empty
        }


def sentence_case(name: str) -> str:
    """Return a Python name in words: "Live view" for "live_view"."""
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def a_device(device: type) -> str:
    words = _DEVICES.get(device.__name__)
    if words is None:
        words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", device.__name__).lower()
        words = f"{'an' if words[:1] in 'aeiou' else 'a'} {words}"
    return words


_DEVICES = {
    "Focus": "a focus drive",
    "Movable": "a device that can be moved",
    "Readable": "a device that can be read",
}


def _name(device: Any) -> Any:
    return getattr(device, "name", device)


def _names(devices: Any) -> list[Any]:
    return [] if devices is None else [_name(device) for device in devices]
