"""Names of image files, from a template; no file is ever overwritten."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING
from unicodedata import normalize

if TYPE_CHECKING:
    from collections.abc import Iterable

DEFAULT_TEMPLATE = "{date}_{time}_{plan}_{sample}_{camera}"

_FIELDS = ("date", "time", "plan", "sample", "camera", "counter")
_FORBIDDEN = re.compile(r'[<>:"|?*\\\x00-\x1f]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
_LONGEST = 200  # bytes of a name, without its suffix
_DIGITS = "03d"
_PLACE = "\0"  # stands for the counter


def default_folder() -> Path:
    """Return ``napari-skylight`` in the user's home.

    Not in Documents or Pictures, which many systems copy to a cloud, and images are large.
    """
    return Path.home() / "napari-skylight"


@dataclass(frozen=True, slots=True, kw_only=True)
class NameValues:
    """What the fields of a template stand for; `moment` is in s since the epoch, default: now."""

    plan: str = ""
    sample: str = ""
    camera: str = ""
    moment: float | None = None


class FileNames:
    """Makes names from a template.

    Parameters
    ----------
    template : str
        Text with ``{date}`` (2026-11-28), ``{time}`` (142501), ``{plan}``, ``{sample}``,
        ``{camera}`` and ``{counter}`` (001; ``{counter:05d}`` has five digits). ``/`` makes
        folders. Empty fields go with the ``_`` beside them. Without a counter, a name that exists
        gets ``_2``, ``_3``, …
    folder : Path, optional
        Default: ``napari-skylight`` in the user's home.

    Raises
    ------
    ValueError
        The template has an unknown field or a character that a file's name cannot have.
    """

    def __init__(self, template: str = "", folder: Path | str | None = None) -> None:
        self.template = template or DEFAULT_TEMPLATE
        self.folder = default_folder() if not folder else Path(folder).expanduser()
        self._parts = _parse(self.template)

    def preview(self, suffix: str, values: NameValues | None = None) -> Path:
        """Return the next free path; nothing is made."""
        return self._path(suffix, values or NameValues())

    def claim(self, suffix: str, values: NameValues | None = None) -> Path:
        """Make and return the next free path: an empty folder for ``.zarr``, or an empty file.

        Of several programs that do so at the same time, each gets another path. The folder is made
        if it does not exist. Raises OSError if it cannot be written.
        """
        values = values or NameValues()
        if values.moment is None:
            values = NameValues(
                plan=values.plan, sample=values.sample, camera=values.camera, moment=time.time()
            )
        there: list[str] = []
        while True:
            path = self._path(suffix, values, there)
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                if suffix.endswith(".zarr"):
                    path.mkdir()
                else:
                    path.open("xb").close()
            except FileExistsError:
                there.append(path.name)
                continue
            return path

    def _path(self, suffix: str, values: NameValues, there: Iterable[str] = ()) -> Path:
        """Return the path after those in the folder, and after the names in `there`."""
        name = self._fill(values)
        *folders, last = name.split("/")
        folder = self.folder.joinpath(*folders)
        before, counted, after = last.partition(_PLACE)
        number = r"(\d+)" if counted else r"(?:_(\d+))?"
        # The same name with another suffix is taken too.
        whole = re.escape(before) + number + re.escape(after) + r"(\.|$)"
        pattern = re.compile(normalize("NFC", whole), re.IGNORECASE)
        names = (normalize("NFC", each) for each in (*_listed(folder), *there))
        taken = [match for each in names if (match := pattern.match(each))]
        highest = max((int(match.group(1) or 1) for match in taken), default=0)
        if counted:
            spec = next((spec for field, spec in self._parts if field == "counter"), "")
            return folder / f"{before}{format(highest + 1, spec or _DIGITS)}{after}{suffix}"
        return folder / f"{before}{f'_{highest + 1}' if highest else ''}{suffix}"

    def _fill(self, values: NameValues) -> str:
        now = datetime.fromtimestamp(time.time() if values.moment is None else values.moment)
        texts = {
            "date": f"{now:%Y-%m-%d}",
            "time": f"{now:%H%M%S}",
            "plan": _clean(values.plan),
            "sample": _clean(values.sample),
            "camera": _clean(values.camera),
            "counter": _PLACE,
        }
        name = "".join(texts.get(field, text) for field, text in self._parts)
        names = [re.sub(r"([_-])[_-]+", r"\1", each) for each in name.split("/")]
        names = [each.strip("_- ").rstrip(". ") or "image" for each in names if each]
        names = [f"_{each}" if _RESERVED.match(each) else each for each in names] or ["image"]
        if any(len(os.fsencode(each)) > _LONGEST for each in names):
            raise ValueError(
                f"The file name {'/'.join(names).replace(_PLACE, '1')!r} is too long: "
                f"at most {_LONGEST} bytes. Shorten the template or the sample's name."
            )
        return "/".join(names)


def _parse(template: str) -> list[tuple[str, str]]:
    """Return the fields of a template with their formats, and its texts as ("", text)."""
    try:
        parsed = list(Formatter().parse(template))
    except ValueError as error:
        raise ValueError(f"The template {template!r} cannot be read: {error}.") from error
    parts: list[tuple[str, str]] = []
    for text, field, spec, conversion in parsed:
        found = _FORBIDDEN.search(text)
        if found:
            raise ValueError(f"A file's name cannot have the character {found.group()!r}.")
        parts.append(("", text))
        if field is None:
            continue
        if field not in _FIELDS or conversion or (spec and field != "counter"):
            known = ", ".join(f"{{{each}}}" for each in _FIELDS)
            raise ValueError(f"The template {template!r} has an unknown field. Known are {known}.")
        if spec and not re.fullmatch(r"0?\d+d?", spec):
            raise ValueError(f"Write the digits of the counter as {{counter:04d}}, not {spec!r}.")
        parts.append((field, spec or ""))
    names = template.split("/")
    if template.startswith("/") or any(each.strip() in ("..", ".") for each in names):
        raise ValueError(f"The template {template!r} leaves its folder: set the folder instead.")
    if sum(field == "counter" for field, _ in parts) > 1 or "{counter" in "/".join(names[:-1]):
        raise ValueError(f"The template {template!r} may have one {{counter}}, in the last name.")
    return parts


def _clean(text: str) -> str:
    """Return a value, such as a title, without the characters that a file's name cannot have."""
    return _FORBIDDEN.sub("-", text.replace(" · ", "_")).replace("/", "-").strip()


def _listed(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []
