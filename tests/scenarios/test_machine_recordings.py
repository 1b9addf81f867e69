"""Recordings played into the whole daemon: a run-up with its tacho, and slow readings from CSV."""

import csv

import numpy as np
import pytest
from vibrations import struck_bearing

from banksman.maintenance.bearings import bearing_orders

RATE_HZ = 12_000.0
FROM_HZ, TO_HZ = 29.0, 43.5

RUN_UP = """\
[[device]]
driver = "replay"
id = "acc"
file = "run_up.npz"
format = "bursts"
array = "acc"
rate_hz = 12000.0
interval_s = 2.0
speed = 4.0
loop = true
point = [{ name = "x", unit = "g" }, { name = "tacho", unit = "V" }]

[[machine]]
id = "press"
window_s = 0.2
learn_windows = 20
settle_windows = 2
tacho = { sensor = "acc.tacho" }
vibration = [{ sensor = "acc.x", bearing = "6205" }]
"""

OVEN = """\
[[device]]
driver = "replay"
id = "log"
file = "oven.csv"
speed = 100.0
point = [{ name = "temperature", unit = "degC" }]

[[machine]]
id = "oven"
label = "Oven"
window_s = 0.2
learn_windows = 20
settle_windows = 2
slow = [{ sensor = "log.temperature", floor = 0.5 }]
"""

RULES = """\
[[rule]]
name = "any level"
point = "limit"
when = "True"
then = "none"
"""


def values(status):
    return {sensor["id"]: sensor for sensor in status["sensors"]}


def record_run_up(folder):
    """Two seconds in which a shaft with a struck outer race speeds up by half."""
    t = np.arange(round(2 * RATE_HZ)) / RATE_HZ
    turns = FROM_HZ * t + (TO_HZ - FROM_HZ) * t * t / 4
    own_s = turns / FROM_HZ  # the machine's own time, in which it turns steadily
    steady = struck_bearing(
        np.random.default_rng(3), "outer_race", bearing_orders("6205"), rate_hz=4 * RATE_HZ,
        seconds=own_s[-1] + 0.01, shaft_hz=FROM_HZ, jitter=0.002,
    )  # fmt: skip
    samples = 0.1 * np.interp(own_s, np.arange(len(steady)) / (4 * RATE_HZ), steady)
    tacho = np.where(turns % 1.0 < 0.2, 5.0, 0.1)
    np.savez_compressed(folder / "run_up.npz", acc=np.stack([samples, tacho])[None].astype("f4"))


@pytest.mark.timeout(120)
async def test_a_fault_is_named_through_a_run_up_by_the_tacho_beside_it(box, plc):
    record_run_up(box.folder)
    box.write(RUN_UP, rules=RULES)
    await box.start()
    await box.until_status(
        lambda status: values(status)["press.fault"]["value"] == 3, "the fault is named"
    )
    sensor = (await box.get("/api/v1/machines/press"))["sensors"][0]
    assert sensor["finding"]["fault"] == "outer_race"
    assert sensor["speed_told"] == "by its tacho"
    assert sensor["shaft_hz"] == pytest.approx((FROM_HZ + 3 * TO_HZ) / 4, rel=0.02)
    assert len(sensor["first"]["values"]) == 50


@pytest.mark.timeout(120)
async def test_a_recorded_oven_is_learned_and_its_drift_is_an_alarm(box, plc):
    random = np.random.default_rng(5)
    level = np.concatenate([random.normal(200, 0.5, 9_000), random.normal(230, 0.5, 60_000)])
    with (box.folder / "oven.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["timestamp", "temperature"])
        rows.writerows((f"{number / 10:.1f}", f"{value:.2f}") for number, value in enumerate(level))
    box.write(OVEN, rules=RULES)
    await box.start()
    await box.until_status(
        lambda status: values(status)["oven.verdict"]["value"] == 3, "it left its normal"
    )
    alarms = {alarm["key"]: alarm for alarm in (await box.get("/api/v1/alarms"))["alarms"]}
    assert alarms["machine.oven"]["text"].startswith("Oven: log.temperature is +")
