"""The devices of a session: connected on the engine's loop, known by name."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from concurrent.futures import wait as wait_for_futures
from typing import Any

from bluesky.protocols import Readable
from bluesky.utils import maybe_await
from psygnal import Signal

from napari_skylight._signals import announce
from napari_skylight.devices import Microscope
from napari_skylight.protocols import Camera, Focus, Light
from napari_skylight.session._errors import in_words
from napari_skylight.session._settings import SettingInfo, settings_of

CONNECT_SECONDS = 30.0
CLOSE_SECONDS = 10.0
DESCRIBE_SECONDS = 5.0
"""How long a setting may take to say what there is to choose from."""

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
    """A microscope did not close as it should: the exception."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._devices: dict[str, Any] = {}
        self._cameras: set[str] = set()
        self._lights: set[str] = set()
        self._choices: dict[str, tuple[str, ...]] = {}
        self._lock = threading.Lock()
        self._exchange = threading.Lock()
        self._opening = 0
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

    def choices(self, device: object, setting: str) -> tuple[str, ...]:
        """Return what `device` offered for its part `setting` when it was connected."""
        return self._choices.get(f"{getattr(device, 'name', '')}.{setting}", ())

    @property
    def opening(self) -> bool:
        """Whether a microscope is on its way."""
        return self._opening > 0

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
        if not isinstance(name, str) or not name.strip() or "." in name or name == RESERVED:
            raise ValueError(
                f"{device!r} is called {name!r}: give it a name, without a dot, not {RESERVED!r}."
            )
        if self._devices.get(name, device) is not device:
            raise ValueError(
                f"There is a device called {name} already: give this one another name."
            )
        if hasattr(device, "connect"):
            await maybe_await(device.connect())
        described = {}
        if isinstance(device, Camera | Light) and isinstance(device, Readable):
            described = await maybe_await(device.describe())
        choices = await _choices_of(device)
        with self._lock:
            self._devices[name] = device
            self._choices |= choices
            if isinstance(device, Camera) and _has_image(described):
                self._cameras.add(name)
            if isinstance(device, Light) and _is_switch(described.get(name)):
                self._lights.add(name)
        announce(self.changed)

    def remove(self, name: str) -> None:
        """Forget the device called `name`, if there is one; it is not disconnected."""
        with self._lock:
            self._devices.pop(name, None)
            self._cameras.discard(name)
            self._lights.discard(name)
            self._choices = {
                path: choices
                for path, choices in self._choices.items()
                if not path.startswith(f"{name}.")
            }
        announce(self.changed)

    def open(self, factory: Callable[[], Microscope]) -> Future[Microscope]:
        """Make a microscope on a thread of its own and connect its devices.

        The one before is closed first: two programs can seldom hold the same hardware.
        """
        opened: Future[Any] = Future()

        def work() -> None:
            try:
                with self._exchange:
                    microscope, problem = self._open(factory), None
            except BaseException as error:  # noqa: BLE001 - whatever a driver raises is the future's
                microscope, problem = None, error
            with self._lock:
                self._opening -= 1
            if problem is not None:
                opened.set_exception(problem)
            else:
                opened.set_result(microscope)

        with self._lock:
            self._opening += 1
        threading.Thread(target=work, name="skylight-open-microscope", daemon=True).start()
        return opened

    def _open(self, factory: Callable[[], Microscope]) -> Microscope:
        self._release(CLOSE_SECONDS)
        microscope = factory()
        if not isinstance(microscope, Microscope):
            raise TypeError(f"{factory!r} made {microscope!r}, not a Microscope.")
        self.microscope = microscope
        try:
            for device in microscope.devices:
                self._add_within(CONNECT_SECONDS, device)
        except BaseException:
            self._release(CLOSE_SECONDS)
            raise
        if self._closed:  # while it was made: nobody else will let go of it
            self._release(CLOSE_SECONDS)
        announce(self.microscope_changed)
        return microscope

    def _add_within(self, seconds: float, device: Any) -> None:
        added = self.add(device)
        try:
            added.result(timeout=seconds)
        except TimeoutError as error:
            if added.cancel():
                raise TimeoutError(
                    f"{device.name} did not connect within {seconds:g} s."
                ) from error
            raise

    def _release(self, seconds: float) -> None:
        """Forget the microscope's devices and close it, on a thread that is waited for so long."""
        microscope = self.microscope
        if microscope is None:
            return
        self.microscope = None
        for device in microscope.devices:
            name = device.name
            if self._devices.get(name) is device:
                self.remove(name)
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
            except Exception as error:  # noqa: BLE001 - whatever a driver raises; the others must go off too
                problems.append(in_words(error))
        return problems

    def close(self, seconds: float) -> None:
        """Let go of the microscope."""
        self._closed = True
        if self._exchange.acquire(timeout=seconds):
            try:
                self._release(seconds)
            finally:
                self._exchange.release()


def _is_switch(data_key: Mapping[str, Any] | None) -> bool:
    """Return whether a device, as far as it describes itself, is on or off and nothing else."""
    return data_key is None or data_key.get("dtype") == "boolean"


async def _choices_of(device: Any) -> dict[str, tuple[str, ...]]:
    """Return the choices that settings of `device` have, by their paths: "light.channel"."""
    try:
        settings = [setting for setting in settings_of(device) if setting.settable]
    except Exception:  # noqa: BLE001 - whatever is wrong with its parts, the device itself can be used
        return {}
    asked = [asyncio.wait_for(setting.describe(), DESCRIBE_SECONDS) for setting in settings]
    # Nor is a setting that cannot be described now a reason to do without the device.
    answers = await asyncio.gather(*asked, return_exceptions=True)
    return {
        setting.path: info.choices
        for setting, info in zip(settings, answers, strict=True)
        if isinstance(info, SettingInfo) and info.choices
    }


def _has_image(description: Mapping[str, Any]) -> bool:
    """Return whether one data key has two axes, axes of length one in front left out."""
    for data_key in description.values():
        shape = list(data_key.get("shape") or ())
        while len(shape) > 2 and shape[0] == 1:
            shape = shape[1:]
        if data_key.get("dtype") == "array" and len(shape) == 2:
            return True
    return False
