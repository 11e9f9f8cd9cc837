"""The devices of a session, by name."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from concurrent.futures import wait as wait_for_futures
from typing import Any

from bluesky.protocols import Reading
from bluesky.utils import maybe_await
from psygnal import Signal

from napari_skylight._signals import announce
from napari_skylight.devices import DeviceFileError, Microscope, check_factory
from napari_skylight.protocols import Camera, Focus, Light
from napari_skylight.session._device_signals import Connected, SettingInfo, connect
from napari_skylight.session._previews import read_preview
from napari_skylight.session._problems import Problems, SeveralProblems, cause_of, in_words

CONNECT_SECONDS = 30.0
CLOSE_SECONDS = 10.0
LIGHT_SECONDS = 5.0
"""How long a light may take to go off at the end of a run."""
RESERVED = "caches"  # the frame caches in plans


class Devices(Mapping[str, Any]):
    """The devices by name, connected on the running `loop`, and the microscope they belong to."""

    changed = Signal()
    microscope_changed = Signal()

    def __init__(self, loop: asyncio.AbstractEventLoop, problems: Problems) -> None:
        self._loop = loop
        self._problems = problems
        self._connected: dict[str, Connected] = {}
        self._lock = threading.Lock()
        self._exchange = threading.Lock()
        self._adding: set[Future[None]] = set()
        self._openings: list[Future[Microscope]] = []
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
        """Return whether `device` can be chosen where a plan takes a `protocol`.

        A light, or a part of a device, is no focus drive.
        """
        known = self._connected.get(getattr(device, "name", ""), Connected(None))
        if protocol is Camera:
            return known.is_camera
        if protocol is Light:
            return known.is_light
        is_drive = known.device is device and not known.is_light
        return isinstance(device, protocol) and (protocol is not Focus or is_drive)

    def adapt(self, device: Any, protocol: type) -> Any:
        """Return what a plan that takes a `protocol` gets as `device`."""
        known = self._connected.get(getattr(device, "name", ""), Connected(None))
        is_known = known.device is device and known.camera is not None
        return known.camera if protocol is Camera and is_known else device

    def read_preview(self, name: str) -> Reading[Any] | None:
        """Return the image of a detector's preview signal; None without one or its answer.

        Not for the loop's thread.
        """
        signal = self._connected.get(name, Connected(None)).preview
        return None if signal is None else read_preview(signal, self._loop)

    @property
    def parts(self) -> Mapping[str, Any]:
        """The devices, and parts of them, that can be set and read, by path: "stage.x"."""
        with self._lock:
            connected = list(self._connected.values())
        return {path: part for each in connected for path, part in each.parts.items()}

    def choices(self, device: object, setting: str) -> tuple[str, ...]:
        """Return the choices of the part `setting`, as described when `device` was connected."""
        info = self.info(f"{getattr(device, 'name', '')}.{setting}")
        return () if info is None else info.choices

    def info(self, path: str) -> SettingInfo | None:
        """Return the description of the part at `path` when its device was connected."""
        known = self._connected.get(path.partition(".")[0])
        return None if known is None else known.infos.get(path)

    def add(self, device: Any) -> Future[None]:
        """Connect `device` and add it under its name; see `Session.add_device`."""
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
        return await asyncio.gather(*map(self._connect, devices), return_exceptions=True)

    def _check_name(self, device: Any) -> None:
        name = getattr(device, "name", "")
        if not isinstance(name, str) or not name.strip() or "." in name or name == RESERVED:
            raise ValueError(
                f"{device!r} is called {name!r}: give it a name, without a dot, not {RESERVED!r}."
            )
        if self._connected.get(name, Connected(device)).device is not device:
            raise ValueError(
                f"There is a device called {name} already: give this one another name."
            )

    def _keep(self, connected: Connected) -> None:
        with self._lock:
            self._check_name(connected.device)
            self._connected[connected.device.name] = connected

    @property
    def opening(self) -> Future[Microscope] | None:
        """The microscope that is being opened, the last if there are several."""
        with self._lock:
            return self._openings[-1] if self._openings else None

    def open(self, factory: Callable[[], Microscope]) -> Future[Microscope]:
        """Make a microscope on a thread; see `Session.open_microscope`."""
        self._problems.take_back(self)
        self._problems.report(None)
        future: Future[Microscope] = Future()
        future.set_running_or_notify_cancel()  # several callers may wait for it
        with self._lock:
            self._openings.append(future)

        def work() -> None:
            try:
                with self._exchange:
                    microscope = self._open(factory)
            except BaseException as error:  # noqa: BLE001 - a driver may raise anything
                if self._end_opening(future):
                    self._problems.report(error)
                    future.set_exception(error)
            else:
                if self._end_opening(future):
                    future.set_result(microscope)

        threading.Thread(target=work, name="skylight-open-microscope", daemon=True).start()
        return future

    def _end_opening(self, future: Future[Microscope]) -> bool:
        """Forget a future; return False if `give_up` has ended it."""
        with self._lock:
            if pending := future in self._openings:
                self._openings.remove(future)
        return pending

    def _open(self, factory: Callable[[], Microscope]) -> Microscope:
        former, former_factory = self.microscope, self._factory
        note = "" if former is None else f"{former.title} is still open."
        try:
            check_factory(factory)
            self._release(CLOSE_SECONDS)  # the hardware may be the same
            note = ""
            return self._make(factory)
        except BaseException as error:
            if former is not None and former_factory is not None and not self._closed:
                cause_of(error).add_note(note or self._reopen(former.title, former_factory))
            raise

    def _reopen(self, title: str, factory: Callable[[], Microscope]) -> str:
        """Open the former microscope again; return a message with the result."""
        try:
            self._make(factory)
        except BaseException as error:  # noqa: BLE001 - both errors are reported
            return f"{title} could not be opened again: {in_words(error)}"
        return f"{title} is open again."

    def _make(self, factory: Callable[[], Microscope]) -> Microscope:
        microscope = factory()
        if not isinstance(microscope, Microscope):
            raise TypeError(f"{factory!r} made {microscope!r}, not a Microscope.")
        try:
            if self._closed:
                raise RuntimeError(f"{microscope.title} was not opened: the session was closed.")
            problems = self._add_all(microscope)
        except BaseException:  # whatever the reason, the hardware is released
            self._let_go(microscope, CLOSE_SECONDS)
            raise
        self._factory = factory
        self.microscope = microscope  # after its devices
        if self._closed:
            self._release(CLOSE_SECONDS)
        announce(self.changed)
        announce(self.microscope_changed)
        if problems:
            self._problems.report(SeveralProblems.of(problems), about=self, stands=True)
        return microscope

    def _add_all(self, microscope: Microscope) -> list[Exception]:
        """Connect the devices; return the problems of those that may be missing, raise others."""
        problems = list(microscope.problems)
        connecting = self._connect_all(microscope.devices)
        future = asyncio.run_coroutine_threadsafe(connecting, self._loop)
        try:
            # each device has its own limit; this one ends if a device blocks the loop
            found = future.result(CONNECT_SECONDS + 5)
        except TimeoutError as error:
            future.cancel()
            problem = f"{microscope.title} did not connect within {CONNECT_SECONDS:g} s."
            raise TimeoutError(problem) from error
        for i, (device, connected) in enumerate(zip(microscope.devices, found, strict=True)):
            try:
                if isinstance(connected, BaseException):
                    raise connected
                self._keep(connected)
            except BaseException as error:  # a driver may raise anything
                if not microscope.sources:
                    raise
                problems.append(_missing(device, microscope.sources[i], error))
        if problems and len(problems) - len(microscope.problems) == len(microscope.devices):
            raise SeveralProblems.of(problems)
        return problems

    def _release(self, seconds: float) -> None:
        """Close the open microscope, if there is one."""
        microscope, self.microscope = self.microscope, None
        if microscope is not None:
            self._let_go(microscope, seconds)

    def _let_go(self, microscope: Microscope, seconds: float) -> None:
        """Remove a microscope's devices and close it; wait for that up to `seconds`."""
        gone = {id(device) for device in microscope.devices}
        with self._lock:
            kept = [each for each in self._connected.values() if id(each.device) not in gone]
            self._connected = {each.device.name: each for each in kept}
        announce(self.changed)
        announce(self.microscope_changed)

        def close() -> None:
            try:
                microscope.close()
            except Exception as error:  # noqa: BLE001 - a driver may raise anything
                self._problems.report(error)

        closing = threading.Thread(target=close, name="skylight-close-microscope", daemon=True)
        closing.start()
        closing.join(seconds)

    def darken(self, seconds: float = LIGHT_SECONDS) -> None:
        """Stop every light, each within `seconds`; not for the loop's thread."""
        lights = [device for device in self.values() if self.matches(device, Light)]
        if not lights:
            return
        try:
            dark = asyncio.run_coroutine_threadsafe(_darken(lights, seconds), self._loop)
        except RuntimeError:  # the loop is closed, and the engine has stopped what was set
            return
        done, _ = wait_for_futures([dark], seconds + 0.1)
        for problem in dark.result() if done else ["A device blocks the engine: check the lights."]:
            self._problems.report(problem)

    def give_up(self) -> None:
        """Open and add nothing more; end what is pending as cancelled."""
        with self._lock:
            self._closed = True
            openings, self._openings = self._openings, []
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


async def _darken(lights: Sequence[Any], seconds: float) -> list[str]:
    """Stop the lights; return what went wrong."""
    problems = []
    for light in lights:
        try:
            async with asyncio.timeout(seconds):
                await maybe_await(light.stop())
        except TimeoutError:
            problems.append(f"{light.name} did not go off within {seconds:g} s.")
        except BaseException as error:  # noqa: BLE001 - even after a cancellation or exit, the
            # other lights must go off and the run must end
            problems.append(in_words(error))
    return problems


def _missing(device: Any, source: str, error: BaseException) -> DeviceFileError:
    """Return an error that names a missing device of a file, and the reason."""
    words, name = in_words(error), str(getattr(device, "name", "") or "a device without a name")
    where = source if words.startswith(name) else f"{source}, {name}"
    problem = DeviceFileError(f"{where}: {words}")
    problem.__cause__ = error
    return problem
