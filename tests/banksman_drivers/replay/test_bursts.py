"""Recordings as bursts of samples."""

import io
import itertools
from pathlib import Path

import numpy as np
import pytest

from banksman_drivers.ports import Quality, Unsupported
from banksman_drivers.settings.base import PointSettings

PRONOSTIA = Path(__file__).parents[3].parent / "shared" / "data" / "pronostia"
AXES = [PointSettings(name="x", unit="m/s2"), PointSettings(name="y", unit="m/s2")]
RAW = np.arange(3 * 2 * 8, dtype=np.int32).reshape(3, 2, 8)


def archive(**arrays):
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


async def test_each_burst_goes_to_its_axis_in_units_with_its_rate(play):
    tape = play(
        {"acc": RAW}, AXES, format="bursts", array="acc", scale=0.5, rate_hz=100.0, interval_s=1
    )
    await tape.finished()
    assert [b.sensor for b in tape.sink.bursts] == ["tape.x", "tape.y"] * 3
    last = tape.sink.bursts[-1]
    assert (last.unit, last.rate_hz, last.quality) == ("m/s2", 100.0, Quality.GOOD)
    assert last.samples.dtype == np.float32
    np.testing.assert_array_equal(last.samples, RAW[2, 1] * 0.5)


async def test_bursts_are_due_an_interval_apart(play):
    tape = play({"acc": RAW}, AXES, format="bursts", array="acc", interval_s=0.04, speed=2.0)
    await tape.finished()
    times = [b.mono_ns for b in tape.sink.bursts[::2]]
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert gaps == [pytest.approx(20_000_000, abs=1000)] * 2


async def test_a_burst_with_a_hole_is_bad_and_one_out_of_range_uncertain(play):
    raw = np.zeros((1, 2, 4), np.float64)
    raw[0, 0, 2] = np.nan
    raw[0, 1, 1] = 9.0
    points = [PointSettings(name="x"), PointSettings(name="y", high=5.0)]
    tape = play({"acc": raw}, points, format="bursts", array="acc")
    await tape.finished()
    assert [b.quality for b in tape.sink.bursts] == [Quality.BAD, Quality.UNCERTAIN]


async def test_fewer_points_than_axes_leave_the_rest(play):
    tape = play({"acc": RAW}, AXES[:1], format="bursts", array="acc")
    await tape.finished()
    assert {b.sensor for b in tape.sink.bursts} == {"tape.x"}


async def test_a_looping_recording_begins_again(play):
    tape = play({"acc": RAW}, AXES, format="bursts", array="acc", loop=True)
    await tape.sink.until(lambda: len(tape.sink.bursts) >= 8)
    np.testing.assert_array_equal(tape.sink.bursts[6].samples, RAW[0, 0])


@pytest.mark.parametrize(
    ("recording", "options", "complaint"),
    [
        (b"no zip at all", {}, "cannot be played"),
        (archive(acc=RAW)[:-60], {}, "cannot be played"),
        (archive(other=RAW), {}, "no array acc; it has other"),
        (archive(acc=RAW[0]), {}, r"shape \(2, 8\)"),
        (archive(acc=RAW[:0]), {}, r"shape \(0, 2, 8\)"),
        (archive(acc=np.array([[["a"]]])), {}, "type <U1"),
        (archive(acc=np.asfortranarray(RAW)), {}, "were expected"),
        (archive(acc=RAW[:, :1]), {}, "has 1 axes, and 2 points"),
        (archive(acc=np.array([[[None]]], dtype=object)), {}, "type object"),
    ],
    ids=["zip", "cut", "array", "shape", "empty", "text", "fortran", "axes", "pickle"],
)
async def test_a_file_that_is_no_recording_is_refused_at_construction(
    driver, recording, options, complaint
):
    with pytest.raises(Unsupported, match=complaint):
        driver(recording, AXES, format="bursts", array="acc", **options)


async def test_damage_in_the_middle_is_lost_with_its_place_and_retried(play):
    raw = np.random.default_rng(1).integers(-(2**30), 2**30, (400, 2, 1024), np.int32)
    whole = bytearray(archive(acc=raw))
    middle = len(whole) // 2
    whole[middle : middle + 64] = bytes(64)
    tape = play(bytes(whole), AXES, format="bursts", array="acc", interval_s=0.001)
    await tape.sink.until(lambda: tape.driver.health().state == "lost")
    assert "is damaged after burst" in tape.driver.health().message
    seen = len(tape.sink.bursts)
    await tape.sink.until(lambda: len(tape.sink.bursts) > seen)


@pytest.mark.skipif(not PRONOSTIA.is_dir(), reason=f"{PRONOSTIA} is not here")
async def test_a_run_to_failure_is_played_to_its_last_burst(play):
    file = PRONOSTIA / "Learning_set_Bearing3_1.npz"
    tape = play(file, AXES, format="bursts", scale=0.00980665)
    await tape.finished()
    with np.load(file) as recording:
        last = recording["acc_milli_g"][-1, 1] * np.float32(0.00980665)
    assert len(tape.sink.bursts) == 515 * 2
    np.testing.assert_allclose(tape.sink.bursts[-1].samples, last, rtol=1e-6)
