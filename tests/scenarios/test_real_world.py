"""The daemon between things that nobody here made: real recordings, and a PLC of another hand."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from tcp_ports import free_tcp_port

SHARED = Path(__file__).parents[3] / "shared"
FURNACE = SHARED / "data/nab/data/realKnownCause/ambient_temperature_system_failure.csv"
BEARING = SHARED / "data/pronostia/Learning_set_Bearing1_2.npz"
SIMULATOR = SHARED / "tools/reaction/modsim.c"

REPLAYS = """\
[[device]]
driver = "replay"
id = "hall"
file = "{file}"
speed = {speed}
{more}
point = [{{ name = "{point}", unit = "{unit}", stale_ms = 60000 }}{second}]

[[decision]]
name = "recording"
type = "process_control"
on = ["hall.{point}"]
safe_action = "close_valve"
"""

RULES = """\
[[rule]]
name = "over"
point = "recording"
when = "{when}"
then = "open_valve"
priority = 1
reason = "the recording went over its limit"

[[rule]]
name = "within"
point = "recording"
when = "True"
then = "none"

[[rule]]
name = "plc"
point = "limit"
when = "True"
then = "none"
"""


@pytest.mark.skipif(not FURNACE.exists(), reason="the NAB recording is not beside the checkout")
async def test_a_real_hall_that_overheats_opens_the_valve_of_the_plc(box, plc):
    box.write(
        REPLAYS.format(
            file=FURNACE, speed=1e6, more="", point="temperature", unit="degF", second=""
        ),
        rules=RULES.format(when="hall.temperature > '83 degF'"),
    )
    await box.start()
    await plc.until(lambda: plc.memory.coils[0] == 1)
    decision = await box.until_decision("open_valve")
    assert decision["inputs"]["hall.temperature"] > 83
    assert await box.stop() == 0


@pytest.mark.skipif(not BEARING.exists(), reason="the bearing recording is not beside the checkout")
async def test_a_real_bearing_that_fails_opens_the_valve_before_its_end(box, plc):
    box.write(
        REPLAYS.format(
            file=BEARING,
            speed=2000.0,
            more='format = "bursts"\nscale = 0.001',
            point="horizontal",
            unit="g",
            second=', { name = "vertical", unit = "g", stale_ms = 60000 }',
        ),
        rules=RULES.format(when="hall.horizontal.rms > '1.5 g'"),
    )
    await box.start()
    await plc.until(lambda: plc.memory.coils[0] == 1)
    decision = await box.until_decision("open_valve")
    assert decision["inputs"]["hall.horizontal.rms"] > 1.5
    assert await box.stop() == 0


class ForeignPlc:
    """The PLC of another hand: numbers what it serves and times what is written to it."""

    def __init__(self, child, port):
        self._child = child
        self.port = port

    async def event(self, kind):
        """The next event of this kind."""
        while True:
            event = json.loads(await self._child.stdout.readline())
            if event["ev"] == kind:
                return event

    async def steps(self, count):
        """Change register 2 across 500 ``count`` times; returns how the coil answered."""
        self._child.stdin.write(f"stim {count} 200 300 20000\n".encode())
        return [await self.event("step") for _ in range(count)]


@pytest.fixture
async def foreign_plc(tmp_path):
    if not SIMULATOR.exists() or shutil.which("cc") is None:
        pytest.skip("the foreign PLC is not beside the checkout, or there is no C compiler")
    program = tmp_path / "modsim"
    building = await asyncio.create_subprocess_exec("cc", "-O1", "-w", "-o", program, SIMULATOR)
    assert await building.wait() == 0
    port = free_tcp_port()
    child = await asyncio.create_subprocess_exec(
        program, str(port), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    plc = ForeignPlc(child, port)
    await plc.event("ready")
    yield plc
    child.kill()
    await child.wait()


FOREIGN = """\
[[device]]
driver = "modbus_tcp"
id = "foreign"
host = "127.0.0.1"
port = {port}
poll_ms = 10
point = [{{ name = "level", table = "holding", address = 2 }}]
output = [{{ name = "valve", table = "coil", address = 0, safe = false }}]

[[action]]
name = "foreign_open"
writes = [{{ output = "foreign.valve", value = true }}]

[[action]]
name = "foreign_close"
writes = [{{ output = "foreign.valve", value = false }}]

[[decision]]
name = "recording"
type = "process_control"
on = ["foreign.level"]
safe_action = "foreign_close"
"""


async def test_a_plc_that_nobody_here_wrote_has_its_coil_follow_its_register(box, foreign_plc):
    rules = RULES.format(when="foreign.level > 500")
    rules = rules.replace("open_valve", "foreign_open")
    rules = rules.replace('then = "none"', 'then = "foreign_close"', 1)
    box.write(FOREIGN.format(port=foreign_plc.port), rules=rules)
    await box.start()
    steps = await foreign_plc.steps(5)
    assert [step["missed"] for step in steps] == [0] * 5
    assert await box.stop() == 0
