"""What a plan is run with: what can be chosen, what was chosen last, and the call itself."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from types import MappingProxyType
from typing import Any

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
from napari_skylight.session._devices import Devices
from napari_skylight.session._recent_values import RecentValues
from napari_skylight.session._run_info import RunInfo


class Choices:
    """The values for `plans`, over the devices that are connected.

    Parameters
    ----------
    plans : PlanRegistry
    devices : Devices
    caches : CacheStore
    memory : RecentValues
        What was chosen last.
    """

    def __init__(
        self, plans: PlanRegistry, devices: Devices, caches: CacheStore, memory: RecentValues
    ) -> None:
        self._plans = plans
        self._devices = devices
        self._caches = caches
        self._memory = memory

    def spec(self, plan: str) -> PlanSpec:
        """Return what `plan` takes, its choices being the devices connected now."""
        return create_plan_spec(
            self._plans[plan],
            self._known(),
            matches=self._devices.matches,
            choices=self._devices.choices,
        )

    def remembered(self, plan: str) -> Mapping[str, Any]:
        """Return what was chosen for `plan`, as far as it is allowed, over its defaults."""
        spec = self.spec(plan)
        defaults = spec.defaults()
        chosen = {**defaults, **self._memory.values(plan)}
        wrong = find_problems(spec, chosen)
        allowed = {name: value for name, value in chosen.items() if name not in wrong}
        return {**defaults, **allowed}

    def prepare(
        self, plan: str, values: Mapping[str, Any] | None
    ) -> tuple[RunInfo, Generator[Any, Any, Any], tuple[Action, ...]]:
        """Call `plan` with `values`; return its run, its messages and its actions.

        Raises
        ------
        KeyError
            If there is no such plan.
        ParameterError
            If a value is missing or not allowed.
        """
        title = self._plans.title(plan)
        try:
            spec = self.spec(plan)
        except UnresolvableAnnotationError as error:
            raise ParameterError({error.param_name: error.in_words(title)}) from error
        chosen = {**(self.remembered(plan) if values is None else spec.defaults())}
        chosen.update(values or {})
        check_arguments(spec, chosen)
        args, kwargs = collect_arguments(spec, resolve_arguments(spec, chosen, self._known()))
        messages = self._plans[plan](*args, **kwargs)
        self._memory.remember(plan, chosen)
        run = RunInfo(plan, title, MappingProxyType(chosen), time.time(), spec=spec)
        return run, messages, spec.actions

    def _known(self) -> dict[str, Any]:
        """Return what a plan can be given, by name; parts of devices by dotted names."""
        return {**self._devices, **self._devices.parts, self._caches.name: self._caches}
