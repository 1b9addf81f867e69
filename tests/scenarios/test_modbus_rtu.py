"""Units on one serial line in the whole daemon: one's value opens the other's valve."""

import pytest

from banksman_drivers.fake.modbus_memory import Memory
from banksman_drivers.fake.modbus_rtu_server import RtuLine

UNITS = """\
[[device]]
driver = "modbus_rtu"
id = "tank"
port = "{port}"
unit_id = 3
parity = "none"
poll_ms = 50
timeout_ms = 1000
point = [{{ name = "level", table = "input", address = 0, stale_ms = 10000 }}]

[[device]]
driver = "modbus_rtu"
id = "pump"
port = "{port}"
unit_id = 4
parity = "none"
poll_ms = 50
timeout_ms = 1000
point = [{{ name = "running", table = "coil", address = 0, unit = "flag" }}]
output = [{{ name = "run", table = "coil", address = 0, safe = false, readback = true }}]

[[action]]
name = "run_pump"
writes = [{{ output = "pump.run", value = true }}]

[[action]]
name = "rest_pump"
writes = [{{ output = "pump.run", value = false }}]

[[decision]]
name = "overflow"
type = "process_control"
on = ["tank.level"]
safe_action = "rest_pump"
"""

RULES = """\
[[rule]]
name = "full"
point = "overflow"
when = "tank.level > 80"
then = "run_pump"
priority = 1

[[rule]]
name = "not full"
point = "overflow"
when = "True"
then = "rest_pump"

[[rule]]
name = "any level"
point = "limit"
when = "True"
then = "close_valve"
"""


@pytest.fixture
async def line(tmp_path):
    line = RtuLine(tmp_path / "rs485")
    for unit in (3, 4):
        line.units[unit] = Memory()
    line.units[3].inputs[0] = 10
    line.units[4].coils[0] = 0
    line.plug()
    yield line
    line.unplug()


async def test_one_units_value_drives_another_unit_of_the_same_line_and_safe_releases_it(box, line):
    box.write(UNITS.format(port=line.port), rules=RULES)
    await box.start()
    await box.until_decision("rest_pump")
    line.units[3].inputs[0] = 90
    await box.until(lambda: line.units[4].coils[0] == 1, "the pump runs")

    await box.kill()
    assert line.units[4].coils[0] == 1
    ended = await box.command("safe", "--config", str(box.config))
    assert line.units[4].coils[0] == 0, ended.err


async def test_a_pulled_adapter_loses_both_units_and_one_put_back_brings_them_back(box, line):
    box.write(UNITS.format(port=line.port), rules=RULES)
    await box.start()

    def states(status):
        return {item["id"]: item["state"] for item in status["devices"]}

    await box.until_status(
        lambda status: states(status) == dict.fromkeys(("plc", "tank", "pump"), "connected"), "all"
    )
    line.unplug()
    await box.until_status(
        lambda status: states(status) == {"plc": "connected", "tank": "lost", "pump": "lost"},
        "the line is lost and the PLC is not",
    )
    line.plug()
    await box.until_status(
        lambda status: states(status) == dict.fromkeys(("plc", "tank", "pump"), "connected"),
        "all are back",
    )
