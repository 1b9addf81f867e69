"""libasound's own file plugin, fed through a FIFO in real time."""

from __future__ import annotations

import threading
import wave

import numpy as np
import pytest

from banksman_drivers.fake.alsa_fifo import AlsaFifo, Player, from_wav
from banksman_drivers.ports import Quality

RATE_HZ = 8000
PERIOD = 160
RING_BYTES = 4 * RATE_HZ * 4  # 4 s
POINT = [{"name": "frame", "unit": "gn", "full_scale": 2**23}]  # a sample's value is its number
OPTIONS = {"card": "fake", "sample_format": "S32_LE", "period_ms": 20, "point": POINT}


def numbered(first, count):
    return (np.arange(first + 1, first + 1 + count) << 8).astype("<i4").tobytes()


@pytest.fixture
def fifo(tmp_path, monkeypatch):
    it = AlsaFifo(tmp_path)
    for name, value in it.environment.items():
        monkeypatch.setenv(name, value)
    return it


@pytest.fixture
def player(fifo):
    it = Player(fifo.fifo, numbered, RATE_HZ, PERIOD, ring_bytes=RING_BYTES)
    yield it
    it.close()


@pytest.fixture
def playing(player):
    """The player on a thread of its own, until the driver has ended: a driver waits in its FIFO."""
    ending = threading.Event()
    thread = threading.Thread(target=player.play, args=(ending,))
    thread.start()
    yield player
    ending.set()
    thread.join()


@pytest.fixture
async def listener(playing, studio):
    """Ends before the player does."""
    yield studio
    playing.stall(False)
    await studio.end()


async def test_no_sample_of_a_stream_in_real_time_is_missing_or_twice(listener):
    driver, ear = listener.begin(real=True, **OPTIONS)
    bursts = await ear.heard(6)
    samples = np.concatenate([burst.samples for burst in bursts])
    assert np.array_equal(samples, samples[0] + np.arange(len(samples)))
    assert {burst.quality for burst in bursts} == {Quality.GOOD}
    times = [burst.mono_ns for burst in bursts]
    assert times == sorted(set(times))
    assert driver.health().polls_skipped == 0


async def test_a_stream_that_stalls_is_lost_until_it_goes_on(listener, playing):
    driver, ear = listener.begin(real=True, **OPTIONS, lost_after_ms=500)
    await ear.heard(1)
    playing.stall()
    await ear.bad()
    playing.stall(False)
    await listener.until(lambda: driver.health().state == "connected")
    assert driver.health().reconnects >= 1


def test_a_full_pipe_drops_whole_periods_and_counts_them(fifo):
    player = Player(fifo.fifo, numbered, RATE_HZ, PERIOD, ring_bytes=3 * PERIOD * 4)
    for _ in range(5):
        player.write()
    player.close()
    assert player.dropped == 2 * PERIOD
    assert player.number == 5 * PERIOD


def test_a_wav_file_plays_again_and_again(tmp_path):
    path = tmp_path / "bearing.wav"
    with wave.open(str(path), "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(RATE_HZ)
        recording.writeframes(np.arange(10, dtype="<i2").tobytes())
    played = np.frombuffer(from_wav(path)(8, 6), "<i2")
    assert played.tolist() == [8, 9, 0, 1, 2, 3]
