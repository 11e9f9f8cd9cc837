"""Run files: the documents of one run, one JSON document a line, ``["name", {…}]``."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from event_model import NumpyEncoder

_TAIL = 65536  # bytes at the end of a file, more than any stop document


class _Encoder(NumpyEncoder):
    """Encodes NumPy's values, sets and dates; any other object as its text."""

    def default(self, value: Any) -> Any:
        try:
            return super().default(value)
        except TypeError:
            if isinstance(value, set | frozenset):
                return list(value)
            return value.isoformat() if isinstance(value, date | datetime) else str(value)


def to_line(name: str, document: Mapping[str, Any]) -> str:
    """Return a document as a line; raise TypeError or ValueError if JSON cannot hold it."""
    return json.dumps([name, document], cls=_Encoder, ensure_ascii=False) + "\n"


def read_documents(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the names and documents in a run file, in order; lines that are broken are left out.

    A crash of the computer can break the last line. Raise OSError if the file cannot be read.
    """
    with file.open("rb") as lines:
        for line in lines:
            if (found := _parse(line)) is not None:
                yield found


def last_document(file: Path) -> tuple[str, dict[str, Any]] | None:
    """Return the last document in a run file; None if its line is broken."""
    with file.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - _TAIL))
        lines = stream.read().splitlines()
    return _parse(lines[-1]) if lines else None


def file_name(start: Mapping[str, Any]) -> str:
    """Return the path of a new run file in the folder of all: month, date, time, plan and uid."""
    plan = re.sub(r"[^\w-]+", "_", str(start.get("plan_name") or "run"))[:60]
    uid = re.sub(r"[^\w-]+", "_", str(start["uid"]))[:8]
    began = time.localtime(start["time"])
    return time.strftime(f"%Y-%m/%Y-%m-%d %H-%M-%S {plan} {uid}.jsonl", began)


def _parse(line: bytes) -> tuple[str, dict[str, Any]] | None:
    try:
        name, document = json.loads(line)
    except (ValueError, TypeError, RecursionError):
        return None
    return (name, document) if isinstance(name, str) and isinstance(document, dict) else None
