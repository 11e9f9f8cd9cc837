"""The values used last for each plan, kept as JSON; the user's folder."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from enum import Enum
from operator import attrgetter
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import platformdirs

from napari_skylight.session._coalescing_task import CoalescingTask
from napari_skylight.session._problems import Problems

_log = logging.getLogger("napari_skylight")

FORMAT = 1
HOME_VARIABLE = "NAPARI_SKYLIGHT_HOME"


def home_folder() -> Path:
    """Return the folder of the user's files, which need not exist.

    The value of the environment variable ``NAPARI_SKYLIGHT_HOME``, or else the system's place for
    configuration: ``~/.config/napari-skylight`` on Linux.
    """
    if given := os.environ.get(HOME_VARIABLE):
        return Path(given).expanduser()
    return platformdirs.user_config_path("napari-skylight", appauthor=False)


def data_folder() -> Path:
    """Return the folder of the user's data, which need not exist.

    The value of the environment variable ``NAPARI_SKYLIGHT_HOME``, or else the system's place for
    data: ``~/.local/share/napari-skylight`` on Linux.
    """
    if os.environ.get(HOME_VARIABLE):
        return home_folder()
    return platformdirs.user_data_path("napari-skylight", appauthor=False)


class RecentValues:
    """The plan used last, and the values used last for each plan, also in `file` if given."""

    def __init__(self, file: Path | None, problems: Problems) -> None:
        self.last_plan = ""
        self._file = file
        self._problems = problems
        self._chosen: dict[str, Mapping[str, Any]] = {}
        self._stored: dict[str, dict[str, Any]] = {}  # as JSON: the plans may be loaded later
        self._dropped: set[tuple[str, str]] = set()  # those that were logged
        self._lock = threading.Lock()
        self._written = ""
        self._task = CoalescingTask("skylight-save-choices", self._write)
        if file is not None:
            self._read(file)

    def remember(self, plan: str, values: Mapping[str, Any]) -> None:
        """Keep the values of `plan`, which becomes the last one."""
        with self._lock:
            self._chosen[plan] = MappingProxyType(dict(values))
            self.last_plan = plan

    def values(self, plan: str) -> dict[str, Any]:
        """Return the values used last for `plan`, as far as they can be read."""
        with self._lock:
            chosen, stored = self._chosen.get(plan), self._stored.get(plan, {})
        if chosen is not None:
            return {name: _as_of_now(value) for name, value in chosen.items()}
        values = {}
        for name, data in stored.items():
            try:
                values[name] = decode(data)
            except (ValueError, RecursionError) as error:
                if (plan, name) not in self._dropped:
                    self._dropped.add((plan, name))
                    _log.info("%s, dropped from the values used last: %s: %s", plan, name, error)
        return values

    def save(self) -> None:
        """Write the file on its own thread if anything has changed."""
        if self._file is not None:
            self._task.ask().add_done_callback(self._problems.report_failure)

    def close(self, seconds: float) -> None:
        """Save; wait for that up to `seconds`."""
        self.save()
        self._task.wait(seconds)

    def _read(self, file: Path) -> None:
        try:
            text = file.read_text("utf-8")
            self.last_plan, self._stored = _checked(json.loads(text))
            self._written = text
        except (FileNotFoundError, NotADirectoryError):
            return  # the first session
        except Exception as error:  # noqa: BLE001 - the file may hold anything
            self._put_aside(file, error)

    def _put_aside(self, file: Path, error: Exception) -> None:
        aside = file.with_name(f"{file.stem}-unreadable{file.suffix}")
        try:
            os.replace(file, aside)
            where = f"It is kept as {aside.name}."
        except OSError as refusal:
            self._file = None  # do not overwrite it
            where = f"It stays, and nothing is saved: {refusal}."
        if isinstance(error, json.JSONDecodeError):
            error = ValueError(f"it is not JSON: {error}")
        problem = f"The values used last cannot be read from {file.name} ({error}). {where}"
        self._problems.report(problem, about=self, stands=True)

    def _write(self) -> None:
        assert self._file is not None
        with self._lock:
            chosen, plans, last_plan = dict(self._chosen), dict(self._stored), self.last_plan
        plans |= {plan: encode_all(values) for plan, values in chosen.items()}
        if not plans and not last_plan:
            return
        content = {"format": FORMAT, "last_plan": last_plan, "plans": plans}
        text = json.dumps(content, indent=1)
        if text == self._written:
            return
        try:
            _replace(self._file, text)
        except OSError as error:
            problem = f"The values are not saved for the next start: {error}."
            self._problems.report(problem, about=self)
        else:
            self._written = text
            self._problems.take_back(self)


def _checked(content: Any) -> tuple[str, dict[str, dict[str, Any]]]:
    """Return the last plan and the values by plan, or raise ValueError."""
    if not isinstance(content, dict):
        raise ValueError("it must hold an object in braces")
    if missing := [key for key in ("format", "last_plan", "plans") if key not in content]:
        raise ValueError(f'it has no "{missing[0]}"')
    if content["format"] != FORMAT:
        raise ValueError(f"its format is {content['format']!r}, not {FORMAT}")
    plans = content["plans"]
    if not isinstance(plans, dict) or not all(isinstance(each, dict) for each in plans.values()):
        raise ValueError('its "plans" must hold an object for each plan')
    return str(content["last_plan"]), plans


def _replace(file: Path, text: str) -> None:
    """Write all of `file` or nothing; a link stays, its target is written."""
    file = Path(os.path.realpath(file))
    file.parent.mkdir(parents=True, exist_ok=True)
    # a unique name: another session may be writing too
    number, new = tempfile.mkstemp(prefix=f"{file.name}.", dir=file.parent)
    try:
        with open(number, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(new, file)
    except BaseException:  # an exit too must leave no partial file
        Path(new).unlink(missing_ok=True)
        raise


def encode_all(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return `values` as JSON values; those for which that is impossible are left out."""
    encoded = {}
    for name, value in values.items():
        try:
            encoded[name] = encode(value)
        except (TypeError, RecursionError) as error:  # a list within itself, for example
            _log.debug("%s is not kept: %s", name, error)
    return encoded


def _as_of_now(value: Any) -> Any:
    """Return `value` with its present class, in case its module was reloaded."""
    try:
        return decode(encode(value))
    except (TypeError, ValueError, RecursionError):
        return value


# A value that JSON lacks is an object with one key, its kind. Enums, dataclasses and pydantic
# models are looked up by name in the loaded modules: decoding imports nothing.

_PLAIN = (type(None), bool, int, float, str)


class _Kind(NamedTuple):
    """A type that JSON lacks, and its conversion to JSON values and back."""

    of: type
    parts: Callable[[Any], Any]
    make: Callable[[Any], Any]


_KINDS = {
    "tuple": _Kind(tuple, list, tuple),
    "set": _Kind(set, list, set),
    "frozenset": _Kind(frozenset, list, frozenset),
    "mapping": _Kind(dict, lambda value: [list(item) for item in value.items()], dict),
    "range": _Kind(range, lambda value: [value.start, value.stop, value.step], lambda n: range(*n)),
    "slice": _Kind(slice, lambda value: [value.start, value.stop, value.step], lambda n: slice(*n)),
    "path": _Kind(type(Path()), str, Path),
    "datetime": _Kind(datetime, datetime.isoformat, datetime.fromisoformat),
    "date": _Kind(date, date.isoformat, date.fromisoformat),
    "time": _Kind(time, time.isoformat, time.fromisoformat),
    "timedelta": _Kind(
        timedelta,
        lambda value: [value.days, value.seconds, value.microseconds],
        lambda parts: timedelta(*parts),
    ),
}


def encode(value: Any) -> Any:
    """Return `value` as JSON values; raise TypeError if that is impossible."""
    if isinstance(value, Enum):
        if value.name not in type(value).__members__:
            raise TypeError(f"{value!r} has no name.")  # combined flags
        return {"enum": [*_address(type(value)), value.name]}
    if isinstance(value, np.generic):
        return encode(value.item())
    if type(value) in _PLAIN:
        return value
    if type(value) is list:
        return [encode(item) for item in value]
    for name, kind in _KINDS.items():
        if type(value) is kind.of:
            return {name: encode(kind.parts(value))}
    names = _field_names(type(value))
    fields = {name: encode(getattr(value, name)) for name in names}
    return {"object": [*_address(type(value)), fields]}


def decode(data: Any) -> Any:
    """Undo `encode`; raise ValueError if it did not return `data`, or if a class is gone."""
    if isinstance(data, list):
        return [decode(item) for item in data]
    if not isinstance(data, dict):
        return data
    if len(data) != 1:
        raise ValueError(f"{data!r} cannot be read.")
    ((kind, content),) = data.items()
    try:
        if kind not in ("enum", "object"):
            return _KINDS[kind].make(decode(content))
        module, qualname, parts = content
        found: Any = _class(module, qualname)
        if kind == "enum":
            return found.__members__[parts]
        _field_names(found)  # raises for other classes
        return found(**{name: decode(value) for name, value in parts.items()})
    except Exception as error:  # a class may raise anything about values of another version
        raise ValueError(f"{data!r} cannot be read.") from error


def items_of(value: Any) -> list[Any]:
    """Return the items of a collection, or the fields of a dataclass or pydantic model."""
    if isinstance(value, Mapping):
        return list(value.values())
    if isinstance(value, list | tuple | set | frozenset):
        return list(value)
    try:
        return [getattr(value, name) for name in _field_names(type(value))]
    except TypeError:
        return []


def _address(kind: type) -> tuple[str, str]:
    """Return module and name of a class; raise TypeError for one made within a function."""
    _class(kind.__module__, kind.__qualname__)
    return kind.__module__, kind.__qualname__


def _class(module: str, qualname: str) -> type:
    try:
        found = attrgetter(qualname)(sys.modules[module])
    except (KeyError, AttributeError):
        found = None
    if not isinstance(found, type):
        raise TypeError(f"There is no class {qualname} in {module}.")
    return found


def _field_names(kind: type) -> list[str]:
    """Return the fields of a dataclass or pydantic model; raise TypeError for other classes."""
    if dataclasses.is_dataclass(kind):
        return [field.name for field in dataclasses.fields(kind) if field.init]
    fields = getattr(kind, "model_fields", None)
    if not isinstance(fields, Mapping):
        raise TypeError(f"{kind!r} has no fields.")
    return list(fields)
