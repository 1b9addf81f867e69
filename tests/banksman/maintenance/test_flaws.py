"""Each flaw by its name, from the intake to the judged outcome: what is concluded, and what not.

A machine with one sensor that is heard, and two slow ones; windows of a second.
"""

import math

import numpy as np
import pytest

from banksman.config.schema_maintenance import MachineSettings
from banksman.control.stream import Stream
from banksman.maintenance.attending import Attending
from banksman.maintenance.bearings import bearing_orders
from banksman.maintenance.deviation import Verdict
from banksman.maintenance.levels import LEVEL_NAMES, SHAPES
from banksman.maintenance.normals import NormalBook
from banksman.maintenance.points import batch
from banksman.maintenance.shelf import RunShelf
from banksman.maintenance.turns import Turns
from banksman_drivers.ports import Burst, Quality

RATE_HZ, RPM, COUNT = 12_000.0, 1797.0, 12_000
LEARN = 20
S = 1_000_000_000


class Machine:
    """The test gives each window what it shall hear and read."""

    def __init__(self, **options):
        self.settings = MachineSettings.model_validate(
            {
                "id": "pump", "window_s": 1.0, "learn_windows": LEARN, "settle_windows": 1,
                "speed_rpm": RPM, "group": 2, "foundation": "rigid",
                "vibration": [{"sensor": "acc.x", "bearing": "6205", "full_scale": 16.0}],
                "slow": [{"sensor": "p.heat"}, {"sensor": "p.flow"}], **options,
            }
        )  # fmt: skip
        shelf = RunShelf("pump", lambda _: None, None)
        normals = NormalBook(lambda _: None, None)
        self.attending = Attending(self.settings, shelf, Turns(), lambda _: None, None, normals)
        self.streams = {name: Stream(name, "", 1e9) for name in ("p.heat", "p.flow", "p.run")}
        self.chance = np.random.default_rng(3)
        self.mono_ns = S
        self.told = None

    def sound(self, order=None, size=0.05):
        """A second of noise, and of strikes where an order of the shaft is given."""
        samples = self.chance.normal(0.0, size, COUNT)
        if order is not None:
            ring = np.exp(-np.arange(120) / 20) * np.sin(np.pi / 2 * np.arange(120))
            for at in np.arange(0, COUNT - 120, RATE_HZ / (order * RPM / 60)).astype(int):
                samples[at : at + 120] += ring
        return samples

    def run(self, windows=1, *, samples=None, heat=None, quality=Quality.GOOD, early_ns=0, **more):
        for _ in range(windows):
            for step in range(10):
                self.mono_ns += S // 10
                level = 50.0 + self.chance.normal(0, 0.5) if heat is None else heat
                self.read("p.heat", level, self.mono_ns, more.get("heat_quality", Quality.GOOD))
                self.read("p.flow", 9.0 + self.chance.normal(0, 0.1), self.mono_ns)
                if "load" in more:
                    self.read("p.run", more["load"], self.mono_ns)
                if step == 9:
                    heard = self.sound() if samples is None else samples
                    at_ns = self.mono_ns - early_ns
                    burst = Burst("acc.x", heard.astype("f4"), RATE_HZ, "g", quality, at_ns)
                    self.attending.intake.burst(burst)
                self.attending.look(self.mono_ns, self.mono_ns)
            self.told = self.attending.window(self.mono_ns, self.mono_ns)
        return self.told

    def read(self, name, value, mono_ns, quality=Quality.GOOD):
        self.streams[name].update(value, quality, mono_ns)
        self.attending.intake.reading(self.streams[name])

    def level(self, row):
        """Of the newest window."""
        rows = self.told.rows
        return rows.levels[-1, [each.name for each in rows.rows].index(row)]

    def windows_learned(self, row):
        baselines = self.attending._judge.normal.baselines
        return baselines.windows[baselines.keys.index((row, "loaded"))]

    @property
    def doubts(self):
        return {doubt.sensor: doubt for doubt in self.told.doubts}


@pytest.fixture
def machine():
    machine = Machine()
    assert machine.run(LEARN + 8).judgement.verdict is Verdict.NORMAL
    assert machine.told.doubts == ()
    return machine


def rising(machine):
    """Noise whose spectrum rises towards half the sampling rate."""
    return 0.01 * np.diff(machine.chance.normal(0, 0.05, COUNT + 6), n=6)


def held(machine):
    """Noise in which a run of samples was lost, and filled in."""
    samples = machine.sound()
    samples[5000:5060] = samples[5000]
    samples[5060] += 0.2
    return samples


STRUCK = bearing_orders("6205").bpfo
BAD, UNCERTAIN = Quality.BAD, Quality.UNCERTAIN
# how, quality of its readings, levels that are forbidden, whether a name is, whether a zone is
FLAWS = {
    "numbers": (lambda m: np.where(np.arange(COUNT) == 7, np.nan, m.sound()), BAD, "all", 1, 1),
    "stuck": (lambda m: np.full(COUNT, 0.25), BAD, "all", 1, 1),
    "clipped": (lambda m: (m.sound(STRUCK) * 400).clip(-16, 16), UNCERTAIN, "all", 1, 1),
    "dropped": (held, UNCERTAIN, "shapes", 1, 0),
    "aliased": (rising, UNCERTAIN, "none", 0, 0),
    "unit": (lambda m: m.sound() + 9.81, UNCERTAIN, "all", 0, 1),
}


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_flaw_of_samples_lowers_the_quality_and_forbids_its_conclusions(machine, flaw):
    make, quality, levels, no_name, no_zone = FLAWS[flaw]
    for _ in range(10):
        told = machine.run(samples=make(machine))
    assert flaw in {each.kind for each in told.heard[0].flaws}
    assert machine.doubts["acc.x"].quality is quality
    for name in LEVEL_NAMES:
        forbidden = levels == "all" or (levels == "shapes" and name in SHAPES)
        assert math.isnan(machine.level(f"acc.x {name}")) == forbidden, name
    assert (told.heard[0].finding.fault == "blocked") == bool(no_name)
    assert (told.heard[0].severity.zone == "unknown") == bool(no_zone)
    if levels != "none":
        # However wild, it is no evidence against the machine.
        assert told.judgement.verdict is Verdict.NORMAL
    assert f"acc.x is in doubt: {machine.doubts['acc.x'].reason}" in told.judgement.what
    readings = {each.sensor: each for each in batch("pump", told, machine.mono_ns)}
    assert (readings["pump.fault"].quality is BAD) == bool(no_name)
    machine.run()
    assert machine.told.doubts == ()
    assert machine.told.heard[0].finding.fault == "none"


def test_a_burst_that_came_too_early_is_a_flaw_of_the_clock(machine):
    told = machine.run(early_ns=S // 2)
    assert [each.kind for each in told.heard[0].flaws] == ["clock"]
    assert machine.doubts["acc.x"].quality is UNCERTAIN
    assert told.heard[0].finding.fault == "blocked"
    assert math.isnan(machine.level("acc.x crest"))
    assert math.isfinite(machine.level("acc.x rms"))


def test_a_flaw_of_a_part_forbids_what_would_be_concluded_from_the_whole_window():
    machine = Machine()
    whole = machine.sound(STRUCK)
    hearing = machine.attending._hearings["acc.x"]
    for number in range(4):  # a window of four bursts; the second of them is damaged
        part = whole[number * COUNT // 4 : (number + 1) * COUNT // 4].copy()
        if number == 1:
            part[1000:1060] = part[1000]
            part[1060] += 0.2
        at_ns = S + (number + 1) * S // 4
        hearing.take(Burst("acc.x", part.astype("f4"), RATE_HZ, "g", Quality.GOOD, at_ns), None)
    assert hearing.flaws == ()  # of the newest part
    assert hearing.newest.finding.fault == "blocked"
    assert "dropped" in hearing.newest.finding.reason


def test_samples_that_their_driver_doubts_are_judged_and_not_learned(machine):
    before = machine.windows_learned("acc.x rms")
    told = machine.run(10, quality=UNCERTAIN)
    assert machine.windows_learned("acc.x rms") == before
    assert machine.windows_learned("p.heat") > before
    assert math.isfinite(machine.level("acc.x rms"))
    assert told.heard[0].finding.fault == "blocked"
    assert machine.doubts["acc.x"].reason.startswith("its driver is not sure")
    machine.run(10, quality=UNCERTAIN, samples=machine.sound(size=1.0))
    assert machine.told.judgement.verdict is Verdict.ALARM


def test_a_slow_sensor_that_is_stuck_is_doubted_and_not_judged(machine):
    machine.run(20, heat=50.1)
    told = machine.run(heat=50.1)
    assert machine.doubts["p.heat"].quality is UNCERTAIN
    assert "the sensor is stuck" in machine.doubts["p.heat"].reason
    assert math.isnan(machine.level("p.heat"))
    assert math.isfinite(machine.level("p.flow"))
    assert "p.heat is in doubt: " in told.judgement.what
    before = machine.windows_learned("p.heat")
    machine.run(5, heat=50.1)
    assert machine.windows_learned("p.heat") == before
    machine.run(2)
    assert machine.told.doubts == ()
    assert math.isfinite(machine.level("p.heat"))


def test_a_sensor_that_rests_at_its_end_is_not_stuck(machine):
    machine.run(20, heat=0.0)  # lower than it ever was: a heater that is off
    assert machine.told.doubts == ()
    assert machine.told.judgement.verdict is Verdict.ALARM


@pytest.mark.parametrize("jump_s", [-30, 5])
def test_a_slow_sensor_whose_clock_jumps_is_doubted_for_that_window(machine, jump_s):
    machine.read("p.heat", 50.0, machine.mono_ns + jump_s * S)
    told = machine.run()
    assert "its clock jumped" in machine.doubts["p.heat"].reason
    assert math.isnan(machine.level("p.heat"))
    assert told.judgement.verdict is Verdict.NORMAL
    machine.run(10)
    assert machine.told.doubts == ()
    assert math.isfinite(machine.level("p.heat"))


def test_uncertain_readings_are_judged_and_not_learned(machine):
    before = machine.windows_learned("p.heat")
    machine.run(5, heat_quality=UNCERTAIN)
    assert machine.windows_learned("p.heat") == before
    assert math.isfinite(machine.level("p.heat"))
    machine.run(10, heat_quality=UNCERTAIN, heat=90.0)
    assert machine.told.judgement.verdict is Verdict.ALARM


def test_a_machine_of_which_nothing_may_be_believed_is_blind():
    machine = Machine(slow=[])
    machine.run(3)
    assert not machine.told.blind
    assert machine.run(samples=np.full(COUNT, 0.25)).blind


def test_a_machine_that_stands_is_not_listened_to():
    machine = Machine(load={"sensor": "p.run", "idle_above": 0.5})
    machine.run(LEARN, load=1.0)
    said = machine.told.heard[0].finding
    machine.run(15, load=0.0, samples=machine.sound(STRUCK))
    assert machine.told.judgement.state == "stopped"
    assert machine.told.heard[0].finding is said
    assert machine.attending.bursts_skipped == 15


# -- nothing is learned from a machine that is not well --------------------------------------------


def test_nothing_is_learned_while_a_fault_has_a_name(machine):
    for _ in range(3):
        machine.run(samples=machine.sound(STRUCK))
    assert machine.told.heard[0].finding.certainty == "named"
    before = machine.windows_learned("p.heat")
    for _ in range(5):
        told = machine.run(samples=machine.sound(STRUCK))
    assert machine.windows_learned("p.heat") == before
    assert "nothing is learned while it has a fault: bearing, outer race" in told.judgement.what


def shaking(machine):
    turn = 2 * np.pi * RPM / 60 * np.arange(COUNT) / RATE_HZ
    return machine.sound() + 0.5 * np.sin(turn)  # 18 mm/s


def test_nothing_is_learned_in_zone_d():
    machine = Machine(vibration=[{"sensor": "acc.x"}])
    for _ in range(2 * LEARN):
        told = machine.run(samples=shaking(machine))
    assert told.heard[0].severity.zone == "D"
    assert machine.windows_learned("p.heat") <= 1
    assert told.judgement.verdict is Verdict.UNKNOWN
    assert "nothing is learned while it is in ISO zone D" in told.judgement.what


def test_nothing_is_learned_while_the_machine_just_changed():
    machine = Machine(
        vibration=[], slow=[{"sensor": "p.heat", "floor": 30.0}, {"sensor": "p.flow"}]
    )
    machine.run(60)
    before = machine.windows_learned("p.heat")
    machine.run(2, heat=60.0)  # well within what its floor calls no alarm
    assert machine.told.judgement.change.sensor == "p.heat"
    after = machine.windows_learned("p.heat")
    machine.run(1, heat=60.1)
    assert machine.told.judgement.change is not None
    assert machine.windows_learned("p.heat") == after <= before + 1
