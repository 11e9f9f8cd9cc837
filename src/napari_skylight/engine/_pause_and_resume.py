"""Pauses and suspensions that leave every event whole."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from bluesky._vendor.super_state_machine.errors import TransitionError
from bluesky.utils import FailedPause, single_gen

from napari_skylight.engine._fast_messages import MessageEngine
from napari_skylight.engine._messages import message

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from bluesky.protocols import Status
    from bluesky.utils import Msg

__all__ = ["PausableEngine"]

_EVENT_PATIENCE = 1.0  # seconds a pause waits for the end of an event without a frame in a cache


class PausableEngine(MessageEngine):
    """An engine whose pauses neither lose nor repeat what was kept.

    A pause waits until the event that is open has ended, and a rewind does not read an event again
    that has a frame in a cache: the frame in the cache is the frame in the event.
    """

    validate_all_events = False
    """Check every event against event-model's schema, not just each descriptor's first."""

    def _set_up(self) -> None:
        super()._set_up()
        self._postponed: list[Callable[[], Coroutine[Any, Any, None]]] = []

    def _clear_run_cache(self) -> None:
        super()._clear_run_cache()
        self._postponed.clear()

    async def _open_run(self, msg: Msg) -> str:
        """Open a run; see bluesky's documentation."""
        uid: str = await super()._open_run(msg)  # type: ignore[no-untyped-call]
        self._run_bundlers[msg.run].validate_all = self.validate_all_events
        return uid

    def _note_stash(self, msg: Msg, status: Status | None = None) -> None:
        """Note a stash while an event is open, before its cache is called and with its status."""
        bundler = self._run_bundlers.get(msg.run)
        if bundler is not None and bundler.bundling:
            bundler.holds_frames = True
            if status is not None and msg.kwargs.get("of_event", True):
                bundler.stashes.append((msg.obj, status))

    def _postpone(self, request: Callable[[], Coroutine[Any, Any, None]]) -> bool:
        """Keep a request to interrupt the plan until the open event has ended; False if none is.

        A plan between its read and its stash would stash another frame than the one read again.
        An event without a frame in a cache is waited for a moment only.
        """
        if not any(bundler.bundling for bundler in self._run_bundlers.values()):
            return False
        if not self._postponed:
            self._loop.call_later(_EVENT_PATIENCE, self._stop_postponing, self._task)
        self._postponed.append(request)
        return True

    def _stop_postponing(self, task: object) -> None:
        bundlers = self._run_bundlers.values()
        if task is self._task and not any(b.bundling and b.holds_frames for b in bundlers):
            requests, self._postponed = self._postponed, []
            for request in requests:
                self._loop.create_task(request())

    def _postpone_end(self, request: Callable[[], Coroutine[Any, Any, None]]) -> bool:
        """Keep a request to end the plan until the open event has ended; False if it need not.

        A frame in a cache is to have its event; but for a moment only: what is stopped must stop.
        """
        if not any(b.bundling and b.holds_frames for b in self._run_bundlers.values()):
            return False
        self._postponed.append(request)
        self._loop.call_later(_EVENT_PATIENCE, self._make_good, request)
        return True

    def _make_good(self, request: Callable[[], Coroutine[Any, Any, None]]) -> None:
        if request in self._postponed:
            self._postponed.remove(request)
            self._loop.create_task(request())

    async def _save(self, msg: Msg) -> None:
        """Save the event; see bluesky's documentation."""
        bundler = self._run_bundlers.get(msg.run)
        stream = bundler._bundle_name if bundler is not None and bundler.holds_frames else None
        await self._end_event(super()._save, msg)
        if stream is not None:
            bundler.keep_events(stream)

    async def _drop(self, msg: Msg) -> None:
        """Drop the event; see bluesky's documentation."""
        await self._end_event(super()._drop, msg)

    async def _end_event(self, command: Callable[[Msg], Awaitable[None]], msg: Msg) -> None:
        bundler = self._run_bundlers.get(msg.run)
        try:
            await command(msg)
        finally:
            if bundler is not None and bundler.holds_frames:
                bundler.holds_frames = False
                self._forget_event(msg.run)
            if self._postponed and not any(b.bundling for b in self._run_bundlers.values()):
                requests, self._postponed = self._postponed, []
                for request in requests:
                    await request()

    def _forget_event(self, run: Any) -> None:
        """Take the messages of the event that ends now out of those a rewind repeats."""
        kept = []
        while self._msg_cache:
            old = self._msg_cache.pop()
            if old.run == run and old.command in ("create", "read", "save", "drop"):
                if old.command == "create":
                    break
            else:
                kept.append(old)
        if self._msg_cache is not None:
            self._msg_cache.extend(reversed(kept))

    async def _checkpoint(self, msg: Msg) -> None:
        """Set a place to go back to; see bluesky's documentation.

        bluesky waits half a second for a second Ctrl-C before it pauses here; nobody presses it in
        this engine.
        """
        deferred, self._deferred_pause_requested = self._deferred_pause_requested, False
        try:
            await super()._checkpoint(msg)  # type: ignore[no-untyped-call]
        except BaseException:  # a cancellation too: the pause is still wanted
            self._deferred_pause_requested = deferred
            raise
        if deferred:
            await self._pause_if_running()

    async def _request_pause_coro(self, defer: bool = False) -> None:
        if self._state != "running":
            raise TransitionError(
                f"The engine is {self._state}: only a running plan can be paused."
            )
        if defer:
            self._deferred_pause_requested = True
        elif not self._postpone(self._pause_if_running):
            await self._pause_if_running()

    async def _pause_if_running(self) -> None:
        """Pause, unless something else was asked for since it was wanted."""
        if self._state == "running" and not self._cleaning_up:
            self._deferred_pause_requested = False
            self._interrupted = True
            self._state = "pausing"
            for run in self._run_bundlers.values():
                run.record_interruption("pause")  # type: ignore[no-untyped-call]
            self._task.cancel()

    def request_suspend(
        self,
        fut: Any,
        *,
        pre_plan: Any = None,
        post_plan: Any = None,
        justification: str | None = None,
    ) -> None:
        """Suspend the plan until a future is done; see bluesky's documentation."""
        suspender = message("_start_suspender", None, pre_plan, post_plan, justification, fut)

        async def suspend() -> None:
            await self._suspend(suspender)

        async def request() -> None:
            if not self._postpone(suspend):
                await suspend()

        asyncio.run_coroutine_threadsafe(request(), self._loop)

    async def _suspend(self, suspender: Msg) -> None:
        running = self._state == "running" and not self._cleaning_up
        if not running and self._state not in ("pausing", "paused"):
            return  # no plan goes on that could be suspended
        self.log.info("Suspended: %s", suspender.args[2] or "no reason given")
        if not self.resumable:
            if running:
                self._end_unresumable()
            return
        self._plan_stack.append(single_gen(suspender))
        self._response_stack.append(None)
        if running:
            self._state = "suspending"
            if asyncio.current_task() is not self._task:  # otherwise it looks at the state next
                self._task.cancel()

    def _end_unresumable(self) -> None:
        """End a plan that would have to wait but has no checkpoint to go back to."""
        self._interrupted = True
        self._exception = FailedPause()
        self._state = "aborting"
        self._task.cancel()

    @property
    def _cleaning_up(self) -> bool:
        """Whether the plan is over, and bluesky stops, unstages and closes what it left."""
        return not self._plan_stack or self._pardon_failures.is_set()
