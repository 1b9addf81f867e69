"""Recordings as CSV."""

import asyncio
import itertools
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman_drivers.ports import Command, Quality, Unsupported
from banksman_drivers.replay_csv import CsvRecording, parse
from banksman_drivers.settings.base import PointSettings

NAB = Path(__file__).parents[3].parent / "shared" / "data" / "nab" / "data"
TWO_ROWS = "timestamp,value\n2014-04-01 00:00:00,20.0\n2014-04-01 00:05:00,21.5\n"


def lines(count, gap_s=1.0):
    return "time,value\n" + "".join(f"{n * gap_s},{n}\n" for n in range(count))


async def test_a_recording_is_played_in_order_and_then_says_that_it_is_finished(play):
    tape = play(TWO_ROWS)
    await tape.finished()
    assert [(r.sensor, r.value) for r in tape.sink.good] == [
        ("tape.value", 20.0),
        ("tape.value", 21.5),
    ]
    assert tape.driver.health().message == "tape: the recording is finished"


async def test_a_finished_recording_is_bad_at_once_and_each_second(play):
    tape = play(TWO_ROWS)
    await tape.finished()
    count = len(tape.sink.batches)
    assert tape.sink.batches[-1][0].quality is Quality.BAD
    await tape.sink.until(lambda: len(tape.sink.batches) > count)
    first, second = tape.sink.batches[-2:]
    assert math.isnan(second[0].value)
    assert second[0].mono_ns - first[0].mono_ns <= 1_000_000_000


async def test_readings_lie_as_far_apart_as_they_were_recorded(play):
    tape = play(lines(4, gap_s=0.02), speed=2.0)
    await tape.finished()
    times = [r.mono_ns for r in tape.sink.good]
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert gaps == [pytest.approx(10_000_000, abs=1000)] * 3


async def test_true_pace_does_not_run_ahead_of_the_clock(play):
    tape = play(lines(3, gap_s=0.05), speed=1.0)
    began_s = asyncio.get_running_loop().time()
    await tape.sink.until(lambda: len(tape.sink.good) == 3)
    assert asyncio.get_running_loop().time() - began_s >= 0.1


async def test_a_looping_recording_begins_again(play):
    tape = play(TWO_ROWS, loop=True)
    await tape.sink.until(lambda: len(tape.sink.good) >= 5)
    assert [r.value for r in tape.sink.good[:5]] == [20.0, 21.5, 20.0, 21.5, 20.0]


async def test_columns_go_to_the_points_in_order_and_the_rest_is_left(play):
    points = [PointSettings(name="a", unit="kg"), PointSettings(name="b")]
    tape = play("t;x;y;z\n0;1;2;3\n", points)
    await tape.finished()
    assert [(r.sensor, r.value, r.unit) for r in tape.sink.good] == [
        ("tape.a", 1.0, "kg"),
        ("tape.b", 2.0, ""),
    ]


async def test_a_broken_line_is_skipped_counted_and_told(play):
    tape = play("t,v\n0,1\nnonsense\n1,x\n,\n2,2\n\x00\x01\n3,3")
    await tape.finished()
    assert [r.value for r in tape.sink.good] == [1, 2, 3]
    assert "4 broken lines skipped" in tape.driver.health().message


async def test_an_empty_cell_is_a_bad_reading_and_not_a_broken_line(play):
    tape = play("t,v\n0,1\n1,\n2,nan\n3,inf\n4,4\n")
    await tape.finished()
    qualities = [r.quality for batch in tape.sink.batches for r in batch][:5]
    assert qualities == [Quality.GOOD, Quality.BAD, Quality.BAD, Quality.BAD, Quality.GOOD]
    assert "broken" not in tape.driver.health().message


async def test_a_value_out_of_range_is_uncertain(play):
    tape = play("t,v\n0,1\n", [PointSettings(name="value", high=0.5)])
    await tape.finished()
    assert tape.sink.batches[0][0].quality is Quality.UNCERTAIN


async def test_scale_is_applied(play):
    tape = play("t,v\n0,20\n", scale=0.5)
    await tape.finished()
    assert tape.sink.good[0].value == 10.0


async def test_a_fast_replay_lets_the_loop_breathe_and_bounds_its_batches(play):
    tape = play(lines(5000))
    await tape.finished()
    assert len(tape.sink.good) == 5000
    assert max(len(batch) for batch in tape.sink.batches) <= 64
    times = [r.mono_ns for r in tape.sink.good]
    assert times == sorted(times)


async def test_a_recording_that_vanishes_is_lost_and_comes_back(play, tmp_path):
    tape = play(lines(3), loop=True)
    await tape.sink.until(lambda: len(tape.sink.good) > 3)
    (tmp_path / "recording").rename(tmp_path / "away")
    await tape.sink.until(lambda: tape.driver.health().state == "lost")
    assert "cannot be read on" in tape.driver.health().message
    (tmp_path / "away").rename(tmp_path / "recording")
    await tape.sink.until(lambda: tape.driver.health().state == "connected")
    assert tape.driver.health().reconnects == 1


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "has 1 columns, and 1 points need 2"),
        ("timestamp,value\n", "no line with a time and 1 numbers"),
        ("timestamp\n1\n", "has 1 columns"),
        ("1,2\n3,4\n", "without a header"),
        ("t,v\n" + "x\n" * 2000, "broken lines in a row"),
        (b"\x00\xff\xfe" * 100_000, "columns"),
    ],
    ids=["empty", "header_only", "one_column", "no_header", "nonsense", "binary"],
)
async def test_a_file_that_is_no_recording_is_refused_at_construction(driver, text, complaint):
    with pytest.raises(Unsupported, match=complaint):
        driver(text)


async def test_a_missing_file_is_refused_by_name(driver, tmp_path):
    with pytest.raises(Unsupported, match=r"tape: .*nowhere\.csv"):
        driver(tmp_path / "nowhere.csv")


async def test_a_recording_takes_no_commands(driver):
    tape = driver(TWO_ROWS)
    await tape.to_safe()
    with pytest.raises(Unsupported, match=r"no output tape\.lamp"):
        await tape.apply(Command("1", "tape.lamp", True, 2**62, "test"))


@given(st.text(max_size=200))
def test_no_line_does_anything_but_parse_or_be_refused(line):
    try:
        row = parse(line, ",", 1)
    except (ValueError, OverflowError):
        return
    assert math.isfinite(row.stamp_s)
    assert len(row.values) == 1


@pytest.mark.skipif(not NAB.is_dir(), reason=f"{NAB} is not here")
@pytest.mark.parametrize("file", sorted(NAB.glob("*/*.csv")), ids=lambda file: file.stem)
def test_every_line_of_the_benchmark_streams_is_read(file):
    recording = CsvRecording(file, 1)
    played = [row.values[0] for chunk in recording.chunks() for row in chunk]
    assert played == [float(line.split(",")[1]) for line in file.read_text().splitlines()[1:]]
    assert recording.broken == 0


@pytest.mark.skipif(not NAB.is_dir(), reason=f"{NAB} is not here")
async def test_a_benchmark_stream_is_played_to_its_last_line(play):
    file = NAB / "artificialWithAnomaly" / "art_daily_jumpsup.csv"
    tape = play(file)
    await tape.finished()
    assert len(tape.sink.good) == 4032
