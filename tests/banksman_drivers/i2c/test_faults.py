"""What an errno means, and when it is the bus and not the chip."""

import errno

import pytest

from banksman_drivers.i2c.faults import BusWatch, bus_fault
from banksman_drivers.i2c.port import open_port


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (errno.ENXIO, "absent"),
        (errno.EREMOTEIO, "absent"),
        (errno.ENODEV, "absent"),
        (errno.ETIMEDOUT, "line"),
        (errno.EAGAIN, "line"),
        (errno.EIO, "line"),
        (errno.EBUSY, "line"),
        (errno.EBADF, "adapter"),
        (errno.EACCES, "adapter"),
    ],
)
def test_an_errno_says_where_to_look_and_names_the_address(code, kind):
    fault = bus_fault(OSError(code, "x"), 0x53)
    assert fault.kind == kind
    assert "0x53" in str(fault)
    assert errno.errorcode[code] in str(fault)


def test_an_address_that_a_kernel_driver_holds_is_told_as_such():
    assert "kernel driver" in str(bus_fault(OSError(errno.EBUSY, "x"), 0x76))


def test_one_dead_chip_beside_a_living_one_is_no_bus_fault():
    watch = BusWatch()
    watch.bad(0x53, "line")
    watch.good()
    watch.bad(0x53, "line")
    assert not watch.all_failed({0x53, 0x76})


def test_a_bus_is_stuck_when_all_failed_and_one_of_them_timed_out():
    watch = BusWatch()
    watch.bad(0x53, "line")
    assert not watch.all_failed({0x53, 0x76})
    watch.bad(0x76, "absent")
    assert watch.all_failed({0x53, 0x76})
    assert "held low" in watch.verdict({0x53, 0x76})


def test_a_bus_on_which_nobody_answers_lacks_supply_or_pull_ups():
    watch = BusWatch()
    watch.bad(0x53, "absent")
    watch.bad(0x76, "absent")
    assert "pull-ups" in watch.verdict({0x53, 0x76})


def test_a_single_absent_chip_is_its_own_matter():
    watch = BusWatch()
    watch.bad(0x53, "absent")
    assert watch.verdict({0x53}) == ""


def test_reopening_gives_everyone_a_fresh_chance():
    watch = BusWatch()
    watch.bad(0x53, "line")
    watch.reopened()
    assert not watch.all_failed({0x53})


def test_a_file_that_is_no_bus_is_refused_and_left_closed():
    before = _open_files()
    for _ in range(5):
        with pytest.raises(OSError, match="ioctl"):
            open_port("/dev/null")
    assert _open_files() == before


def _open_files():
    from pathlib import Path

    return len(list(Path("/proc/self/fd").iterdir()))
