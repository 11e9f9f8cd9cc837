"""Values that a user sets on devices: pending, replaced by the next one, stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from typing import Any

import numpy as np
from bluesky.protocols import Movable, Stoppable
from bluesky.utils import maybe_await
from psygnal import Signal

from napari_skylight._signals import announce
from napari_skylight.engine import RunEngine
from napari_skylight.engine._calls import name_timeout
from napari_skylight.plans.spec import ParameterError
from napari_skylight.protocols import HasChildren, Light
from napari_skylight.session._device_signals import SettingKind
from napari_skylight.session._devices import Devices
from napari_skylight.session._problems import Problems, cause_of

REFUSAL_SECONDS = 0.05
"""A set that fails within this time was refused; the former set stays pending."""

STOP_SECONDS = 5.0
"""How long one device may take to stop."""

NUMBERS = SettingKind.NUMBER, SettingKind.INTEGER
ENDING = "stopping", "aborting", "halting"


class SetCancelled(CancelledError):  # noqa: N818 - after CancelledError
    """A set was replaced by another value, or its device was stopped; the message says which."""


class PendingSets:
    """Sets parts of `devices`, and stops those that move.

    When the plan is stopped, aborted or halted, all motion stops before the plan cleans up.
    """

    motion_changed = Signal()
    """`is_moving` may have changed; emitted on the engine's loop."""

    def __init__(self, engine: RunEngine, devices: Devices, problems: Problems) -> None:
        self._engine = engine
        self._loop = engine.loop
        self._devices = devices
        self._problems = problems
        self._futures: set[Future[None]] = set()
        self._pending: list[_PendingSet] = []
        self._stopping: set[asyncio.Task[None]] = set()
        engine.state_changed.connect(self._on_engine_state_changed)

    def set(self, path: str, value: Any, report: bool) -> Future[None]:
        """Set a part such as "camera.exposure"; see `Session.set`."""
        future = asyncio.run_coroutine_threadsafe(self._set(path, value, report), self._loop)
        self._futures.add(future)
        future.add_done_callback(self._futures.discard)
        return future

    def give_up(self) -> None:
        """End what is pending as cancelled."""
        for future in tuple(self._futures):
            future.cancel()

    @property
    def is_moving(self) -> bool:
        """Whether the user has a device moving."""
        return any(each.mover is not None for each in tuple(self._pending))

    def stop(self, *, plan: bool) -> Future[None]:
        """Stop the devices that the user, or with `plan` also the plan, has moving.

        See `Session.stop_motion`.
        """
        stopping = self._stop(plan)
        try:
            return asyncio.run_coroutine_threadsafe(stopping, self._loop)
        except RuntimeError:  # the loop is closed: nothing is pending
            stopping.close()
            ended: Future[None] = Future()
            ended.set_result(None)
            return ended

    async def _set(self, path: str, value: Any, report: bool) -> None:
        try:
            await self._set_and_wait(path, value)
        except SetCancelled:  # no problem
            raise
        except Exception as error:
            name_timeout(cause_of(error), path, "set")
            if report:
                self._problems.report(error, about=self)
            raise
        self._problems.take_back(self)

    async def _set_and_wait(self, path: str, value: Any) -> None:
        target, mover = self._find(path)
        info = self._devices.info(path)
        if isinstance(value, bool | np.bool_) and info is not None and info.kind in NUMBERS:
            raise ParameterError({path: f"{path} must be a number, not {value}."})
        new = _PendingSet(path, mover, target.set(value))
        before = [each for each in self._pending if each.path == path]
        self._pending.append(new)
        announce(self.motion_changed)
        try:
            await self._replace(before, new, f"{path} was given a new value: {value}.")
            await new.ended
        finally:
            self._pending.remove(new)
            announce(self.motion_changed)

    async def _replace(self, before: list[_PendingSet], new: _PendingSet, reason: str) -> None:
        if not before:
            return
        for each in before:
            each.hold()
        await asyncio.wait([new.ended], timeout=REFUSAL_SECONDS)
        for each in before:
            if new.failed:
                each.release()
            else:
                each.give_up(reason)

    def _find(self, path: str) -> tuple[Any, Any]:
        """Return the part at `path`, and the innermost part on the path that can be stopped."""
        name, *parts = str(path).split(".")
        target = self._devices.get(name)
        mover = target if self._moves(target) else None
        for part in parts:
            target = _part(target, part)
            mover = target if self._moves(target) else mover
        if not callable(getattr(target, "set", None)):
            raise ParameterError({str(path): self._no_signal(path, name)})
        return target, mover

    def _no_signal(self, path: str, name: str) -> str:
        if name not in self._devices:
            devices = f"the devices are {', '.join(self._devices)}" if self._devices else ""
            return f"There is no signal {path!r}: {devices or 'no device is connected'}."
        signals = ", ".join(each for each in self._devices.parts if each.split(".")[0] == name)
        known = f"the signals of {name} are {signals}" if signals else f"{name} has no such signal"
        return f"{path} cannot be set: {known}."

    def _moves(self, device: Any) -> bool:
        # stopping a light would switch it off
        is_mover = isinstance(device, Movable) and isinstance(device, Stoppable)
        return is_mover and not self._devices.matches(device, Light)

    async def _stop(self, plan: bool) -> None:
        problems = await asyncio.gather(*self._begin_to_stop(plan, success=not plan))
        if failed := [each for each in problems if each is not None]:
            self._problems.report(failed[0], about=self)
            raise failed[0]

    def _begin_to_stop(self, plan: bool, success: bool) -> Iterable[asyncio.Task[Any]]:
        movers = {id(each.mover): each.mover for each in self._pending if each.mover is not None}
        if plan:
            movers |= {id(each): each for each in self._engine.moved if self._moves(each)}
        tasks = [self._loop.create_task(self._stop_one(each, success)) for each in movers.values()]
        self._stopping.update(tasks)
        for task in tasks:
            task.add_done_callback(self._stopping.discard)
        return tasks

    async def _stop_one(self, mover: Any, success: bool) -> Exception | None:
        stopped = [each for each in self._pending if each.mover is mover]
        for each in stopped:
            each.reason = f"{each.path} was stopped."
        failure: Exception | None = None
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await maybe_await(mover.stop(success=success))
        except TimeoutError:
            failure = TimeoutError(f"{mover.name} did not stop within {STOP_SECONDS:g} s.")
        except Exception as error:  # noqa: BLE001 - a driver may raise anything; the others must stop
            failure = error
        for each in stopped:
            if failure is None:
                each.give_up(each.reason)
            else:  # it still moves
                each.reason = ""
        return failure

    def _on_engine_state_changed(self, new: str, _old: str) -> None:  # on the loop
        if new in ENDING:
            self._begin_to_stop(plan=True, success=True)


class _PendingSet:
    """One call of a device's ``set()``, until its status is done or it is given up."""

    def __init__(self, path: str, mover: Any, status: Any) -> None:
        self.path = path
        self.mover = mover
        self.reason = ""
        self._holds = 0
        self._done = False
        self._error: BaseException | None = None
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._status = status
        if hasattr(status, "add_callback"):
            status.add_callback(self._on_done)
        else:
            asyncio.ensure_future(status).add_done_callback(self._on_awaited)

    @property
    def failed(self) -> bool:
        """Whether it has ended with an exception."""
        return self.ended.done() and self.ended.exception() is not None

    def hold(self) -> None:
        """Do not end before `release` or `give_up`."""
        self._holds += 1

    def release(self) -> None:
        """Undo `hold`."""
        self._holds -= 1
        if not self._holds and self._done:
            self._end(self._error)

    def give_up(self, reason: str) -> None:
        """End it as cancelled; the device may still be busy with it."""
        self.reason = reason
        self._holds = 0
        self._end(None)

    def _on_done(self, status: Any) -> None:  # on any thread
        error = status.exception(0)
        with suppress(RuntimeError):  # the loop is closed
            self.ended.get_loop().call_soon_threadsafe(self._end, error)

    def _on_awaited(self, done: asyncio.Future[Any]) -> None:
        self._end(asyncio.CancelledError() if done.cancelled() else done.exception())

    def _end(self, error: BaseException | None) -> None:
        self._done, self._error = True, error
        if self.ended.done() or self._holds:
            return
        if self.reason:
            error = SetCancelled(self.reason)
        elif isinstance(error, asyncio.CancelledError):
            error = SetCancelled(f"{self.path} was given up by its device.")
        if error is None:
            self.ended.set_result(None)
        else:
            self.ended.set_exception(error)


def _part(device: Any, name: str) -> Any:
    children = dict(device.children()) if isinstance(device, HasChildren) else {}
    return children[name] if name in children else getattr(device, name, None)
