"""Microscopes made from a TOML file of devices, or by a factory."""

from __future__ import annotations

import re
import threading
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial, reduce
from operator import getitem
from pathlib import Path
from typing import Any

from napari_skylight.devices._microscope import (
    Microscope,
    check_factory,
    checked_by,
    factory_names,
    find_factory,
)

MAKE_SECONDS = 30.0
"""How long making a device may take: some search for their hardware."""


class DeviceFileError(Exception):
    """A file of devices, or a device in it, is invalid; the message names file and line."""


@dataclass(frozen=True)
class DeviceTable:
    """One ``[[factory]]`` of a file."""

    factory: str
    arguments: dict[str, Any]
    where: str
    """The file and the line: "scope.toml, line 12"."""


def read_tables(file: Path) -> list[DeviceTable]:
    """Return the arrays of tables in `file`, in order; single tables are ignored."""
    try:
        text = file.read_text("utf-8-sig")
        document: Any = tomllib.loads(text)
    except FileNotFoundError:
        raise FileNotFoundError(f"There is no file {file}.") from None
    except tomllib.TOMLDecodeError as error:
        raise DeviceFileError(_located(file, str(error))) from error
    except (OSError, UnicodeDecodeError) as error:
        raise DeviceFileError(f"{file.name} cannot be read: {error}") from error
    tables = []
    counts: dict[tuple[str, ...], int] = {}
    for line, path in _headers(text):
        # [[camera.filter]] below [[camera]] is an argument of that one
        if any(path[:length] in counts for length in range(1, len(path))):
            continue
        nth = counts[path] = counts.get(path, -1) + 1
        arguments = reduce(getitem, path, document)[nth]
        expanded = {name: _expanded(value, file.parent) for name, value in arguments.items()}
        tables.append(DeviceTable(".".join(path), expanded, f"{file.name}, line {line}"))
    if not tables:
        raise DeviceFileError(
            f"{file.name} has no devices: write each as a table in double brackets, such as "
            "[[simulated_microscope]]."
        )
    return tables


def _headers(text: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield line and path of every ``[[path]]``; tomllib gives no line numbers."""
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines, start=1):
        if not line.lstrip().startswith("[["):
            continue
        try:
            tomllib.loads("".join(lines[: number - 1]))
            inner = tomllib.loads(line)
        except tomllib.TOMLDecodeError:  # within a text or an array of several lines
            continue
        path: list[str] = []
        while isinstance(inner, dict):
            ((key, inner),) = inner.items()
            path.append(key)
        yield number, tuple(path)


def _expanded(value: Any, folder: Path) -> Any:
    """Return `value` with paths that begin with ./ or ../ or ~/ made absolute."""
    if isinstance(value, list):
        return [_expanded(item, folder) for item in value]
    if isinstance(value, dict):
        return {key: _expanded(item, folder) for key, item in value.items()}
    if isinstance(value, str) and value.startswith(("./", "../", "~/")):
        return str((folder / Path(value).expanduser()).resolve())
    return value


def _located(file: Path, message: str) -> str:
    """Return the message of tomllib with the line number in front."""
    found = re.fullmatch(r"(.*) \(at line (\d+), column \d+\)", message, re.DOTALL)
    if found is None:
        return f"{file.name}: {message}"
    return f"{file.name}, line {found[2]}: {found[1]}"


def _check(source: str | Path) -> None:
    """Raise what is wrong with a file, or with every table in it, without making a device."""
    if isinstance(source, str) and source in factory_names():
        return check_factory(find_factory(source))
    problems: list[Exception] = []
    for table in read_tables(Path(source).expanduser().absolute()):
        try:
            return check_factory(partial(find_factory(table.factory), **table.arguments))
        except Exception as error:  # noqa: BLE001 - whatever an import raises; others may be made
            problems.append(_about(table, error))
    raise _together(problems)


@checked_by(_check)
def make_microscope(source: str | Path) -> Microscope:
    """Make the devices of a file, or those of a factory; they are not connected yet.

    Each table in double brackets makes one or more devices. Its name is that of a factory, one of
    `factory_names` or the full path of a class or function; its entries are the keyword arguments.
    The format is guarneri's. ::

        [[simulated_microscope]]
        seed = 3

        [[ophyd.sim.SynAxis]]
        name = "filter_wheel"

    Strings that begin with ``./``, ``../`` or ``~/`` are paths relative to the file's folder. A
    factory returns a device, a `Microscope`, or an iterable or mapping of devices. A device is
    closed by its ``close()`` or ``destroy()``, if it has one.

    Parameters
    ----------
    source : str or Path
        A TOML file, or one of `factory_names`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    DeviceFileError
        If the file is not TOML, or none of its devices can be made. If only some fail, their
        errors are in `Microscope.problems`.
    """
    if isinstance(source, str) and source in factory_names():
        made = _Made()
        made.take(find_factory(source)())
        return Microscope(made.title or source, tuple(made.devices), made.close)
    file = Path(source).expanduser().absolute()
    made = _Made()
    sources: list[str] = []
    problems: list[Exception] = []
    for table in read_tables(file):
        try:
            made.take(_make_within(MAKE_SECONDS, table))
        except Exception as error:  # noqa: BLE001 - whatever a driver raises; the others are made
            problems.append(_about(table, error))
        sources += [table.where] * (len(made.devices) - len(sources))
    if not made.devices:
        made.close()
        raise _together(problems)
    return Microscope(file.name, tuple(made.devices), made.close, tuple(sources), tuple(problems))


class _Made:
    """The devices that factories made, and how to close them."""

    def __init__(self) -> None:
        self.title = ""
        self.devices: list[Any] = []
        self._closers: list[Callable[[], object]] = []

    def take(self, thing: Any) -> None:
        """Add what a factory returned."""
        if isinstance(thing, Microscope):
            self.title = thing.title
            self.devices += thing.devices
            self._closers.append(thing.close)
        elif isinstance(getattr(thing, "name", None), str):
            self.devices.append(thing)
            closer = getattr(thing, "close", None) or getattr(thing, "destroy", None)
            if callable(closer):
                self._closers.append(closer)
        elif isinstance(thing, Iterable) and not isinstance(thing, str | bytes):
            for device in thing.values() if isinstance(thing, Mapping) else thing:
                self.take(device)
        else:
            raise TypeError(f"{thing!r} is not a device: it has no name.")

    def close(self) -> None:
        """Close everything, last made first; raise the errors at the end."""
        problems = []
        while self._closers:
            try:
                self._closers.pop()()
            except Exception as error:  # noqa: BLE001 - whatever a driver raises; the others follow
                problems.append(error)
        if problems:
            raise problems[0] if len(problems) == 1 else ExceptionGroup("not closed", problems)


def _make_within(seconds: float, table: DeviceTable) -> Any:
    """Call the factory on its own thread; abandon the thread after `seconds`."""
    made: Future[Any] = Future()

    def work() -> None:
        try:
            made.set_result(find_factory(table.factory)(**table.arguments))
        except Exception as error:  # noqa: BLE001 - whatever a driver raises is the future's
            made.set_exception(error)
        except BaseException as error:  # noqa: BLE001 - an exit or a cancellation ends nothing else
            failure = RuntimeError(f"It was not made: {type(error).__name__}.")
            failure.__cause__ = error
            made.set_exception(failure)

    threading.Thread(target=work, name="skylight-make-device", daemon=True).start()
    try:
        return made.result(seconds)
    except TimeoutError:
        if made.done():
            raise
        made.add_done_callback(_let_go)
        raise TimeoutError(f"It was not made within {seconds:g} s.") from None


def _let_go(late: Future[Any]) -> None:
    """Close devices that were made after the time-out."""
    if late.exception() is None:
        made = _Made()
        made.take(late.result())
        made.close()


def _together(problems: list[Exception]) -> Exception:
    return problems[0] if len(problems) == 1 else DeviceFileError("\n".join(map(str, problems)))


def _about(table: DeviceTable, error: Exception) -> DeviceFileError:
    name = table.arguments.get("name", table.factory)
    problem = DeviceFileError(f"{table.where}, {name}: {str(error) or type(error).__name__}")
    problem.__cause__ = error
    return problem
