"""Soft signals that refuse invalid values."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from event_model import DataKey
from ophyd_async.core import SignalDatatype, SignalRW, SoftSignalBackend

T = TypeVar("T", bound=SignalDatatype)
Limits = tuple[float, float]


class CheckedSignal(SignalRW[T]):
    """A soft signal with limits or choices; ``set()`` fails with ValueError outside them.

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
        limits: Callable[[], Limits] | None = None,
        choices: Sequence[Any] = (),
    ) -> None:
        self._backend = _CheckedBackend(
            datatype, initial, label=label, owner=owner, units=units, limits=limits, choices=choices
        )
        super().__init__(self._backend)

    @property
    def value(self) -> T:
        value: T = self._backend.reading["value"]
        return value


class _CheckedBackend(SoftSignalBackend[T]):
    """Keeps a value that passed the check; see `CheckedSignal`."""

    def __init__(
        self,
        datatype: type[T],
        initial: T,
        *,
        label: str,
        owner: str,
        units: str,
        limits: Callable[[], Limits] | None,
        choices: Sequence[Any],
    ) -> None:
        super().__init__(datatype, initial, units or None)
        self._label, self._owner, self._units = label, owner, units
        self._limits = limits
        self._choices = [*choices] or self.metadata.get("choices", [])

    async def put(self, value: Any) -> None:
        await super().put(self._checked(value))

    async def get_datakey(self, source: str) -> DataKey:
        key = await super().get_datakey(source)
        if self._limits is not None:
            low, high = self._limits()
            key["limits"] = {"control": {"low": low, "high": high}}
        if self._choices:
            key["choices"] = [str(choice) for choice in self._choices]
        return key

    def _checked(self, value: Any) -> Any:
        """Return `value` as the datatype, or raise ValueError."""
        if self._choices:
            for choice in self._choices:
                if str(value) == str(choice):
                    return choice
            *rest, last = map(str, self._choices)
            offer = f"{', '.join(rest)} or {last}"
            raise ValueError(f"{self._label} {value} is not one of the {self._owner}'s {offer}.")
        limits = self._limits() if self._limits is not None else (-math.inf, math.inf)
        number = check_number(value, limits, self._label, self._owner, self._units)
        if self.datatype is int and number != int(number):
            raise ValueError(f"{self._label} {_say(number, self._units)} is not a whole number.")
        return number


def check_number(value: Any, limits: Limits, label: str, owner: str, units: str) -> float:
    """Return `value` as a number within `limits`, or raise ValueError."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if math.isnan(number):
        raise ValueError(f"{label} {value!r} is not a number.")
    low, high = limits
    if low <= number <= high:
        return number
    word, limit = ("below", low) if number < low else ("above", high)
    raise ValueError(f"{label} {_say(number, units)} is {word} the {owner}'s {_say(limit, units)}.")


def _say(number: float, units: str) -> str:
    """Return `number` with its unit, without needless digits."""
    space = "" if units in ("", "%") else " "
    return f"{number:.10g}{space}{units}"
