"""The rows of the live benchmark; each is measured in a process of its own.

Ways that are compared take turns in one process, so that whatever else the machine does falls on
all of them alike, and the medians of all turns count.
"""

from __future__ import annotations

import gc
from functools import partial
from statistics import median
from time import perf_counter, sleep
from typing import Any

import numpy as np
import psutil
import pymmcore
from benchmark_table import Figures, Row
from live_devices import (
    CountingCore,
    Ring,
    Steady,
    live_view_of,
    stash_for,
    streaming_view_of,
)
from live_screen import OurWay, Producer, Screen, SignalWay, TimerWay, some_frames, spin, spin_until

from napari_skylight.devices import mmcore, sim
from napari_skylight.engine import RunEngine
from napari_skylight.frames import FrameCache
from napari_skylight.session import Session

ROWS: dict[str, Row] = {}


def row(measure: Row) -> Row:
    """Add a row: a function of whether to be quick, that returns figures."""
    ROWS[measure.__name__] = measure
    return measure


def percentile(values: list[float], which: float) -> float:
    return float(np.percentile(values, which))


@row
def gui_gap(quick: bool) -> Figures:
    """GUI gap, ms, with 1024² frames at 500 Hz; of the signal way too, once and shortly."""
    repeats, seconds = (3, 3) if quick else (5, 10)
    frames = some_frames(1024)
    seen: dict[str, list[Any]] = {"timer": [], "ours": []}
    with Screen() as screen:
        renderer = screen.renderer
        for _ in range(repeats):
            for way in (TimerWay, OurWay):
                seen[way.name].append(screen.show(way, frames, 500, seconds))
        way = SignalWay(screen.viewer)
        producer = Producer(way, frames, 500, number=1000)
        signal = screen.watch(way, 2)
        spin_until(lambda: way.shown == producer.offered)
        way.close()
    figures: Figures = {"renderer": renderer, "gap_longest_signal": 1e3 * max(signal.gaps)}
    for name, each in seen.items():
        figures[f"gap_p95_{name}"] = 1e3 * median(one.gap(95) for one in each)
        figures[f"gap_longest_{name}"] = 1e3 * median(max(one.gaps) for one in each)
        figures[f"painting_{name}"] = 1e3 * median(percentile(one.painting, 50) for one in each)
        figures[f"gap_p99_{name}"] = 1e3 * median(one.gap(99) for one in each)
        figures[f"shown_per_second_{name}"] = median(one.paints / one.seconds for one in each)
    return figures


@row
def frame_age(quick: bool) -> Figures:
    """Age, ms, of 1024² frames at 400 Hz when they have been painted."""
    repeats, seconds = (2, 3) if quick else (5, 5)
    frames = some_frames(1024)
    ages: dict[str, list[float]] = {"timer": [], "ours": []}
    with Screen() as screen:
        for _ in range(repeats):
            for way in (TimerWay, OurWay):
                seen = screen.show(way, frames, 400, seconds)
                ages[way.name].append(1e3 * percentile(seen.ages, 95))
    return {f"age_p95_{name}": median(each) for name, each in ages.items()}


@row
def gui_time(quick: bool) -> Figures:
    """Time of the GUI thread, ms of CPU, to hand a frame over; and with all of the drawing."""
    repeats, seconds = (2, 2) if quick else (3, 4)
    figures: Figures = {}
    with Screen() as screen:
        for size in (512, 1024, 2048):
            frames = some_frames(size)
            handing: dict[str, list[float]] = {"timer": [], "ours": []}
            drawing: dict[str, list[float]] = {"timer": [], "ours": []}
            for _ in range(repeats):
                for way in (TimerWay, OurWay):
                    seen = screen.show(way, frames, 200, seconds)
                    handing[way.name].append(1e3 * median(seen.times))
                    drawing[way.name].append(1e3 * seen.cpu / len(seen.times))
            for name in handing:
                figures[f"gui_time_{size}_{name}"] = median(handing[name])
                figures[f"gui_time_drawn_{size}_{name}"] = median(drawing[name])
    return figures


@row
def producer_cost(quick: bool) -> Figures:
    """What a stash of a 2048² frame takes, beside one memcpy, ms.

    Both from the same frames into buffers of their own, in turns of ten, every 4 ms; the memcpy
    into two buffers in turn, as a cache does that must not overwrite its newest frame.
    """
    turns = 10 if quick else 30
    frames = some_frames(2048, 4)
    buffers = [np.zeros_like(frames[0]) for _ in range(2)]
    cache = FrameCache("camera", kind="live", max_bytes=10**9)
    times: dict[str, list[float]] = {"memcpy": [], "ours": []}

    def copy(n: int) -> None:
        np.copyto(buffers[n % 2], frames[n % 4])

    def stash(n: int) -> None:
        cache.stash({"camera": {"value": frames[n % 4], "timestamp": 0.0}})

    for _ in range(turns):
        for name, take in (("memcpy", copy), ("ours", stash)):
            for n in range(12):
                sleep(0.004)
                began = perf_counter()
                take(n)
                if n >= 2:
                    times[name].append(perf_counter() - began)
    return {f"producer_{name}": 1e3 * median(each) for name, each in times.items()}


@row
def stack_cost(quick: bool) -> Figures:
    """What a stash into a stack takes, µs, 128²: around the 100th frame and the 10,000th."""
    frame = np.zeros((128, 128), np.uint16)
    early, late = [], []
    for _ in range(2 if quick else 5):
        cache = FrameCache("camera", kind="stack", max_bytes=10**9)
        times = []
        for _ in range(10_100):
            began = perf_counter()
            cache.stash({"camera": {"value": frame, "timestamp": 0.0}})
            times.append(perf_counter() - began)
        early.append(1e6 * median(times[50:150]))
        late.append(1e6 * median(times[-100:]))
    return {"stack_100th": median(early), "stack_10000th": median(late)}


@row
def engine_rate(quick: bool) -> Figures:
    """Events a second of an engine beside a viewer that draws 1024² frames 30 times a second."""
    repeats, seconds = (2, 2) if quick else (5, 4)
    frames = some_frames(1024)
    engine, device = RunEngine(), Steady()
    rates: dict[str, list[float]] = {"alone": [], "timer": [], "ours": []}
    drawn: dict[str, list[float]] = {"timer": [], "ours": []}
    with Screen() as screen:
        for _ in range(repeats):
            rates["alone"].append(device.event_rate(engine, lambda: spin(seconds)))
            for way_type in (TimerWay, OurWay):
                way = way_type(screen.viewer)
                if isinstance(way, OurWay):
                    way.link.display_rate = 30
                producer = Producer(way, frames, 100)
                spin(1)
                shown = way.shown
                rates[way.name].append(device.event_rate(engine, lambda: spin(seconds)))
                drawn[way.name].append((way.shown - shown) / seconds)
                producer.stop()
                way.close()
                screen.empty()
        engine.close(3)
    figures = {f"engine_{name}": median(each) for name, each in rates.items()}
    return figures | {f"engine_drawn_{name}": median(each) for name, each in drawn.items()}


@row
def memory(quick: bool) -> Figures:
    """Growth of resident memory, MB, over 20,000 live frames of 1024² after the first 2,000."""
    frames = some_frames(1024)
    process = psutil.Process()

    def resident() -> float:
        gc.collect()
        return process.memory_info().rss / 1e6

    with Screen() as screen:
        way = OurWay(screen.viewer)
        for number in (2_000, 4_000 if quick else 20_000):
            before = resident()
            producer = Producer(way, frames, 800, number)
            spin_until(lambda producer=producer: not producer.is_alive(), 120)
            spin(1)
            growth = resident() - before
        way.close()
    return {"memory_growth": growth}


@row
def stash_all(quick: bool) -> Figures:
    """Of 2,000 frames of 512² at 500 Hz, how many the stash toggle of live view kept.

    The camera writes into a ring of 128 frames; what is overwritten before it was read is lost.
    """
    number = 1000 if quick else 2000
    camera = Ring(some_frames(512), 500, 128)
    with Screen() as screen, live_view_of(camera, screen.viewer) as session:
        session.request("stash", True)
        spin_until(lambda: session.actions["stash"].state.on)
        spin(0.1)  # the frames on their way when it was switched on
        first = camera.stop_after(number)
        spin_until(camera.is_empty)
        spin(1)
        (cache,) = (cache for cache in session.caches if cache.kind == "stack")
        taken = cache.reader().take("camera")
        kept = 0 if taken is None else np.unique(taken.data[:, 0, 0])
    offered = np.arange(first, first + number, dtype=np.uint16)
    return {"stashed": int(np.isin(offered, kept).sum()), "offered": number}


@row
def demo_camera(quick: bool) -> Figures:
    """Of the frames that Micro-Manager's core made of its DemoCamera, how many were drained.

    Its camera takes 300 frames of 512² a second, each stashed.
    """
    cores: list[CountingCore] = []  # the first checks the configuration

    class Core(CountingCore):
        def __init__(self) -> None:
            super().__init__()
            cores.append(self)

    def hurry(session: Session) -> None:
        session.start("snap").result(10)  # the picture that a fast camera gives again and again
        session.clear_stacks()
        cores[-1].setProperty("Camera", "FastImage", "1")
        session.set("camera.exposure", 1000 / 300).result(5)

    pymmcore.CMMCore = Core
    seconds = 3 if quick else 10
    with Screen() as screen:
        with streaming_view_of(mmcore.microscope, screen.viewer, hurry) as session:
            camera = session.devices["camera"]
            live, stack = session.caches.live(camera), session.caches.stack(camera)
            before, began = live.counts.stashed, perf_counter()
            stash_for(session, seconds)
            rate = (live.counts.stashed - before) / (perf_counter() - began)
        drained, kept = live.counts.stashed, stack.counts.stashed
    return {
        "demo_made": cores[-1].made,
        "demo_drained": drained,
        "demo_kept": kept,
        "demo_rate": rate,
    }


@row
def sim_camera(quick: bool) -> Figures:
    """How many frames a second are kept of the simulated camera: 512², 500 a second."""

    def hurry(session: Session) -> None:
        session.set("camera.exposure", 2.0).result(5)

    with Screen() as screen:
        small = partial(sim.microscope, sensor=(512, 512))
        with streaming_view_of(small, screen.viewer, hurry) as session:
            stack = session.caches.stack(session.devices["camera"])
            spin_until(lambda: stack.counts.kept > (500 if quick else 1800))
            frames = stack.reader().take("camera").frames
    seconds = frames[-1].timestamp - frames[0].timestamp
    return {"sim_rate": (len(frames) - 1) / seconds, "sim_kept": len(frames)}


@row
def snapshot(quick: bool) -> Figures:
    """From a click to the frame in its layer, ms; the camera takes 100, then 20 frames a second."""
    figures: Figures = {}
    with Screen() as screen:
        for rate in (100, 20):
            waited = click_to_layer(screen, rate, clicks=20 if quick else 100)
            figures[f"snapshot_{rate}_p95"] = percentile(waited, 95)
            figures[f"snapshot_{rate}_median"] = median(waited)
            screen.empty()
    return figures


def click_to_layer(screen: Screen, rate: float, clicks: int) -> list[float]:
    rng = np.random.default_rng(0)
    camera = Ring(some_frames(1024), rate, 4, newest_only=True)
    waited: list[float] = []
    began = 0.0

    def on_arrival(_event: Any = None) -> None:
        waited.append(1e3 * (perf_counter() - began))

    def on_inserted(event: Any) -> None:
        if event.value.ndim == 3:
            on_arrival()
            event.value.events.data.connect(on_arrival)

    with live_view_of(camera, screen.viewer) as session:
        screen.viewer.layers.events.inserted.connect(on_inserted)
        for n in range(clicks):
            spin(0.15 + 0.1 * rng.random())
            began = perf_counter()
            session.request("snapshot")
            spin_until(lambda n=n: len(waited) > n, 10)
        screen.viewer.layers.events.inserted.disconnect(on_inserted)
    return waited
