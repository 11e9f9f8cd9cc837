"""The session itself.

Everything that a dock, a menu command or a script does to a running plan goes through it. Its
methods never block; what happened is told by its signals, on whatever thread it happened.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from concurrent.futures import wait as wait_for_futures
from typing import Any

from psygnal import SignalInstance

from napari_skylight.engine import EngineBusyError
from napari_skylight.engine.actions import Action
from napari_skylight.session._workbench import Workbench


class Session(Workbench):
    """An engine with its devices, plans and frame caches.

    Parameters
    ----------
    home : Path, optional
        The folder of the person's own files, such as `home_folder` returns: plans in ``plans``,
        and what was chosen last in ``choices.json``. The plans are loaded from the start, and so
        are those that other distributions offer. Without it nothing is kept on disk, and there are
        the built-in plans only, until `reload_plans`.

    Attributes
    ----------
    home : Path or None
    engine : RunEngine
    caches : CacheStore
        The frame caches that plans stash into.
    plans : PlanRegistry
        The plans that can be run, by name; to begin with `live_view`, `snap` and some of bluesky's.
    runs : RunHistory
        Every run so far, newest first.
    progress : RunProgress
        How far the run is, and what it waits for.
    """

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
            self._check_open()
            if self.state.busy:
                raise EngineBusyError(f"{self.run.title if self.run else 'A plan'} is running.")
            if self._devices.opening:
                raise EngineBusyError("A microscope is being opened: wait until it is there.")
            run, messages, actions = self._choices.prepare(plan, values)
            started = self._runner.start(run, messages, actions)
        self._memory.save()
        return started

    @property
    def actions(self) -> Mapping[str, Action]:
        """The actions of the plan under way, by name; none when no plan is."""
        return self._runner.actions

    def request(self, action: str, state: bool = True) -> bool:
        """Ask the running plan for `action`; False when no running plan offers it."""
        found = self.actions.get(action)
        return found is not None and found.request(state)

    def pause(self) -> None:
        """Pause the running plan; quiet when none is running."""
        self._runner.pause()

    def resume(self) -> Future[Any] | None:
        """Let the paused plan go on; None when none is paused."""
        return self._runner.resume()

    def stop(self) -> Future[Any]:
        """Stop all motion; end the plan with its cleanup, and call that a success."""
        self._sets.stop(plan=False)
        return self._runner.stop()

    def abort(self) -> Future[Any]:
        """Stop all motion; end the plan with its cleanup, and mark its runs as aborted."""
        self._sets.stop(plan=False)
        return self._runner.abort()

    def halt(self) -> Future[Any]:
        """Stop all motion; end the plan without its own cleanup."""
        self._sets.stop(plan=False)
        return self._runner.halt()

    def clear_stacks(self) -> None:
        """Forget the frames that were kept."""
        for cache in self.caches:
            if cache.kind == "stack":
                cache.clear()

    def set(self, setting: str, value: Any, *, report: bool = True) -> Future[None]:
        """Set a setting of a device, such as ``"camera.exposure"``; a running plan goes on.

        A new value replaces one that is still pending.

        Parameters
        ----------
        setting : str
        value : object
        report : bool, optional
            Whether a refusal is also reported; False where the caller shows it.

        Returns
        -------
        Future
            Ends when the device has the value. Fails with the device's refusal; with
            `SetCancelled` when another value came or the device was stopped.
        """
        self._check_open()
        return self._sets.set(setting, value, report)

    @property
    def is_moving(self) -> bool:
        """Whether a device is moving that was set with `set`."""
        return self._sets.is_moving

    @property
    def motion_changed(self) -> SignalInstance:
        """Emitted when `is_moving` may have changed."""
        return self._sets.motion_changed

    def stop_motion(self) -> Future[None]:
        """Stop every device that the user or the running plan has moving; lights stay as they are.

        Returns
        -------
        Future
            Ends when they have stopped; fails if one cannot be stopped. A plan that waits for such
            a move fails.
        """
        return self._sets.stop(plan=True)

    # ---- the end -----------------------------------------------------------------------------

    @property
    def closed(self) -> bool:
        """Whether it was closed, and can run nothing any more."""
        return self._closed

    def close(self, timeout: float = 3.0) -> None:
        """Stop the plan, end every thread, let go of the microscope. May be called twice.

        Parameters
        ----------
        timeout : float
            About how many seconds it may take at most, were the plan or a device to hang.
        """
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._devices.give_up()
        # A plan or device that does not let go must not hold up whoever closes the window.
        ending: list[Future[Any]] = [self._sets.stop(plan=False), self.engine.stop()]
        wait_for_futures(ending, timeout * 0.4)
        self._sets.give_up()
        self._runner.give_up()
        self._darken(timeout * 0.1)
        self._sources.close(timeout * 0.1)
        self._memory.close(timeout * 0.1)
        self.engine.close(timeout * 0.1)
        self._devices.close(timeout * 0.2)
        for cache in self.caches:
            cache.clear()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
