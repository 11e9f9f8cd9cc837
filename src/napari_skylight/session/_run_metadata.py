"""The plan and the parameters of a run, in its start document."""

from __future__ import annotations

import operator
import uuid
from collections.abc import Mapping
from pathlib import PurePath
from types import MappingProxyType
from typing import Any

from bluesky.protocols import HasName

from napari_skylight.plans.spec import sentence_case
from napari_skylight.session._recent_values import decode, encode_all
from napari_skylight.session._tasks import RunInfo


def metadata_of(run: RunInfo) -> dict[str, Any]:
    """Return what start documents say about `run`, as JSON values; `values_in` reads it."""
    return {
        "plan": run.plan,
        "title": run.title,
        "task": str(uuid.uuid4()),
        "values": encode_all(named_values(run)),
        "labels": dict(labels_of(run)),
    }


def values_in(metadata: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, str]]:
    """Return the parameters by name, as far as they can be read, and their labels."""
    values = {}
    for name, data in _mapping(metadata.get("values")).items():
        try:
            values[name] = decode(data)
        except (ValueError, RecursionError):  # of a class that is gone
            values[name] = data
    given = _mapping(metadata.get("labels"))
    labels = {name: str(given.get(name) or sentence_case(name)) for name in values}
    return MappingProxyType(values), MappingProxyType(labels)


def labels_of(run: RunInfo) -> Mapping[str, str]:
    """Return the labels of the parameters in the form, with their units, by name."""
    labels = {name: sentence_case(name) for name in run.values}
    for each in run.spec.parameters:
        if each.name in labels:
            labels[each.name] = f"{each.label} ({each.unit})" if each.unit else each.label
    return MappingProxyType(labels)


def named_values(run: RunInfo) -> Mapping[str, Any]:
    """Return the parameters with names for devices."""
    return MappingProxyType({name: _name(value) for name, value in run.values.items()})


def _name(value: Any) -> Any:
    """Return `value` with names for devices."""
    if isinstance(value, (list, tuple, set, frozenset)):
        named = [_name(each) for each in value]
        unchanged = all(map(operator.is_, named, value))
        return value if unchanged else named
    # members of an Enum have names, too, and paths have parents
    is_device = isinstance(value, HasName) and hasattr(value, "parent")
    return value.name if is_device and not isinstance(value, PurePath) else value


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
