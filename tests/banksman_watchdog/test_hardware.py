"""The hardware watchdog's protocol: opening arms, writing pets, the magic letter disarms.

A FIFO stands in for the device, so that every byte written can be read back.
"""

import errno
import os
import struct

import pytest

from banksman_watchdog.hardware import (
    WDIOC_GETTIMEOUT,
    WDIOC_SETTIMEOUT,
    HardwareWatchdog,
    WatchdogUnavailable,
)


class Board:
    """A watchdog chip whose counter holds at most 16 s; ``written`` is what it was sent."""

    def __init__(self, path):
        os.mkfifo(path)
        self.path = path
        self.asked_s = None
        self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    def ioctl(self, fd, request, argument):
        (value,) = struct.unpack("i", argument)
        if request == WDIOC_SETTIMEOUT:
            self.asked_s = value
            if value < 1:
                raise OSError(errno.EINVAL, "Invalid argument")
            return argument
        assert request == WDIOC_GETTIMEOUT
        return struct.pack("i", min(self.asked_s, 16))

    def written(self):
        try:
            return os.read(self._fd, 100)
        except BlockingIOError:
            return b""

    def close(self):
        os.close(self._fd)


@pytest.fixture
def board(tmp_path):
    board = Board(tmp_path / "watchdog0")
    yield board
    board.close()


def test_the_accepted_timeout_is_the_devices_own(board):
    with HardwareWatchdog(board.path, 60, board.ioctl) as watchdog:
        assert board.asked_s == 60
        assert watchdog.timeout_s == 16


def test_an_orderly_end_disarms_by_the_magic_letter(board):
    with HardwareWatchdog(board.path, 10, board.ioctl) as watchdog:
        watchdog.pet()
        watchdog.pet()
    assert board.written() == b"\0\0V"


def test_a_crash_leaves_it_running(board):
    watchdog = HardwareWatchdog(board.path, 10, board.ioctl)
    watchdog.pet()
    watchdog.__exit__(RuntimeError, RuntimeError("crashed"), None)
    assert board.written() == b"\0"
    watchdog.release()


def test_a_second_release_writes_nothing(board):
    watchdog = HardwareWatchdog(board.path, 10, board.ioctl)
    watchdog.release()
    watchdog.release()
    assert board.written() == b"V"


def test_a_pet_that_fails_is_counted_and_not_raised(board):
    watchdog = HardwareWatchdog(board.path, 10, board.ioctl)
    board.close()
    watchdog.pet()
    watchdog.release()
    assert watchdog.failed == 2
    board._fd = os.open(board.path, os.O_RDONLY | os.O_NONBLOCK)


def test_a_file_that_is_no_watchdog_is_refused(tmp_path):
    path = tmp_path / "watchdog"
    path.touch()
    with pytest.raises(WatchdogUnavailable, match="name a watchdog device"):
        HardwareWatchdog(path, 10)


def test_a_timeout_the_device_refuses_names_the_device_and_disarms_it(board):
    with pytest.raises(WatchdogUnavailable, match="watchdog0 takes no timeout of 0 s"):
        HardwareWatchdog(board.path, 0, board.ioctl)
    assert board.written() == b"V"


def test_a_missing_device_names_the_remedy(tmp_path):
    with pytest.raises(WatchdogUnavailable, match="RuntimeWatchdogSec"):
        HardwareWatchdog(tmp_path / "watchdog", 10)
