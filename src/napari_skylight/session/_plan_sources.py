"""Where plans come from besides the built-in ones: other distributions, and a folder."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

from napari_skylight import _entry_points
from napari_skylight.plans import OfferedPlan, PlanRegistry, plans_in
from napari_skylight.plans.spec import check_plan
from napari_skylight.session._coalescing_task import CoalescingTask
from napari_skylight.session._error_text import SeveralProblems, in_words
from napari_skylight.session._plan_folder import PlanFolder
from napari_skylight.session._problems import Problems

GROUP = "napari_skylight.plans"
SLOW_SECONDS = 10.0
"""How long loading may take before it is said what it waits for."""


class PlanSources:
    """Puts the plans of entry points and of `folder` into `plans`.

    Parameters
    ----------
    plans : PlanRegistry
    folder : Path or None
    problems : Problems
        Told of plans, files and entry points that are no good, until a reload finds none.
    """

    def __init__(self, plans: PlanRegistry, folder: Path | None, problems: Problems) -> None:
        self._plans = plans
        self._folder = PlanFolder(folder) if folder is not None else None
        self._problems = problems
        self._things: dict[EntryPoint, Any] = {}  # what entry points have given
        self._names: list[str] = []
        self._loading = ""  # the entry point that is being imported
        self._task = CoalescingTask("skylight-load-plans", self._load_and_tell)
        self._closed = False

    def reload(self) -> Future[tuple[str, ...]]:
        """Load what is there now, on a thread of its own; the future says what is wrong."""
        future = self._task.ask()
        future.add_done_callback(self._problems.report_failure)
        return future

    def close(self, seconds: float) -> None:
        """Tell of nothing more; wait so long at most for what is being loaded."""
        self._closed = True
        self._task.wait(seconds)

    def _load_and_tell(self) -> tuple[str, ...]:
        slow = threading.Timer(SLOW_SECONDS, self._tell_what_is_slow)
        slow.name, slow.daemon = "skylight-slow-plans", True
        slow.start()
        try:
            return self._load()
        finally:
            slow.cancel()

    def _tell_what_is_slow(self) -> None:
        what = self._loading or (self._folder.loading if self._folder is not None else "")
        if what and not self._closed:
            problem = f"Loading plans waits for {what}: what comes after it is not there yet."
            self._problems.report(problem, about=self, stands=True)

    def _load(self) -> tuple[str, ...]:
        plans, problems = self._installed()
        if self._folder is not None:
            own, wrong = self._folder.load()
            plans += own
            problems += wrong
        if self._closed:
            return ()
        self._names, taken = self._plans.exchange(plans, instead_of=self._names)
        problems += taken
        if problems:
            self._problems.report(SeveralProblems.of(problems), about=self, stands=True)
        else:
            self._problems.take_back(self)
        return tuple(map(in_words, problems))

    def _installed(self) -> tuple[list[OfferedPlan], list[Exception]]:
        plans: list[OfferedPlan] = []
        problems: list[Exception] = []
        for point in _entry_points.offered(GROUP):
            try:
                if point not in self._things:
                    self._loading = f"{_entry_points.owner(point)} ({point.name})"
                    self._things[point] = _entry_points.load(point)
                plans += _plans_of(point, self._things[point], problems)
            except _entry_points.EntryPointError as error:
                problems.append(error)
        self._loading = ""
        return plans, problems


def _plans_of(point: EntryPoint, thing: Any, problems: list[Exception]) -> Iterator[OfferedPlan]:
    """Yield the plan that an entry point gives, or those of the module that it gives."""
    owner = _entry_points.owner(point)
    if not isinstance(thing, ModuleType):
        try:
            check_plan(thing)
        except TypeError as error:
            problems.append(TypeError(f"{owner}: its entry point {point.name}: {error}"))
        else:
            yield OfferedPlan(point.name, thing, f"from {owner}")
        return
    plans, wrong = plans_in(thing)
    for name, fault in wrong.items():
        problems.append(TypeError(f"{owner}: {thing.__name__}.{name}: {in_words(fault)}"))
    for name, plan in plans.items():
        yield OfferedPlan(name, plan, f"from {owner}")
