"""Our drivers on a server that nobody here wrote: libmodbus, over TCP and over a serial line."""

import asyncio
import contextlib
import os
import shutil
import struct
import subprocess
import time
import tty
from pathlib import Path

import pytest

from banksman_drivers.modbus import ModbusTcpDriver
from banksman_drivers.modbus_rtu import Buses, ModbusRtuDriver
from banksman_drivers.ports import Command, CommandFailed, Quality
from banksman_drivers.settings.modbus import ModbusOutput, ModbusPoint, ModbusTcpSettings
from banksman_drivers.settings.modbus_rtu import ModbusRtuSettings

SOURCE = Path(__file__).parents[2] / "support" / "libmodbus" / "server.c"


def flags(what):
    if shutil.which("gcc") is None or shutil.which("pkg-config") is None:
        return None
    found = subprocess.run(
        ["pkg-config", what, "libmodbus"], capture_output=True, text=True, check=False
    )
    return found.stdout.split() if found.returncode == 0 else None


pytestmark = pytest.mark.skipif(
    flags("--libs") is None, reason="gcc, pkg-config and libmodbus-dev are not all installed"
)

POINTS = [
    ModbusPoint(name="coil", table="coil", address=1, type="bit"),
    ModbusPoint(name="discrete", table="discrete", address=3, type="bit"),
    ModbusPoint(name="input", table="input", address=4),
    ModbusPoint(name="wide", table="holding", address=2, type="uint32", word_order="low_first"),
    ModbusPoint(name="bits", table="holding", address=1, bits=[2, 6]),
    ModbusPoint(name="set", table="holding", address=6, type="float32"),
    ModbusPoint(name="word", table="holding", address=8),
    ModbusPoint(name="masked", table="holding", address=9),
]
READ = {
    "coil": 0,
    "discrete": 1,
    "input": 1004,
    "wide": 301 << 16 | 201,
    "bits": 101 >> 2 & 31,
    "set": struct.unpack(">f", struct.pack(">HH", 601, 701))[0],
    "word": 801,
    "masked": 901,
}
OUTPUTS = [
    ModbusOutput(name="coil", safe=False, table="coil", address=1, readback=True),
    ModbusOutput(name="coil15", safe=False, table="coil", address=1, write_with="multiple"),
    ModbusOutput(name="set", safe=0, table="holding", address=6, type="float32", readback=True),
    ModbusOutput(name="word", safe=0, table="holding", address=8, type="uint16", readback=True),
    ModbusOutput(
        name="word16", safe=0, table="holding", address=8, type="uint16", write_with="multiple"
    ),
    ModbusOutput(
        name="word23", safe=0, table="holding", address=8, type="uint16", write_with="read_write"
    ),
    ModbusOutput(name="masked", safe=0, table="holding", address=9, bits=[4, 7], readback=True),
]
NOWHERE = ModbusOutput(name="nowhere", safe=0, table="holding", address=500, type="uint16")


class Ticks:
    def mono_ns(self):
        return time.monotonic_ns()


class Sink:
    def __init__(self):
        self.values = {}
        self.news = asyncio.Event()

    def readings(self, batch):
        self.values = {
            r.sensor.removeprefix("plc."): r.value for r in batch if r.quality is Quality.GOOD
        }
        self.news.set()

    async def until(self, condition):
        while not condition(self.values):
            self.news.clear()
            await self.news.wait()


@pytest.fixture(scope="session")
def server_program(tmp_path_factory):
    program = tmp_path_factory.mktemp("libmodbus") / "server"
    subprocess.run(["gcc", "-o", program, SOURCE, *flags("--cflags"), *flags("--libs")], check=True)
    return program


@contextlib.asynccontextmanager
async def serving(program, *arguments):
    process = await asyncio.create_subprocess_exec(
        program, *arguments, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert await process.stdout.readline() == b"ready\n"
        yield
    finally:
        process.kill()
        await process.wait()


class Bridge:
    """Two pseudo-terminals whose far ends are joined, as two adapters on one pair of wires."""

    def __enter__(self):
        self.ends = [os.openpty() for _ in range(2)]
        for master, slave in self.ends:
            tty.setraw(slave)
            os.set_blocking(master, False)
        loop = asyncio.get_running_loop()
        (left, _), (right, _) = self.ends
        loop.add_reader(left, self._carry, left, right)
        loop.add_reader(right, self._carry, right, left)
        return [os.ttyname(slave) for _, slave in self.ends]

    def _carry(self, source, target):
        os.write(target, os.read(source, 4096))

    def __exit__(self, *_):
        for master, slave in self.ends:
            asyncio.get_running_loop().remove_reader(master)
            os.close(master)
            os.close(slave)


COMMON = {"id": "plc", "unit_id": 7, "poll_ms": 10, "timeout_ms": 2000, "back_off_max_ms": 50}


@pytest.fixture(params=["tcp", "rtu"])
async def plc(request, server_program, free_port):
    """A driver with every kind of point and output, running on the server, and its sink."""
    async with contextlib.AsyncExitStack() as stack:
        options = {**COMMON, "point": POINTS, "output": [*OUTPUTS, NOWHERE]}
        if request.param == "tcp":
            await stack.enter_async_context(serving(server_program, "tcp", str(free_port)))
            settings = ModbusTcpSettings(
                driver="modbus_tcp", host="127.0.0.1", port=free_port, **options
            )
            driver = ModbusTcpDriver(settings, Ticks())
        else:
            theirs, ours = stack.enter_context(Bridge())
            await stack.enter_async_context(serving(server_program, "rtu", theirs))
            settings = ModbusRtuSettings(
                driver="modbus_rtu", port=ours, baud=115_200, parity="none", **options
            )
            driver = ModbusRtuDriver(settings, Buses(Ticks()).of(settings), Ticks())
        sink = Sink()
        task = asyncio.create_task(driver.run(sink))
        yield driver, sink
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_every_table_and_layout_is_read_as_the_server_holds_it(plc):
    _, sink = plc
    await sink.until(lambda values: values == READ)


@pytest.mark.parametrize(
    ("output", "value", "point", "read"),
    [
        ("coil", True, "coil", 1),
        ("coil15", True, "coil", 1),
        ("set", -12.5, "set", -12.5),
        ("word", 4711, "word", 4711),
        ("word16", 4712, "word", 4712),
        ("word23", 4713, "word", 4713),
        ("masked", 5, "masked", 901 & ~0xF0 | 5 << 4),
    ],
)
async def test_every_function_writes_what_is_then_read(plc, output, value, point, read):
    driver, sink = plc
    await sink.until(bool)
    await driver.apply(Command("1", f"plc.{output}", value, 2**62, "test"))
    await sink.until(lambda values: values.get(point) == read)


async def test_a_refusal_of_the_server_is_told_and_loses_nobody(plc):
    driver, sink = plc
    await sink.until(bool)
    with pytest.raises(CommandFailed, match="illegal data address"):
        await driver.apply(Command("1", "plc.nowhere", 1, 2**62, "test"))
    await sink.until(lambda values: values == READ)
    assert driver.health().reconnects == 0
