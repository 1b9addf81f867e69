"""A device that sends anything at all: no crash, no wrong value, and recovery."""

import asyncio
import contextlib
import struct
import time

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from banksman_drivers.fake.modbus_server import Faults, ModbusServer
from banksman_drivers.modbus import ModbusTcpDriver
from banksman_drivers.ports import Quality
from banksman_drivers.settings.modbus import ModbusPoint, ModbusTcpSettings

TRUE_VALUE = 4711
ANSWER = struct.pack(">HHBBBH", 0, 5, 1, 3, 2, TRUE_VALUE)  # without its transaction number

# Pieces of an answer, each near enough to the truth to be dangerous. None is the whole truth.
PIECES = st.one_of(
    st.binary(max_size=300),
    st.integers(0, len(ANSWER) - 1).map(lambda size: ANSWER[:size]),
    st.tuples(st.integers(0, 6), st.integers(1, 255)).map(
        lambda change: bytes(
            byte ^ (change[1] if place == change[0] else 0) for place, byte in enumerate(ANSWER)
        )
    ),
    st.just(struct.pack(">HHBBB", 0, 3, 1, 0x83, 2)),
    st.just(struct.pack(">HHBBBHH", 0, 7, 1, 3, 4, 1, 2)),
)
STREAMS = st.lists(st.tuples(st.sampled_from(["ours", "nought", "next", "none"]), PIECES))


class Ticks:
    def mono_ns(self):
        return time.monotonic_ns()


class Sink:
    def __init__(self):
        self.batches = asyncio.Queue()

    def readings(self, batch):
        self.batches.put_nowait(batch)


def stream(request, pieces):
    tid = int.from_bytes(request[:2], "big")
    numbers = {"ours": tid, "nought": 0, "next": tid + 1}
    return b"".join(
        piece if whose == "none" else struct.pack(">H", numbers[whose]) + piece
        for whose, piece in pieces
    )


def justified(request, sent, value):
    """Whether ``sent`` holds a whole answer to ``request`` that says ``value``."""
    return request[:2] + ANSWER[:7] + struct.pack(">H", int(value)) in sent


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(STREAMS, min_size=1, max_size=4), st.integers(0, 5))
def test_whatever_a_device_sends_no_reading_says_what_no_answer_said(streams, piece_bytes):
    asyncio.run(attack(streams, piece_bytes))


async def attack(streams, piece_bytes):
    server = ModbusServer()
    server.memory.holding[0] = TRUE_VALUE
    await server.start()
    sent = []

    def script(request):
        if len(sent) >= len(streams):
            return [request[:2] + ANSWER]
        data = stream(request, streams[len(sent)])
        sent.append((request, data))
        return [data]

    server.faults = Faults(script=script, piece_bytes=piece_bytes)
    driver = ModbusTcpDriver(
        ModbusTcpSettings(
            driver="modbus_tcp",
            id="plc",
            host="127.0.0.1",
            port=server.port,
            poll_ms=1,
            timeout_ms=20,
            back_off_max_ms=50,
            point=[ModbusPoint(name="p", table="holding", address=0)],
        ),
        Ticks(),
    )
    sink = Sink()
    task = asyncio.create_task(driver.run(sink))
    try:
        while True:
            (reading,) = await sink.batches.get()
            if reading.quality is Quality.GOOD and reading.value == TRUE_VALUE:
                if len(sent) == len(streams):
                    break
            elif reading.quality is not Quality.BAD:
                assert any(justified(*each, reading.value) for each in sent)
        assert driver.health().state == "connected"
        assert not task.done()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await server.stop()
