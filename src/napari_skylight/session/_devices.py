"""The devices of a session: connected on the engine's loop, known by name."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from concurrent.futures import wait as wait_for_futures
from typing import Any

from bluesky.utils import maybe_await
from psygnal import Signal

from napari_skylight._signals import announce
from napari_skylight.devices import DeviceFileError, Microscope, check_factory
from napari_skylight.protocols import Camera, Focus, Light
from napari_skylight.session._connected_device import Connected, connect
from napari_skylight.session._error_text import SeveralProblems, cause_of, in_words

CONNECT_SECONDS = 30.0
CLOSE_SECONDS = 10.0
RESERVED = "caches"
"""What plans call the frame caches."""


class Devices(Mapping[str, Any]):
    """The connected devices by name, and the microscope they belong to.

    Parameters
    ----------
    loop : asyncio.AbstractEventLoop
        The running loop that devices are connected on, and belong to from then on.
    """

    changed = Signal()
    microscope_changed = Signal()
    failed = Signal(object)
    """A microscope could not be opened, or did not close as it should: the exception."""
    incomplete = Signal(object)
    """A microscope was opened without some of its devices: the exception."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._connected: dict[str, Connected] = {}
        self._lock = threading.Lock()
        self._exchange = threading.Lock()
        self._adding: set[Future[None]] = set()
        self._openings: set[Future[Microscope]] = set()
        self._closed = False
        self.microscope: Microscope | None = None
        self._factory: Callable[[], Microscope] | None = None  # of `microscope`

    def __getitem__(self, name: str) -> Any:
        with self._lock:
            return self._connected[name].device

    def __iter__(self) -> Iterator[str]:
        with self._lock:
            return iter(tuple(self._connected))

    def __len__(self) -> int:
        return len(self._connected)

    def matches(self, device: object, protocol: type) -> bool:
        """Return whether `device` can stand where `protocol` is asked for.

        Cameras and lights are told by more than their protocols; and no light is a focus drive, nor
        is a part of another device.
        """
        known = self._connected.get(getattr(device, "name", ""))
        if protocol is Camera:
            return known is not None and known.is_camera
        is_light = known is not None and known.is_light
        if protocol is Light:
            return is_light
        is_part = known is None or known.device is not device
        return isinstance(device, protocol) and not (protocol is Focus and (is_light or is_part))

    @property
    def parts(self) -> Mapping[str, Any]:
        """The parts of devices that can be set and read, by their paths: "stage.x"."""
        with self._lock:
            connected = list(self._connected.values())
        return {path: part for each in connected for path, part in each.parts.items()}

    def choices(self, device: object, setting: str) -> tuple[str, ...]:
        """Return what `device` offered for its part `setting` when it was connected."""
        name = getattr(device, "name", "")
        known = self._connected.get(name)
        return () if known is None else known.choices.get(f"{name}.{setting}", ())

    @property
    def opening(self) -> bool:
        """Whether a microscope is being opened."""
        return bool(self._openings)

    @property
    def lights(self) -> list[Any]:
        """The devices that are lights."""
        return [device for device in self.values() if self.matches(device, Light)]

    def add(self, device: Any) -> Future[None]:
        """Connect `device` and add it under its name.

        The future fails with ValueError when the name is empty or taken, and with what the device
        raises when it cannot be connected.
        """
        future = asyncio.run_coroutine_threadsafe(self._add(device), self._loop)
        self._adding.add(future)
        future.add_done_callback(self._adding.discard)
        return future

    async def _add(self, device: Any) -> None:
        self._keep(await self._connect(device))
        announce(self.changed)

    async def _connect(self, device: Any) -> Connected:
        self._check_name(device)
        return await connect(device, CONNECT_SECONDS)

    async def _connect_all(self, devices: Sequence[Any]) -> list[Connected | BaseException]:
        connecting = [self._connect(device) for device in devices]
        return await asyncio.gather(*connecting, return_exceptions=True)

    def _check_name(self, device: Any) -> None:
        name = getattr(device, "name", "")
        if not isinstance(name, str) or not name.strip() or "." in name or name == RESERVED:
            raise ValueError(
                f"{device!r} is called {name!r}: give it a name, without a dot, not {RESERVED!r}."
            )
        there = self._connected.get(name)
        if there is not None and there.device is not device:
            raise ValueError(
                f"There is a device called {name} already: give this one another name."
            )

    def _keep(self, connected: Connected) -> None:
        with self._lock:
            self._check_name(connected.device)
            self._connected[connected.device.name] = connected

    def open(self, factory: Callable[[], Microscope]) -> Future[Microscope]:
        """Make a microscope on a thread of its own and connect its devices.

        The one before is closed first: two programs can seldom hold the same hardware. It stays
        open if the factory's check fails, and is opened again if the new one cannot be opened.
        """
        future: Future[Microscope] = Future()
        future.set_running_or_notify_cancel()  # others may have asked for the same
        self._openings.add(future)

        def work() -> None:
            try:
                with self._exchange:
                    microscope = self._open(factory)
            except BaseException as error:  # noqa: BLE001 - whatever a driver raises is the future's
                if self._end_opening(future):
                    announce(self.failed, error)  # before the future ends
                    future.set_exception(error)
            else:
                if self._end_opening(future):
                    future.set_result(microscope)

        threading.Thread(target=work, name="skylight-open-microscope", daemon=True).start()
        return future

    def _end_opening(self, future: Future[Microscope]) -> bool:
        """Count `future` as ended; return False if `give_up` has ended it."""
        with self._lock:
            pending = future in self._openings
            self._openings.discard(future)
        return pending

    def _open(self, factory: Callable[[], Microscope]) -> Microscope:
        former, former_factory = self.microscope, self._factory
        note = "" if former is None else f"{former.title} is still open."
        try:
            check_factory(factory)
            self._release(CLOSE_SECONDS)
            note = ""
            return self._make(factory)
        except BaseException as error:
            if former is not None and former_factory is not None and not self._closed:
                cause_of(error).add_note(note or self._reopen(former.title, former_factory))
            raise

    def _reopen(self, title: str, factory: Callable[[], Microscope]) -> str:
        """Open the former microscope again; return how that went, in words."""
        try:
            self._make(factory)
        except BaseException as error:  # noqa: BLE001 - whatever a driver raises, both are reported
            return f"{title} could not be opened again: {in_words(error)}"
        return f"{title} is open again."

    def _make(self, factory: Callable[[], Microscope]) -> Microscope:
        microscope = factory()
        if not isinstance(microscope, Microscope):
            raise TypeError(f"{factory!r} made {microscope!r}, not a Microscope.")
        try:
            if self._closed:  # while it was made
                raise RuntimeError(f"{microscope.title} was not opened: the session was closed.")
            problems = self._add_all(microscope)
        except BaseException:  # whatever a driver raises, its hardware is released
            self._let_go(microscope, CLOSE_SECONDS)
            raise
        self._factory = factory
        self.microscope = microscope  # last: who sees it finds its devices
        if self._closed:  # while it was connected
            self._release(CLOSE_SECONDS)
        announce(self.changed)
        announce(self.microscope_changed)
        if problems:
            announce(self.incomplete, SeveralProblems.of(problems))
        return microscope

    def _add_all(self, microscope: Microscope) -> list[Exception]:
        """Connect the devices; return why some are missing that the others can do without.

        Raises
        ------
        Exception
            If the others cannot, or there are none.
        """
        problems = list(microscope.problems)
        connecting = self._connect_all(microscope.devices)
        future = asyncio.run_coroutine_threadsafe(connecting, self._loop)
        try:
            # the limit is that of each device, unless one of them blocks the loop
            found = future.result(CONNECT_SECONDS + 5)
        except TimeoutError as error:
            future.cancel()
            raise TimeoutError(
                f"{microscope.title} did not connect within {CONNECT_SECONDS:g} s."
            ) from error
        for i, (device, connected) in enumerate(zip(microscope.devices, found, strict=True)):
            try:
                if isinstance(connected, BaseException):
                    raise connected
                self._keep(connected)
            except BaseException as error:  # whatever a driver raises, a cancellation included
                if not microscope.sources:
                    raise
                problems.append(_missing(device, microscope.sources[i], error))
        if problems and len(problems) - len(microscope.problems) == len(microscope.devices):
            raise SeveralProblems.of(problems)
        return problems

    def _release(self, seconds: float) -> None:
        """Let go of the microscope that is open, if one is."""
        microscope, self.microscope = self.microscope, None
        if microscope is not None:
            self._let_go(microscope, seconds)

    def _let_go(self, microscope: Microscope, seconds: float) -> None:
        """Forget a microscope's devices and close it, on a thread that is waited for so long."""
        with self._lock:
            self._connected = {
                name: connected
                for name, connected in self._connected.items()
                if not any(connected.device is device for device in microscope.devices)
            }
        announce(self.changed)
        announce(self.microscope_changed)

        def close() -> None:
            try:
                microscope.close()
            except Exception as error:  # noqa: BLE001 - whatever a driver raises; life goes on
                announce(self.failed, error)

        closing = threading.Thread(target=close, name="skylight-close-microscope", daemon=True)
        closing.start()
        closing.join(seconds)

    def darken(self, seconds: float) -> list[str]:
        """Stop every light, each within so many seconds; return what went wrong, in words.

        Not for the loop's thread, which has to do it.
        """
        if not self.lights:
            return []
        try:
            dark = asyncio.run_coroutine_threadsafe(self._darken(seconds), self._loop)
        except RuntimeError:  # the loop has been closed, and the engine has stopped what was set
            return []
        done, _ = wait_for_futures([dark], seconds + 0.1)
        return dark.result() if done else ["The lights could not be asked to go off."]

    async def _darken(self, seconds: float) -> list[str]:
        problems = []
        for light in self.lights:
            try:
                async with asyncio.timeout(seconds):
                    await maybe_await(light.stop())
            except TimeoutError:
                problems.append(f"{light.name} did not go off within {seconds:g} s.")
            except BaseException as error:  # noqa: BLE001 - whatever a driver raises, be it a
                # cancellation or an exit: the others must go off too, and the run must end
                problems.append(in_words(error))
        return problems

    def give_up(self) -> None:
        """Open and add nothing more; what is pending ends as cancelled."""
        with self._lock:
            self._closed = True
            openings, self._openings = self._openings, set()
        for future in tuple(self._adding):
            future.cancel()
        for opening in openings:
            opening.set_exception(CancelledError("The session was closed."))

    def close(self, seconds: float) -> None:
        """Release the microscope."""
        self.give_up()
        if self._exchange.acquire(timeout=seconds):
            try:
                self._release(seconds)
            finally:
                self._exchange.release()


def _missing(device: Any, source: str, error: BaseException) -> DeviceFileError:
    """Return an error that says which device of a file is missing, and why."""
    words, name = in_words(error), str(getattr(device, "name", "") or "a device without a name")
    where = source if words.startswith(name) else f"{source}, {name}"
    problem = DeviceFileError(f"{where}: {words}")
    problem.__cause__ = error
    return problem
