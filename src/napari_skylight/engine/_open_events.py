"""Events that are open: they are finished before a pause, and own the frames stashed meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from bluesky.protocols import Status
    from bluesky.utils import Msg

    from napari_skylight.engine._interrupts import Interruptible

    Request = Callable[[], Coroutine[Any, Any, None]]

EVENT_SECONDS = 1.0
"""How long a pause waits for an event without a stashed frame, and a stop for one with a frame."""


class OpenEvents:
    """The open events of an engine, and the requests postponed until they have ended.

    The frame in a cache is the frame in the event: a rewind does not read again what was stashed.
    """

    def __init__(self, engine: Interruptible) -> None:
        self._engine = engine
        self._postponed: list[Request] = []

    def clear(self) -> None:
        """Forget what was postponed."""
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

    def postpone(self, request: Request) -> bool:
        """Keep a request to pause until the open event has ended; False if none is open.

        A plan paused between read and stash would stash another frame than the one read again. An
        event without a stashed frame delays the request by `EVENT_SECONDS` at most.
        """
        if not self._any:
            return False
        if not self._postponed:
            engine = self._engine
            engine._loop.call_later(EVENT_SECONDS, self._stop_postponing, engine._task)
        self._postponed.append(request)
        return True

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
        """Save the event; see bluesky's documentation."""
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
