"""The shipped line against a client that nobody here wrote: mbpoll, on libmodbus."""

import asyncio
import re
import shutil

import pytest

from banksman_drivers.fake.modbus_memory import Memory
from banksman_drivers.fake.modbus_rtu_server import RtuFaults

pytestmark = pytest.mark.skipif(shutil.which("mbpoll") is None, reason="mbpoll is not installed")


@pytest.fixture
def unit(line):
    memory = line.units[9] = Memory()
    memory.holding.update({n: n * 100 for n in range(10)})
    memory.inputs.update({n: n + 1 for n in range(10)})
    memory.coils.update({n: n % 2 for n in range(10)})
    memory.discrete.update({n: 1 - n % 2 for n in range(10)})
    return memory


async def mbpoll(line, *arguments):
    """Runs mbpoll; its values by address, and all that it told."""
    process = await asyncio.create_subprocess_exec(
        *("mbpoll", "-m", "rtu", "-a", "9", "-b", "115200", "-P", "none", "-0", "-1", "-q"),
        *("-o", "2", line.port, *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told = (await process.communicate())[0].decode()
    values = re.findall(r"^\[(\d+)\]:\s+(-?\d+)", told, re.MULTILINE)
    return {int(address): int(value) for address, value in values}, told


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("0", {0: 0, 1: 1, 2: 0}),
        ("1", {0: 1, 1: 0, 2: 1}),
        ("3", {0: 1, 1: 2, 2: 3}),
        ("4", {0: 0, 1: 100, 2: 200}),
    ],
    ids=["coils", "discrete", "inputs", "holding"],
)
async def test_mbpoll_reads_every_table(line, unit, table, expected):
    values, told = await mbpoll(line, "-t", table, "-r", "0", "-c", "3")
    assert values == expected, told


@pytest.mark.parametrize("count", [1, 3])
async def test_mbpoll_writes_one_and_several_registers_and_coils(line, unit, count):
    values = ["7", "8", "9"][:count]
    await mbpoll(line, "-t", "4", "-r", "2", "--", *values)
    await mbpoll(line, "-t", "0", "-r", "4", "--", *["1"] * count)
    assert [unit.holding[2 + n] for n in range(count)] == [int(each) for each in values]
    assert [unit.coils[4 + n] for n in range(count)] == [1] * count


async def test_mbpoll_is_told_that_an_address_does_not_exist(line, unit):
    _, told = await mbpoll(line, "-t", "4", "-r", "500", "-c", "1")
    assert "Illegal data address" in told


async def test_mbpoll_sees_a_wrong_checksum_as_a_failed_read(line, unit):
    line.faults[9] = RtuFaults(wrong_crc=True)
    values, told = await mbpoll(line, "-t", "4", "-r", "0", "-c", "1")
    assert not values
    assert "Invalid CRC" in told
