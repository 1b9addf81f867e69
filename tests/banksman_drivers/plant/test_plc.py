"""The Modbus server, asked by mbpoll: a client that nobody here wrote."""

from __future__ import annotations

import asyncio
import re
import shutil
import socket

import pytest
from pymodbus.client import AsyncModbusTcpClient

pytestmark = pytest.mark.skipif(
    shutil.which("mbpoll") is None, reason="mbpoll is not installed (apt install mbpoll)"
)


async def mbpoll(port: int, *words: str, values: tuple[str, ...] = ()) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        "mbpoll", "-m", "tcp", "-p", str(port), "-0", "-1", *words, "127.0.0.1", *values,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


def values_of(output: str) -> dict[int, float]:
    found = re.findall(r"^\[(\d+)\]:\s+(-?[\d.]+)", output, re.MULTILINE)
    return {int(address): float(value) for address, value in found}


async def test_mbpoll_reads_the_discrete_inputs(plant):
    status, output = await mbpoll(plant[1].modbus_port, "-a1", "-t1", "-r0", "-c12")
    assert status == 0
    bits = values_of(output)
    assert (bits[1], bits[2], bits[11]) == (1, 1, 1)  # door and e-stop closed, a shift is on


async def test_mbpoll_reads_scaled_input_registers(plant):
    status, output = await mbpoll(plant[1].modbus_port, "-a1", "-t3", "-r0", "-c9")
    assert status == 0
    words = values_of(output)
    assert words[3] == pytest.approx(220, abs=10)  # 22 degC in tenths
    assert words[4] == 25_000  # 25 mm in micrometres


async def test_mbpoll_reads_the_transmitter_as_floats_high_word_first(plant):
    status, output = await mbpoll(plant[1].modbus_port, "-a2", "-t3:float", "-B", "-r0", "-c4")
    assert status == 0
    floats = values_of(output)
    assert floats[0] == pytest.approx(0.12, abs=0.03)
    assert floats[4] == pytest.approx(3.0, abs=0.3)


async def test_a_coil_that_mbpoll_writes_moves_the_belt_while_supervision_is_fed(plant, until):
    service, options = plant
    client = AsyncModbusTcpClient("127.0.0.1", port=options.modbus_port)
    assert await client.connect()

    async def feed() -> None:
        for beat in range(1, 60_000):
            await client.write_register(0, beat, device_id=1)
            await asyncio.sleep(0.1)

    feeding = asyncio.create_task(feed())
    await until(lambda: service.line.supervision.alive)
    status, output = await mbpoll(options.modbus_port, "-a1", "-t0", "-r0", values=("1",))
    assert status == 0, output
    await until(lambda: service.line.conveyor.speed_mm_s > 100)
    feeding.cancel()
    await until(lambda: service.line.conveyor.speed_mm_s == 0)  # nobody feeds: it drops
    client.close()


async def test_several_coils_are_written_and_read_back(plant):
    service, options = plant
    service.line.supervision.step(0.0, 1)
    service.line.supervision.step(0.0, 2)
    status, _ = await mbpoll(options.modbus_port, "-a1", "-t0", "-r4", values=("1", "1"))
    assert status == 0
    assert (service.line.outputs.beacon, service.line.outputs.siren) == (True, True)


async def test_a_unit_that_is_not_there_is_answered_as_a_gateway_does(plant):
    status, output = await mbpoll(plant[1].modbus_port, "-a9", "-t0", "-r0")
    assert status != 0
    assert "failed to respond" in output


async def test_an_address_that_is_not_there_is_refused(plant):
    port = plant[1].modbus_port
    for words, values in (
        (("-a1", "-t3", "-r300"), ()),
        (("-a1", "-t0", "-r10"), ("1",)),
        (("-a1", "-t4", "-r9"), ("1",)),
        (("-a2", "-t4", "-r0"), ("1",)),
    ):
        status, output = await mbpoll(port, *words, values=values)
        assert status != 0
        assert "Illegal data address" in output


async def test_garbage_does_not_stop_the_server(plant):
    _, options = plant
    with socket.create_connection(("127.0.0.1", options.modbus_port)) as rude:
        rude.sendall(b"\x00\x01\x00\x00\xff\xff\x01\x03" + b"\xaa" * 300)
    status, _ = await mbpoll(options.modbus_port, "-a1", "-t1", "-r0", "-c2")
    assert status == 0


async def test_plc_off_cuts_a_held_connection_and_comes_back(plant, until):
    service, options = plant
    reader, writer = await asyncio.open_connection("127.0.0.1", options.modbus_port)
    await service.command({"command": "plc-off", "seconds": 0.2})
    async with asyncio.timeout(40):
        assert await reader.read() == b""
    writer.close()
    await until(lambda: service.plc.serving)
    status, _ = await mbpoll(options.modbus_port, "-a1", "-t1", "-r0", "-c2")
    assert status == 0


async def test_a_taken_port_is_named(plant):
    from banksman_drivers.fake.plant.plc import PlcServer

    service, options = plant
    with pytest.raises(OSError, match=f"127.0.0.1:{options.modbus_port}"):
        await PlcServer(service.line, "127.0.0.1", options.modbus_port).start()
