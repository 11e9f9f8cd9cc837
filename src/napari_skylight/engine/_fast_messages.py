"""What this engine does otherwise than bluesky's for single messages: answers, groups, readings."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from bluesky.protocols import Readable, Stoppable
from bluesky.run_engine import RunEngine as BlueskyRunEngine
from bluesky.run_engine import WaitForTimeoutError
from bluesky.utils import maybe_await
from opentelemetry.trace import ProxyTracerProvider, get_tracer_provider

from napari_skylight.engine._bundler import RunBundler as _RunBundler
from napari_skylight.engine._protocol_checks import supports
from napari_skylight.engine._resuming import answer_later, is_pausing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Coroutine

    from bluesky.protocols import Status
    from bluesky.utils import Msg

__all__ = ["Awaited", "MessageEngine"]

_STOP_TIMEOUT = 10.0  # seconds one device has to stop before the next one's turn

# Commands a pause may interrupt and repeat, and whose answer plans use.
_ANSWERED = ("collect", "locate", "read", "wait", "wait_for")

# Commands a rewind does not repeat: a wait it does repeat must still wait for their statuses.
_NOT_REPEATED = frozenset({"clear_cache", "stage", "stash", "unstage"})


class Awaited:
    """What a plan can wait for: a device, and what it said it would do.

    bluesky's groups hold functions that return a future: this is one.

    Attributes
    ----------
    device
        The device.
    status
        Ends when the device is done; None where it gave none.
    """

    __slots__ = ("_future", "device", "status")

    def __init__(self, device: Any, status: Status | None, future: asyncio.Future[Any]) -> None:
        self.device = device
        self.status = status
        self._future = future

    def __call__(self) -> asyncio.Future[Any]:
        return self._future


class MessageEngine(BlueskyRunEngine):
    """bluesky's engine, with answers for interrupted messages, and less work for each."""

    awaited: Collection[Awaited] = ()
    """What the plan, or the engine itself, waits for now; to be looked at in the loop's thread."""

    RunBundler = _RunBundler
    _groups: defaultdict[Any, set[Awaited]]  # type: ignore[assignment]
    _run_bundlers: dict[Any, _RunBundler]  # type: ignore[assignment]

    # bluesky's, of which its annotations only know that they begin as None
    _exception: Any
    _pardon_failures: Any
    _run_permit: Any
    _task: Any
    _task_fut: Any

    def _set_up(self) -> None:
        """Set up what bluesky's constructor has no place for."""
        self._lasting: defaultdict[Any, dict[Awaited, Status]]
        self._lasting = defaultdict(dict)
        for name in _ANSWERED:
            self._command_registry[name] = self._answering(self._command_registry[name])

    def _clear_run_cache(self) -> None:
        super()._clear_run_cache()  # type: ignore[no-untyped-call]
        self._lasting.clear()

    def _answering(
        self, command: Callable[[Msg], Awaitable[Any]]
    ) -> Callable[[Msg], Coroutine[Any, Any, Any]]:
        """Let the plan have the answer of a message that was interrupted and repeated.

        Before Python 3.12 a device that waits with `asyncio.wait_for` may swallow the interruption.
        """

        @functools.wraps(command)
        async def answering(msg: Msg) -> Any:
            depth = len(self._plan_stack)
            try:
                answer = await command(msg)
            except asyncio.CancelledError:
                if is_pausing(self) and self._msg_cache and self._msg_cache[-1] is msg:
                    self._msg_cache.pop()
                    answer_later(self, depth, msg)
                raise
            if self._state == "pausing":
                self._task.cancel()
            elif self._state == "suspending":
                self._response_stack[depth - 1] = answer  # above it is the suspender's by now
                raise asyncio.CancelledError
            return answer

        return answering

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

        awaited = Awaited(obj, status_object, future)

        def complete() -> None:
            self._status_object_completed(status_object, future, pardon_failures)
            if self.waiting_hook is None and status_object.success:
                self._leave_group(group, awaited, status_object)

        def on_done(_: Status) -> None:
            with contextlib.suppress(RuntimeError):  # the engine was closed: nobody waits any more
                self._loop.call_soon_threadsafe(complete)

        self._groups[group].add(awaited)
        self._status_objs[group].add(status_object)
        if action in _NOT_REPEATED:
            self._lasting[group][awaited] = status_object
        status_object.add_callback(on_done)

    def _leave_group(self, group: Any, awaited: Awaited, status: Status) -> None:
        """Forget a status that went well: a plan that never waits must not fill the memory."""
        for groups, member in ((self._groups, awaited), (self._status_objs, status)):
            if (members := groups.get(group)) is not None:
                members.discard(member)
                if not members:
                    del groups[group]
        if (lasting := self._lasting.get(group)) is not None:
            lasting.pop(awaited, None)
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
        self.awaited = self._groups[group]
        try:
            if self._wait_is_plain(msg):
                return await self._wait_for_group(group, msg.kwargs.get("timeout"))
            return await super()._wait(msg)
        except asyncio.CancelledError:
            if is_pausing(self):
                for awaited, status in lasting.items():
                    if not awaited().done():
                        self._groups[group].add(awaited)
                        self._status_objs[group].add(status)
            raise
        finally:
            self.awaited = ()

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
                    stopping = asyncio.ensure_future(maybe_await(obj.stop(success=success)))
                    self.awaited = (Awaited(obj, None, stopping),)
                    await asyncio.wait_for(stopping, _STOP_TIMEOUT)
                except BaseException:  # be it a cancellation or an exit: the other devices
                    # must be stopped all the same, and the run must end
                    self.log.exception("Failed to stop %r.", obj)
        self.awaited = ()
