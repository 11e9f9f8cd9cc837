"""The Runs dock with 10,000 earlier runs, compared with none.

Each time a session and its dock are opened, and the time is taken until the dock is painted with
its rows. The last line is JSON.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from event_model import compose_run
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication, QTreeView

from napari_skylight import Session
from napari_skylight.recording import RunIndex, RunStore
from napari_skylight.widgets import RunsPanel

RUNS = 10_000
TURNS = 7
DAY = 86400.0


def make_runs(folder: Path, number: int) -> None:
    """Store runs as a session does, a hundred a day."""
    store = RunStore(folder, print)
    for count in range(number):
        began = time.time() - count * DAY / 100
        plan = ("live_view", "snap", "count", "grid_scan")[count % 4]
        md = {"plan_name": plan, "sample": f"slide {count % 50}", "operator": "me"}
        run = compose_run(metadata=md, time=began, validate=False)
        store("start", run.start_doc)
        store("stop", run.compose_stop(time=began + 5.0, validate=False))
        if count % 1000 == 999:
            store.close(timeout=60)
            store = RunStore(folder, print)
    store.close(timeout=60)


def open_dock(app: QApplication, home: Path, number: int) -> float:
    """Return the seconds until a dock has painted `number` earlier runs."""
    began = time.perf_counter()
    with Session(home) as session:
        dock = RunsPanel(session)
        dock.resize(360, 700)
        dock.show()
        table = dock.findChild(QTreeView, "runs")
        while table.model().rowCount() < number or session.earlier_runs.is_listing:
            app.processEvents()
            time.sleep(0.001)  # as an event loop waits, without Python's lock
        app.processEvents()
        dock.repaint()
        seconds = time.perf_counter() - began
        dock.close_links()
        dock.deleteLater()
        app.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    return seconds


def main() -> int:
    app = QApplication([])
    with tempfile.TemporaryDirectory() as folder:
        full, empty = Path(folder) / "full", Path(folder) / "empty"
        make_runs(full / "runs", RUNS)
        began = time.perf_counter()
        (full / "runs" / "index.jsonl").unlink()
        assert len(RunIndex(full / "runs").load()) == RUNS
        rebuilt = time.perf_counter() - began
        open_dock(app, empty, 0)
        times = [(open_dock(app, empty, 0), open_dock(app, full, RUNS)) for _ in range(TURNS)]
    none, many = (statistics.median(each) for each in zip(*times, strict=True))
    extra = statistics.median(much - little for little, much in times)
    print(f"opened with no earlier run: {none:.3f} s; with {RUNS}: {many:.3f} s")
    print(f"{RUNS} runs without an index: {rebuilt:.1f} s, on a thread")
    print(json.dumps({"benchmark": "runs", "ratios": {"extra_seconds_over_0.3": extra / 0.3}}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
