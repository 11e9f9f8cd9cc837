"""How far a run is, and what it waits for."""

import asyncio
import logging

import numpy as np
import pytest
from bluesky import plan_stubs as bps
from bluesky import plans as bp
from bluesky import preprocessors as bpp
from bluesky.utils import MsgGenerator
from ophyd.sim import SynAxis
from ophyd_async.core import WatchableAsyncStatus, WatcherUpdate

from napari_skylight.engine import Status
from napari_skylight.session import Progress, SessionState, Waiting
from napari_skylight.testing import wait_until


class Slow:
    """A device that moves until it is let go of, and stops only then."""

    parent = None

    def __init__(self, name="stage"):
        self.name = name
        self.status = Status()

    def set(self, _value):
        return self.status

    def let_go(self):
        self.status.set_finished()


class Watchable(Status):
    """A status that tells how far it is, as ophyd's do."""

    def __init__(self):
        super().__init__()
        self.watchers = []

    def watch(self, watcher):
        self.watchers.append(watcher)


@pytest.fixture
def told(session):
    told = []
    session.progress.changed.connect(told.append)
    return told


@pytest.fixture
def slow(session):
    device = Slow()
    session.add_device(device).result(timeout=5)
    yield device
    if not device.status.done:
        device.let_go()


def move_to(device, value=1.0):
    def move() -> MsgGenerator[None]:
        yield from bps.mv(device, value)

    return move


def done(session):
    return 0 if session.progress.now is None else session.progress.now.done


def names(session):
    now = session.progress.now
    return [] if now is None else [each.name for each in now.waiting]


def test_a_plan_that_says_how_long_it_is_is_counted(session, camera, told):
    camera.seconds = 0.15
    assert session.progress.now is None
    future = session.start("snap", {"frames": 12})
    wait_until(lambda: [each for each in told if each and each.seconds_left is not None])
    now = next(each for each in told if each and each.seconds_left is not None)
    assert now.total == 12
    assert now.fraction == now.done / 12
    assert now.seconds_left <= 1 + session.run.seconds * (12 - now.done) / now.done
    future.result(timeout=10)
    wait_until(lambda: told[-1] is None)
    counts = [progress.done for progress in told if progress is not None]
    assert counts == sorted(counts)


def test_a_plan_of_bluesky_is_counted_too(session):
    x = SynAxis(name="x", delay=0.1)
    session.add_device(x).result(timeout=5)
    session.add_plan(bp.scan)
    session.start("scan", {"detectors": ["x"], "axes": [("x", 0, 1)], "num": 8})
    wait_until(lambda: done(session) >= 2)
    assert session.progress.now.total == 8


def test_a_plan_that_does_not_know_says_nothing(session, camera, told):
    session.start("live_view")
    wait_until(lambda: camera.frames > 5)
    session.stop().result(timeout=5)
    wait_until(lambda: session.progress.now is None)
    assert [(p.done, p.total, p.fraction) for p in told if p is not None] == [(0, None, None)]


def test_a_point_measured_again_after_a_pause_is_counted_once(session, camera, told):
    def points() -> MsgGenerator[None]:
        def inner() -> MsgGenerator[None]:
            for n in range(40):
                yield from bps.checkpoint()
                yield from bps.sleep(0.02)
                yield from bps.trigger_and_read([camera])
                yield from bps.sleep(0.02 if n else 0.5)

        yield from bpp.run_wrapper(inner(), md={"num_points": 40})

    session.add_plan(points)
    future = session.start("points")
    for wanted in (5, 15, 25):
        wait_until(lambda wanted=wanted: done(session) >= wanted)
        session.pause()
        wait_until(lambda: session.state is SessionState.PAUSED)
        future = session.resume()
    future.result(timeout=10)
    assert max(progress.done for progress in told if progress is not None) <= 40


def test_of_runs_within_runs_the_outer_one_counts(session, camera):
    gate = Status()

    def inner() -> MsgGenerator[None]:
        yield from bps.open_run(md={"num_points": 99})
        yield from bps.close_run()

    def outer() -> MsgGenerator[None]:
        yield from bps.open_run(md={"num_points": 3})
        yield from bps.trigger_and_read([camera])
        yield from bpp.set_run_key_wrapper(inner(), "inner")
        yield from bps.wait_for([lambda: waiting_for(gate)])
        yield from bps.close_run()

    session.add_plan(outer)
    session.start("outer", {})
    wait_until(lambda: done(session) == 1)
    assert session.progress.now.total == 3
    gate.set_finished()


def waiting_for(status):
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    status.add_callback(lambda _: loop.call_soon_threadsafe(future.set_result, None))
    return future


def test_a_device_waited_for_is_named_after_half_a_second(session, slow, told):
    session.add_plan(move_to(slow), "move")
    future = session.start("move")
    wait_until(lambda: names(session) == ["stage"])
    assert told[0] == Progress()  # not at once
    slow.let_go()
    future.result(timeout=5)
    wait_until(lambda: told[-1] is None)


def test_short_waits_name_nothing(session, camera, told):
    camera.seconds = 0.05
    session.start("snap", {"frames": 30}).result(timeout=10)
    assert not [progress for progress in told if progress is not None and progress.waiting]


def test_waits_for_the_same_device_again_do_not_blink(session, camera, told):
    camera.seconds = 0.8
    session.start("snap", {"frames": 3}).result(timeout=10)
    named = [bool(progress.waiting) for progress in told if progress is not None]
    assert named == sorted(named)


def test_of_several_devices_those_still_moving_are_named(session, slow):
    other = Slow("wheel")
    session.add_device(other).result(timeout=5)

    def both() -> MsgGenerator[None]:
        yield from bps.mv(slow, 1, other, 1)

    session.add_plan(both)
    session.start("both")
    wait_until(lambda: names(session) == ["stage", "wheel"])
    slow.let_go()
    wait_until(lambda: names(session) == ["wheel"])
    other.let_go()


def test_a_status_that_tells_how_far_it_is_as_ophyd_does(session, slow):
    slow.status = Watchable()
    session.add_plan(move_to(slow), "move")
    session.start("move")
    wait_until(lambda: bool(slow.status.watchers))
    for tell in slow.status.watchers:
        tell(
            name="stage", current=2.5, initial=0.0, target=10.0, unit="mm", precision=3,
            fraction=0.75, time_elapsed=1.0,
        )  # fmt: skip
    wanted = Waiting("stage", current=2.5, target=10.0, unit="mm", fraction=0.25)
    wait_until(lambda: session.progress.now.waiting == (wanted,))
    assert session.progress.now.fraction == 0.25


def test_a_status_that_tells_how_far_it_is_as_ophyd_async_does(session):
    class Stage:
        name = "stage"
        parent = None

        @WatchableAsyncStatus.wrap
        async def set(self, value):
            yield WatcherUpdate(
                current=(3.0, 4.0), initial=(0.0, 0.0), target=(6.0, 8.0), unit="µm",
                time_remaining=7.0,
            )  # fmt: skip
            await gate

    gate = session.engine.loop.create_future()
    stage = Stage()
    session.add_device(stage).result(timeout=5)
    session.add_plan(move_to(stage), "move")
    session.start("move")
    wanted = Waiting("stage", unit="µm", fraction=0.5, seconds_left=7.0)
    wait_until(lambda: session.progress.now is not None and bool(session.progress.now.waiting))
    assert session.progress.now.waiting == (wanted,)
    session.engine.loop.call_soon_threadsafe(gate.set_result, None)


@pytest.mark.parametrize("place", ["far", None, float("nan"), (1, 2)])
def test_what_cannot_be_reckoned_with_is_no_fraction(session, slow, place):
    slow.status = Watchable()
    session.add_plan(move_to(slow), "move")
    session.start("move")
    wait_until(lambda: bool(slow.status.watchers))
    slow.status.watchers[0](
        name="stage", current=place, initial="near", target=(1, 2, 3), unit="mm"
    )
    wait_until(lambda: [each.unit for each in session.progress.now.waiting] == ["mm"])
    assert session.progress.now.waiting[0].fraction is None


@pytest.mark.parametrize("value", ["soon", float("nan"), float("inf"), np.array([1, 2])], ids=repr)
@pytest.mark.parametrize("key", ["time_remaining", "current", "unit"])
def test_a_status_that_tells_nonsense_does_not_end_the_looking(session, slow, key, value):
    slow.status = Watchable()
    session.add_plan(move_to(slow), "move")
    session.start("move")
    wait_until(lambda: bool(slow.status.watchers))
    slow.status.watchers[0](name="stage", target=10, **{key: value})
    session.progress._look()
    waiting = session.progress.now.waiting[0]
    assert (waiting.seconds_left, waiting.current, waiting.target) == (None, None, 10)


def test_a_status_that_cannot_be_watched_is_waited_for_all_the_same(session, slow, caplog):
    class Broken(Status):
        def watch(self, _):
            raise OSError("No news today.")

    slow.status = Broken()
    session.add_plan(move_to(slow), "move")
    with caplog.at_level(logging.ERROR, "napari_skylight"):
        future = session.start("move")
        wait_until(lambda: names(session) == ["stage"])
    assert "Cannot watch the progress of stage" in caplog.text
    slow.let_go()
    future.result(timeout=5)


def test_what_a_cleanup_waits_for_is_named(session, slow):
    begun = Status()

    def work() -> MsgGenerator[None]:
        begun.set_finished()
        yield from bps.sleep(60)

    def hangs() -> MsgGenerator[None]:
        yield from bpp.finalize_wrapper(work(), bps.mv(slow, 0))

    session.add_plan(hangs)
    session.start("hangs")
    begun.wait(5)
    session.stop()
    wait_until(lambda: session.state is SessionState.STOPPING and names(session) == ["stage"])
    session.halt().result(timeout=5)
    assert session.run.exit_status == "abort"


def test_what_a_script_runs_by_itself_is_no_progress_of_the_session(session, told):
    session.engine(bp.count([], num=3)).result(timeout=5)
    assert told == []
    session.add_plan(move_to(Slow()), "move")
    session.start("move")
    wait_until(lambda: session.progress.now is not None)
    assert session.progress.now.total is None
