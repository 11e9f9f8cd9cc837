"""What this engine does otherwise than bluesky's, message by message."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from bluesky._vendor.super_state_machine.errors import TransitionError
from bluesky.protocols import Readable, Stoppable
from bluesky.run_engine import RunEngine as BlueskyRunEngine
from bluesky.run_engine import WaitForTimeoutError
from bluesky.utils import FailedPause, maybe_await, single_gen
from opentelemetry.trace import ProxyTracerProvider, get_tracer_provider

from ._bundler import RunBundler as _RunBundler
from ._messages import message
from ._resuming import answer_later, is_pausing
from ._supports import supports

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from bluesky.protocols import Status
    from bluesky.utils import Msg

__all__ = ["CoreEngine"]

_EVENT_PATIENCE = 1.0  # seconds a pause waits for the end of an event without a frame in a cache
_STOP_TIMEOUT = 10.0  # seconds one device has to stop before the next one's turn

# Commands a pause may interrupt and repeat, and whose answer plans use.
_ANSWERED = ("collect", "locate", "read", "wait", "wait_for")

# Commands a rewind does not repeat: a wait it does repeat must still wait for their statuses.
_NOT_REPEATED = frozenset({"clear_cache", "stage", "stash", "unstage"})


class CoreEngine(BlueskyRunEngine):
    """bluesky's engine, with pauses that neither lose nor repeat, and less work a message."""

    RunBundler = _RunBundler
    _run_bundlers: dict[Any, _RunBundler]  # type: ignore[assignment]

    # bluesky's, of which its annotations only know that they begin as None
    _exception: Any
    _pardon_failures: Any
    _run_permit: Any
    _task: Any
    _task_fut: Any

    validate_all_events = False
    """Check every event against event-model's schema, not just each descriptor's first."""

    def _set_up(self) -> None:
        """Set up what bluesky's constructor has no place for."""
        self._postponed: list[Callable[[], Coroutine[Any, Any, None]]] = []
        self._lasting: defaultdict[Any, dict[Callable[[], asyncio.Future[None]], Status]]
        self._lasting = defaultdict(dict)
        for name in _ANSWERED:
            self._command_registry[name] = self._answering(self._command_registry[name])

    def _clear_run_cache(self) -> None:
        super()._clear_run_cache()  # type: ignore[no-untyped-call]
        self._postponed.clear()
        self._lasting.clear()

    def _answering(
        self, command: Callable[[Msg], Awaitable[Any]]
    ) -> Callable[[Msg], Coroutine[Any, Any, Any]]:
        """Let the plan have the answer of a message that was interrupted and repeated."""

        @functools.wraps(command)
        async def answering(msg: Msg) -> Any:
            depth = len(self._plan_stack)
            try:
                return await command(msg)
            except asyncio.CancelledError:
                if is_pausing(self) and self._msg_cache and self._msg_cache[-1] is msg:
                    self._msg_cache.pop()
                    answer_later(self, depth, msg)
                raise

        return answering

    # -- statuses and groups

    def _add_status_to_group(
        self, obj: Any, status_object: Status, group: Any, action: str
    ) -> None:
        if not hasattr(status_object, "add_callback"):
            name = getattr(obj, "name", repr(obj))
            raise TypeError(f"{action!r} of {name} returned {status_object!r}, not a Status.")
        if self.waiting_hook is None and status_object.done and status_object.success:
            return  # there is nothing to wait for, and nobody to tell
        future = self._loop.create_future()
        pardon_failures = self._pardon_failures

        def get_future() -> asyncio.Future[None]:
            return future

        def complete() -> None:
            self._status_object_completed(status_object, future, pardon_failures)
            if self.waiting_hook is None and status_object.success:
                self._leave_group(group, get_future, status_object)

        def on_done(_: Status) -> None:
            with contextlib.suppress(RuntimeError):  # the engine was closed: nobody waits any more
                self._loop.call_soon_threadsafe(complete)

        self._groups[group].add(get_future)
        self._status_objs[group].add(status_object)
        if action in _NOT_REPEATED:
            self._lasting[group][get_future] = status_object
        status_object.add_callback(on_done)

    def _leave_group(
        self, group: Any, get_future: Callable[[], asyncio.Future[None]], status: Status
    ) -> None:
        """Forget a status that went well: a plan that never waits must not fill the memory."""
        for groups, member in ((self._groups, get_future), (self._status_objs, status)):
            if (members := groups.get(group)) is not None:
                members.discard(member)
                if not members:
                    del groups[group]
        if (lasting := self._lasting.get(group)) is not None:
            lasting.pop(get_future, None)
            if not lasting:
                del self._lasting[group]

    async def _wait(self, msg: Msg) -> Any:
        """Wait until every status of a group is done; see bluesky's documentation.

        Expected message object is::

            Msg("wait", group=group, error_on_timeout=True, timeout=None)
        """
        group = msg.args[0] if msg.args else msg.kwargs["group"]
        if not self._groups.get(group):
            self._groups.pop(group, None)
            self._seen_wait_and_move_on_keys.discard(group)
            return True
        lasting = dict(self._lasting.get(group, {}))
        try:
            if self._wait_is_plain(msg):
                return await self._wait_for_group(group, msg.kwargs.get("timeout"))
            return await super()._wait(msg)
        except asyncio.CancelledError:
            if is_pausing(self):
                for get_future, status in lasting.items():
                    if not get_future().done():
                        self._groups[group].add(get_future)
                        self._status_objs[group].add(status)
            raise

    def _wait_is_plain(self, msg: Msg) -> bool:
        """Whether nobody but the plan has to do with this wait: no hook, no tracing, no watch."""
        return (
            self.waiting_hook is None
            and msg.kwargs.get("error_on_timeout", True)
            and not msg.kwargs.get("watch")
            and isinstance(get_tracer_provider(), ProxyTracerProvider)
        )

    async def _wait_for_group(self, group: Any, timeout: float | None) -> bool:
        """Wait as bluesky does, in this task and not in another one made for it."""
        members, statuses = self._groups.pop(group), self._status_objs.pop(group)
        futures = [get_future() for get_future in members]
        _, pending = await asyncio.wait(
            futures, timeout=timeout, return_when=asyncio.FIRST_EXCEPTION
        )
        if pending:
            self._groups[group], self._status_objs[group] = members, statuses
            raise WaitForTimeoutError("Plan failed to complete in the specified time")
        return True

    async def _read(self, msg: Msg) -> Any:
        """Read a device; see bluesky's documentation.

        Expected message object is::

            Msg("read", obj)
        """
        if msg.args or msg.kwargs or not supports(msg.obj, Readable):
            return await super()._read(msg)  # type: ignore[no-untyped-call]
        reading = msg.obj.read()
        if inspect.isawaitable(reading):
            reading = await reading
        if reading is None:
            raise RuntimeError(f"{msg.obj.name} returned None for a reading, not a dictionary.")
        bundler = self._run_bundlers.get(msg.run)
        if bundler is not None:
            await bundler.read(msg, reading)
        return reading

    async def _stop_movable_objects(self, *, success: bool = True) -> None:
        """Stop everything the plan has set; one that hangs must not keep the light on."""
        for obj in list(self._movable_objs_touched):
            if isinstance(obj, Stoppable):
                try:
                    await asyncio.wait_for(maybe_await(obj.stop(success=success)), _STOP_TIMEOUT)
                except Exception:  # the other devices must be stopped all the same
                    self.log.exception("Failed to stop %r.", obj)

    # -- events: an open one is finished before a pause, one with a frame in a cache not read again

    async def _open_run(self, msg: Msg) -> str:
        """Open a run; see bluesky's documentation."""
        uid: str = await super()._open_run(msg)  # type: ignore[no-untyped-call]
        self._run_bundlers[msg.run].validate_all = self.validate_all_events
        return uid

    def _add_frame(self, msg: Msg) -> None:
        """Note that something was stashed: while its event is open, it is that event's."""
        bundler = self._run_bundlers.get(msg.run)
        if bundler is not None and bundler.bundling:
            bundler.holds_frames = True

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

    # -- pausing and suspending

    async def _checkpoint(self, msg: Msg) -> None:
        """Set a place to go back to; see bluesky's documentation.

        bluesky waits half a second for a second Ctrl-C before it pauses here; nobody presses it in
        this engine.
        """
        deferred, self._deferred_pause_requested = self._deferred_pause_requested, False
        try:
            await super()._checkpoint(msg)  # type: ignore[no-untyped-call]
        except BaseException:
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
