"""An oven with nothing set but its sensors: five days of its life, and then it drifts.

It follows the hall by day and night, works two shifts, and each load that is pushed in takes its
heat: the first evening, the first night and the second morning are nothing new to be rung for.
"""

import math

import numpy as np
import pytest

from banksman.alarms import AlarmDesk
from banksman.config.schema_maintenance import MachineSettings
from banksman.control.stream import Stream
from banksman.maintenance.attending import Attending
from banksman.maintenance.deviation import Verdict
from banksman.maintenance.normals import NormalBook
from banksman.maintenance.ringing import Ringing
from banksman.maintenance.shelf import RunShelf
from banksman.maintenance.turns import Turns
from banksman.records import IdSource
from banksman_drivers.ports import Quality

S = 1_000_000_000
STEP_S = 30
HOUR_S, DAY_S = 3600, 86_400
BEGAN_S = 1_700_000_000 // DAY_S * DAY_S + 9 * HOUR_S  # somebody switched the box on at nine


class Made:
    """Time that passes when told to."""

    boot_id = "boot"

    def __init__(self):
        self.now_s = BEGAN_S

    def mono_ns(self):
        return (self.now_s - BEGAN_S + 1) * S

    def wall_ns(self):
        return self.now_s * S


class Oven:
    """Its temperature and its heater's current; the test lets the time pass."""

    def __init__(self):
        self.settings = MachineSettings.model_validate(
            {"id": "oven", "slow": [{"sensor": "o.heat"}, {"sensor": "o.amps"}]}
        )
        self.time, self.rung = Made(), []
        self.desk = AlarmDesk("box", self.time, IdSource("box", 1), self.rung.append)
        self.ringing = Ringing("oven", "Oven", self.desk)
        shelf = RunShelf("oven", lambda _: None, None)
        normals = NormalBook(lambda _: None, None)
        self.attending = Attending(self.settings, shelf, Turns(), lambda _: None, None, normals)
        self.streams = {name: Stream(name, "", 1e9) for name in ("o.heat", "o.amps")}
        self.random = np.random.default_rng(2)
        self.hall = self.cold = 0.0
        self.next_load_s = 0.0
        self.told = None

    def run(self, hours, *, warmer_per_h=0.0):
        end_s = self.time.now_s + hours * HOUR_S
        began_s = self.time.now_s
        while self.time.now_s < end_s:
            self.time.now_s += STEP_S
            drift = warmer_per_h * (self.time.now_s - began_s) / HOUR_S
            self.step(drift)
            mono_ns, wall_ns = self.time.mono_ns(), self.time.wall_ns()
            self.attending.look(mono_ns, wall_ns)
            if self.time.now_s % 60 == 0:
                self.told = self.attending.window(mono_ns, wall_ns)
                self.ringing.tell(self.told.judgement)
        return self.told.judgement

    def step(self, drift):
        now_s, chance = self.time.now_s, self.random
        hour = now_s % DAY_S / HOUR_S
        self.hall += 0.01 * (math.sin(2 * math.pi * (hour - 9.0) / 24.0) - self.hall)
        works = 6.0 <= hour < 22.0
        if works and now_s >= self.next_load_s:
            self.cold += chance.uniform(5.0, 9.0)
            self.next_load_s = now_s + chance.uniform(20, 50) * 60
        self.cold *= math.exp(-STEP_S / 400)
        heat = 180.0 + 4.0 * self.hall - self.cold + chance.normal(0, 0.3) + drift
        amps = 20.0 - 1.5 * self.hall + 0.8 * self.cold + chance.normal(0, 0.2)
        for name, value in (("o.heat", heat), ("o.amps", amps)):
            self.streams[name].update(value, Quality.GOOD, self.time.mono_ns())
            self.attending.intake.reading(self.streams[name])


@pytest.fixture(scope="module")
def oven():
    oven = Oven()
    oven.run(1)
    oven.young = oven.told
    oven.run(5 * 24 - 1)
    return oven


def test_it_says_how_far_it_has_learned_and_how_long_it_will_take(oven):
    judgement = oven.young.judgement
    assert judgement.verdict is Verdict.UNKNOWN
    assert judgement.what == "normal is 3% learned, 23.0 h of running to go"


def test_its_healthy_days_ring_nobody(oven):
    assert [alarm.text for alarm in oven.rung] == []
    assert oven.told.judgement.verdict is Verdict.NORMAL
    assert oven.told.learned == 1.0


def test_when_it_drifts_it_rings(oven):
    judgement = oven.run(24, warmer_per_h=1.0)
    assert judgement.verdict is Verdict.ALARM
    assert any(alarm.key == "machine.oven" for alarm in oven.rung)
    assert judgement.what.startswith("o.")
