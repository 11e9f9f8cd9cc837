"""The runs of engines other than the session's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from napari_skylight.frames import CacheStore
from napari_skylight.plans.spec import sentence_case
from napari_skylight.session._run_documents import DocumentLog, RunDocuments
from napari_skylight.session._tasks import RunInfo, Tally


@dataclass
class _Open:
    run: RunInfo
    documents: DocumentLog


class FollowedRuns:
    """Calls `add` with each Bluesky run of an engine when it ends."""

    def __init__(
        self, caches: CacheStore, add: Callable[[RunInfo, tuple[RunDocuments, ...]], None]
    ) -> None:
        self._caches = caches
        self._add = add
        self._open: dict[str, _Open] = {}  # by uid

    def __call__(self, name: str, doc: Mapping[str, Any]) -> None:
        """Take a document."""
        if name == "start":
            self._open[doc["uid"]] = _Open(_run_of(doc, Tally.of(self._caches)), DocumentLog())
        for each in self._open.values():
            each.documents.add(name, doc)
        if name == "stop" and doc["run_start"] in self._open:
            self._end(self._open.pop(doc["run_start"]), doc)

    def _end(self, ended: _Open, stop: Mapping[str, Any]) -> None:
        run = replace(
            ended.run,
            ended=stop["time"],
            exit_status=stop["exit_status"],
            reason=stop.get("reason", ""),
            brought=Tally.of(self._caches) - ended.run.before,
        )
        self._add(run, ended.documents.freeze())


def _run_of(start: Mapping[str, Any], before: Tally) -> RunInfo:
    # without a plan: it may be none of the session's, and its arguments are texts
    values = {name: str(value) for name, value in start.get("plan_args", {}).items()}
    return RunInfo(
        plan="",
        title=sentence_case(start.get("plan_name", "run")),
        values=MappingProxyType(values),
        started=start["time"],
        uids=(start["uid"],),
        before=before,
    )
