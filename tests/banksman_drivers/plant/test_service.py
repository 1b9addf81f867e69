"""The plant as a process: levers, wires and its end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys

import pytest

from banksman_drivers.fake.plant.control import LINE_BYTES_MAX, ask
from banksman_drivers.fake.plant.line import INCIDENTS


@pytest.mark.parametrize("name", INCIDENTS)
async def test_each_incident_begins_and_is_restored_over_the_socket(plant, name):
    service, options = plant
    socket = options.folder / "plant.sock"
    assert (await ask(socket, {"command": name}))["ok"]
    answer = await ask(socket, {"command": "status"})
    assert answer["status"]["incidents"] == [name]
    assert (await ask(socket, {"command": "restore", "what": name}))["ok"]
    assert not any(service.line.incidents().values())


async def test_restore_without_a_name_puts_everything_right(plant):
    service, options = plant
    socket = options.folder / "plant.sock"
    for name in (*INCIDENTS, "plc-off"):
        await ask(socket, {"command": name})
    assert not service.plc.serving
    await ask(socket, {"command": "restore"})
    assert service.plc.serving
    assert not any(service.line.incidents().values())


@pytest.mark.parametrize(
    "request_",
    [
        {"command": "flood"},
        {},
        {"command": ["jam"]},
        {"command": "restore", "what": "flood"},
        {"command": "restore", "what": {}},
        {"command": "plc-off", "seconds": -1},
        {"command": "plc-off", "seconds": "soon"},
        {"command": "plc-off", "seconds": float("nan")},
    ],
)
async def test_a_wrong_command_is_refused_with_what_would_be_right(plant, request_):
    answer = await ask(plant[1].folder / "plant.sock", request_)
    assert answer["ok"] is False
    assert "plc-off" in answer["message"] or "over 0" in answer["message"]


@pytest.mark.parametrize("line", [b"jam\n", b"[]\n", b"[" * 2000 + b"\n", b"\xff\n"])
async def test_a_line_that_is_no_command_is_answered_not_fatal(plant, line):
    reader, writer = await asyncio.open_unix_connection(plant[1].folder / "plant.sock")
    writer.write(line)
    assert json.loads(await reader.readline())["ok"] is False
    writer.close()


async def test_an_endless_line_is_hung_up_on(plant):
    reader, writer = await asyncio.open_unix_connection(plant[1].folder / "plant.sock")
    writer.write(b"x" * (LINE_BYTES_MAX * 3))
    async with asyncio.timeout(40):
        assert await reader.read() == b""
    writer.close()
    assert (await ask(plant[1].folder / "plant.sock", {"command": "status"}))["ok"]


async def test_only_the_owner_may_pull_the_levers(plant):
    assert (plant[1].folder / "plant.sock").stat().st_mode & 0o077 == 0


async def test_the_estop_wire_follows_the_button(plant, until):
    service, options = plant
    file = os.open(options.folder / "estop.fifo", os.O_RDONLY | os.O_NONBLOCK)
    heard = bytearray()
    loop = asyncio.get_running_loop()
    loop.add_reader(file, lambda: heard.extend(os.read(file, 100)))
    await until(lambda: heard.endswith(b"1"))
    await service.command({"command": "estop"})
    await until(lambda: heard.endswith(b"0"))
    await service.command({"command": "estop-release"})
    await until(lambda: heard.endswith(b"1"))
    loop.remove_reader(file)
    os.close(file)


async def test_the_reset_button_is_pressed_and_released(plant, until):
    service, options = plant
    file = os.open(options.folder / "reset.fifo", os.O_RDONLY | os.O_NONBLOCK)
    heard = bytearray()
    loop = asyncio.get_running_loop()
    loop.add_reader(file, lambda: heard.extend(os.read(file, 100)))
    await until(lambda: heard.endswith(b"0"))
    await service.command({"command": "reset-button"})
    await until(lambda: b"1" in heard and heard.endswith(b"0"))
    loop.remove_reader(file)
    os.close(file)


async def test_the_process_says_ready_and_ends_cleanly_at_sigterm(tmp_path, free_port):
    words = ["--folder", str(tmp_path), "--modbus-port", str(free_port())]
    words += ["--mqtt-port", "0", "--cloud-port", str(free_port())]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "banksman_drivers.fake.plant", *words,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    async with asyncio.timeout(20):
        assert await process.stdout.readline() == b"READY\n"
        process.send_signal(signal.SIGTERM)
        _, errors = await process.communicate()
    assert (process.returncode, errors) == (0, b"")
    assert not (tmp_path / "plant.sock").exists()


async def test_the_process_says_which_port_is_taken(plant):
    _, options = plant
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "banksman_drivers.fake.plant", "--folder", str(options.folder),
        "--modbus-port", str(options.modbus_port),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(20):
        output, errors = await process.communicate()
    assert process.returncode == 1
    assert output == b""
    assert f"127.0.0.1:{options.modbus_port}" in errors.decode()
