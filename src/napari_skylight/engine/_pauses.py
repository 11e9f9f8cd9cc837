"""Pausing, suspending, resuming and stopping a plan and its devices, after an open event."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from bluesky.protocols import Pausable, Stoppable
from bluesky.utils import FailedPause, maybe_await, single_gen

from napari_skylight.engine import _calls
from napari_skylight.engine._calls import answer_within, device_name, timeout_text
from napari_skylight.engine._task import finish
from napari_skylight.engine._waits import Awaited

if TYPE_CHECKING:
    from asyncio import TimerHandle
    from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator

    from bluesky.protocols import Status
    from bluesky.utils import Msg

    from napari_skylight.engine._interrupts import Interruptible

    Request = Callable[[], Coroutine[Any, Any, None]]

EVENT_SECONDS = 1.0
"""How long a pause waits for an event without a stashed frame, and a stop for one with a frame."""


class SeenDevices(set[Any]):
    """The devices that bluesky pauses one after the other, and the current one."""

    current: Any = None

    def __iter__(self) -> Iterator[Any]:
        for self.current in super().__iter__():
            yield self.current
        self.current = None


async def stop_devices(
    engine: Interruptible, devices: Iterable[Any], *, success: bool
) -> list[Any]:
    """Stop each device and return them; one that fails or hangs is logged instead."""
    stopped = []
    for device in devices:
        if isinstance(device, Stoppable):
            engine.awaited = (Awaited(device, "stop"),)
            try:
                await _call(device, "stop", success=success)
                stopped.append(device)
            except BaseException:  # a cancellation or exit too: the run must end, light off
                engine.log.exception("Failed to stop %s.", device_name(device))
    engine.awaited = ()
    return stopped


async def resume_devices(engine: Interruptible) -> None:
    """Resume each device that the plan has used; if one fails, pause them again and raise."""
    resumed = []
    try:
        for device in engine._objs_seen:
            if isinstance(device, Pausable):
                resumed.append(device)  # before the call, which may fail halfway
                await _call(device, "resume")
    except BaseException:  # an exit too: a paused plan leaves no light on
        for device in resumed:
            try:
                await _call(device, "pause")
            except BaseException:  # whatever a driver raises: the others must be paused
                engine.log.exception("Failed to pause %s.", device_name(device))
        raise


async def _call(device: Any, name: str, **options: Any) -> None:
    answer = maybe_await(getattr(device, name)(**options))
    await answer_within(_calls.PAUSE_SECONDS, device, name, answer)


class Pauses:
    """The pauses and suspensions of an engine's plan; for the loop's thread."""

    def __init__(self, engine: Interruptible) -> None:
        self._engine = engine
        self._timer: TimerHandle | None = None

    async def pause(self) -> None:
        """Pause, unless another request came first."""
        engine = self._engine
        if engine._state == "running" and not engine._cleaning_up:
            engine._deferred_pause_requested = False
            engine._interrupted = True
            engine._state = "pausing"
            self._timer = engine._loop.call_later(_calls.PAUSE_SECONDS, self._report)
            for run in engine._run_bundlers.values():
                run.record_interruption("pause")  # type: ignore[no-untyped-call]
            engine._task.cancel()

    def ended(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def blocker(self, seconds: float) -> str:
        """Return the message that names the call which delays the pause."""
        engine = self._engine
        calls = [(each.device, each.call) for each in engine.awaited]
        if not calls and engine._objs_seen.current is not None:
            calls = [(engine._objs_seen.current, "pause")]
        return timeout_text(calls or [("The plan", "pause")], seconds)

    def _report(self) -> None:
        """Fail the requests for a pause that takes too long; the plan may pause later."""
        engine, run = self._engine, self._engine._run_now
        if run is None:
            return
        error = TimeoutError(self.blocker(_calls.PAUSE_SECONDS))
        engine.log.warning("%s", error)
        for pause in run.pauses:
            engine._deliveries.start(partial(finish, pause, error=error))
        run.pauses = []

    async def suspend(self, suspender: Msg) -> None:
        """Suspend a plan that runs or pauses; end it if it has no checkpoint."""
        engine = self._engine
        running = engine._state == "running" and not engine._cleaning_up
        if not running and engine._state not in ("pausing", "paused"):
            return
        engine.log.info("Suspended: %s", suspender.args[2] or "no reason given")
        if engine.resumable:
            engine._plan_stack.append(single_gen(suspender))
            engine._response_stack.append(None)
            if running:
                engine._state = "suspending"
                if asyncio.current_task() is not engine._task:  # which looks at the state next
                    engine._task.cancel()
        elif running:
            engine._interrupted = True
            engine._exception = FailedPause()
            engine._state = "aborting"
            engine._task.cancel()


class OpenEvents:
    """The open events of an engine, and the requests postponed until they have ended.

    The frame in a cache is the frame in the event: a rewind does not read again what was stashed.
    """

    def __init__(self, engine: Interruptible) -> None:
        self._engine = engine
        self._postponed: list[Request] = []

    def clear(self) -> None:
        self._postponed.clear()

    @property
    def _any(self) -> bool:
        return any(bundler.bundling for bundler in self._engine._run_bundlers.values())

    @property
    def _any_with_frames(self) -> bool:
        bundlers = self._engine._run_bundlers.values()
        return any(bundler.bundling and bundler.holds_frames for bundler in bundlers)

    def note_stash(self, msg: Msg, status: Status | None) -> None:
        """Note a stash, before its cache is called (without a status) and after."""
        bundler = self._engine._run_bundlers.get(msg.run)
        if bundler is not None and bundler.bundling:
            bundler.holds_frames = True
            if status is not None and msg.kwargs.get("of_event", True):
                bundler.stashes.append((msg.obj, status))

    async def request(self, pause: Request) -> None:
        """Carry out a request to pause, when the open event has ended.

        A plan paused between read and stash would stash another frame than the one read again. An
        event without a stashed frame delays the request by `EVENT_SECONDS` at most.
        """
        if not self._any:
            await pause()
            return
        if not self._postponed:
            engine = self._engine
            engine._loop.call_later(EVENT_SECONDS, self._stop_postponing, engine._task)
        self._postponed.append(pause)

    def _stop_postponing(self, task: object) -> None:
        if task is self._engine._task and not self._any_with_frames:
            requests, self._postponed = self._postponed, []
            for request in requests:
                self._engine._loop.create_task(request())

    def postpone_end(self, request: Request) -> bool:
        """Keep a request to end the plan until a stashed frame has its event; False if it has."""
        if not self._any_with_frames:
            return False
        self._postponed.append(request)
        self._engine._loop.call_later(EVENT_SECONDS, self._end_postponement, request)
        return True

    def _end_postponement(self, request: Request) -> None:
        if request in self._postponed:
            self._postponed.remove(request)
            self._engine._loop.create_task(request())

    async def save(self, bluesky: Callable[[Msg], Awaitable[None]], msg: Msg) -> None:
        bundler = self._engine._run_bundlers.get(msg.run)
        stream = bundler._bundle_name if bundler is not None and bundler.holds_frames else None
        await self.end(bluesky, msg)
        if stream is not None:
            bundler.keep_events(stream)

    async def end(self, bluesky: Callable[[Msg], Awaitable[None]], msg: Msg) -> None:
        """Save or drop the event, and carry out the requests that waited for it."""
        bundler = self._engine._run_bundlers.get(msg.run)
        try:
            await bluesky(msg)
        finally:
            if bundler is not None and bundler.holds_frames:
                bundler.holds_frames = False
                self._forget_messages(msg.run)
            if self._postponed and not self._any:
                requests, self._postponed = self._postponed, []
                for request in requests:
                    await request()

    def _forget_messages(self, run: Any) -> None:
        """Remove the messages of the event that ends from those that a rewind repeats."""
        cache = self._engine._msg_cache
        kept = []
        while cache:
            old = cache.pop()
            if old.run == run and old.command in ("create", "read", "save", "drop"):
                if old.command == "create":
                    break
            else:
                kept.append(old)
        if cache is not None:
            cache.extend(reversed(kept))
