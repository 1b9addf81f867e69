"""The wall clock is set under a running daemon, years forward and back; the plant sees nothing."""

import shutil
import struct
import subprocess
import time
from pathlib import Path

import pytest

HERE = Path(__file__).parent
YEAR_S = 365 * 24 * 3600


class WallClock:
    """The daemon's wall clock: this machine's, and what was set on top."""

    def __init__(self, file):
        self._file = file
        self.set(0)

    def set(self, seconds):
        with self._file.open("r+b" if self._file.exists() else "wb") as file:
            file.write(struct.pack("=q", int(seconds * 1e9)))


@pytest.fixture
def wall_clock(box, tmp_path):
    if shutil.which("cc") is None:
        pytest.skip("no C compiler")
    shim = tmp_path / "clock_shim.so"
    command = ["cc", "-shared", "-fPIC", "-O1", "-o", shim, HERE / "clock_shim.c"]
    subprocess.run(command, check=True)
    clock = WallClock(tmp_path / "offset")
    box.environment |= {"LD_PRELOAD": str(shim), "CLOCK_SHIM": str(tmp_path / "offset")}
    return clock


async def level(box, plc, value, action):
    """Let the PLC show a level; the decision it leads to."""
    plc.memory.holding[0] = value
    return await box.until_decision(action)


async def test_decisions_go_on_and_keep_their_order_over_jumps_of_the_wall_clock(
    box, plc, wall_clock
):
    await box.start()
    first = await level(box, plc, 900, "open_valve")
    wall_clock.set(10 * YEAR_S)
    await box.until_audit("clock set")
    second = await level(box, plc, 100, "close_valve")
    await box.until(lambda: plc.memory.coils[0] == 0, "the coil followed")
    wall_clock.set(-10 * YEAR_S)
    await box.until(lambda: box.log().count("the wall clock was set by") == 2, "it is said")
    third = await level(box, plc, 900, "open_valve")
    await box.until(lambda: plc.memory.coils[0] == 1, "the coil followed")
    now_ns = time.time_ns()
    assert second["wall_ns"] > now_ns + 9 * YEAR_S * 10**9
    assert third["wall_ns"] < now_ns - 9 * YEAR_S * 10**9
    assert first["mono_ns"] < second["mono_ns"] < third["mono_ns"]
    assert len({each["id"] for each in (first, second, third)}) == 3
    newest = (await box.get("/api/v1/decisions?limit=100"))["decisions"]
    shown = [each["id"] for each in newest if each["action"] != "none"]
    assert shown.index(third["id"]) < shown.index(second["id"]) < shown.index(first["id"])
    assert "check NTP" in box.log()


async def test_a_daemon_that_starts_in_the_past_counts_on_from_where_it_was(box, plc, wall_clock):
    await box.start()
    before = await level(box, plc, 900, "open_valve")
    await box.stop()
    wall_clock.set(-20 * YEAR_S)
    await box.start()
    after = await level(box, plc, 100, "close_valve")
    assert after["wall_ns"] < before["wall_ns"]
    assert after["id"] != before["id"]
    newest = (await box.get("/api/v1/decisions?limit=100"))["decisions"]
    shown = [each["id"] for each in newest]
    assert shown.index(after["id"]) < shown.index(before["id"])
