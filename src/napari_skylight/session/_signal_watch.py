"""The values of a device's signals, followed on the engine's loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from psygnal import Signal

from napari_skylight._signals import announce
from napari_skylight.session._device_control import DeviceControl
from napari_skylight.session._device_signals import Setting, SettingInfo, settings_of
from napari_skylight.session._pending_sets import SetCancelled
from napari_skylight.session._problems import in_words
from napari_skylight.session._tasks import SessionState

POLL_SECONDS = 0.5
MOVING_SECONDS = 0.1
"""How often a signal without subscription is read: at rest, and while it is set."""

ANSWER_SECONDS = 30.0
"""How long a signal may take to answer; an exposure may come first."""


@dataclass(frozen=True)
class SettingState:
    """A signal with its present value."""

    setting: Setting
    info: SettingInfo | None = None
    """Its description; None if not known yet, or if it has no scalar value."""
    value: Any = None
    """The true value, also during a move: a bool, number or text; None if not known."""
    pending: int = 0
    """The number of pending sets."""
    refusal: str = ""
    """Why the last set failed."""
    trouble: str = ""
    """Why it could not be read."""


class SettingsWatch:
    """Follows the signals of a device of `session` while started, and sets them.

    Its methods return at once; the device is called on the engine's loop only.
    """

    changed = Signal()
    """Emitted once, on any thread, for changes since the last `take`."""

    def __init__(self, session: DeviceControl, device: Any) -> None:
        self.device = device
        self.settings = settings_of(device)
        self._session = session
        self._loop = session.engine.loop
        self._states = {setting.path: SettingState(setting) for setting in self.settings}
        self._fresh: set[str] = set()
        self._lock = threading.Lock()
        self._wakes = {setting.path: asyncio.Event() for setting in self.settings}
        self._unread: set[str] = set()
        self._changes = 0
        self._following: Future[Any] | None = None

    @property
    def states(self) -> Mapping[str, SettingState]:
        """Every state, by path."""
        with self._lock:
            return dict(self._states)

    def take(self) -> Mapping[str, SettingState]:
        """Return the states that changed since the last call, by path."""
        with self._lock:
            fresh, self._fresh = self._fresh, set()
            return {path: self._states[path] for path in fresh}

    def start(self) -> None:
        """Follow the signals until `stop`."""
        if self._following is None and self._loop.is_running():
            self._session.tasks.state_changed.connect(self._on_state_changed)
            self._following = asyncio.run_coroutine_threadsafe(self._follow_all(), self._loop)

    def stop(self) -> None:
        """Stop following; pending sets are still followed to their end."""
        following, self._following = self._following, None
        if following is not None:
            self._session.tasks.state_changed.disconnect(self._on_state_changed, missing_ok=True)
            following.cancel()

    def set(self, path: str, value: Any) -> None:
        """Set a signal; its state shows the result."""
        if not self._loop.is_running():
            return
        self._change(path, pending=+1, refusal="")
        asyncio.run_coroutine_threadsafe(self._set(path, value), self._loop)

    async def _set(self, path: str, value: Any) -> None:
        setting = self._states[path].setting
        asked = asyncio.wrap_future(self._session.set(path, value, report=False))
        await asyncio.wait([asked])
        refusal = ""
        if asked.cancelled():
            refusal = f"{setting.label} was not set."
        elif (error := asked.exception()) is not None:
            refusal = "" if isinstance(error, SetCancelled) else in_words(error)
        elif not setting.readable:
            self._change(path, value=value)
        # the value before the end of the set: no listener may see the old value after it
        await self._look(setting, read=True, describe=True)
        self._change(path, pending=-1, refusal=refusal)
        self._wake_all()

    async def _follow_all(self) -> None:
        self._forget_unreadable()
        await asyncio.gather(*map(self._follow, self.settings))

    async def _follow(self, setting: Setting) -> None:
        wake = self._wakes[setting.path]
        described = -1
        self._unread.add(setting.path)
        task = asyncio.current_task()
        assert task is not None
        with ExitStack() as stack:
            undo = None
            with suppress(Exception):  # it is read instead
                undo = setting.subscribe(partial(self._on_reading, setting))
            if undo is not None:
                stack.callback(undo)
            # before Python 3.12, asyncio.wait_for in a driver may swallow the cancellation
            while not task.cancelling():
                wake.clear()
                # limits may depend on any value of the device
                stale = described != self._changes or bool(self._states[setting.path].trouble)
                described = self._changes
                read = undo is None or setting.path in self._unread
                self._unread.discard(setting.path)
                if stale or read:
                    await self._look(setting, read=read, describe=stale)
                moving = self._states[setting.path].pending
                with suppress(TimeoutError):
                    async with asyncio.timeout(MOVING_SECONDS if moving else POLL_SECONDS):
                        await wake.wait()

    async def _look(self, setting: Setting, *, read: bool, describe: bool) -> None:
        # a pausing plan stops a device before it pauses it; a reading in between could look like
        # the end of the plan
        read = read and setting.readable
        if read and self._session.tasks.state is SessionState.PAUSING:
            read = False
            self._unread.add(setting.path)
        found: dict[str, Any] = {"trouble": ""}
        before = self._states[setting.path].value
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                if describe:
                    found["info"] = await setting.describe()
                if read:
                    value = await setting.read()
                    if self._states[setting.path].value == before:  # else a newer one came
                        found["value"] = value
        except TimeoutError as error:
            found["trouble"] = str(error) or f"No answer within {ANSWER_SECONDS:g} s."
        except Exception as error:  # noqa: BLE001 - the user sees it
            found["trouble"] = in_words(error)
        self._change(setting.path, **found)

    def _on_reading(self, setting: Setting, readings: Any = None, *_: Any, **__: Any) -> None:
        # ophyd devices send other things than readings: read them
        if isinstance(readings, Mapping):
            self._change(setting.path, value=setting.value_in(readings), trouble="")
        else:
            self._unread.add(setting.path)
            self._wake(setting.path)

    def _on_state_changed(self, _state: SessionState) -> None:
        # the engine switches lights off when a plan ends
        self._forget_unreadable()
        self._wake_all()

    def _forget_unreadable(self) -> None:
        for setting in self.settings:
            if not setting.readable:
                self._change(setting.path, value=None)

    def _wake_all(self) -> None:
        for path in self._wakes:
            self._wake(path)

    def _wake(self, path: str) -> None:
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._wakes[path].set)

    def _change(self, path: str, *, pending: int = 0, **found: Any) -> None:
        with self._lock:
            old = self._states[path]
            new = replace(old, pending=old.pending + pending, **found)
            if new == old:
                return
            self._states[path] = new
            self._changes += new.value != old.value
            first = not self._fresh
            self._fresh.add(path)
        if first:
            announce(self.changed)
