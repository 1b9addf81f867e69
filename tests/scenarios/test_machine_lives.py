"""Machines run until they fail in the whole daemon; of the third the hours left are known in time.

Each life is a recording made here, played once: well, then ever louder. What people say goes over
the command line; what is known outlives the restarts between the lives.
"""

import asyncio

import numpy as np
import pytest

SAMPLES = 1_024  # 40 ms of them, every 50 ms
WELL, WORN, HELD = 90, 40, 60  # bursts, 20 a second

TABLES = """\
[[device]]
driver = "replay"
id = "acc"
file = "bursts.npz"
format = "bursts"
array = "acc"
rate_hz = 25600.0
interval_s = 0.05
loop = false
point = [{ name = "x", unit = "g" }]

[[machine]]
id = "press"
label = "Press"
kind = "spindles of the hall"
window_s = 0.1
learn_windows = 20
settle_windows = 0
speed_rpm = 1797
vibration = [{ sensor = "acc.x" }]

[[action]]
name = "plan_spindle"
work_order = "Change the spindle's bearing at the next stop"

[[decision]]
name = "press_life"
type = "maintenance_advice"
on = ["press.remaining"]
inputs = ["press.growth"]
safe_action = "none"
"""

RULES = """\
[[rule]]
name = "not known"
point = "press_life"
when = "press.remaining_known == 0"
then = "none"
priority = 1
reason = "nobody knows how long the press will do"

[[rule]]
name = "plan in time"
point = "press_life"
when = "press.remaining <= '8 h' and press.remaining_soonest < press.remaining_latest"
then = "plan_spindle"
priority = 2
reason = "{press.remaining} left (80 %: {press.remaining_soonest} to {press.remaining_latest})"

[[rule]]
name = "time enough"
point = "press_life"
when = "True"
then = "none"

[[rule]]
name = "any level"
point = "limit"
when = "True"
then = "none"
"""


def life(box):
    """One machine from new to its end."""
    random = np.random.default_rng(3)
    loud = np.exp(np.concatenate([np.zeros(WELL), np.linspace(0.0, 1.2, WORN), np.full(HELD, 1.2)]))
    bursts = random.normal(0.0, 0.1, (len(loud), 1, SAMPLES)) * loud[:, None, None]
    np.savez_compressed(box.folder / "bursts.npz", acc=bursts.astype("f4"))


def grown(status):
    sensors = {sensor["id"]: sensor for sensor in status["sensors"]}
    growth = sensors["press.growth"]
    return growth["quality"] == "good" and growth["value"] > 50.0


async def say(box, word):
    said = await box.command("machines", "press", f"--{word}", "--socket", str(box.socket))
    assert said.code == 0, said.err


@pytest.mark.timeout(180)
async def test_of_the_third_machine_of_a_kind_a_work_order_comes_before_its_end(box):
    life(box)
    box.write(TABLES, rules=RULES)
    for number in (1, 2):
        await box.start()
        await box.until_status(grown, "most bands have grown for good")
        await say(box, "failed")
        await box.until_audit("machine failed")
        while (await box.get("/api/v1/machines"))["machines"][0]["runs"] < number:
            await asyncio.sleep(0.05)
        await box.stop()
    await box.start()
    await say(box, "replaced")
    status = await box.until_status(
        lambda status: any(alarm["key"].startswith("work_order.") for alarm in status["alarms"]),
        "a work order is open",
    )
    orders = [alarm for alarm in status["alarms"] if alarm["key"].startswith("work_order.")]
    assert orders[0]["key"] == "work_order.press_life.plan_spindle"
    text = orders[0]["text"]
    assert text.startswith("Change the spindle's bearing at the next stop: ")
    assert " left (80 %: " in text
    decisions = (await box.get("/api/v1/decisions?limit=100"))["decisions"]
    made = next(each for each in decisions if each["action"] == "plan_spindle")
    assert made["type"] == "maintenance_advice"
    assert made["inputs"]["press.remaining"] is not None
    shown = (await box.get("/api/v1/machines/press"))["brief"]
    assert "it ends like the 2 known runs to failure, under the same load" in shown["hours_reason"]
    await box.kill()
    await box.start()
    alarms = {alarm["key"] for alarm in (await box.get("/api/v1/alarms"))["alarms"]}
    assert "work_order.press_life.plan_spindle" in alarms
