"""What a run needs: devices, plans, what was chosen for them, and the engine.

Everything that a dock, a menu command or a script does goes through `Session`, which adds the
running. Methods never block; what happened is told by signals, on whatever thread it happened.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any

from bluesky import plans as bp
from psygnal import Signal

from napari_skylight._signals import announce
from napari_skylight.devices import Microscope, make_microscope
from napari_skylight.engine import EngineBusyError, RunEngine
from napari_skylight.frames import CacheStore
from napari_skylight.plans import PlanRegistry, live_view, snap
from napari_skylight.plans.spec import PlanSpec
from napari_skylight.session._choices import Choices
from napari_skylight.session._devices import Devices
from napari_skylight.session._frame_counts import Tally
from napari_skylight.session._pending_sets import PendingSets
from napari_skylight.session._plan_sources import PlanSources
from napari_skylight.session._problems import Problems
from napari_skylight.session._recent_values import RecentValues
from napari_skylight.session._run_history import RunHistory
from napari_skylight.session._run_info import RunInfo, SessionState
from napari_skylight.session._run_progress import RunProgress
from napari_skylight.session._runner import Runner

BUILT_IN = live_view, snap, bp.count, bp.scan, bp.rel_scan, bp.list_scan, bp.grid_scan

LIGHT_SECONDS = 5.0
"""How long a light may take to go off at the end of a run."""


class Workbench:
    """A session before anything is run; see `Session`."""

    state_changed = Signal(SessionState)
    """Another `state`. Like all of these it is emitted on whatever thread it happened."""
    run_changed = Signal(RunInfo)
    """Another `run`, or something of it."""
    reported = Signal(str)
    """A problem in plain words; an empty text when it no longer stands."""
    devices_changed = Signal()
    """Devices came or went."""
    plans_changed = Signal()
    """Plans came, went, or were exchanged."""
    microscope_changed = Signal()
    """Another microscope is open."""
    plan_chosen = Signal(str)
    """A plan, and values for it, are to be put in every form."""

    def __init__(self, home: Path | None = None) -> None:
        self.home = home
        self.engine = RunEngine()
        self.caches = CacheStore()
        self.plans = PlanRegistry()
        for plan in BUILT_IN:
            self.plans.add(plan, origin="built in")
        self._opened: Future[Microscope] | None = None
        self._problems = Problems()
        self._sources = PlanSources(self.plans, self.plans_folder, self._problems)
        self._devices = Devices(self.engine.loop)
        kept = None if home is None else home / "choices.json"
        self._memory = RecentValues(kept, self._problems)
        self._choices = Choices(self.plans, self._devices, self.caches, self._memory)
        self._runner = Runner(self.engine, self._darken, self.report, lambda: Tally.of(self.caches))
        self.progress = RunProgress(self.engine, self._runner)
        self._sets = PendingSets(self.engine, self._devices, self._problems)
        self.runs = RunHistory(self.engine, self._runner, self.caches)
        self._lock = threading.RLock()
        self._closed = False
        self._devices.changed.connect(self.devices_changed.emit)
        self._devices.microscope_changed.connect(self.microscope_changed.emit)
        self.plans.changed.connect(self.plans_changed.emit)
        self.caches.added.connect(self._problems.follow)
        self._runner.state_changed.connect(self.state_changed.emit)
        self._runner.run_changed.connect(self.run_changed.emit)
        self._devices.failed.connect(self.report)
        self._devices.incomplete.connect(self._on_devices_incomplete)
        self._problems.changed.connect(self.reported.emit)
        if home is not None:
            self.reload_plans()

    @property
    def state(self) -> SessionState:
        """What the engine is doing."""
        return self._runner.state

    @property
    def run(self) -> RunInfo | None:
        """The run under way, or the last one."""
        return self._runner.run

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("The session was closed: make a new one.")

    @property
    def devices(self) -> Mapping[str, Any]:
        """The connected devices, by name."""
        return self._devices

    @property
    def microscope(self) -> Microscope | None:
        """The microscope that is open."""
        return self._devices.microscope

    def add_plan(self, plan: Callable[..., Any], name: str | None = None) -> Callable[[], None]:
        """Add a plan to choose from, or one edited meanwhile; returns its undo.

        Raises
        ------
        TypeError
            If `plan` is no generator function, or has no ``MsgGenerator`` return annotation.
        ValueError
            If there is a plan of that name that was not added by this method.
        """
        return self.plans.add(plan, name)

    @property
    def plans_folder(self) -> Path | None:
        """The folder of the person's own plans, which need not be there; None without a `home`."""
        return None if self.home is None else self.home / "plans"

    def reload_plans(self) -> Future[tuple[str, ...]]:
        """Load the plans of `plans_folder` and of other distributions, as they are now.

        On a thread of its own, and in one change of `plans`. Plans whose files or distributions
        have gone are gone; those of a file that is broken stay as they were. A plan under way goes
        on as it began.

        Returns
        -------
        Future
            Ends with what is wrong, a text for each file, plan or entry point; that is reported
            too.
        """
        self._check_open()
        return self._sources.reload()

    def add_device(self, device: Any) -> Future[None]:
        """Connect `device` on the engine's loop and add it under its name.

        The future fails with ValueError when the name is empty or taken, and with what the device
        raises when it cannot be connected.
        """
        self._check_open()
        return self._devices.add(device)

    def open_microscope(self, factory: Callable[[], Microscope]) -> Future[Microscope]:
        """Make a microscope, on a thread of its own, and connect it in place of the one before.

        Parameters
        ----------
        factory : callable
            Such as `napari_skylight.devices.sim.microscope`.

        Raises
        ------
        EngineBusyError
            If a plan is under way.
        """
        with self._lock:
            self._check_open()
            if self.state.busy:
                raise EngineBusyError("Stop the plan before opening another microscope.")
            self._problems.take_back(self._devices)
            self.report(None)
            self._opened = self._devices.open(factory)
        return self._opened

    def open_devices(self, source: str | Path) -> Future[Microscope]:
        """Open the devices of a file in place of the microscope before.

        Those that cannot be made, or do not connect, are reported with the line of the file; the
        others are there.

        Parameters
        ----------
        source : str or Path
            A TOML file, or the name of a factory: see `napari_skylight.devices.make_microscope`.

        Returns
        -------
        Future
            Fails with what `make_microscope` raises, or when not one of the devices connects.

        Raises
        ------
        EngineBusyError
            If a plan is under way.
        """
        return self.open_microscope(partial(make_microscope, source))

    @property
    def opening(self) -> bool:
        """Whether a microscope is being opened; no plan can start meanwhile."""
        return self._devices.opening

    def ensure_microscope(self, factory: Callable[[], Microscope]) -> Future[Microscope]:
        """Return the microscope that is open or being opened; open one where there is none."""
        with self._lock:
            if self._opened is not None and not self._opened.done():
                return self._opened
            if self._devices.microscope is None:
                return self.open_microscope(factory)
            there: Future[Microscope] = Future()
            there.set_result(self._devices.microscope)
            return there

    def spec(self, plan: str) -> PlanSpec:
        """Return what `plan` takes, its choices being the devices connected now.

        Raises
        ------
        KeyError
            If there is no such plan.
        UnresolvableAnnotationError
            If it needs a device and none that fits is connected.
        """
        return self._choices.spec(plan)

    # ---- what was chosen ---------------------------------------------------------------------

    def remember(self, plan: str, values: Mapping[str, Any]) -> None:
        """Keep what was chosen for `plan`, for the next form and the next start without values.

        Written to the disk when a plan starts, and on `close`.
        """
        self._choices.remember(plan, values)

    @property
    def last_plan(self) -> str:
        """The plan chosen or started last, perhaps in an earlier session; empty if none was.

        It need not be among `plans`, or not yet.
        """
        return self._memory.last_plan

    def remembered(self, plan: str) -> Mapping[str, Any]:
        """Return what `plan` would run with: what was chosen last, as far as it is still allowed.

        Raises
        ------
        KeyError
            If there is no such plan.
        UnresolvableAnnotationError
            If it needs a device and none that fits is connected.
        """
        return self._choices.remembered(plan)

    def choose(self, plan: str, values: Mapping[str, Any]) -> None:
        """Have every form show `plan` with `values`, as far as they are still allowed.

        Raises
        ------
        KeyError
            If there is no such plan.
        EngineBusyError
            If a plan is under way: the forms show that one.
        """
        self.plans[plan]
        if self.state.busy:
            raise EngineBusyError("Stop the plan before choosing another.")
        self.remember(plan, values)
        announce(self.plan_chosen, plan)

    # ---- what happened -----------------------------------------------------------------------

    @property
    def problem(self) -> str:
        """What was reported last, in plain words; empty when it no longer stands."""
        return self._problems.text

    @property
    def last_exception(self) -> BaseException | None:
        """What the problem was caused by."""
        return self._problems.exception

    def report(self, error: BaseException | str | None) -> None:
        """Tell every dock of a problem, in plain words; None takes the last one back."""
        self._problems.report(error)

    def _on_devices_incomplete(self, error: Exception) -> None:
        self._problems.report(error, about=self._devices, stands=True)

    def _darken(self, seconds: float = LIGHT_SECONDS) -> None:
        """Switch every light off: bluesky stops those that the plan has set, and nobody else's.

        Not for the engine's thread, which has to do it.
        """
        for problem in self._devices.darken(seconds):
            self.report(problem)
