"""Answers from real captures, fuzzed ones included, given to our requests by the fault server."""

import asyncio
import contextlib
import json
import struct
import time
from collections import defaultdict
from pathlib import Path

import pytest

from banksman_drivers.fake.modbus_server import Faults, ModbusServer
from banksman_drivers.modbus import ModbusTcpDriver
from banksman_drivers.ports import Command, CommandFailed, Quality
from banksman_drivers.settings.modbus import ModbusOutput, ModbusPoint, ModbusTcpSettings

VECTORS = (
    Path(__file__).parents[2].parent
    / "shared"
    / "data"
    / "modbus-vectors"
    / "modbus_vectors_dev.jsonl"
)
TABLES = {1: "coil", 2: "discrete", 3: "holding", 4: "input"}
LIMITS = {1: 2000, 2: 2000, 3: 125, 4: 125}

pytestmark = pytest.mark.skipif(not VECTORS.is_file(), reason=f"{VECTORS} is not here")


class Ticks:
    def mono_ns(self):
        return time.monotonic_ns()


def pairs():
    for line in VECTORS.read_text().splitlines():
        pair = json.loads(line)
        yield bytes.fromhex(pair["req"]), bytes.fromhex(pair["rsp"])


def asked(request):
    """What a captured read asks for, or None where it is no read that could be asked."""
    if len(request) != 12 or request[7] not in TABLES:
        return None
    address, count = struct.unpack(">HH", request[8:])
    if not 1 <= count <= LIMITS[request[7]] or address + count > 65536:
        return None
    return request[6], request[7], address, count


def told(question, frame):
    """The values of an answer by the book, written apart from the driver; None if it has none."""
    unit, function, _, count = question
    size = count * 2 if function in (3, 4) else (count + 7) // 8
    if len(frame) != 9 + size or frame[2:9] != struct.pack(
        ">HHBBB", 0, size + 3, unit, function, size
    ):
        return None
    if function in (3, 4):
        return list(struct.unpack(f">{count}H", frame[9:]))
    return [frame[9 + n // 8] >> n % 8 & 1 for n in range(count)]


class Tape:
    """Gives recorded answers one after the other, each with the number of the request it answers.

    ``seen`` holds, for each answer, the first batch that followed it.
    """

    def __init__(self, answers):
        self.answers = answers
        self.given = 0
        self.seen = []
        self.done = asyncio.Event()

    def script(self, request):
        if self.given == len(self.answers):
            return []
        answer = self.answers[self.given]
        self.given += 1
        return [request[:2] + answer[2:]]

    def readings(self, batch):
        if len(self.seen) < self.given:
            self.seen.append([(r.value, r.quality) for r in batch])
        if len(self.seen) == len(self.answers):
            self.done.set()


@pytest.fixture
async def server():
    server = ModbusServer()
    await server.start()
    yield server
    await server.stop()


def driver(server, unit, points=(), outputs=()):
    return ModbusTcpDriver(
        ModbusTcpSettings(
            driver="modbus_tcp",
            id="plc",
            host="127.0.0.1",
            port=server.port,
            unit_id=unit,
            poll_ms=1,
            timeout_ms=100,
            back_off_max_ms=50,
            point=list(points),
            output=list(outputs),
        ),
        Ticks(),
    )


async def replayed(server, question, answers):
    unit, function, address, count = question
    points = [
        ModbusPoint(name=f"p{n}", table=TABLES[function], address=address + n) for n in range(count)
    ]
    tape = Tape(answers)
    server.faults = Faults(script=tape.script)
    task = asyncio.create_task(driver(server, unit, points).run(tape))
    await tape.done.wait()
    assert not task.done()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    return tape.seen


def assert_true_or_bad(question, answers, seen):
    for answer, batch in zip(answers, seen, strict=True):
        values = told(question, answer)
        if values is None:
            assert {quality for _, quality in batch} == {Quality.BAD}, answer.hex()
        else:
            assert batch == [(value, Quality.GOOD) for value in values], answer.hex()


async def test_every_captured_read_answer_is_decoded_as_its_bytes_say_or_is_bad(server):
    questions = defaultdict(list)
    for request, response in pairs():
        if (question := asked(request)) is not None:
            questions[question].append(response)
    assert sum(map(len, questions.values())) > 1000
    for question, answers in questions.items():
        assert_true_or_bad(question, answers, await replayed(server, question, answers))


async def test_no_captured_answer_is_taken_for_the_answer_to_another_request(server):
    question = (1, 3, 0, 2)
    answers = [response for _, response in pairs() if told(question, response) is None]
    # One of each kind is enough: a foreign answer costs a reconnect.
    kinds = {(answer[6], answer[7], len(answer)): answer for answer in answers}
    foreign = list(kinds.values())
    assert len(foreign) > 10
    assert_true_or_bad(question, foreign, await replayed(server, question, foreign))


async def test_every_captured_write_is_confirmed_by_its_own_echo_and_by_no_other(server):
    writes = [(request, response) for request, response in pairs() if request[7] in (5, 6)]
    assert writes
    for request, response in writes:
        unit, function = request[6:8]
        address, value = struct.unpack(">HH", request[8:12])
        output = ModbusOutput(
            name="o",
            safe=0,
            table="coil" if function == 5 else "holding",
            type="bit" if function == 5 else "uint16",
            address=address,
        )
        value = bool(value) if function == 5 else value
        ours = struct.pack(">HH", address, value * 0xFF00 if function == 5 else value)
        confirmed = response[6:] == bytes((unit, function)) + ours
        plc = driver(server, unit, outputs=[output])
        server.faults = Faults(script=lambda sent, response=response: [sent[:2] + response[2:]])
        accepted = server.accepted
        task = asyncio.create_task(plc.run(Tape([])))
        await server.until(lambda accepted=accepted: server.accepted > accepted)
        while plc.health().state != "connected":
            await asyncio.sleep(0)
        command = Command("1", "plc.o", value, 2**62, "test")
        try:
            await plc.apply(command)
        except CommandFailed:
            assert not confirmed, response.hex()
        else:
            assert confirmed, response.hex()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
