import asyncio
import threading
import time

import pytest

from napari_skylight.engine.actions import SRLatch


def test_it_starts_reset():
    assert not SRLatch().is_set()


def test_set_and_reset_do_nothing_twice():
    latch = SRLatch()
    latch.set()
    latch.set()
    assert latch.is_set()
    latch.reset()
    latch.reset()
    assert not latch.is_set()


def test_waiting_for_what_is_already_so_returns_at_once():
    async def main():
        latch = SRLatch()
        await asyncio.wait_for(latch.wait_for_reset(), 0.001)
        latch.set()
        await asyncio.wait_for(latch.wait_for_set(), 0.001)

    asyncio.run(main())


@pytest.mark.parametrize("state", ["set", "reset"])
def test_any_thread_wakes_a_wait(state):
    async def main():
        latch = SRLatch()
        if state == "reset":
            latch.set()
        wait = asyncio.ensure_future(getattr(latch, f"wait_for_{state}")())
        await asyncio.sleep(0)
        began = time.monotonic()
        threading.Thread(target=getattr(latch, state)).start()
        await asyncio.wait_for(wait, 5)
        return time.monotonic() - began

    assert asyncio.run(main()) < 0.1


def test_every_wait_is_woken():
    async def main():
        latch = SRLatch()
        waits = [asyncio.ensure_future(latch.wait_for_set()) for _ in range(5)]
        await asyncio.sleep(0)
        latch.set()
        await asyncio.wait_for(asyncio.gather(*waits), 5)

    asyncio.run(main())


def test_a_pulse_too_short_to_see_wakes_a_wait():
    async def main():
        latch = SRLatch()
        wait = asyncio.ensure_future(latch.wait_for_set())
        await asyncio.sleep(0)
        latch.set()
        latch.reset()
        await asyncio.wait_for(wait, 5)
        assert not latch.is_set()

    asyncio.run(main())


def test_it_may_be_waited_for_in_several_loops_one_after_another():
    latch = SRLatch()

    async def wait():
        waiting = asyncio.ensure_future(latch.wait_for_set())
        await asyncio.sleep(0)
        latch.set()
        await asyncio.wait_for(waiting, 5)
        latch.reset()

    asyncio.run(wait())
    asyncio.run(wait())


def test_a_cancelled_wait_leaves_nothing():
    latch = SRLatch()

    async def main():
        wait = asyncio.ensure_future(latch.wait_for_set())
        await asyncio.sleep(0)
        wait.cancel()
        await asyncio.wait([wait])
        latch.set()
        latch.reset()
        return [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]

    assert asyncio.run(main()) == []


def test_a_loop_that_was_closed_in_the_middle_of_a_wait_bothers_nobody():
    latch = SRLatch()
    loop = asyncio.new_event_loop()
    wait = loop.create_task(latch.wait_for_set())
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    latch.set()
    assert latch.is_set()
    assert not wait.done()
    wait.get_coro().close()
    wait._log_destroy_pending = False
