"""`isinstance` with a protocol, fast enough for every message."""

from __future__ import annotations

import functools
import sys
import typing
from typing import Any


@functools.cache
def _members(protocol: type) -> tuple[tuple[str, bool], ...]:
    """Return the name of each member of `protocol`, and whether it is a method."""
    names = typing._get_protocol_attrs(protocol)  # type: ignore[attr-defined]
    return tuple((name, callable(getattr(protocol, name, None))) for name in names)


def supports(obj: Any, protocol: type) -> bool:
    """Return ``isinstance(obj, protocol)``, without Python 3.11's search for the members.

    That takes longer than most messages. Objects and types are not cached: they may change.
    """
    if sys.version_info < (3, 12):
        try:
            for name, is_method in _members(protocol):
                if getattr(obj, name) is None and is_method:
                    break
            else:
                return True
        except Exception:  # noqa: BLE001 - of a property of the device: isinstance decides
            pass
    return isinstance(obj, protocol)
