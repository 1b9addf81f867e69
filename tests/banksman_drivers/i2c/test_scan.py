"""A scan recognises chips without writing to any."""

import errno

import pytest

from banksman_drivers.fake.i2c_bus import FakeBus
from banksman_drivers.fake.i2c_chips import FakeBme280, FakeIna219, FakeLm75, FakeTmp117
from banksman_drivers.fake.i2c_fifo import FakeAdxl345, FakeLis3dh
from banksman_drivers.i2c.scan import Found, list_buses, scan
from batch_sink import Ticks


@pytest.fixture
def bus():
    return FakeBus()


def test_chips_with_an_identity_are_known_and_others_are_told_as_possible(bus):
    bus.put(0x53, FakeAdxl345(Ticks()))
    bus.put(0x18, FakeLis3dh(Ticks()))
    bus.put(0x76, FakeBme280())
    bus.put(0x48, FakeTmp117())
    bus.put(0x49, FakeLm75())
    bus.put(0x40, FakeIna219())
    found = {each.address: (each.chips, each.sure) for each in scan(bus.open("/dev/i2c-1"))}
    assert found == {
        0x18: (("lis3dh",), True),
        0x40: (("ina219",), False),
        0x48: (("tmp117",), True),
        0x49: (("ads1115", "ina219", "lm75"), False),
        0x53: (("adxl345",), True),
        0x76: (("bme280",), True),
    }
    assert not bus.writes


def test_a_stranger_is_told_as_one(bus):
    bus.put(0x60, FakeLm75())
    assert scan(bus.open("/dev/i2c-1")) == [Found(0x60, "answers")]


def test_a_bmp280_is_not_taken_for_a_bme280(bus):
    bus.put(0x76, FakeBme280(chip_id=0x58))
    assert scan(bus.open("/dev/i2c-1")) == [Found(0x76, "answers")]


def test_an_address_of_a_kernel_driver_is_not_asked_further():
    class Held(FakeBus):
        def read(self, address, register, size):
            if address == 0x68:
                raise OSError(errno.EBUSY, "busy")
            return super().read(address, register, size)

    assert scan(Held().open("/dev/i2c-1")) == [Found(0x68, "kernel")]


def test_a_bus_with_a_line_held_low_fails_at_once(bus):
    bus.stuck = True
    with pytest.raises(TimeoutError):
        scan(bus.open("/dev/i2c-1"))
    assert bus.transfers == 1


def test_buses_are_listed_by_number_with_their_adapters_name(tmp_path):
    for number, name in ((10, "bcm2835 (i2c@7e205000)"), (1, "bcm2835 (i2c@7e804000)")):
        folder = tmp_path / f"i2c-{number}"
        folder.mkdir()
        (folder / "name").write_text(f"{name}\n")
    assert [(bus.path, bus.name) for bus in list_buses(tmp_path)] == [
        ("/dev/i2c-1", "bcm2835 (i2c@7e804000)"),
        ("/dev/i2c-10", "bcm2835 (i2c@7e205000)"),
    ]
