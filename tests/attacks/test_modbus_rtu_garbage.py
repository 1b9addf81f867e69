"""Units that send anything at all over a serial line: no crash, no wrong value, and recovery."""

import asyncio
import contextlib
import struct
import tempfile
import time
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from banksman_drivers.fake.modbus_memory import Memory
from banksman_drivers.fake.modbus_rtu_server import RtuFaults, RtuLine
from banksman_drivers.modbus_rtu import Buses, ModbusRtuDriver
from banksman_drivers.modbus_rtu_frame import crc16
from banksman_drivers.ports import Quality
from banksman_drivers.settings.modbus import ModbusPoint
from banksman_drivers.settings.modbus_rtu import ModbusRtuSettings

TRUE_VALUE = 4711


def framed(head):
    return head + crc16(head)


ANSWER = framed(struct.pack(">BBBH", 3, 3, 2, TRUE_VALUE))

# Pieces of answers, each near enough to the truth to be dangerous. None is the whole truth.
PIECES = st.one_of(
    st.binary(max_size=300),
    st.integers(0, len(ANSWER) - 1).map(lambda size: ANSWER[:size]),
    st.tuples(st.integers(0, 6), st.integers(1, 255)).map(
        lambda change: bytes(
            byte ^ (change[1] if place == change[0] else 0) for place, byte in enumerate(ANSWER)
        )
    ),
    st.just(framed(b"\x03\x83\x02")),
    st.just(framed(struct.pack(">BBBHH", 3, 3, 4, 1, 2))),
    st.just(framed(struct.pack(">BBBH", 4, 3, 2, 9))),
    st.just(framed(struct.pack(">BBHH", 3, 3, 0, 1))),
)


class Ticks:
    def mono_ns(self):
        return time.monotonic_ns()


class Sink:
    def __init__(self):
        self.batches = asyncio.Queue()

    def readings(self, batch):
        self.batches.put_nowait(batch)


@settings(max_examples=15)
@given(st.lists(st.lists(PIECES, max_size=3), min_size=1, max_size=3))
def test_whatever_a_unit_sends_no_reading_says_what_no_answer_said(streams):
    asyncio.run(attack(streams))


async def attack(streams):
    with tempfile.TemporaryDirectory() as folder:
        line = RtuLine(Path(folder) / "rs485")
        line.units[3] = Memory()
        line.units[3].holding[0] = TRUE_VALUE
        line.plug()
        sent = []

        def script(_request):
            if len(sent) == len(streams):
                return [ANSWER]
            sent.append(b"".join(streams[len(sent)]))
            return [sent[-1]] if sent[-1] else []

        line.faults[3] = RtuFaults(script=script)
        options = ModbusRtuSettings(
            driver="modbus_rtu",
            id="unit",
            port=line.port,
            unit_id=3,
            baud=115_200,
            parity="none",
            poll_ms=1,
            timeout_ms=20,
            back_off_max_ms=50,
            point=[ModbusPoint(name="p", table="holding", address=0)],
        )
        driver = ModbusRtuDriver(options, Buses(Ticks()).of(options), Ticks())
        sink = Sink()
        task = asyncio.create_task(driver.run(sink))
        try:
            while True:
                (reading,) = await sink.batches.get()
                if reading.quality is Quality.GOOD and reading.value == TRUE_VALUE:
                    if len(sent) == len(streams):
                        break
                elif reading.quality is not Quality.BAD:
                    told = framed(struct.pack(">BBBH", 3, 3, 2, int(reading.value)))
                    assert any(told in each for each in sent)
            assert not task.done()
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            line.unplug()
