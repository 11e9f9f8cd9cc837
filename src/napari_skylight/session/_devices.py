"""The devices of a session: connected on the engine's loop, known by name."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from typing import Any

from bluesky.protocols import Readable
from bluesky.utils import maybe_await
from psygnal import Signal

from napari_skylight.devices import Microscope
from napari_skylight.protocols import Camera, Focus, Light

CONNECT_SECONDS = 30.0


class Devices(Mapping[str, Any]):
    """The connected devices by name, and the microscope they belong to.

    Parameters
    ----------
    loop : asyncio.AbstractEventLoop
        The running loop that devices are connected on, and belong to from then on.
    """

    changed = Signal()
    microscope_changed = Signal()

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._devices: dict[str, Any] = {}
        self._cameras: set[str] = set()
        self._lights: set[str] = set()
        self._lock = threading.Lock()
        self._exchange = threading.Lock()
        self._closed = False
        self.microscope: Microscope | None = None

    def __getitem__(self, name: str) -> Any:
        with self._lock:
            return self._devices[name]

    def __iter__(self) -> Iterator[str]:
        with self._lock:
            return iter(tuple(self._devices))

    def __len__(self) -> int:
        return len(self._devices)

    def matches(self, device: object, protocol: type) -> bool:
        """Return whether `device` can stand where `protocol` is asked for.

        Cameras and lights have more to their descriptions than the protocols can tell; without
        that, every ophyd motor would be a light, and every light a focus drive.
        """
        name = getattr(device, "name", None)
        if protocol is Camera:
            return name in self._cameras
        if protocol is Light:
            return name in self._lights
        if protocol is Focus and name in self._lights:
            return False
        return isinstance(device, protocol)

    @property
    def lights(self) -> list[Any]:
        """The devices that are lights."""
        return [device for device in self.values() if self.matches(device, Light)]

    def add(self, device: Any) -> Future[None]:
        """Connect `device` and add it under its name.

        The future fails with ValueError when the name is empty or taken, and with what the device
        raises when it cannot be connected.
        """
        return asyncio.run_coroutine_threadsafe(self._add(device), self._loop)

    async def _add(self, device: Any) -> None:
        name = getattr(device, "name", "")
        if not name:
            raise ValueError(f"{device!r} has no name: give it one before adding it.")
        if self._devices.get(name, device) is not device:
            raise ValueError(
                f"There is a device called {name} already: give this one another name."
            )
        if hasattr(device, "connect"):
            await maybe_await(device.connect())
        described = {}
        if isinstance(device, Camera | Light) and isinstance(device, Readable):
            described = await maybe_await(device.describe())
        with self._lock:
            self._devices[name] = device
            if isinstance(device, Camera) and _has_image(described):
                self._cameras.add(name)
            if isinstance(device, Light) and _is_switch(described.get(name)):
                self._lights.add(name)
        self.changed.emit()

    def remove(self, name: str) -> None:
        """Forget the device called `name`, if there is one; it is not disconnected."""
        with self._lock:
            self._devices.pop(name, None)
            self._cameras.discard(name)
            self._lights.discard(name)
        self.changed.emit()

    def open(self, factory: Callable[[], Microscope]) -> Future[Microscope]:
        """Make a microscope on a thread of its own and connect its devices.

        The one before is closed first: two programs can seldom hold the same hardware.
        """
        opened: Future[Microscope] = Future()

        def work() -> None:
            try:
                with self._exchange:
                    microscope = self._open(factory)
            except BaseException as error:  # noqa: BLE001 - whatever a driver raises is the future's
                opened.set_exception(error)
            else:
                opened.set_result(microscope)

        threading.Thread(target=work, name="skylight-open-microscope", daemon=True).start()
        return opened

    def _open(self, factory: Callable[[], Microscope]) -> Microscope:
        self._release()
        microscope = factory()
        self.microscope = microscope
        try:
            for device in microscope.devices:
                self.add(device).result(timeout=CONNECT_SECONDS)
        except BaseException:
            self._release()
            raise
        if self._closed:  # while it was made: nobody else will let go of it
            self._release()
        self.microscope_changed.emit()
        return microscope

    def _release(self) -> None:
        microscope, self.microscope = self.microscope, None
        if microscope is None:
            return
        for device in microscope.devices:
            self.remove(device.name)
        self.microscope_changed.emit()
        microscope.close()

    def close(self) -> None:
        """Let go of the microscope."""
        self._closed = True
        if self._exchange.acquire(timeout=1.0):
            try:
                self._release()
            finally:
                self._exchange.release()


def _is_switch(data_key: Mapping[str, Any] | None) -> bool:
    """Return whether a device, as far as it describes itself, is on or off and nothing else."""
    return data_key is None or data_key.get("dtype") == "boolean"


def _has_image(description: Mapping[str, Any]) -> bool:
    """Return whether one data key has two axes, axes of length one in front left out."""
    for data_key in description.values():
        shape = list(data_key.get("shape") or ())
        while len(shape) > 2 and shape[0] == 1:
            shape = shape[1:]
        if data_key.get("dtype") == "array" and len(shape) == 2:
            return True
    return False
