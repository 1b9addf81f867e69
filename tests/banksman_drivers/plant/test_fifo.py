"""The wires to the guard."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from banksman_drivers.fake.plant.fifo import LevelIn, LevelOut, make_fifo


@pytest.fixture
def wire(tmp_path: Path) -> Path:
    path = tmp_path / "wire.fifo"
    make_fifo(path)
    return path


def reader(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK)


def test_a_level_waits_for_its_reader_and_is_told_at_once(wire):
    out = LevelOut(wire)
    out.tell(True, 0.01)
    assert not out.heard
    file = reader(wire)
    out.tell(True, 0.01)
    assert os.read(file, 10) == b"1"
    out.close()
    os.close(file)


def test_a_change_is_told_and_a_rest_is_repeated_four_times_a_second(wire):
    out, file = LevelOut(wire), reader(wire)
    for step in range(18):
        out.tell(step < 1, 0.0625)
    assert os.read(file, 20) == b"1" + b"0" * 5
    out.close()
    os.close(file)


def test_a_reader_that_comes_back_learns_the_level_without_a_change(wire):
    out = LevelOut(wire)
    first = reader(wire)
    out.tell(True, 0.01)
    os.close(first)
    second = reader(wire)
    for _ in range(60):
        out.tell(True, 0.01)
    assert b"1" in os.read(second, 100)
    out.close()
    os.close(second)


def test_a_reader_that_does_not_read_blocks_nothing(wire):
    out, file = LevelOut(wire), reader(wire)
    for step in range(100_000):
        out.tell(step % 2 == 0, 0.01)
    assert out.heard
    out.close()
    os.close(file)


def test_the_end_of_the_plant_is_an_end_of_file_for_the_guard(wire):
    out, file = LevelOut(wire), reader(wire)
    out.tell(True, 0.01)
    os.read(file, 10)
    out.close()
    assert os.read(file, 10) == b""
    os.close(file)


async def test_levels_come_in_order_and_the_end_of_the_writer_is_told(wire, until):
    heard: list[object] = []
    line = LevelIn(wire, heard.append, lambda: heard.append("lost"))
    line.open()
    for expected in (1, 2):
        writer = os.open(wire, os.O_WRONLY)
        os.write(writer, b"10x1")
        os.close(writer)
        await until(lambda count=expected: heard.count("lost") == count)
    line.close()
    assert heard == [True, False, True, "lost"] * 2


def test_a_file_in_the_way_is_named(tmp_path):
    (tmp_path / "wire.fifo").touch()
    with pytest.raises(FileExistsError, match=r"wire\.fifo is no FIFO"):
        make_fifo(tmp_path / "wire.fifo")


def test_a_fifo_that_is_there_is_used(wire):
    make_fifo(wire)
    assert wire.is_fifo()
