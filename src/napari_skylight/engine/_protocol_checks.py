"""Which protocols a type of device has, remembered.

`isinstance` with a protocol looks for each of its members each time, which costs more than most
messages do.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

__all__ = ["supports"]

_known: WeakKeyDictionary[type, set[type]] = WeakKeyDictionary()


def supports(obj: Any, protocol: type) -> bool:
    """Return ``isinstance(obj, protocol)``, at once for a type that had it before."""
    known = _known.get(type(obj))
    if known is not None and protocol in known:
        return True
    if not isinstance(obj, protocol):
        return False
    _known.setdefault(type(obj), set()).add(protocol)
    return True
