"""Registers by byte, word and block over Linux' own I2C interface, against i2c-tools."""

import asyncio

import pytest

from banksman_drivers.i2c.asks import (
    ReadBlock,
    ReadByte,
    ReadEach,
    ReadWord,
    WriteBlock,
    WriteByte,
    WriteWord,
)
from banksman_drivers.i2c.bus import I2cBuses
from banksman_drivers.i2c.driver import I2cDriver
from banksman_drivers.i2c.faults import BusFault
from banksman_drivers.i2c.port import open_port
from banksman_drivers.i2c.wire import Wire
from banksman_drivers.ports import Quality
from banksman_drivers.settings.i2c import I2cPoint, I2cSettings
from batch_sink import Ticks
from driver_rigs.base import Sink
from simulated.i2c import StubBus

pytestmark = pytest.mark.vm

CHIP, THERMOMETER, ABSENT = 0x20, 0x48, 0x50
DEVICE_ID = 0x0F  # TMP117


@pytest.fixture
def stub():
    bus = StubBus.load(CHIP, THERMOMETER)
    yield bus
    assert bus.unload(), "somebody still holds the bus"


@pytest.fixture
def wire(stub):
    opened = Wire(open_port(stub.path), Ticks())
    yield opened
    opened.close()


def test_a_byte_that_we_write_is_read_by_another_program_and_back(stub, wire):
    wire.transfer(CHIP, WriteByte(0x05, 0xA7))
    assert stub.get(CHIP, 0x05) == 0xA7
    stub.set(CHIP, 0x05, 0x3C)
    assert wire.transfer(CHIP, ReadByte(0x05)).data == b"\x3c"


def test_a_word_goes_high_byte_first_both_ways(stub, wire):
    wire.transfer(CHIP, WriteWord(0x02, 0x1234))
    assert stub.get(CHIP, 0x02, "w") == 0x3412, "SMBus, and so i2cget, has the low byte first"
    stub.set_word(CHIP, 0x02, 0xBEEF)
    assert wire.transfer(CHIP, ReadWord(0x02)).data == b"\xbe\xef"


def test_a_block_is_registers_in_a_row(stub, wire):
    data = bytes(range(1, 33))
    wire.transfer(CHIP, WriteBlock(0x40, data))
    assert [stub.get(CHIP, 0x40 + place) for place in (0, 15, 31)] == [1, 16, 32]
    assert wire.transfer(CHIP, ReadBlock(0x40, 32)).data == data
    stub.set(CHIP, 0x41, 0xFF)
    assert wire.transfer(CHIP, ReadBlock(0x40, 3)).data == b"\x01\xff\x03"


def test_an_adapter_without_raw_messages_gives_a_fifo_block_by_block(wire):
    wire.transfer(CHIP, WriteBlock(0x32, b"\x01\x02\x03\x04\x05\x06"))
    answer = wire.transfer(CHIP, ReadEach(0x32, size=6, count=3))
    assert answer.data == b"\x01\x02\x03\x04\x05\x06" * 3


def test_an_address_that_nobody_has_is_told_as_absent(wire):
    with pytest.raises(BusFault, match="0x50") as caught:
        wire.transfer(ABSENT, ReadByte(0))
    assert caught.value.kind == "absent"


async def test_an_adapter_that_is_not_there_yet_is_found_when_it_comes(stub):
    buses, sink = I2cBuses(Ticks(), open_port), Sink()
    settings = I2cSettings(
        driver="i2c",
        id="room",
        bus=stub.path,
        chip="tmp117",
        address=THERMOMETER,
        poll_ms=20,
        back_off_max_ms=1000,
        point=[I2cPoint(name="air", unit="degC", channel="temperature")],
    )
    driver = I2cDriver(settings, Ticks(), buses)
    assert stub.unload()
    task = asyncio.create_task(driver.run(sink))
    async with asyncio.timeout(100):
        await sink.until(lambda batch: batch[0].quality is Quality.BAD)
        while "cannot be opened" not in driver.health().message:
            await asyncio.sleep(0.02)
        stub.reload()
        stub.set_word(THERMOMETER, 0, 25 * 128)
        stub.set_word(THERMOMETER, DEVICE_ID, 0x0117)
        await sink.until(lambda batch: batch[0].value == 25.0)
    assert driver.health().state == "connected"
    task.cancel()
    await asyncio.wait([task])
