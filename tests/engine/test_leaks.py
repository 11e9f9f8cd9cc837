"""What an engine leaves behind: nothing."""

import asyncio
import gc
import os
import subprocess
import sys
import textwrap
import threading
import time
import weakref

from bluesky.plan_stubs import checkpoint, null
from bluesky.plans import count

from napari_skylight.engine import RunEngine
from napari_skylight.engine.actions import Action
from napari_skylight.engine.plan_stubs import wait_for_actions
from napari_skylight.testing import FakeCamera, wait_until


def lowest_free_handle():
    handle = os.open(os.devnull, os.O_RDONLY)
    os.close(handle)
    return handle


def test_a_hundred_engines_leave_no_thread_and_no_handle():
    def one():
        with RunEngine() as engine:
            engine(count([FakeCamera()])).result(timeout=5)
            engine(null())
            engine.stop().result(timeout=5)

    one()
    gc.collect()
    before = lowest_free_handle(), threading.active_count()
    for _ in range(100):
        one()
    gc.collect()
    wait_until(lambda: (lowest_free_handle(), threading.active_count()) == before)


def test_a_closed_engine_is_collected():
    with RunEngine() as engine:
        engine(count([FakeCamera()])).result(timeout=5)
    gone = weakref.ref(engine)
    del engine
    wait_until(lambda: gc.collect() >= 0 and gone() is None)


def test_runs_leave_no_tasks_and_no_threads(engine):
    async def tasks():
        return len(asyncio.all_tasks())

    def count_tasks():
        return asyncio.run_coroutine_threadsafe(tasks(), engine.loop).result(5)

    snap = Action(name="snap")

    def plan():
        yield from checkpoint()
        while True:
            yield from wait_for_actions(snap.event_map, 0.01)

    before = count_tasks(), threading.active_count()
    for _ in range(10):
        engine(plan())
        engine.request_pause().result(timeout=5)
        engine.resume()
        engine.stop().result(timeout=5)
    wait_until(lambda: (count_tasks(), threading.active_count()) == before)


def test_a_long_run_keeps_nothing_of_its_frames(engine):
    """The memory of a run does not grow with the frames it has read."""
    frames = []

    def remember(frame):
        frames.append(weakref.ref(frame))
        return frame

    camera = FakeCamera()
    camera.transform = remember
    engine(count([camera], 50)).result(timeout=10)
    gc.collect()
    assert sum(frame() is not None for frame in frames) <= 2


LIVE = """
    import threading, time
    from bluesky.plan_stubs import checkpoint, mv, null
    from napari_skylight.engine import RunEngine
    from napari_skylight.testing import FakeLight, wait_until

    light, stuck = FakeLight(), threading.Event()
    light.stop = lambda success=True: print("light off", flush=True)

    def plan():
        yield from mv(light, True)
        try:
            while True:
                yield from checkpoint()
                {step}
        finally:
            print("cleaned up", flush=True)

    engine = RunEngine()
    engine(plan())
    wait_until(lambda: engine.state == "running" and light.on)
    {then}
    print("leaving", time.time(), flush=True)
"""


def leave(step="yield from null()", then="pass"):
    """Run a program that ends with a live plan; return what it said and how long it took."""
    program = textwrap.dedent(LIVE).format(step=step, then=then)
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ},
        check=True,
    )
    ended = time.time()
    said = done.stdout.splitlines()
    (left,) = [line for line in said if line.startswith("leaving")]
    assert "Traceback" not in done.stderr
    return said, ended - float(left.split()[1])


def test_a_process_with_a_live_plan_exits_and_leaves_the_light_off():
    said, seconds = leave()
    assert seconds < 3
    assert "cleaned up" in said
    assert "light off" in said


def test_a_process_with_a_paused_plan_exits():
    said, seconds = leave(then="engine.request_pause().result(5)")
    assert seconds < 3
    assert "cleaned up" in said


def test_a_process_with_a_plan_that_is_stuck_exits():
    said, seconds = leave(step="(stuck.set(), time.sleep(60))", then="stuck.wait(5)")
    assert seconds < 3
    assert "cleaned up" not in said
