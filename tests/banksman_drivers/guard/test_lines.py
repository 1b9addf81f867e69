"""Where guard lines are, and what is refused before anything is opened."""

from __future__ import annotations

import os
import stat

import pytest

from banksman_drivers.guard.lines import (
    Place,
    identity,
    open_input,
    open_output,
    parse_place,
    write_safe_once,
)
from banksman_drivers.ports import CommandFailed, DeviceLost, Unsupported


def test_a_gpio_line_is_chip_and_number():
    assert parse_place("gpio:/dev/gpiochip0:17") == Place("/dev/gpiochip0", 17)


def test_a_fifo_may_have_colons_in_its_path():
    assert parse_place("fifo:/run/a:b") == Place("/run/a:b", None)


@pytest.mark.parametrize(
    "text",
    ["", "gpio:", "gpio:/dev/gpiochip0", "gpio:17", "gpio:/dev/gpiochip0:x", "fifo:relative",
     "gpio:/dev/gpiochip0:-1", "gpio:/dev/gpiochip0:4294967313", "gpio:/dev/gpiochip0:٣", "tcp:/x"],
)  # fmt: skip
def test_anything_else_is_unsupported(text):
    with pytest.raises(Unsupported, match="a guard line is"):
        parse_place(text)


@pytest.mark.parametrize("text", ["gpio:/dev/gpiochip0:17", "fifo:/run/banksman/estop"])
def test_a_place_reads_as_it_was_written(text):
    assert str(parse_place(text)) == text


@pytest.fixture
def opened():
    fds = []
    yield fds.append
    for fd in fds:
        os.close(fd)


@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_a_missing_fifo_is_made_for_this_user_alone(tmp_path, opened, umask):
    before = os.umask(umask)
    try:
        opened(open_input(Place(str(tmp_path / "run" / "estop"), None)))
    finally:
        os.umask(before)
    status = (tmp_path / "run" / "estop").stat()
    assert stat.S_ISFIFO(status.st_mode)
    assert stat.S_IMODE(status.st_mode) == 0o600


def test_a_fifo_that_anybody_may_write_is_refused(tmp_path):
    os.mkfifo(tmp_path / "estop")
    (tmp_path / "estop").chmod(0o622)
    with pytest.raises(Unsupported, match="chmod o-w"):
        open_input(Place(str(tmp_path / "estop"), None))


def test_a_file_in_the_place_of_a_fifo_is_refused(tmp_path):
    (tmp_path / "estop").write_text("1")
    with pytest.raises(Unsupported, match="not a FIFO"):
        open_input(Place(str(tmp_path / "estop"), None))


def test_a_link_in_the_place_of_a_fifo_is_refused(tmp_path):
    os.mkfifo(tmp_path / "elsewhere")
    (tmp_path / "estop").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DeviceLost):
        open_input(Place(str(tmp_path / "estop"), None))


def test_a_refused_line_leaves_nothing_open(tmp_path, open_fds):
    (tmp_path / "estop").write_text("1")
    before = open_fds()
    with pytest.raises(Unsupported):
        open_output(Place(str(tmp_path / "estop"), None), False)
    assert open_fds() == before


@pytest.mark.parametrize(("safe", "byte"), [(False, b"0"), (True, b"1")])
def test_a_safe_level_can_be_written_without_a_guard(tmp_path, opened, safe, byte):
    os.mkfifo(tmp_path / "permit")
    plant = os.open(tmp_path / "permit", os.O_RDONLY | os.O_NONBLOCK)
    opened(plant)
    write_safe_once(Place(str(tmp_path / "permit"), None), safe)
    assert os.read(plant, 10) == byte
    assert os.read(plant, 10) == b""  # and then the end, which is a stop as well


def test_an_output_that_does_not_take_its_safe_level_is_told(tmp_path, opened):
    place = Place(str(tmp_path / "permit"), None)
    fd = open_output(place, False)
    opened(fd)
    assert os.write(fd, b"1" * 4096) == 4096  # its reader does not read: it is full
    with pytest.raises(CommandFailed, match="permit"):
        write_safe_once(place, False)


def test_a_chip_that_was_unplugged_and_plugged_in_again_is_another_one(tmp_path):
    chip, again = tmp_path / "gpiochip0", tmp_path / "gpiochip1"
    chip.touch()
    before = identity(str(chip))
    assert before is not None
    assert identity(str(chip)) == before
    again.touch()
    chip.unlink()
    assert identity(str(chip)) is None
    again.rename(chip)
    assert identity(str(chip)) not in (None, before)
