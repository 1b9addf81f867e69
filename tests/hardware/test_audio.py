"""A real capture card on this box, asked what the card inside libasound is asked.

Wiring

    box  USB ───────── any USB microphone or accelerometer, unmuted (alsamixer -V capture),
                       in a room that is not quite silent

Run

    arecord -L
    export BANKSMAN_CARD=hw:CARD=…,DEV=0
    .venv/bin/python -m pytest tests/hardware/test_audio.py --hardware

BANKSMAN_CARD_FORMAT (S16_LE), _RATE_HZ (48000) and _CHANNELS (1) say what it gives.
"""

from __future__ import annotations

import asyncio
import contextlib
import os

import numpy as np
import pytest

from banksman_drivers.audio.driver import AudioDriver
from banksman_drivers.ports import Burst, Quality
from banksman_drivers.settings.audio import AudioSettings
from batch_sink import Ticks
from driver_rigs.base import Sink

CARD = os.environ.get("BANKSMAN_CARD", "")
RATE_HZ = int(os.environ.get("BANKSMAN_CARD_RATE_HZ", "48000"))
CHANNELS = int(os.environ.get("BANKSMAN_CARD_CHANNELS", "1"))
PATIENCE_S = 30.0


class Ear(Sink):
    """Keeps bursts too."""

    def __init__(self) -> None:
        super().__init__()
        self.bursts: list[Burst] = []

    def burst(self, burst: Burst) -> None:
        self.bursts.append(burst)
        super().burst(burst)


@pytest.fixture
async def listening(hardware):
    """(driver, ear) of the card."""
    if not CARD:
        pytest.skip("BANKSMAN_CARD names no card")
    settings = AudioSettings.model_validate(
        {
            "driver": "audio",
            "id": "card",
            "card": CARD,
            "rate_hz": RATE_HZ,
            "sample_format": os.environ.get("BANKSMAN_CARD_FORMAT", "S16_LE"),
            "channels": CHANNELS,
            "point": [{"name": "sound", "full_scale": 1.0}],
        }
    )
    driver, ear = AudioDriver(settings, Ticks()), Ear()
    task = asyncio.create_task(driver.run(ear))
    yield driver, ear
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def until(driver, condition):
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            assert driver.health().state != "lost", driver.health().message
            await asyncio.sleep(0.05)


async def test_a_room_is_never_quite_silent_and_no_sample_is_lost(listening):
    driver, ear = listening
    await until(driver, lambda: len(ear.bursts) * 4096 > 10 * RATE_HZ)
    assert all(np.std(burst.samples) > 0 for burst in ear.bursts)
    assert {len(burst.samples) for burst in ear.bursts} == {4096}
    assert driver.health().fault == ""
    assert "overruns" not in driver.health().message


async def test_the_cards_clock_is_a_crystals_and_bursts_follow_each_other(listening):
    driver, ear = listening
    await until(driver, lambda: "ppm" in driver.health().message)
    seen = len(ear.bursts)
    await until(driver, lambda: len(ear.bursts) >= seen + 20)
    assert abs(ear.bursts[-1].rate_hz / RATE_HZ - 1) < 0.005
    times = np.diff([burst.mono_ns for burst in ear.bursts[seen:]]) / 1e9
    assert np.all(np.abs(times - 4096 / RATE_HZ) < 0.005)
    assert ear.bursts[-1].quality is not Quality.BAD
