"""Soft signals that refuse invalid values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from event_model import DataKey
from ophyd_async.core import SignalDatatype, SignalRW, SoftSignalBackend

from napari_skylight.devices._value_checks import Limits, check_choice, check_number

T = TypeVar("T", bound=SignalDatatype)


class CheckedSignal(SignalRW[T]):
    """A soft signal with limits or choices; ``set()`` fails with ValueError outside them.

    See `_CheckedBackend` for the arguments.
    """

    def __init__(self, datatype: type[T], initial: T, **checks: Any) -> None:
        self._backend = _CheckedBackend(datatype, initial, **checks)
        super().__init__(self._backend)

    @property
    def value(self) -> T:
        value: T = self._backend.reading["value"]
        return value


class _CheckedBackend(SoftSignalBackend[T]):
    """Keeps a value that passed the check.

    `label` ("Exposure") and `owner` ("camera") are for messages. `limits` returns the lowest and
    highest value allowed now; the choices of an enum are its own by default.
    """

    def __init__(
        self,
        datatype: type[T],
        initial: T,
        *,
        label: str,
        owner: str,
        units: str = "",
        limits: Callable[[], Limits] = lambda: (None, None),
        choices: Sequence[Any] = (),
    ) -> None:
        super().__init__(datatype, initial, units or None)
        self._label, self._owner, self._units = label, owner, units
        self._limits = limits
        self._choices = [*choices] or self.metadata.get("choices", [])

    async def put(self, value: Any) -> None:
        await super().put(self._checked(value))

    async def get_datakey(self, source: str) -> DataKey:
        key = await super().get_datakey(source)
        low, high = self._limits()
        if (low, high) != (None, None):
            key["limits"] = {"control": {"low": low, "high": high}}
        if self._choices:
            key["choices"] = [str(choice) for choice in self._choices]
        return key

    def _checked(self, value: Any) -> Any:
        """Return `value` as the datatype, or raise ValueError."""
        if self._choices:
            return check_choice(value, self._label, self._owner, self._choices)
        limits, whole = self._limits(), self.datatype is int
        return check_number(value, self._label, self._owner, self._units, limits, whole)
