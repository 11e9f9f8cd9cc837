"""The session itself.

Everything that a dock, a menu command or a script does to a running plan goes through it. Its
methods never block; what happened is told by its signals, on whatever thread it happened.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import wait as wait_for_futures
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from bluesky.utils import RunEngineInterrupted, maybe_await
from psygnal import Signal

from napari_skylight.devices import Microscope
from napari_skylight.engine import EngineBusyError, RunEngine
from napari_skylight.engine.actions import Action
from napari_skylight.frames import CacheStore, FrameCache
from napari_skylight.plans import PlanRegistry, live_view, snap
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
from napari_skylight.protocols import HasChildren
from napari_skylight.session._devices import Devices
from napari_skylight.session._errors import cause_of, in_words
from napari_skylight.session._run import ENGINE_STATES, RunInfo, SessionState

LIGHT_SECONDS = 5.0
"""How long a light may take to go off at the end of a run."""


class Session:
    """An engine with its devices, plans and frame caches.

    Attributes
    ----------
    engine : RunEngine
    caches : CacheStore
        The frame caches that plans stash into.
    plans : PlanRegistry
        The plans that can be run, by name; `live_view` and `snap` to begin with.
    state : SessionState
    run : RunInfo or None
        The run under way, or the last one.
    problem : str
        What was reported last, in plain words; empty when it no longer stands.
    last_exception : BaseException or None
        What the problem was caused by.
    """

    state_changed = Signal(SessionState)
    run_changed = Signal(RunInfo)
    reported = Signal(str)
    """A problem in plain words; an empty text when it no longer stands."""
    devices_changed = Signal()
    plans_changed = Signal()
    microscope_changed = Signal()

    def __init__(self) -> None:
        self.engine = RunEngine()
        self.caches = CacheStore()
        self.plans = PlanRegistry()
        self.plans.add(live_view)
        self.plans.add(snap)
        self.state = SessionState.IDLE
        self.run: RunInfo | None = None
        self.problem = ""
        self.last_exception: BaseException | None = None
        self._actions: Mapping[str, Action] = {}
        self._opened: Future[Microscope] | None = None
        self._remembered: dict[str, Mapping[str, Any]] = {}
        self._devices = Devices(self.engine.loop)
        self._lock = threading.RLock()
        self._closed = False
        self._exit_status = "success"
        self._cache_problem = ""
        self._refused = False  # what is reported is the refusal of a setting
        self._devices.changed.connect(self.devices_changed.emit)
        self._devices.microscope_changed.connect(self.microscope_changed.emit)
        self.plans.changed.connect(self.plans_changed.emit)
        self.caches.added.connect(self._on_cache_added)
        self.engine.state_changed.connect(self._on_engine_state_changed)
        self.engine.subscribe(self._on_start_document, "start")  # type: ignore[no-untyped-call]

    # ---- devices and plans -------------------------------------------------------------------

    @property
    def devices(self) -> Mapping[str, Any]:
        """The connected devices, by name."""
        return self._devices

    @property
    def microscope(self) -> Microscope | None:
        """The microscope that is open."""
        return self._devices.microscope

    def add_plan(self, plan: Callable[..., Any], name: str | None = None) -> Callable[[], None]:
        """Add a plan to choose from; returns its undo."""
        return self.plans.add(plan, name)

    def add_device(self, device: Any) -> Future[None]:
        """Connect `device` on the engine's loop and add it under its name.

        The future fails with ValueError when the name is empty or taken, and with what the device
        raises when it cannot be connected.
        """
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
        if self.state.busy:
            raise EngineBusyError("Stop the plan before opening another microscope.")
        self.report(None)
        self._opened = self._devices.open(factory)
        self._opened.add_done_callback(self._report_failure)
        return self._opened

    def ensure_microscope(self, factory: Callable[[], Microscope]) -> Future[Microscope]:
        """Return the microscope that is open or being opened; open one where there is none."""
        opened = self._opened
        if opened is None or (opened.done() and opened.exception() is not None):
            return self.open_microscope(factory)
        return opened

    def spec(self, plan: str) -> PlanSpec:
        """Return what `plan` takes, its choices being the devices connected now.

        Raises
        ------
        KeyError
            If there is no such plan.
        UnresolvableAnnotationError
            If it needs a device and none that fits is connected.
        """
        return create_plan_spec(self.plans[plan], self._known(), matches=self._devices.matches)

    def _known(self) -> dict[str, Any]:
        return {**self._devices, self.caches.name: self.caches}

    # ---- a run -------------------------------------------------------------------------------

    def remember(self, plan: str, values: Mapping[str, Any]) -> None:
        """Keep what was chosen for `plan`, for the next form and the next start without values."""
        self._remembered[plan] = MappingProxyType(dict(values))

    def remembered(self, plan: str) -> Mapping[str, Any]:
        """Return what `plan` would run with: what was chosen last, as far as it is still allowed.

        Raises
        ------
        KeyError
            If there is no such plan.
        UnresolvableAnnotationError
            If it needs a device and none that fits is connected.
        """
        spec = self.spec(plan)
        defaults = spec.defaults()
        chosen = {**defaults, **self._remembered.get(plan, {})}
        wrong = find_problems(spec, chosen)
        allowed = {name: value for name, value in chosen.items() if name not in wrong}
        return {**defaults, **allowed}

    def start(self, plan: str, values: Mapping[str, Any] | None = None) -> Future[Any]:
        """Run `plan` with `values`, by parameter name; devices are given by their names.

        Parameters that are left out take their defaults. Without any `values` it runs with those
        that are `remembered`.

        Returns
        -------
        Future
            Ends as `RunEngine`'s does: with the plan, or with `RunEngineInterrupted` when it is
            paused or stopped. `state` and `run` say so by then.

        Raises
        ------
        EngineBusyError
            If a plan is under way.
        KeyError
            If there is no such plan.
        ParameterError
            If a value is missing or not allowed.
        """
        with self._lock:
            if self.state.busy:
                raise EngineBusyError(f"{self.run.title if self.run else 'A plan'} is running.")
            title = self.plans.title(plan)
            try:
                spec = self.spec(plan)
            except UnresolvableAnnotationError as error:
                problem = f"{title} needs {error.param_name}, and nothing connected fits."
                raise ParameterError({error.param_name: problem}) from error
            chosen = {**(self.remembered(plan) if values is None else spec.defaults())}
            chosen.update(values or {})
            check_arguments(spec, chosen)
            args, kwargs = collect_arguments(spec, resolve_arguments(spec, chosen, self._known()))
            messages = self.plans[plan](*args, **kwargs)
            self.engine.offer(spec.actions)
            self._actions = {action.name: action for action in spec.actions}
            self._exit_status = "success"
            self.remember(plan, chosen)
            run = RunInfo(plan, title, MappingProxyType(chosen), time.time())
            self.report(None)
            self._set_run(run)
            self._set_state(SessionState.RUNNING)
            future = self.engine(messages)
        return self._followed(future)

    @property
    def actions(self) -> Mapping[str, Action]:
        """The actions of the plan under way, by name; none when no plan is."""
        return self._actions if self.state.busy else {}

    def request(self, action: str, state: bool = True) -> bool:
        """Ask the running plan for `action`; False when no running plan offers it."""
        found = self.actions.get(action)
        return found is not None and found.request(state)

    def pause(self) -> None:
        """Pause the running plan; quiet when none is running."""
        if self.state is SessionState.RUNNING:
            self.engine.request_pause()

    def resume(self) -> Future[Any] | None:
        """Let the paused plan go on; None when none is paused."""
        if self.state is not SessionState.PAUSED:
            return None
        return self._followed(self.engine.resume())

    def stop(self) -> Future[Any]:
        """End the plan with its cleanup, and call that a success."""
        return self._end(self.engine.stop, "success")

    def abort(self) -> Future[Any]:
        """End the plan with its cleanup, and mark its runs as aborted."""
        return self._end(self.engine.abort, "abort")

    def halt(self) -> Future[Any]:
        """End the plan without its own cleanup; the devices it has set are still stopped."""
        return self._end(self.engine.halt, "abort")

    def _end(self, ask: Callable[[], Future[Any]], exit_status: str) -> Future[Any]:
        self._exit_status = exit_status
        return self._followed(ask())

    def clear_stacks(self) -> None:
        """Forget the frames that were kept."""
        for cache in self.caches:
            if cache.kind == "stack":
                cache.clear()

    def set(self, setting: str, value: Any) -> Future[None]:
        """Set a setting of a device, such as ``"camera.exposure"``; a running plan goes on.

        The future ends when the device has it. A refusal is its exception, and is reported.
        """

        async def work() -> None:
            name, *path = setting.split(".")
            if name not in self._devices:
                raise KeyError(f"There is no device called {name}.")
            target = self._devices[name]
            for part in path:
                target = _part(target, part)
            await _ended(target.set(value))

        def tell(future: Future[None]) -> None:
            refused = not future.cancelled() and future.exception() is not None
            if refused:
                self._report_failure(future)
            elif self._refused:
                self.report(None)
            self._refused = refused

        future = asyncio.run_coroutine_threadsafe(work(), self.engine.loop)
        future.add_done_callback(tell)
        return future

    # ---- what happened -----------------------------------------------------------------------

    def report(self, error: BaseException | str | None) -> None:
        """Tell every dock of a problem, in plain words; None takes the last one back."""
        if isinstance(error, BaseException):
            self.last_exception, self.problem = cause_of(error), in_words(error)
        else:
            self.last_exception, self.problem = None, error or ""
        self.reported.emit(self.problem)

    def _report_failure(self, future: Future[Any]) -> None:
        if not future.cancelled() and (error := future.exception()) is not None:
            self.report(error)

    def _on_cache_added(self, cache: FrameCache) -> None:
        cache.refused.connect(self._on_cache_refused)

    def _on_cache_refused(self, problem: str) -> None:
        if problem:
            self._cache_problem = problem
            self.report(problem)
        elif self.problem == self._cache_problem:
            self.report(None)

    def _on_start_document(self, _name: str, document: Mapping[str, Any]) -> None:
        with self._lock:
            if self.run is not None:
                self._set_run(replace(self.run, uids=(*self.run.uids, document["uid"])))

    def _on_engine_state_changed(self, new: str, _old: str) -> None:
        state = ENGINE_STATES.get(new)
        with self._lock:
            if state is None or self.run is None:
                return  # idle is told by the future, when a new run can be started
            now = time.time()
            if state is SessionState.PAUSED:
                self._set_run(replace(self.run, paused_since=now))
            elif self.run.paused_since is not None:
                paused = self.run.paused_seconds + now - self.run.paused_since
                self._set_run(replace(self.run, paused_since=None, paused_seconds=paused))
            self._set_state(state)

    def _followed(self, future: Future[Any]) -> Future[Any]:
        """Return a future that ends like the engine's, once everybody was told of it."""
        told: Future[Any] = Future()

        def tell(_: object = None) -> None:
            if str(self.engine.state) == "idle":
                self._finish(future)
            if (error := future.exception()) is not None:
                told.set_exception(error)
            else:
                told.set_result(future.result())

        def darken(_: Future[Any]) -> None:
            if str(self.engine.state) != "idle" or self._closed:
                tell()  # a pause; or the end of it all, when the engine has stopped every device
            else:
                dark = asyncio.run_coroutine_threadsafe(self._darken(), self.engine.loop)
                dark.add_done_callback(tell)

        future.add_done_callback(darken)
        return told

    async def _darken(self) -> None:
        """Stop every light: bluesky stops those that the plan has set, and nobody else's."""
        for light in self._devices.lights:
            try:
                async with asyncio.timeout(LIGHT_SECONDS):
                    await maybe_await(light.stop())
            except Exception as error:  # noqa: BLE001 - whatever a driver raises; the others must go off too
                self.report(error)

    def _finish(self, future: Future[Any]) -> None:
        with self._lock:
            if not self.state.busy or self.run is None:
                return  # told already by the other future of a run that was stopped
            error = future.exception()
            if error is None:
                failed = getattr(future.result(), "exit_status", "") == "fail"
            else:
                failed = not isinstance(error, RunEngineInterrupted)
            status = "fail" if failed else self._exit_status
            reason = in_words(error) if failed and error is not None else ""
            self._set_run(replace(self.run, ended=time.time(), exit_status=status, reason=reason))
            self._set_state(SessionState.FAILED if failed else SessionState.IDLE)
        if failed:
            self.report(error or "The plan failed while it was ended.")

    def _set_run(self, run: RunInfo) -> None:
        self.run = run
        self.run_changed.emit(run)

    def _set_state(self, state: SessionState) -> None:
        if state is not self.state:
            self.state = state
            self.state_changed.emit(state)

    # ---- the end -----------------------------------------------------------------------------

    def close(self, timeout: float = 3.0) -> None:
        """Stop the plan, end every thread, let go of the microscope. May be called twice.

        Parameters
        ----------
        timeout : float
            Seconds the plan has for its cleanup.
        """
        with self._lock:
            if self._closed:
                return
            self._closed = True
        wait_for_futures([self.engine.stop()], timeout * 2 / 3)
        dark = asyncio.run_coroutine_threadsafe(self._darken(), self.engine.loop)
        wait_for_futures([dark], timeout / 3)
        self.engine.close(timeout)
        self._devices.close()
        for cache in self.caches:
            cache.clear()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def _part(device: Any, name: str) -> Any:
    if isinstance(device, HasChildren):
        for child, part in device.children():
            if child == name:
                return part
    return getattr(device, name)


async def _ended(status: Any) -> None:
    """Wait for any kind of bluesky status; raise what it failed with."""
    if hasattr(status, "__await__"):
        await status
        return
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    status.add_callback(lambda _status: loop.call_soon_threadsafe(done.set_result, None))
    await done
    if (error := status.exception(0)) is not None:
        raise error
