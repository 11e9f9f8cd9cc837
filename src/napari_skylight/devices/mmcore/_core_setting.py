"""Signals over settings of the core: numbers with limits, and choices."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, Generic, TypeVar

from bluesky.protocols import Hints, Location, Reading
from event_model import DataKey

from napari_skylight.devices._value_checks import Limits, check_choice, check_number
from napari_skylight.devices.mmcore._thread import CoreThread
from napari_skylight.engine import Status

T = TypeVar("T")


class CoreSetting(ABC, Generic[T]):
    """A value of the core that can be set and read (Movable, Readable and Locatable).

    `name` is also the data key; `title` is shown to the user. `get` returns the value, and `put`
    sets a valid one within the context `around`: both on `thread`.
    """

    def __init__(
        self,
        name: str,
        *,
        title: str,
        parent: Any,
        thread: CoreThread,
        get: Callable[[], T],
        put: Callable[[T], None],
        around: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self.name = name
        self.title = title
        self.parent = parent
        self._thread = thread
        self.get = get
        self._put = put
        self._around = around

    @property
    def hints(self) -> Hints:
        return Hints(fields=[self.name])

    def set(self, value: T) -> Status:
        """Set the value; the status fails with ValueError if it is not valid."""
        return self._thread.run(partial(self._set, value), what=f"Setting {self.name} to {value}")

    async def read(self) -> dict[str, Reading[T]]:
        value = await self._thread.ask(self.get)
        return {self.name: Reading(value=value, timestamp=time.time())}

    async def describe(self) -> dict[str, DataKey]:
        return {self.name: await self._thread.ask(self.data_key)}

    async def locate(self) -> Location[T]:
        value = await self._thread.ask(self.get)
        return Location(setpoint=value, readback=value)

    @property
    def _owner(self) -> str:
        return str(getattr(self.parent, "name", "microscope"))

    def _set(self, value: T) -> None:
        fit = self._fit(value)
        with self._around():
            self._put(fit)

    @abstractmethod
    def data_key(self) -> DataKey:
        """Return the data key; called on `thread`."""

    @abstractmethod
    def _fit(self, value: T) -> T:
        """Return the value to put, or raise ValueError."""


class Number(CoreSetting[float]):
    """A number, with the lowest and highest values that `limits` returns; None for no limit."""

    def __init__(
        self,
        name: str,
        *,
        units: str,
        limits: Callable[[], Limits],
        whole: bool = False,
        **common: Any,
    ) -> None:
        super().__init__(name, **common)
        self._units = units
        self._whole = whole
        self._limits = limits

    def data_key(self) -> DataKey:
        low, high = self._limits()
        key: DataKey = {
            "source": f"mmcore://{self.name}",
            "dtype": "integer" if self._whole else "number",
            "shape": [],
        }
        if self._units:
            key["units"] = self._units
        if low is not None or high is not None:
            key["limits"] = {"control": {"low": low, "high": high}}
        return key

    def _fit(self, value: float) -> float:
        limits = self._limits()
        return check_number(value, self.title, self._owner, self._units, limits, self._whole)


class Choice(CoreSetting[T]):
    """One of the values that `choices` returns."""

    def __init__(self, name: str, *, choices: Callable[[], Sequence[T]], **common: Any) -> None:
        super().__init__(name, **common)
        self._choices = choices

    def data_key(self) -> DataKey:
        choices = self._choices()
        whole = all(isinstance(choice, int) for choice in choices)
        return {
            "source": f"mmcore://{self.name}",
            "dtype": "integer" if whole else "string",
            "shape": [],
            "choices": [str(choice) for choice in choices],
        }

    def _fit(self, value: T) -> T:
        return check_choice(value, self.title, self._owner, self._choices())
