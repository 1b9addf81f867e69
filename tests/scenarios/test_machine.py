"""A machine in the whole daemon: it learns, leaves its normal, is named, decides; and lives on.

The bursts are a recording made here, of a bearing whose outer race is struck; the slow sensor is
the PLC's.
"""

import numpy as np
import pytest
from vibrations import struck_bearing

from banksman.maintenance.bearings import bearing_orders

LEVEL = 0
SHAFT_HZ = 29.95
RATE_HZ = 12_000.0

TABLES = """\
[[device]]
driver = "replay"
id = "acc"
file = "bursts.npz"
format = "bursts"
array = "acc"
rate_hz = 12000.0
interval_s = 1.0
loop = {loop}
point = [{{ name = "x", unit = "g" }}]

[[machine]]
id = "press"
label = "Press"
window_s = 0.1
learn_windows = 20
settle_windows = 2
speed_rpm = 1797
vibration = [{{ sensor = "acc.x", bearing = "6205" }}]
slow = [{{ sensor = "plc.level", floor = 5.0, limit = 800.0 }}]

[[action]]
name = "plan_service"
alert = {{ text = "The press wants a look", priority = "important" }}

[[decision]]
name = "press_care"
type = "maintenance_advice"
on = ["press.verdict"]
inputs = ["press.deviation", "press.fault"]
safe_action = "none"
"""

RULES = """\
[[rule]]
name = "left its normal"
point = "press_care"
when = "press.verdict == 3 and abs(press.deviation) >= 2.5"
then = "plan_service"
priority = 1
reason = "the press is {press.deviation} sigma from its normal"

[[rule]]
name = "fault named"
point = "press_care"
when = "press.fault == 3"
then = "plan_service"
priority = 2
reason = "a fault of the press is named"

[[rule]]
name = "well"
point = "press_care"
when = "True"
then = "none"
reason = "the press is as it should be"

[[rule]]
name = "any level"
point = "limit"
when = "True"
then = "none"
"""


def record(box, *, struck):
    """Three seconds of the bearing, played for ever or once."""
    random = np.random.default_rng(3)
    strength = 3.0 if struck else 0.0
    samples = struck_bearing(
        random, "outer_race", bearing_orders("6205"), rate_hz=RATE_HZ, shaft_hz=SHAFT_HZ,
        strength=strength, slip=0.0,
    )  # fmt: skip
    bursts = np.tile((samples * 0.1).astype("f4"), (3, 1, 1))
    np.savez_compressed(box.folder / "bursts.npz", acc=bursts)


def values(status):
    return {sensor["id"]: sensor for sensor in status["sensors"]}


def verdict_is(code):
    def holds(status):
        sensor = values(status)["press.verdict"]
        return sensor["quality"] == "good" and sensor["value"] == code

    return holds


async def started(box, plc, *, struck=False, loop=True):
    plc.memory.holding[LEVEL] = 300
    record(box, struck=struck)
    box.write(TABLES.format(loop=str(loop).lower()), rules=RULES)
    await box.start()


@pytest.mark.timeout(120)
async def test_what_left_its_normal_is_advised_with_its_reason(box, plc):
    await started(box, plc)
    await box.until_status(verdict_is(1), "the press is as normal")
    plc.memory.holding[LEVEL] = 400
    await box.until_status(verdict_is(3), "the press left its normal")
    await box.until_points({"press_care": "plan_service"})
    decisions = (await box.get("/api/v1/decisions?limit=100"))["decisions"]
    made = next(each for each in decisions if each["point"] == "press_care")
    assert made["type"] == "maintenance_advice"
    assert made["reason"].startswith("the press is ")
    assert "sigma from its normal" in made["reason"]
    alarms = {alarm["key"]: alarm for alarm in (await box.get("/api/v1/alarms"))["alarms"]}
    assert alarms["machine.press"]["text"].startswith("Press: plc.level is +")


@pytest.mark.timeout(120)
async def test_a_struck_bearing_is_named_to_the_rules(box, plc):
    await started(box, plc, struck=True)
    status = await box.until_status(
        lambda status: values(status)["press.fault"]["value"] == 3, "the fault is named"
    )
    assert "bearing, outer race" in values(status)["press.fault"]["text"]
    await box.until_points({"press_care": "plan_service"})
    alarms = {alarm["key"]: alarm for alarm in (await box.get("/api/v1/alarms"))["alarms"]}
    assert alarms["machine.press.fault"]["text"].startswith("Press: bearing, outer race: ")
    shown = await box.get("/api/v1/machines/press")
    assert shown["brief"]["fault"] == "bearing, outer race"
    assert shown["sensors"][0]["finding"]["peaks"][0]["label"].endswith("BPFO")


@pytest.mark.timeout(120)
async def test_what_it_learned_outlives_a_kill_and_a_restart(box, plc):
    await started(box, plc)
    await box.until_status(verdict_is(1), "the press is as normal")
    plc.memory.holding[LEVEL] = 400
    await box.until_points({"press_care": "plan_service"})
    await box.kill()
    await box.start()
    # Had it forgotten, the new level would be all that it knows, and normal.
    await box.until_status(verdict_is(3), "it is known to be out of its normal still")


@pytest.mark.timeout(120)
async def test_a_lost_vibration_sensor_stops_nothing(box, plc):
    await started(box, plc, loop=False)
    status = await box.until_status(
        lambda status: {each["id"]: each["state"] for each in status["devices"]}["acc"] == "lost",
        "the recording has ended",
    )
    assert status["mode"] == "armed"
    await box.until_status(verdict_is(1), "the press is judged by what is left")
    plc.memory.holding[LEVEL] = 400
    await box.until_status(verdict_is(3), "the press left its normal")
    await box.until_status(
        lambda status: values(status)["press.fault"]["quality"] == "bad" and verdict_is(3)(status),
        "nobody knows a fault any more, and the verdict stands",
    )


@pytest.mark.timeout(120)
async def test_the_present_is_called_normal_by_the_command_line(box, plc):
    await started(box, plc)
    await box.until_status(verdict_is(1), "the press is as normal")
    plc.memory.holding[LEVEL] = 400
    await box.until_status(verdict_is(3), "the press left its normal")
    told = await box.command("machines", "press", "--renew", "--socket", str(box.socket))
    assert told.code == 0, told.err
    await box.until_audit("machine renewed")
    await box.until_status(verdict_is(1), "the press is as normal at its new level")
    listed = await box.command("machines", "--socket", str(box.socket))
    assert listed.out.startswith("press: normal; ")


@pytest.mark.timeout(120)
async def test_clipped_samples_are_uncertain_everywhere_and_name_no_fault(box, plc):
    await started(box, plc, struck=True)
    bursts = np.load(box.folder / "bursts.npz")["acc"]
    np.savez_compressed(box.folder / "bursts.npz", acc=bursts.clip(-0.1, 0.1))
    await box.kill()
    await box.start()
    status = await box.until_status(
        lambda status: values(status)["acc.x"]["quality"] == "uncertain", "it is in doubt"
    )
    assert "clipped" in values(status)["acc.x"]["text"]
    await box.until_status(
        lambda status: "clipped" in values(status)["press.verdict"]["text"], "and told with it"
    )
    shown = await box.get("/api/v1/machines/press")
    assert shown["sensors"][0]["finding"]["fault"] == "blocked"
    assert [flaw["kind"] for flaw in shown["sensors"][0]["flaws"]] == ["clipped"]
