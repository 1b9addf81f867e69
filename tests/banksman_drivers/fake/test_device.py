"""The fake device's own promises; what it shares with the others is in contract/."""

import asyncio
import contextlib
import math

import pytest

from banksman_drivers.fake.device import FakeDriver
from banksman_drivers.ports import Command, CommandExpired, Quality, Unsupported
from banksman_drivers.settings.base import OutputSettings, PointSettings
from banksman_drivers.settings.fake import FakeSettings


class Hand:
    """A clock that the test moves."""

    now_ns = 1_000

    def mono_ns(self):
        return self.now_ns


class Sink:
    def __init__(self):
        self.batches = asyncio.Queue()

    def readings(self, batch):
        self.batches.put_nowait(batch)

    async def next(self):
        return await self.batches.get()


@pytest.fixture
def hand():
    return Hand()


@pytest.fixture
def fake(hand):
    settings = FakeSettings(
        driver="fake",
        id="bench",
        poll_ms=1,
        point=[PointSettings(name="a", low=0, high=10), PointSettings(name="b")],
        output=[OutputSettings(name="siren", safe=False, run_permit=True)],
    )
    return FakeDriver(settings, hand)


@pytest.fixture
async def first_batch(fake):
    """Runs the fake and gives its first batch."""
    tasks = []

    async def run():
        sink = Sink()
        tasks.append(asyncio.create_task(fake.run(sink)))
        return await sink.next()

    yield run
    for task in tasks:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_a_sensor_that_nobody_told_anything_is_bad(fake, first_batch):
    fake.set("a", 5)
    a, b = await first_batch()
    assert (a.value, a.quality) == (5.0, Quality.GOOD)
    assert math.isnan(b.value)
    assert b.quality is Quality.BAD


@pytest.mark.parametrize(
    ("value", "quality"), [(10, 2), (10.1, 1), (-1, 1), (math.nan, 0), (math.inf, 0)]
)
async def test_quality_follows_from_the_value(fake, first_batch, value, quality):
    fake.set("a", value)
    assert (await first_batch())[0].quality is Quality(quality)


async def test_quality_can_be_told(fake, first_batch):
    fake.set("a", 5, Quality.UNCERTAIN)
    assert (await first_batch())[0].quality is Quality.UNCERTAIN


async def test_a_sensor_that_does_not_exist_cannot_be_told_anything(fake):
    with pytest.raises(Unsupported, match="bench has no point c"):
        fake.set("c", 1)


async def test_outputs_keep_their_timed_history(fake, hand):
    for number, now_ns in enumerate((10, 20)):
        hand.now_ns = now_ns
        await fake.apply(Command("1", "bench.siren", bool(number), 100, f"cause{number}"))
    assert [(a.mono_ns, a.value, a.cause) for a in fake.history["bench.siren"]] == [
        (10, False, "cause0"),
        (20, True, "cause1"),
    ]


async def test_a_slow_device_lets_a_command_expire(fake, hand):
    fake.delay_s = 0.001
    slow = asyncio.create_task(fake.apply(Command("1", "bench.siren", True, 2_000, "test")))
    hand.now_ns = 3_000
    with pytest.raises(CommandExpired):
        await slow
    assert not fake.history["bench.siren"]


async def test_being_lost_is_noticed_at_once_however_slow_the_polls(hand):
    settings = FakeSettings(
        driver="fake", id="bench", poll_ms=3_600_000, point=[PointSettings(name="a")]
    )
    fake = FakeDriver(settings, hand)
    sink = Sink()
    task = asyncio.create_task(fake.run(sink))
    await sink.next()
    fake.lose("cable pulled")
    await sink.next()
    assert fake.health().message == "bench: cable pulled"
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_no_output_of_a_fake_is_real(fake):
    (siren,) = fake.outputs()
    assert (siren.real, siren.supervision, siren.run_permit) == (False, "none", True)
