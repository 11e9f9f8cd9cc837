"""Groups of statuses, the command ``wait``, and the answers of interrupted messages.

bluesky answers such a message with None, and when it repeats the message, it drops the answer.
Here a small plan above the interrupted one sends the message after everything that is repeated, and
puts the answer where the plan gets it.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bluesky.run_engine import WaitForTimeoutError
from opentelemetry.trace import ProxyTracerProvider, get_tracer_provider

from napari_skylight.engine._calls import device_name, name_timeout, timeout_text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Generator

    from bluesky.protocols import Status
    from bluesky.run_engine import RunEngine
    from bluesky.utils import Msg

    from napari_skylight.engine._interrupts import Interruptible

# A rewind repeats a wait but not these commands, so it must keep their statuses.
_NOT_REPEATED = frozenset({"clear_cache", "stage", "stash", "unstage"})


@dataclass(eq=False, slots=True)
class Awaited:
    """A call of a device that a plan can wait for; bluesky's groups hold such callables."""

    device: Any
    call: str  # such as "trigger"
    status: Status | None = None
    future: asyncio.Future[Any] | None = None

    def __call__(self) -> asyncio.Future[Any]:
        assert self.future is not None
        return self.future


class Waits:
    """The groups of statuses of an engine."""

    def __init__(self, engine: Interruptible) -> None:
        self._engine = engine
        self._lasting: defaultdict[Any, dict[Awaited, Status]] = defaultdict(dict)

    def clear(self) -> None:
        self._lasting.clear()

    def add(self, obj: Any, status: Status, group: Any, action: str) -> None:
        """Add a status to a group, or raise TypeError when the device returned none."""
        engine = self._engine
        if not hasattr(status, "add_callback"):
            raise TypeError(f"{action!r} of {device_name(obj)} returned {status!r}, not a Status.")
        if engine.waiting_hook is None and status.done and status.success:
            return  # there is nothing to wait for or to report
        future = engine._loop.create_future()
        pardon_failures = engine._pardon_failures
        awaited = Awaited(obj, action, status, future)

        def complete() -> None:
            if not status.success:
                with contextlib.suppress(Exception):  # bluesky asks again, and reports it
                    name_timeout(status.exception(timeout=0), obj, action)
            engine._status_object_completed(status, future, pardon_failures)
            if engine.waiting_hook is None and status.success:
                self._leave(group, awaited, status)

        def on_done(_: Status) -> None:
            with contextlib.suppress(RuntimeError):  # the engine was closed: no plan waits
                engine._loop.call_soon_threadsafe(complete)

        engine._groups[group].add(awaited)
        engine._status_objs[group].add(status)
        if action in _NOT_REPEATED:
            self._lasting[group][awaited] = status
        status.add_callback(on_done)

    def _leave(self, group: Any, awaited: Awaited, status: Status) -> None:
        """Forget a status that succeeded: the memory of a plan that never waits must not grow."""
        engine = self._engine
        for groups, member in ((engine._groups, awaited), (engine._status_objs, status)):
            if (members := groups.get(group)) is not None:
                members.discard(member)
                if not members:
                    del groups[group]
        if (lasting := self._lasting.get(group)) is not None:
            lasting.pop(awaited, None)
            if not lasting:
                del self._lasting[group]

    async def wait(self, bluesky: Callable[[Msg], Awaitable[Any]], msg: Msg) -> Any:
        """Carry out ``wait``; a WaitForTimeoutError names the devices that are not done."""
        engine = self._engine
        group = msg.args[0] if msg.args else msg.kwargs["group"]
        members = engine._groups.get(group)
        if not members:
            engine._groups.pop(group, None)
            engine._seen_wait_and_move_on_keys.discard(group)
            return True
        lasting = dict(self._lasting.get(group, {}))
        engine.awaited = members
        try:
            if self._is_plain(msg):
                return await self._wait_for_group(group, msg.kwargs.get("timeout"))
            return await bluesky(msg)
        except asyncio.CancelledError:
            if is_pausing(engine):
                for awaited, status in lasting.items():
                    if not awaited().done():
                        engine._groups[group].add(awaited)
                        engine._status_objs[group].add(status)
            raise
        except WaitForTimeoutError as error:
            calls = [(each.device, each.call) for each in members if not each().done()]
            if calls:
                error.args = (timeout_text(calls, msg.kwargs["timeout"]),)
            raise
        finally:
            engine.awaited = ()

    def _is_plain(self, msg: Msg) -> bool:
        """Return whether only the plan is concerned: no hook, no tracing, no watch."""
        return (
            self._engine.waiting_hook is None
            and msg.kwargs.get("error_on_timeout", True)
            and not msg.kwargs.get("watch")
            and isinstance(get_tracer_provider(), ProxyTracerProvider)
        )

    async def _wait_for_group(self, group: Any, timeout: float | None) -> bool:
        """Wait as bluesky does, but without a task of its own."""
        engine = self._engine
        members, statuses = engine._groups.pop(group), engine._status_objs.pop(group)
        futures = [get_future() for get_future in members]
        _, pending = await asyncio.wait(
            futures, timeout=timeout, return_when=asyncio.FIRST_EXCEPTION
        )
        if pending:
            engine._groups[group], engine._status_objs[group] = members, statuses
            raise WaitForTimeoutError("Plan failed to complete in the specified time")
        return True


def is_pausing(engine: RunEngine) -> bool:
    return engine._state in ("pausing", "suspending")


def answer_later(engine: RunEngine, depth: int, msg: Msg) -> None:
    """Send `msg` when the plan goes on; for a command that is being cancelled.

    `depth` is the length of the stack of plans when the command began: a suspender may have added
    to it since.
    """

    def ask() -> Generator[Msg, Any, None]:
        answer = yield msg
        engine._response_stack[depth - 1] = answer

    engine._plan_stack.insert(depth, ask())
    engine._response_stack.append(None)  # the plans above the interrupted one have no answer yet


def answering(
    engine: RunEngine, command: Callable[[Msg], Awaitable[Any]]
) -> Callable[[Msg], Coroutine[Any, Any, Any]]:
    """Return `command`, with an answer for the plan when it is interrupted and repeated.

    Before Python 3.12 a device that waits with `asyncio.wait_for` may swallow the interruption.
    """

    @functools.wraps(command)
    async def answered(msg: Msg) -> Any:
        depth = len(engine._plan_stack)
        try:
            answer = await command(msg)
        except asyncio.CancelledError:
            if is_pausing(engine) and engine._msg_cache and engine._msg_cache[-1] is msg:
                engine._msg_cache.pop()
                answer_later(engine, depth, msg)
            raise
        if engine._state == "pausing":
            asyncio.current_task().cancel()  # type: ignore[union-attr]
        elif engine._state == "suspending":
            engine._response_stack[depth - 1] = answer  # above it is the suspender's by now
            raise asyncio.CancelledError
        return answer

    return answered
