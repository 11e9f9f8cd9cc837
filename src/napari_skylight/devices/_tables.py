"""Tables of a TOML file of devices, with their line numbers."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


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
    """Return the arrays of tables in `file`, in order; single tables are ignored.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    DeviceFileError
        If it is not TOML, or has no devices.
    """
    try:
        text = file.read_text("utf-8-sig")
        document = tomllib.loads(text)
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
        arguments = _at(document, path)[nth]
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


def _at(document: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        document = document[key]
    return document


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
