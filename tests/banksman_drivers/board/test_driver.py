"""The board as a device: its usual points, and what it says when it cannot tell."""

import asyncio
import math
from pathlib import Path

import pytest

from banksman_drivers.board.driver import BoardDriver, read_points
from banksman_drivers.file_tree import Tree
from banksman_drivers.ports import Quality
from banksman_drivers.settings.board import BoardPoint, BoardSettings
from batch_sink import Ticks
from driver_rigs.base import Sink

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture
async def look():
    """``look("pi_3")`` is the first batch of that board, and its driver."""
    tasks = []

    async def make(name, **options):
        settings = BoardSettings(driver="board", id="box", root=str(FIXTURES / name), **options)
        driver, sink = BoardDriver(settings, Ticks()), Sink()
        tasks.append(asyncio.create_task(driver.run(sink)))
        # On a busy machine BAD readings may come before the first look.
        batch = await sink.until(lambda _: driver.health().state != "starting")
        return {reading.sensor: reading for reading in batch}, driver

    yield make
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_without_points_it_has_the_five_usual_ones_with_their_units(look):
    batch, driver = await look("pi_3")
    assert [(sensor.id, sensor.unit) for sensor in driver.sensors()] == [
        ("box.cpu_temperature", "degC"),
        ("box.undervoltage", "flag"),
        ("box.throttled", "flag"),
        ("box.memory_free", "MiB"),
        ("box.disk_free", "MiB"),
    ]
    assert batch["box.cpu_temperature"].value == 61.224
    assert (batch["box.undervoltage"].value, batch["box.throttled"].value) == (1.0, 1.0)
    assert batch["box.memory_free"].value == 863
    assert batch["box.disk_free"].value > 0


async def test_what_the_board_does_not_tell_is_bad_and_named_in_health(look):
    batch, driver = await look("x86_nuc")
    silent = batch["box.undervoltage"]
    assert (silent.quality, math.isnan(silent.value)) == (Quality.BAD, True)
    assert batch["box.cpu_temperature"].quality is Quality.GOOD
    assert driver.health().state == "connected"
    assert driver.health().message == "connected; this board does not tell undervoltage"


async def test_a_value_out_of_its_range_is_uncertain(look):
    hot = BoardPoint(name="cpu", value="cpu_temperature", high=60)
    batch, _ = await look("pi_3", point=[hot])
    assert (batch["box.cpu"].value, batch["box.cpu"].quality) == (61.224, Quality.UNCERTAIN)


async def test_a_board_that_tells_nothing_is_lost_and_says_where_it_looked(look, tmp_path):
    point = BoardPoint(name="cpu", value="cpu_temperature")
    batch, driver = await look(str(tmp_path), point=[point])
    assert batch["box.cpu"].quality is Quality.BAD
    assert driver.health().state == "lost"
    assert driver.health().message == f"box: nothing of cpu can be read under {tmp_path}"


def test_any_number_of_the_kernel_can_be_a_point(box):
    tree = box({"sys/class/hwmon/hwmon4/in1_input": "4980\n"})
    path = "sys/class/hwmon/hwmon4/in1_input"
    point = BoardPoint(name="supply", value="file", path=path, scale=0.001, unit="V")
    assert read_points(tree, Path("/"), [point]) == (4.98,)


def test_a_file_point_may_not_leave_a_foreign_root(tmp_path):
    (tmp_path / "secret").write_text("7")
    (tmp_path / "root").mkdir()
    point = BoardPoint(name="x", value="file", path="../secret")
    assert read_points(Tree(tmp_path / "root"), Path("/"), [point]) == (None,)


def test_the_free_room_of_a_folder_that_is_gone_is_unknown(tmp_path):
    point = BoardPoint(name="room", value="disk_free")
    assert read_points(Tree(tmp_path), tmp_path / "gone", [point]) == (None,)


def flaws_of(**point):
    settings = BoardSettings(
        driver="board", id="box", poll_ms=5000, point=[BoardPoint(name="x", **point)]
    )
    return [flaw.path[-1] for flaw in settings.flaws()]


@pytest.mark.parametrize(
    ("point", "wrong"),
    [
        ({"value": "cpu_temperature"}, []),
        ({"value": "cpu_temperature", "unit": "degC"}, []),
        ({"value": "cpu_temperature", "unit": "K"}, ["unit"]),
        ({"value": "undervoltage", "path": "proc/uptime"}, ["path"]),
        ({"value": "undervoltage", "scale": 2.0}, ["scale"]),
        ({"value": "file"}, ["path"]),
        ({"value": "file", "path": "a", "scale": 0}, ["scale"]),
        ({"value": "file", "path": "a", "scale": math.nan}, ["scale"]),
        ({"value": "memory_free", "stale_ms": 5000}, ["stale_ms"]),
    ],
)
def test_options_that_contradict_each_other_are_flaws(point, wrong):
    assert flaws_of(**point) == wrong


def test_a_usual_point_outlives_two_missed_polls_before_it_is_stale():
    settings = BoardSettings(driver="board", id="box", poll_ms=60_000)
    assert {point.stale_ms for point in settings.board_points()} == {180_000.0}
