"""A card inside libasound, through its whole life: read, overrun, pulled, refused, clipped."""

from __future__ import annotations

import errno
import math
import time

import numpy as np
import pytest

from banksman_drivers.audio import alsa
from banksman_drivers.audio.driver import AudioDriver
from banksman_drivers.fake.alsa_card import FakeCard
from banksman_drivers.ports import Quality, Unsupported
from batch_sink import Ticks

PERIOD = 80
BURST = 160


def ramp(count, dtype="<i2", start=1):
    return np.arange(start, start + count).astype(dtype)


async def test_samples_arrive_in_their_unit_and_order(studio):
    _, ear = studio.begin()
    await studio.feed(ramp(2 * BURST))
    first, second = await ear.heard(2)
    together = np.concatenate([first.samples, second.samples])
    assert together.dtype == np.float32
    assert np.array_equal(together, ramp(2 * BURST) * np.float32(16 / 2**15))
    assert (first.sensor, first.unit, first.quality) == ("press.frame", "gn", Quality.GOOD)
    assert first.rate_hz == 8000
    assert first.mono_ns < second.mono_ns <= time.monotonic_ns()


async def test_each_channel_is_a_sensor(studio):
    points = [
        {"name": "left", "channel": 1, "full_scale": 1.0},
        {"name": "right", "channel": 2, "full_scale": 2.0},
    ]
    _, ear = studio.begin(channels=2, point=points)
    await studio.feed(np.stack([ramp(BURST), ramp(BURST, start=1000)], axis=1))
    left, right = await ear.heard(2)
    assert left.sensor == "press.left"
    assert np.array_equal(left.samples, ramp(BURST) * np.float32(2**-15))
    assert np.array_equal(right.samples, ramp(BURST, start=1000) * np.float32(2**-14))
    assert left.mono_ns == right.mono_ns


@pytest.mark.parametrize("sample_format", ["S16_LE", "S24_3LE", "S32_LE", "FLOAT_LE"])
async def test_every_sample_format_is_understood(studio, sample_format):
    _, ear = studio.begin(sample_format=sample_format)
    samples = {
        "S16_LE": np.full(BURST, 2**13, "<i2"),
        "S24_3LE": np.tile(np.frombuffer(b"\x00\x00\x20", np.uint8), BURST),
        "S32_LE": np.full(BURST, 2**29, "<i4"),
        "FLOAT_LE": np.full(BURST, 0.25, "<f4"),
    }[sample_format]
    await studio.feed(samples)
    (burst,) = await ear.heard(1)
    assert np.all(burst.samples == 4.0)


async def test_an_overrun_cuts_the_burst_is_counted_and_sampling_goes_on(studio):
    driver, ear = studio.begin()
    await studio.feed(ramp(BURST + PERIOD))
    await ear.heard(1)
    await studio.until(lambda: studio.card.waiting_bytes == 0)
    # More than the ring holds, in one go: nobody can have read it in time.
    prepared = studio.card.prepared
    studio.card.feed(ramp(8000 + 1).tobytes())
    await studio.until(lambda: studio.card.prepared > prepared)
    await studio.feed(ramp(BURST, start=5000))
    _, cut, whole = await ear.heard(3)
    assert (len(cut.samples), cut.quality) == (PERIOD, Quality.UNCERTAIN)
    assert (len(whole.samples), whole.quality) == (BURST, Quality.GOOD)
    assert cut.mono_ns < whole.mono_ns
    assert whole.samples[0] == np.float32(5000 * 16 / 2**15)
    health = driver.health()
    assert (health.state, health.polls_skipped) == ("connected", 1)
    assert "1 overruns" in health.message
    assert (health.errors, health.reconnects) == (0, 0)  # an overrun is no loss of the card


async def test_a_pulled_card_is_lost_and_comes_back_by_its_name(studio):
    driver, ear = studio.begin()
    await studio.feed(ramp(BURST))
    await ear.heard(1)
    studio.card.pull()
    (bad,) = await ear.bad()
    assert math.isnan(bad.value)
    assert "arecord -L" in driver.health().message
    studio.card.plug()
    await studio.feed(ramp(BURST))
    await ear.heard(2)
    assert (driver.health().state, driver.health().reconnects) == ("connected", 1)


async def test_a_card_that_falls_silent_is_lost(studio):
    driver, ear = studio.begin(lost_after_ms=200)
    await ear.bad()
    await studio.until(lambda: "has given no sample" in driver.health().message)


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (errno.EBUSY, "another program"),
        (errno.EACCES, "group audio"),
        (errno.ENOENT, "arecord -L"),
        (errno.EIO, "dmesg"),
    ],
)
async def test_a_card_that_cannot_be_opened_says_why_and_what_to_do(studio, code, remedy):
    studio.card.refuse(code)
    driver, _ = studio.begin()
    message = await studio.lost(driver)
    assert message.startswith("press: hw:CARD=Fake,DEV=0: ")
    assert remedy in message


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"rate_hz": 96_000}, "has not rate_hz 96000; it has 8000 to 48000"),
        ({"channels": 4}, "has not channels 4; it has 1 to 2"),
    ],
)
async def test_what_the_card_has_not_is_told_with_what_it_has(studio, options, told):
    driver, _ = studio.begin(**options)
    assert told in await studio.lost(driver)
    assert studio.card.opened == studio.card.closed


async def test_a_clipped_burst_is_uncertain_and_counted(studio):
    driver, ear = studio.begin()
    samples = ramp(BURST)
    samples[17] = -(2**15)
    await studio.feed(samples)
    (burst,) = await ear.heard(1)
    assert burst.quality is Quality.UNCERTAIN
    assert "1 bursts clipped" in driver.health().message


async def test_a_muted_card_is_a_fault_and_no_quiet_machine(studio):
    driver, ear = studio.begin()
    await studio.feed(np.zeros(BURST, "<i2"))
    (burst,) = await ear.heard(1)
    assert burst.quality is Quality.UNCERTAIN
    assert "frame" in driver.health().fault
    await studio.feed(ramp(BURST))
    await ear.heard(2)
    assert driver.health().fault == ""


async def test_attack_floats_that_are_no_numbers_are_bad(studio):
    _, ear = studio.begin(sample_format="FLOAT_LE")
    samples = np.full(BURST, 0.5, "<f4")
    samples[3] = np.nan
    await studio.feed(samples)
    (burst,) = await ear.heard(1)
    assert burst.quality is Quality.BAD


async def test_a_sample_out_of_the_points_range_is_uncertain(studio):
    _, ear = studio.begin(point=[{"name": "frame", "full_scale": 16, "high": 1.0}])
    await studio.feed(np.full(BURST, 2**14, "<i2"))
    (burst,) = await ear.heard(1)
    assert burst.quality is Quality.UNCERTAIN


async def test_a_name_that_libasound_does_not_know_is_lost_with_the_remedy(
    studio, monkeypatch, tmp_path
):
    (tmp_path / "alsa.conf").write_text("pcm.other { type null }\n")
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(tmp_path / "alsa.conf"))
    driver, _ = studio.begin(real=True, card="no_such_pcm")
    assert "arecord -L" in await studio.lost(driver)


async def test_attack_a_pcm_without_a_clock_is_lost_and_holds_no_core(
    studio, monkeypatch, tmp_path
):
    (tmp_path / "alsa.conf").write_text("pcm.racing { type null }\n")
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(tmp_path / "alsa.conf"))
    driver, _ = studio.begin(real=True, card="racing")
    assert "faster than time passes" in await studio.lost(driver)


def test_a_box_without_libasound_says_at_the_start_what_to_install(studio, monkeypatch):
    alsa.library.cache_clear()
    with monkeypatch.context() as box:
        box.setattr(alsa, "LIBRARY", "libasound.so.0")
        with pytest.raises(Unsupported, match=r"press: .*apt-get install libasound2"):
            AudioDriver(studio.settings(), Ticks())


async def test_a_card_in_use_is_had_once_the_other_lets_go(studio):
    studio.card.refuse(errno.EBUSY)
    driver, ear = studio.begin()
    await studio.lost(driver)
    studio.card.refuse(0)
    await studio.feed(ramp(BURST))
    await ear.heard(1)
    assert driver.health().state == "connected"


async def test_the_times_of_bursts_are_a_burst_apart_when_a_ring_is_read_late(studio):
    _, ear = studio.begin(buffer_ms=5000)
    await studio.feed(ramp(20 * BURST))
    times = np.diff([burst.mono_ns for burst in await ear.heard(20)])
    # Nobody sampled in the future: the kernel's delay puts the early bursts where they belong.
    assert np.all(times > 0.9 * BURST / 8000 * 1e9)


async def test_a_card_that_holds_less_than_was_asked_for_is_told(studio):
    studio.card = FakeCard(ring_bytes_max=4 * BURST)
    driver, ear = studio.begin()
    await studio.feed(ramp(BURST))
    await ear.heard(1)
    assert "it holds 40 ms, not the 1000 of buffer_ms" in driver.health().message
