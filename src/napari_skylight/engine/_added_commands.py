"""Commands that bluesky does not have, for any bluesky engine.

A rewind does not repeat them: one that a pause interrupts is finished when the plan goes on.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from bluesky.utils import Msg

from napari_skylight.engine._calls import answer_in_time, answer_within, device_name, supports
from napari_skylight.engine._latch import Offers, SRLatch, wait_for_change
from napari_skylight.engine._status import Status
from napari_skylight.engine._waits import answer_later, is_pausing
from napari_skylight.protocols import HasCache

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bluesky.run_engine import RunEngine

STREAM_SECONDS = 10.0
"""How long a camera may take to start or stop its stream, or to return frames."""

_STATES = {"set": True, "reset": False}
_FINISH = "_finish_interrupted"


def install_commands(engine: RunEngine) -> Callable[[], None]:
    """Add this engine's commands to a plain bluesky engine.

    The commands are ``wait_for_actions``, ``stash``, ``clear_cache``, ``start_stream``,
    ``stop_stream`` and ``collect_stream``; the methods of `AddedCommands` document their messages.
    On a plain engine, caches keep the frames of dropped events.

    Returns
    -------
    callable
        Removes them.
    """
    offers = Offers()

    def offer(latches: Iterable[tuple[str, SRLatch]]) -> None:
        offers.add(latches)
        task = asyncio.current_task()
        if task is not None and not offers.running:
            offers.begin()
            task.add_done_callback(lambda _: offers.end())

    return AddedCommands(engine, offer).install()


class AddedCommands:
    """The added commands of one engine.

    `offer` offers the actions of the named latches that a plan waits for. `kept` notes a stash:
    its message and None before it, and its message and status after it.
    """

    def __init__(
        self,
        engine: RunEngine,
        offer: Callable[[Iterable[tuple[str, SRLatch]]], None],
        kept: Callable[[Msg, Any], None] = lambda msg, status: None,
    ) -> None:
        self._engine = engine
        self._offer = offer
        self._kept = kept

    def install(self) -> Callable[[], None]:
        """Register the commands, and return a function that removes them."""
        engine = self._engine
        before = engine._UNCACHEABLE_COMMANDS
        commands = {
            "wait_for_actions": self._wait_for_actions,
            "stash": partial(self._cache_command, "stash"),
            "clear_cache": partial(self._cache_command, "clear"),
            "start_stream": partial(self._stream_command, "start_stream"),
            "stop_stream": partial(self._stream_command, "stop_stream"),
            "collect_stream": partial(self._stream_command, "drain"),
            _FINISH: lambda msg: self._finish_once(msg.args[0]),
        }
        for name, command in commands.items():
            engine.register_command(name, command)
        # on the instance: all engines share the list of bluesky's class
        engine._UNCACHEABLE_COMMANDS = [*before, *commands]

        def uninstall() -> None:
            engine._UNCACHEABLE_COMMANDS = before
            for name in commands:
                engine.unregister_command(name)

        return uninstall

    async def _wait_for_actions(self, msg: Msg) -> tuple[str, SRLatch] | None:
        """Wait until one of several latches is set or reset.

        Expected message object is::

            Msg("wait_for_actions", None, {name: latch}, timeout=None, wait_for="set")
        """
        wanted = _wanted(msg)
        self._offer((name, latch) for name, (latch, _) in wanted.items())
        timeout = msg.kwargs.get("timeout")
        end = None if timeout is None else time.monotonic() + timeout
        depth = len(self._engine._plan_stack)
        try:
            return await wait_for_change(wanted, timeout)
        except asyncio.CancelledError:
            if is_pausing(self._engine):
                left = None if end is None else max(0.0, end - time.monotonic())
                again = msg._replace(kwargs={**msg.kwargs, "timeout": left})
                answer_later(self._engine, depth, again)
            raise

    async def _cache_command(self, method: str, msg: Msg) -> Any:
        """Stash a reading in a cache, or clear the cache.

        Expected message objects are::

            Msg("stash", cache, reading, group=group, of_event=True)
            Msg("clear_cache", cache, group=group)

        When the event that is open during a stash is dropped, the cache withdraws the reading (see
        `WithdrawingCache`), unless ``of_event=False``.
        """
        cache = msg.obj
        if not supports(cache, HasCache):
            raise TypeError(
                f"{device_name(cache)} is not a cache: {msg.command!r} needs a device "
                "with the methods stash() and clear()."
            )
        if method == "stash" and len(msg.args) != 1:
            raise RuntimeError(f"'stash' takes one reading, got {len(msg.args)}.")
        group = msg.kwargs.get("group")
        if not group:
            raise RuntimeError(f"{msg.command!r} needs a group to wait for: pass group='a name'.")
        if method == "stash":
            self._kept(msg, None)
        answer = getattr(cache, method)(*msg.args)
        if inspect.isawaitable(answer) and not hasattr(answer, "add_callback"):
            return await self._finish_once(asyncio.ensure_future(self._await(msg, answer, group)))
        return self._add(msg, answer, group)

    async def _stream_command(self, method: str, msg: Msg) -> Any:
        """Start, stop or collect the stream of a camera, and return what the camera returns.

        Expected message objects are::

            Msg("start_stream", camera, timeout=10.0)  # -> number of the last frame before
            Msg("stop_stream", camera, timeout=10.0)  # -> None
            Msg("collect_stream", camera, after, timeout=10.0)  # -> FrameBatch

        They call `StreamingCamera.start_stream`, `stop_stream` and `drain`; a camera that takes
        longer than `timeout` seconds raises TimeoutError in the plan.
        """
        call = getattr(msg.obj, method, None)
        if not callable(call):
            raise TypeError(
                f"{device_name(msg.obj)} has no stream: {msg.command!r} needs a device "
                f"with the method {method}()."
            )
        answer = call(*msg.args)
        if not inspect.isawaitable(answer):
            return answer
        limited = answer_within(msg.kwargs.get("timeout", STREAM_SECONDS), msg.obj, method, answer)
        return await self._finish_once(asyncio.ensure_future(limited))

    async def _await(self, msg: Msg, answer: Any, group: str) -> Any:
        method = "clear" if msg.command == "clear_cache" else msg.command
        status = await answer_in_time(msg.obj, method, answer)
        if status is None:  # awaited, so done
            status = Status()
            status.set_finished()
        return self._add(msg, status, group)

    def _add(self, msg: Msg, status: Any, group: str) -> Any:
        if not hasattr(status, "add_callback"):
            raise TypeError(
                f"{msg.command!r} of {device_name(msg.obj)} returned {status!r}, not a Status."
            )
        if msg.command == "stash":
            self._kept(msg, status)
        self._engine._add_status_to_group(msg.obj, status, group, action=msg.command)
        return status

    async def _finish_once(self, task: asyncio.Task[Any]) -> Any:
        """Wait for `task`; go on waiting after a pause, without repeating it."""
        depth = len(self._engine._plan_stack)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if is_pausing(self._engine):
                answer_later(self._engine, depth, Msg(_FINISH, None, task))
            else:
                task.cancel()
            raise


def _wanted(msg: Msg) -> dict[str, tuple[SRLatch, bool]]:
    """Check the arguments and return each latch and the state to wait for, by name."""
    latches = msg.args[0] if msg.args else None
    if not isinstance(latches, Mapping) or not latches:
        raise ValueError(
            "There is nothing to wait for: 'wait_for_actions' needs at least one latch, "
            f"as {{name: latch}}, got {latches!r}."
        )
    for name, latch in latches.items():
        if not isinstance(latch, SRLatch):
            raise ValueError(f"'wait_for_actions' needs an SRLatch for {name!r}, got {latch!r}.")
    wait_for = msg.kwargs.get("wait_for", "set")
    states = wait_for if isinstance(wait_for, Mapping) else dict.fromkeys(latches, wait_for)
    try:
        return {name: (latch, _STATES[states[name]]) for name, latch in latches.items()}
    except (KeyError, TypeError):
        raise ValueError(
            "wait_for is 'set', 'reset', or one of them for each name of "
            f"{sorted(latches)}; got {wait_for!r}."
        ) from None
