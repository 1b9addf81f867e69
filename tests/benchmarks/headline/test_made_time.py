"""Made time: waiting takes none, work takes as long as it takes, and order stays."""

import asyncio
import threading

import pytest

from benchmarks.headline.made_time import MadeClock, made_time


@pytest.fixture
def stood():
    """A clock whose real time stands still, so that every tick of it was skipped."""
    return MadeClock(real_ns=lambda: 5_000_000_000)


def test_a_day_of_waiting_passes_at_once(stood):
    begin_ns = stood.mono_ns()
    with made_time(stood):
        asyncio.run(asyncio.sleep(86_400))
    assert stood.mono_ns() - begin_ns == pytest.approx(86_400e9, rel=1e-9)


def test_what_is_due_earlier_comes_earlier(stood):
    order = []

    async def at(second):
        await asyncio.sleep(second)
        order.append((second, round(asyncio.get_running_loop().time() - 5)))

    async def all_of_them():
        await asyncio.gather(*(at(second) for second in (30, 10, 20)))

    with made_time(stood):
        asyncio.run(all_of_them())
    assert order == [(10, 10), (20, 20), (30, 30)]


def test_real_work_counts_as_well():
    real_ns = iter(range(0, 10**12, 1000))
    clock = MadeClock(real_ns=lambda: next(real_ns))
    before_ns = clock.mono_ns()
    clock.skip(1.0)
    assert clock.mono_ns() - before_ns == 1_000_001_000


def test_wall_time_goes_with_it(stood):
    before_ns = stood.wall_ns()
    stood.skip(3.0)
    assert stood.wall_ns() - before_ns == 3_000_000_000


def test_another_thread_is_waited_for_in_real_time(stood):
    async def asks_a_thread():
        loop, answered = asyncio.get_running_loop(), asyncio.Event()
        thread = threading.Thread(target=lambda: loop.call_soon_threadsafe(answered.set))
        thread.start()
        await answered.wait()
        thread.join()

    before_ns = stood.mono_ns()
    with made_time(stood):
        asyncio.run(asks_a_thread())
    assert stood.mono_ns() == before_ns


def test_loops_outside_are_left_alone(stood):
    policy = asyncio.get_event_loop_policy()
    with made_time(stood):
        assert asyncio.get_event_loop_policy() is not policy
    assert asyncio.get_event_loop_policy() is policy
