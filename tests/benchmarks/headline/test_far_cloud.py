"""The far cloud answers after its round trip, and an outage is believed only once it was probed."""

import asyncio

import pytest

from banksman.deciding.decision import Event
from benchmarks.headline.far_cloud import FarCloud, Outage
from benchmarks.headline.made_time import MadeClock, made_time

ACTIONS = ("none", "plan_service", "stop_press")


@pytest.fixture
def clock():
    return MadeClock(real_ns=lambda: 0)


@pytest.fixture
def cloud(clock):
    return FarCloud(clock, 0.275, [Outage(10.5, 4.0)], probe_s=2.0)


def event(rms):
    names = ("vib.rms", "plc.press_running")
    return Event("press_bearing", "maintenance_advice", names, (rms, 1.0), None, 0)


def verdicts(clock, cloud, rms, at_s):
    """What is answered to a question of that second, and how long it took in ms."""
    heard = []

    async def ask():
        clock.skip(at_s)
        asked_ns = clock.mono_ns()
        cloud.ask(
            event(rms), ACTIONS, 300.0,
            lambda verdict: heard.append((verdict, (clock.mono_ns() - asked_ns) / 1e6)),
        )  # fmt: skip
        await asyncio.sleep(5.0)

    with made_time(clock):
        asyncio.run(ask())
    return heard


def test_the_advice_comes_after_the_round_trip(clock, cloud):
    [(verdict, took_ms)] = verdicts(clock, cloud, rms=7.5, at_s=1.0)
    assert (verdict.action, verdict.source) == ("stop_press", "cloud")
    assert took_ms == pytest.approx(275.0, abs=0.01)


@pytest.mark.parametrize("at_s", [10.6, 10.4])
def test_a_question_or_an_answer_that_meets_the_outage_is_lost(clock, cloud, at_s):
    assert verdicts(clock, cloud, rms=7.5, at_s=at_s) == []
    assert (cloud.asked, cloud.lost) == (1, 1)


def test_the_link_is_believed_up_until_a_probe_finds_it_down(clock, cloud):
    believed = []
    for _ in range(20):
        believed.append(cloud.up())
        clock.skip(1.0)
    assert [second for second, up in enumerate(believed) if not up] == [12, 13, 14, 15]
