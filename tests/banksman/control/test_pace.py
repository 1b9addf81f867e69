"""The rate keeper and who it blames for lateness."""

import asyncio

import pytest

from banksman.control.histogram import Histogram
from banksman.control.pace import SNAPSHOT_TICKS, TICK_NS, Culprit, Pace


def test_whoever_held_the_loop_for_half_of_the_lateness_is_named():
    culprit = Culprit()
    culprit.note("plc", 8_000_000)
    culprit.note("agv1", 2_000_000)
    assert culprit.take(10_000_000) == "plc held the loop for 8.0 ms"


def test_lateness_that_nobody_of_ours_explains_is_put_on_the_machine():
    culprit = Culprit()
    culprit.note("plc", 1_000_000)
    assert culprit.take(40_000_000).startswith("another thread or the machine")


def test_a_culprit_is_blamed_once():
    culprit = Culprit()
    culprit.note("plc", 8_000_000)
    culprit.take(10_000_000)
    assert "plc" not in culprit.take(10_000_000)


@pytest.mark.asyncio
async def test_a_snapshot_is_published_every_few_ticks_and_each_tick_is_a_heartbeat():
    done = asyncio.Event()
    ticks, published = [], []

    def publish(now_ns):
        published.append(now_ns)
        done.set()

    clock = iter(range(0, 10**12, TICK_NS))
    pace = Pace(lambda: next(clock), ticks.append, publish, Culprit())
    task = asyncio.create_task(pace.run())
    await done.wait()
    task.cancel()
    assert len(ticks) == SNAPSHOT_TICKS
    assert pace.ticks == SNAPSHOT_TICKS
    assert isinstance(pace.lateness, Histogram)
