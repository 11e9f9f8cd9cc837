"""The index of the run files: what a list shows of each run, without reading its file."""

from __future__ import annotations

import json
import logging
import os
import socket
from collections.abc import Iterable, Mapping
from operator import is_
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import psutil

from napari_skylight.recording._run_files import last_document, read_documents

_log = logging.getLogger("napari_skylight")

INTERRUPTED = "interrupted"
"""The exit status of a run whose program ended before it."""
OWN_METADATA = "napari_skylight"
"""The key of a start document with the plan and its parameters, as a session has started it."""

_MOST_LETTERS = 300  # of one value of a start document, in the index
_NOT_SEARCHED = {"uid", "time", "scan_id", "versions", "hints", OWN_METADATA}


class StoredRun(NamedTuple):
    """A run in the store."""

    file: str
    uid: str
    plan: str
    title: str
    started: float
    """In seconds since the epoch, as `ended`."""
    ended: float | None = None
    """None if another program is writing it."""
    exit_status: str = ""
    """That of the stop document, or "interrupted"; empty if another program is writing it."""
    reason: str = ""
    events: Mapping[str, int] = MappingProxyType({})
    """The number of events by stream, once it has ended."""
    task: str = ""
    """The same for all runs that one call of a plan has opened."""
    task_status: str = ""
    task_reason: str = ""
    """How the task ended, if this is its first run."""
    acquired: int = 0
    stashed: int = 0
    dropped: int = 0
    """Frames of the task, if this is its first run."""
    text: str = ""
    """Values of the start document, for searches."""


_NEEDED = {"uid", "file", "time", "plan", "title"}
_TYPES: Mapping[str, type] = {
    "uid": str,
    "file": str,
    "time": float,
    "plan": str,
    "title": str,
    "by": list,
    "ended": float,
    "exit_status": str,
    "reason": str,
    "events": dict,
    "task": str,
    "task_status": str,
    "task_reason": str,
    "acquired": int,
    "stashed": int,
    "dropped": int,
    "text": str,
}
"""The values of a line in the index and their types."""


_FIELDS = frozenset(StoredRun._fields)


class RunIndex:
    """The file ``index.jsonl`` in a folder of run files; safe with several programs and threads.

    Lines are only ever appended, and later lines of a run add to its earlier ones. What is missing
    or broken is read from the run files and appended again.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "index.jsonl"

    def start(self, file: str, start: Mapping[str, Any]) -> None:
        """Add a run that this program is writing; raise OSError if that fails."""
        self._append([_start_line(file, start) | {"by": _this_program()}])

    def stop(self, stop: Mapping[str, Any]) -> None:
        """Note the end of a run."""
        self._append([_stop_line(stop)])

    def note(self, uid: str, values: Mapping[str, Any]) -> None:
        """Note other values of a run."""
        self._append([{"uid": uid, **values}])

    def load(self) -> list[StoredRun]:
        """Return the runs whose files are there, newest first.

        Raise OSError if the folder cannot be read. It takes long when many files have to be read.
        """
        files, folder = self._files(), str(self._folder)
        indexed = {file: line for line in self._lines() if (file := line.get("file")) in files}
        runs, missing = [], []
        for name in files:
            line = indexed.get(name, {})
            changed = {} if _is_valid(line) else self._describe(name)
            if changed is None:
                continue
            line |= changed
            if "exit_status" not in line and not _is_running(line.get("by")):
                changed |= self._end_of(line)
            if changed:
                line |= changed
                missing.append({"uid": line["uid"], **changed})
            runs.append(_as_run(folder, line))
        try:
            self._append(missing)
        except OSError as error:  # such as a folder that is read only
            _log.debug("The index of the runs is not completed: %s", error)
        return sorted(runs, key=lambda run: run.started, reverse=True)

    def _files(self) -> set[str]:
        """Return the names of the run files, each with that of its month."""
        names = set()
        for month in _scan(self._folder):
            if month.is_dir():
                names |= {
                    f"{month.name}/{each.name}"
                    for each in _scan(Path(month.path))
                    if each.name.endswith(".jsonl")
                }
        return names

    def _lines(self) -> Iterable[dict[str, Any]]:
        """Return the lines of the index, those of the same run as one."""
        try:
            content = self._file.read_bytes()
        except FileNotFoundError:
            return ()
        texts = content.splitlines()
        try:
            lines = json.loads(b"[" + b",".join(texts) + b"]")  # all at once: faster
        except (ValueError, RecursionError):
            lines = [_parse(text) for text in texts]
        runs: dict[str, dict[str, Any]] = {}
        for line in lines:
            if isinstance(line, dict) and isinstance(uid := line.get("uid"), str):
                if uid in runs:
                    runs[uid].update(line)
                else:
                    runs[uid] = line
        return runs.values()

    def _describe(self, name: str) -> dict[str, Any] | None:
        """Return the line of a run, from its file."""
        try:
            for kind, document in read_documents(self._folder / name):
                if kind == "start":
                    return _start_line(name, document)
        except (OSError, KeyError) as error:
            _log.info("%s: left out of the earlier runs: %s", name, error)
        return None

    def _end_of(self, line: Mapping[str, Any]) -> dict[str, Any]:
        """Return how a run ended, from its file."""
        file = self._folder / line["file"]
        try:
            last = last_document(file)
            if last is not None and last[0] == "stop":
                return _stop_line(last[1])
            return {"ended": file.stat().st_mtime, "exit_status": INTERRUPTED}
        except (OSError, KeyError) as error:
            _log.info("%s: its end cannot be read: %s", file, error)
            return {"ended": line["time"], "exit_status": INTERRUPTED}

    def _append(self, lines: Iterable[Mapping[str, Any]]) -> None:
        text = "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in lines)
        if not text:
            return
        # One write at the end of the file: those of other programs do not come in between.
        number = os.open(self._file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
        with open(number, "r+b", buffering=0) as file:
            if file.seek(0, os.SEEK_END):
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":  # a crash broke the last line
                    text = f"\n{text}"
            file.write(text.encode())


def _parse(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None  # broken: the run's file is read again


def _scan(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except FileNotFoundError:
        return []


def _start_line(file: str, start: Mapping[str, Any]) -> dict[str, Any]:
    own = start.get(OWN_METADATA)
    own = own if isinstance(own, Mapping) else {}
    plan = str(own.get("plan") or start.get("plan_name") or "")
    values = (str(each)[:_MOST_LETTERS] for key, each in start.items() if key not in _NOT_SEARCHED)
    return {
        "file": file,
        "uid": str(start["uid"]),
        "time": float(start["time"]),
        "plan": plan,
        "title": str(own.get("title") or plan or "Run"),
        "task": str(own.get("task") or start["uid"]),
        "text": " ".join(values),
    }


def _stop_line(stop: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "uid": str(stop["run_start"]),
        "ended": float(stop["time"]),
        "exit_status": str(stop["exit_status"]),
        "reason": str(stop.get("reason") or ""),
        "events": dict(stop.get("num_events") or {}),
    }


def _is_valid(line: Mapping[str, Any]) -> bool:
    """Return whether the values of a run have the types that they are written with."""
    if not line.keys() >= _NEEDED:
        return False
    if all(map(is_, map(type, line.values()), map(_TYPES.get, line))):  # fast: there may be 10,000
        return True
    # keys that only a later version knows are left out
    return all(type(value) is _TYPES.get(key, type(value)) for key, value in line.items())


def _as_run(folder: str, line: dict[str, Any]) -> StoredRun:
    values = line.copy()
    values.pop("by", None)
    values["started"] = values.pop("time")
    values.setdefault("task", line["uid"])
    if not _FIELDS.issuperset(values):
        values = {key: value for key, value in values.items() if key in _FIELDS}
    values["file"] = f"{folder}/{values['file']}"
    return StoredRun(**values)


def _this_program() -> list[Any]:
    process = psutil.Process()
    return [socket.gethostname(), process.pid, process.create_time()]


def _is_running(program: Any) -> bool:
    """Return whether a program is running; True for one on another computer."""
    try:
        host, number, created = program
        if host != socket.gethostname():
            return True
        return bool(abs(psutil.Process(int(number)).create_time() - created) < 1.0)
    except (TypeError, ValueError, psutil.Error):
        return False
