"""The values of a plan: its choices, the values used last, and the call of the plan."""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from psygnal import Signal

from napari_skylight._signals import announce
from napari_skylight.engine.actions import Action
from napari_skylight.frames import CacheStore
from napari_skylight.plans import PlanRegistry
from napari_skylight.plans.spec import (
    ParameterError,
    PlanSpec,
    UnresolvableAnnotationError,
    check_arguments,
    collect_arguments,
    create_plan_spec,
    find_problems,
    resolve_arguments,
)
from napari_skylight.processing import Processes
from napari_skylight.session._devices import Devices
from napari_skylight.session._problems import Problems
from napari_skylight.session._recent_values import RecentValues, items_of
from napari_skylight.session._tasks import RunInfo

_log = logging.getLogger("napari_skylight")


class Choices:
    """The values of `plans`, kept in `home`, with the connected devices as choices."""

    plan_chosen = Signal(str)

    def __init__(
        self,
        plans: PlanRegistry,
        devices: Devices,
        caches: CacheStore,
        processes: Processes,
        home: Path | None,
        problems: Problems,
    ) -> None:
        self._plans = plans
        self._devices = devices
        self._caches = caches
        self._processes = processes
        self._recent = RecentValues(None if home is None else home / "choices.json", problems)
        self.save = self._recent.save
        self.close = self._recent.close
        self._held: dict[str, Mapping[str, list[Any]]] = {}  # connected devices, by plan and name
        self._dropped: dict[str, str] = {}  # as logged, by plan

    @property
    def last_plan(self) -> str:
        """The plan chosen or started last, or an empty text."""
        return self._recent.last_plan

    def choose(self, plan: str, values: Mapping[str, Any]) -> None:
        """Keep `values` and have every form show `plan`."""
        self.remember(plan, values)
        announce(self.plan_chosen, plan)

    def spec(self, plan: str) -> PlanSpec:
        """Return the parameters of `plan`, with the connected devices as choices."""
        found, known, devices = self._plans[plan], self._known(), self._devices
        return create_plan_spec(found, known, matches=devices.matches, choices=devices.choices)

    def remember(self, plan: str, values: Mapping[str, Any]) -> None:
        """Keep `values` as those used last for `plan`."""
        held = {name: _devices_in(value, self._devices) for name, value in values.items()}
        self._held[plan] = held
        self._recent.remember(plan, values)

    def remembered(self, plan: str) -> Mapping[str, Any]:
        """Return the allowed ones of the values used last, over the defaults of `plan`."""
        spec = self.spec(plan)
        defaults = spec.defaults()
        chosen = self._recent.values(plan)
        wrong = find_problems(spec, {**defaults, **chosen})
        connected = {id(device) for device in self._known().values()}
        for name, devices in self._held.get(plan, {}).items():
            if not connected.issuperset(map(id, devices)):
                wrong[name] = f"{name}: its device is gone."
        dropped = " ".join(text for name, text in wrong.items() if name in chosen)
        if dropped and dropped != self._dropped.get(plan):
            _log.info("%s, dropped from the values used last: %s", self._plans.title(plan), dropped)
        self._dropped[plan] = dropped
        return defaults | {name: value for name, value in chosen.items() if name not in wrong}

    def prepare(
        self, plan: str, values: Mapping[str, Any] | None
    ) -> tuple[RunInfo, Generator[Any, Any, Any], tuple[Action, ...]]:
        """Call `plan` with `values`; return its run, messages and actions.

        Raise KeyError without such a plan, ParameterError if a value is missing or not allowed.
        """
        title = self._plans.title(plan)
        try:
            spec = self.spec(plan)
        except UnresolvableAnnotationError as error:
            raise ParameterError({error.param_name: error.in_words(title)}) from error
        chosen = dict(self.remembered(plan)) if values is None else spec.defaults() | dict(values)
        check_arguments(spec, chosen)
        args, kwargs = collect_arguments(
            spec, resolve_arguments(spec, chosen, self._known(), self._devices.adapt)
        )
        messages = self._plans[plan](*args, **kwargs)
        self.remember(plan, chosen)
        run = RunInfo(plan, title, MappingProxyType(chosen), time.time(), spec=spec)
        return run, messages, spec.actions

    def _known(self) -> dict[str, Any]:
        """Return the processes and devices by name, their parts by path, and the frame caches."""
        devices = {**self._devices, **self._devices.parts, self._caches.name: self._caches}
        return {**self._processes, **devices}


def _devices_in(value: Any, devices: Devices, depth: int = 8) -> list[Any]:
    """Return the connected devices, and parts of them, in a value or its items."""
    if any(value is device for device in (*devices.values(), *devices.parts.values())):
        return [value]
    inner = items_of(value) if depth else []
    return [found for each in inner for found in _devices_in(each, devices, depth - 1)]
