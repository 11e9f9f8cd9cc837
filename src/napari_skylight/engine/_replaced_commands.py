"""bluesky's commands as this engine carries them out."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

from bluesky.protocols import Readable

from napari_skylight.engine._calls import answer_in_time, device_name, name_timeout, supports
from napari_skylight.engine._pauses import resume_devices
from napari_skylight.engine._waits import Awaited, answering

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from bluesky.utils import Msg

    from napari_skylight.engine._interrupts import Interruptible

    Command = Callable[[Msg], Coroutine[Any, Any, Any]]

# Commands that a pause may interrupt and repeat, and whose answer plans use.
_ANSWERED = ("collect", "locate", "read", "wait", "wait_for")

# Commands that call a device: their time-outs name it. The second ones await what it returns.
_CALLS = (
    "collect",
    "complete",
    "configure",
    "kickoff",
    "prepare",
    "set",
    "stage",
    "trigger",
    "unstage",
)
_AWAITED_CALLS = ("locate", "stop")


class ReplacedCommands:
    """bluesky's commands, with less work for each and answers for interrupted messages."""

    def __init__(self, engine: Interruptible) -> None:
        self._engine = engine
        self._bluesky: dict[str, Command] = dict(engine._command_registry)

    def install(self) -> None:
        engine = self._engine
        commands: dict[str, Command] = {
            "open_run": self._open_run,
            "read": self._read,
            "save": functools.partial(engine._open_events.save, self._bluesky["save"]),
            "drop": functools.partial(engine._open_events.end, self._bluesky["drop"]),
            "checkpoint": self._checkpoint,
            "wait": functools.partial(engine._waits.wait, self._bluesky["wait"]),
            "_resume_from_suspender": self._resume,
        }
        commands |= {name: self._naming(name) for name in _CALLS}
        commands |= {name: self._limited(name) for name in _AWAITED_CALLS}
        for name in _ANSWERED:
            commands[name] = answering(engine, commands.get(name, self._bluesky[name]))
        for name, command in commands.items():
            engine._command_registry[name] = command

    def _naming(self, name: str) -> Command:
        """Return a command of bluesky's whose time-outs name the device."""
        command = self._bluesky[name]

        async def named(msg: Msg) -> Any:
            try:
                return await command(msg)
            except TimeoutError as error:
                name_timeout(error, msg.obj, name)
                raise

        return named

    def _limited(self, name: str) -> Command:
        """Return a command of bluesky's whose device must answer in time."""
        command = self._bluesky[name]

        async def limited(msg: Msg) -> Any:
            devices = ", ".join(map(device_name, (msg.obj, *msg.args)))
            return await self._answer(Awaited(msg.obj, name), devices, command(msg))

        return limited

    async def _answer(self, awaited: Awaited, device: Any, answer: Awaitable[Any]) -> Any:
        self._engine.awaited = (awaited,)
        try:
            return await answer_in_time(device, awaited.call, answer)
        finally:
            self._engine.awaited = ()

    async def _open_run(self, msg: Msg) -> Any:
        uid = await self._bluesky["open_run"](msg)
        self._engine._run_bundlers[msg.run].validate_all = self._engine.validate_all_events
        return uid

    async def _read(self, msg: Msg) -> Any:
        device = msg.obj
        if msg.args or msg.kwargs or not supports(device, Readable):
            return await self._bluesky["read"](msg)
        try:
            reading = device.read()
        except TimeoutError as error:
            name_timeout(error, device, "read")
            raise
        if inspect.isawaitable(reading):
            reading = await self._answer(Awaited(device, "read"), device, reading)
        if reading is None:
            raise RuntimeError(f"{device.name} returned None for a reading, not a dictionary.")
        bundler = self._engine._run_bundlers.get(msg.run)
        if bundler is not None:
            await bundler.read(msg, reading)
        return reading

    async def _checkpoint(self, msg: Msg) -> None:
        """Pause at a checkpoint without bluesky's half second for a second Ctrl-C."""
        engine = self._engine
        deferred, engine._deferred_pause_requested = engine._deferred_pause_requested, False
        try:
            await self._bluesky["checkpoint"](msg)
        except BaseException:  # a cancellation too: the pause is still requested
            engine._deferred_pause_requested = deferred
            raise
        if deferred:
            await engine._pauses.pause()

    async def _resume(self, msg: Msg) -> None:
        engine = self._engine
        for bundler in engine._run_bundlers.values():
            await bundler.restore_monitors()  # type: ignore[no-untyped-call]
        await resume_devices(engine)
