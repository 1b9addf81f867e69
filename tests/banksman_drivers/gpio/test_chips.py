"""What the kernel says, whatever it says."""

import errno
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman_drivers.gpio.chips import (
    LINE_INFO,
    chip_number,
    explained,
    find_chip,
    line_info,
    list_chips,
    open_and_ask,
)
from banksman_drivers.gpio.edges import EVENT, Watch
from banksman_drivers.ports import DeviceLost


@given(st.binary(min_size=LINE_INFO.size, max_size=LINE_INFO.size))
def test_any_answer_of_the_right_size_gives_names_that_a_terminal_may_show(raw):
    info = line_info(raw)
    assert info.name.isprintable()
    assert info.consumer.isprintable()


def test_flags_are_told_in_words():
    flags = 1 << 0 | 1 << 1 | 1 << 3 | 1 << 6 | 1 << 8
    raw = LINE_INFO.pack(b"EN", b"me", 4, 1, flags, 3, 250, *[0] * 18)
    info = line_info(raw)
    assert (info.line, info.direction, info.used, info.consumer) == (4, "output", True, "me")
    assert info.flags == ("active-low", "open-drain", "pull-up", "debounce-250us")


def test_a_machine_without_chips_is_told_so(tmp_path):
    with pytest.raises(DeviceLost, match="there is no GPIO chip"):
        list_chips(tmp_path)


def test_a_file_that_is_no_device_is_told_so(tmp_path):
    (tmp_path / "gpiochip0").write_text("")
    with pytest.raises(DeviceLost, match="is no device"):
        list_chips(tmp_path)


@pytest.mark.parametrize("path", ["/dev/null", "/dev/zero"])
def test_a_device_that_is_no_chip_is_told_so(tmp_path, path):
    (tmp_path / "gpiochip0").symlink_to(path)
    with pytest.raises(DeviceLost, match="it is no GPIO chip"):
        open_and_ask(tmp_path / "gpiochip0")


@pytest.mark.parametrize(
    ("error", "remedy"),
    [(errno.EACCES, "group"), (errno.ENODEV, "plug it in"), (errno.EBUSY, "holds this line")],
)
def test_an_error_names_chip_line_and_remedy(tmp_path, error, remedy):
    told = str(explained(tmp_path, OSError(error, "because"), 17))
    assert told.startswith(f"{tmp_path}:17: because; ")
    assert remedy in told


def test_a_udev_link_leads_to_its_chip(tmp_path):
    (tmp_path / "gpiochip3").write_text("")
    (tmp_path / "expander").symlink_to(tmp_path / "gpiochip3")
    assert find_chip(str(tmp_path / "expander")) == tmp_path / "gpiochip3"
    assert chip_number(find_chip(str(tmp_path / "expander"))) == 3


def test_a_number_is_a_chip(tmp_path):
    assert find_chip("4", tmp_path) == tmp_path / "gpiochip4"


def test_a_label_that_nobody_has_is_told_so(tmp_path):
    with pytest.raises(DeviceLost, match="there is no GPIO chip"):
        find_chip("pinctrl-rp1", tmp_path)


def test_a_path_that_is_no_chip_is_refused(tmp_path):
    with pytest.raises(DeviceLost, match="is no GPIO chip"):
        chip_number(tmp_path / "ttyUSB0")


@pytest.fixture
def parse(tmp_path):
    watch = Watch.__new__(Watch)
    watch.path = tmp_path
    watch._sequence = {}
    return watch.parse


def event(line, kind, sequence, at_ns=5):
    return struct.pack("=QIIII24x", at_ns, kind, line, 0, sequence)


def test_a_gap_in_the_sequence_is_lost_edges_of_that_line(parse):
    told = parse(event(3, 1, 1) + event(4, 1, 1) + event(3, 2, 4))
    assert [(edge.line, edge.high, edge.lost) for edge in told] == [
        (3, True, 0),
        (4, True, 0),
        (3, False, 2),
    ]


def test_sequence_numbers_that_wrap_round_are_no_gap(parse):
    parse(event(3, 1, 0xFFFFFFFF))
    assert parse(event(3, 2, 0))[0].lost == 0


@given(raw=st.binary(max_size=4 * EVENT.size + 7))
def test_any_bytes_give_whole_events_only(raw):
    watch = Watch.__new__(Watch)
    watch.path = "chip"
    watch._sequence = {}
    told = watch.parse(raw)
    assert len(told) == len(raw) // EVENT.size
    assert all(0 <= edge.lost <= 0xFFFFFFFF for edge in told)
