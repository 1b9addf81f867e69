"""What a blocking thread hands to the loop arrives in order, bounded, and ends politely."""

import asyncio
import threading

import pytest

from banksman_drivers import bridge
from banksman_drivers.bridge import Bridge, ThreadStuck


async def test_items_arrive_in_order_on_the_loops_thread():
    got: list[tuple[int, int]] = []
    link: Bridge[int] = Bridge(lambda item: got.append((item, threading.get_ident())), depth=10)

    def work(link: Bridge[int]) -> None:
        for number in range(5):
            link.put(number)

    await link.run(work, "work")
    await asyncio.sleep(0)
    assert got == [(number, threading.get_ident()) for number in range(5)]


async def test_what_the_loop_is_too_slow_for_is_dropped_oldest_first_and_counted():
    got: list[int] = []
    link: Bridge[int] = Bridge(got.append, depth=2)
    for number in range(5):
        link.put(number)
    await asyncio.sleep(0)
    assert (got, link.dropped) == ([3, 4], 3)


async def test_cancelling_ends_the_thread_and_takes_nothing_more():
    got: list[int] = []
    link: Bridge[int] = Bridge(got.append, depth=2)
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()
    ended: list[bool] = []

    def work(link: Bridge[int]) -> None:
        loop.call_soon_threadsafe(begun.set)
        ended.append(link.wait(60))
        link.put(1)

    task = asyncio.create_task(link.run(work, "work"))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0)
    assert (ended, got) == ([True], [])


async def test_what_the_thread_raises_reaches_who_waits_for_it():
    def work(_: Bridge[int]) -> None:
        raise OSError("bus gone")

    link: Bridge[int] = Bridge(lambda _: None, depth=1)
    with pytest.raises(OSError, match="bus gone"):
        await link.run(work, "work")


async def test_a_thread_that_does_not_end_is_named(monkeypatch):
    monkeypatch.setattr(bridge, "STOP_S", 0.01)
    begun, release = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def work(_: Bridge[int]) -> None:
        loop.call_soon_threadsafe(begun.set)
        release.wait()

    link: Bridge[int] = Bridge(lambda _: None, depth=1)
    task = asyncio.create_task(link.run(work, "bus-1"))
    await begun.wait()
    task.cancel()
    with pytest.raises(ThreadStuck, match="bus-1"):
        await task
    release.set()


@pytest.mark.parametrize("depth", [1, 4, 5000])
async def test_while_the_loop_takes_nothing_is_lost_uncounted_and_the_newest_always_arrives(depth):
    got: list[int] = []
    link: Bridge[int] = Bridge(got.append, depth)

    def work(link: Bridge[int]) -> None:
        for number in range(5000):
            link.put(number)

    await link.run(work, "work")
    await asyncio.sleep(0)
    assert got == sorted(set(got))
    assert got[-1] == 4999
    assert len(got) + link.dropped == 5000


async def test_the_loop_does_not_wait_for_a_thread_that_is_about_to_put():
    """The thread wakes the loop in the middle of `put`; it need not come out of it first."""
    got: list[int] = []
    link: Bridge[int] = Bridge(got.append, depth=4)
    link.put(1)
    with link._lock:
        await asyncio.sleep(0)
        assert got == [1]
