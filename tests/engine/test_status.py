import asyncio
import gc
import logging
import threading
import time
import weakref

import pytest
from bluesky.protocols import Status as StatusProtocol

from napari_skylight.engine import InvalidState, Status, StatusTimeoutError, WaitTimeoutError
from napari_skylight.testing import wait_until


def test_it_is_what_bluesky_expects():
    assert isinstance(Status(), StatusProtocol)


def test_a_new_one_is_pending():
    status = Status()
    assert not status.done
    assert not status.success
    assert status.timeout is None
    assert status.settle_time == 0
    with pytest.raises(AttributeError):
        status.done = True


@pytest.mark.parametrize("settle_time", [None, 0])
def test_finished_is_done_when_the_call_returns(settle_time):
    status = Status(settle_time=settle_time)
    status.set_finished()
    assert status.done
    assert status.success
    assert status.exception() is None
    assert status.wait() is None


def test_a_failure_is_raised_by_wait_and_returned_by_exception():
    status = Status()
    error = OSError("jammed")
    status.set_exception(error)
    assert status.done
    assert not status.success
    assert status.exception() is error
    with pytest.raises(OSError, match="jammed"):
        status.wait()


@pytest.mark.parametrize("first", ["set_finished", "set_exception"])
@pytest.mark.parametrize("second", ["set_finished", "set_exception"])
def test_a_second_completion_is_refused(first, second):
    def complete(status, how):
        getattr(status, how)(*([OSError()] if how == "set_exception" else []))

    status = Status()
    complete(status, first)
    with pytest.raises(InvalidState, match="already"):
        complete(status, second)
    assert issubclass(InvalidState, RuntimeError)


@pytest.mark.parametrize(
    "wrong", ["no exception", None, OSError, StatusTimeoutError(), WaitTimeoutError()]
)
def test_what_is_no_failure_of_the_device_is_refused(wrong):
    status = Status()
    with pytest.raises(ValueError, match=r"exception|TimeoutError"):
        status.set_exception(wrong)
    status.set_finished()
    assert status.success


def test_a_failure_during_settling_is_a_second_completion():
    status = Status(settle_time=0.2)
    status.set_finished()
    with pytest.raises(InvalidState):
        status.set_exception(OSError())
    assert not status.done
    status.wait(timeout=5)


def test_a_failure_does_not_settle():
    status = Status(settle_time=5)
    status.set_exception(OSError())
    assert status.done


def test_settling_delays_success():
    status = Status(settle_time=0.05)
    began = time.monotonic()
    status.set_finished()
    assert not status.done
    status.wait(timeout=5)
    assert time.monotonic() - began >= 0.05


def test_time_runs_out(caplog):
    began = time.monotonic()
    status = Status(timeout=0.02, settle_time=0.02)
    assert isinstance(status.exception(timeout=5), StatusTimeoutError)
    assert time.monotonic() - began >= 0.04
    assert isinstance(status.exception(), TimeoutError)
    assert [r.levelno for r in caplog.records if r.name == "napari_skylight"] == [logging.WARNING]
    status.set_finished()  # too late: accepted once, to no effect
    assert not status.success
    with pytest.raises(InvalidState):
        status.set_exception(OSError())


def test_time_runs_out_during_settling_too():
    # it would have settled 0.2 s after it was made, and its time is over after 0.15 s
    status = Status(timeout=0.05, settle_time=0.1)
    threading.Timer(0.1, status.set_finished).start()
    assert isinstance(status.exception(timeout=5), StatusTimeoutError)


def test_a_time_that_never_comes():
    status = Status(timeout=float("inf"))
    status.set_finished()
    assert status.success


def test_patience_runs_out():
    status = Status()
    with pytest.raises(WaitTimeoutError):
        status.wait(timeout=0.001)
    with pytest.raises(WaitTimeoutError):
        status.exception(timeout=0)
    assert not isinstance(WaitTimeoutError(), StatusTimeoutError)
    status.set_finished()
    assert status.exception(timeout=0) is None


def test_threads_that_wait_are_woken():
    status = Status()
    outcomes = []
    threads = [threading.Thread(target=lambda: outcomes.append(status.exception(5))) for _ in "abc"]
    for thread in threads:
        thread.start()
    status.set_finished()
    for thread in threads:
        thread.join(5)
    assert outcomes == [None] * 3


def test_callbacks_run_once_in_the_completing_thread():
    status = Status()
    calls = []

    def callback(done):
        calls.append((done, done.done, threading.current_thread()))
        done.add_callback(lambda again: calls.append((again, True, None)))  # no lock is held

    status.add_callback(callback)
    assert list(status.callbacks) == [callback]
    thread = threading.Thread(target=status.set_finished)
    thread.start()
    thread.join(5)
    assert calls == [(status, True, thread), (status, True, None)]
    assert not status.callbacks


def test_a_callback_of_a_done_status_runs_at_once():
    status = Status()
    status.set_exception(OSError())
    calls = []
    status.add_callback(calls.append)
    assert calls == [status]


def test_callbacks_run_after_a_timeout():
    status = Status(timeout=0.01)
    calls = []
    status.add_callback(calls.append)
    wait_until(lambda: calls == [status])


@pytest.mark.parametrize("error", [SystemExit(3), asyncio.CancelledError()], ids=repr)
def test_a_callback_that_exits_or_cancels_keeps_no_other_waiting(error):
    def broken(_):
        raise error

    status, calls = Status(settle_time=0.01), []
    later = Status(settle_time=0.1)
    status.add_callback(broken)
    status.add_callback(calls.append)
    status.set_finished()
    later.set_finished()
    wait_until(lambda: later.done)
    assert calls == [status]


def test_a_callback_that_raises_is_logged_and_stops_nothing(caplog):
    status = Status()
    calls = []
    status.add_callback(lambda _: 1 / 0)
    status.add_callback(calls.append)
    status.set_finished()
    assert calls == [status]
    status.add_callback(lambda _: 1 / 0)
    assert [r.name for r in caplog.records] == ["napari_skylight"] * 2
    assert "ZeroDivisionError" in caplog.text


def test_callbacks_run_once_however_many_threads_race():
    for _ in range(200):
        status = Status()
        calls = []
        start = threading.Barrier(3)

        def add(status=status, start=start, calls=calls):
            start.wait(5)
            status.add_callback(lambda _: calls.append(1))

        threads = [threading.Thread(target=add) for _ in "ab"]
        for thread in threads:
            thread.start()
        start.wait(5)
        status.set_finished()
        for thread in threads:
            thread.join(5)
        assert calls == [1, 1]


def test_no_thread_for_a_status():
    before = threading.active_count()
    statuses = [Status() for _ in range(100)]
    assert threading.active_count() == before
    more = [Status(timeout=60, settle_time=1) for _ in range(100)]
    assert threading.active_count() <= before + 1
    for status in statuses:
        status.set_finished()
    for status in more:
        status.set_exception(OSError())


def test_a_long_timeout_keeps_neither_thread_nor_status_once_it_is_done():
    before = set(threading.enumerate())
    status = Status(timeout=3600)
    forgotten = weakref.ref(status)
    status.set_finished()
    del status
    gc.collect()
    assert forgotten() is None
    wait_until(lambda: set(threading.enumerate()) <= before, timeout=5)


def test_many_timeouts_run_out_in_order():
    order = []
    statuses = {t: Status(timeout=t) for t in (0.06, 0.02, 0.04)}
    for timeout, status in statuses.items():
        status.add_callback(lambda _, timeout=timeout: order.append(timeout))
    wait_until(lambda: len(order) == 3)
    assert order == [0.02, 0.04, 0.06]


def test_many_cancelled_deadlines_leave_the_others_alone():
    last = Status(timeout=0.1)
    for _ in range(500):
        Status(timeout=1000).set_finished()
    assert isinstance(last.exception(timeout=5), StatusTimeoutError)


def test_it_says_what_it_is():
    status = Status()
    assert "pending" in repr(status)
    status.set_exception(OSError("jammed"))
    assert "jammed" in repr(status)
