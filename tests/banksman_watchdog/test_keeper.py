"""The keeper pets on a judgement only, and passes blame on once."""

import asyncio

import pytest

from banksman_watchdog.fake import FakeNotify, FakeWatchdog
from banksman_watchdog.keeper import Keeper, period_s
from banksman_watchdog.supervisor import Supervisor


class Plant:
    """A daemon of one part with every end of its keeper in hand."""

    def __init__(self, ticks):
        self.ticks = ticks
        self.count = 0
        self.blamed = []
        self.summarised = asyncio.Event()
        self.notify = FakeNotify(ticks)
        self.board = FakeWatchdog(ticks, 10.0)
        self.keeper = Keeper(
            Supervisor({"control": 2.0}, 1.0, ticks.mono_ns()),
            self.notify,
            ticks,
            beats=lambda: {"control": self.count},
            summary=self.summary,
            blame=lambda stalls: self.blamed.append([stall.part for stall in stalls]),
            also=[self.board],
        )

    def summary(self):
        self.summarised.set()
        return "armed, 3 devices"

    def live(self, seconds, progressing):
        end = self.ticks.now_ns + round(seconds * 1e9)
        while self.ticks.now_ns < end:
            self.count += progressing
            self.ticks.advance_s(self.keeper.turn())


@pytest.fixture
def plant(ticks):
    return Plant(ticks)


def test_every_watchdog_is_petted_on_the_same_proof(plant):
    plant.live(10, progressing=True)
    assert list(plant.board.pets_mono_ns) == plant.notify.times_of("WATCHDOG=1")
    assert plant.keeper.pets == 10


def test_a_stalled_part_gets_no_pet_and_the_watchdog_bites(plant):
    plant.live(5, progressing=True)
    plant.live(15, progressing=False)
    assert plant.board.bitten
    assert max(plant.notify.times_of("WATCHDOG=1")) <= 7.0 * 1e9
    assert plant.keeper.withheld > 0


def test_blame_is_passed_on_once_when_it_begins_and_once_when_it_ends(plant):
    plant.live(5, progressing=True)
    plant.live(6, progressing=False)
    plant.live(5, progressing=True)
    assert plant.blamed == [["control"], []]


def test_a_healthy_status_is_said_once(plant):
    plant.live(10, progressing=True)
    assert len(plant.notify.times_of("STATUS=armed, 3 devices")) == 1


async def test_it_runs_until_cancelled(plant):
    task = asyncio.create_task(plant.keeper.run())
    await asyncio.wait_for(plant.summarised.wait(), 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert plant.keeper.pets == 1


@pytest.mark.parametrize(("watchdog_s", "expected_s"), [(None, 1.0), (10.0, 1.0), (2.0, 0.5)])
def test_the_period_leaves_room_for_three_lost_pets(watchdog_s, expected_s):
    assert period_s(watchdog_s) == expected_s
