"""A machine attended: its sensors, its people, its alarms and the store, in made time."""

import msgspec
import numpy as np
import pytest

from banksman.alarms import AlarmDesk
from banksman.config.schema_maintenance import MachineSettings
from banksman.control.stream import Stream
from banksman.maintenance.attending import Attending, Kept
from banksman.maintenance.deviation import Verdict
from banksman.maintenance.normals import NormalBook
from banksman.maintenance.points import batch
from banksman.maintenance.rarity import BLOCK_READINGS
from banksman.maintenance.ringing import Ringing
from banksman.maintenance.shelf import RunShelf
from banksman.maintenance.turns import Turns
from banksman.records import IdSource
from banksman.wire.messages import Priority
from banksman_drivers.ports import Burst, Quality

LEARN, SETTLE = 40, 3
STEP_S = 0.1
RATE_HZ = 12_000.0


class Made:
    """Time that passes when told to."""

    boot_id = "boot"

    def __init__(self):
        self.now_ns = 1_000_000_000

    def mono_ns(self):
        return self.now_ns

    def wall_ns(self):
        return self.now_ns + 1_700_000_000_000_000_000


class Plant:
    """A pump: flow and current rise and fall together; its bearing shakes. Windows of a second."""

    def __init__(self, saved=None, runs=None, seed=1, load=False, former=None, **options):
        table = {
            "id": "pump", "label": "Pump", "window_s": 1.0,
            "learn_windows": LEARN, "settle_windows": SETTLE,
            "slow": [{"sensor": "p.flow"}, {"sensor": "p.amps"}], **options,
        }  # fmt: skip
        if load:
            table["load"] = {"sensor": "p.run", "idle_above": 0.5}
        self.settings = MachineSettings.model_validate(table)
        self.time, self.changes, self.kept, self.runs = Made(), [], [], []
        self.desk = AlarmDesk("box", self.time, IdSource("box", 1), self.changes.append)
        self.ringing = Ringing("pump", "Pump", self.desk)
        self.shelf = RunShelf("pumps", self.runs.append, runs)
        self.former = []
        self.normals = NormalBook(self.former.append, former)
        keep = self.kept.append
        self.attending = Attending(self.settings, self.shelf, Turns(), keep, saved, self.normals)
        self.streams = {
            name: Stream(name, "", 1e9) for name in ("p.flow", "p.amps", "p.run", "p.speed")
        }
        self.random = np.random.default_rng(seed)
        self.swing = 0.0
        self.told = None
        self.ringing.resume(self.attending.stands())

    def run(self, windows, *, flow=0.0, amps=0.0, load=1.0, loud=None):
        for step in range(round(windows * self.settings.window_s / STEP_S)):
            self.time.now_ns += round(STEP_S * 1e9)
            self.swing = 0.95 * self.swing + self.random.normal(0, 0.3)
            self.give("p.flow", 40.0 + self.swing + self.random.normal(0, 0.1) + flow)
            self.give("p.amps", 12.0 + 0.5 * self.swing + self.random.normal(0, 0.05) + amps)
            self.give("p.run", load)
            mono_ns, wall_ns = self.time.mono_ns(), self.time.wall_ns()
            if loud is not None and step % 10 == 9:
                samples = (loud * self.random.normal(0, 1, 1200)).astype(np.float32)
                burst = Burst("acc.x", samples, RATE_HZ, "g", Quality.GOOD, mono_ns)
                self.attending.intake.burst(burst)
            self.attending.look(mono_ns, wall_ns)
            if step % 10 == 9:
                self.told = self.attending.window(mono_ns, wall_ns)
                self.ringing.tell(self.told.judgement)
        return self.told.judgement

    def give(self, name, value):
        stream = self.streams[name]
        stream.update(value, Quality.GOOD, self.time.mono_ns())
        self.attending.intake.reading(stream)

    def again(self, **options):
        """The same pump after a restart of the box."""
        self.attending.keep()
        runs, former = (kept[-1] if kept else None for kept in (self.runs, self.former))
        after = Plant(self.kept[-1], runs, seed=9, former=former, **options)
        after.time.now_ns = self.time.now_ns
        return after

    @property
    def alarms(self):
        return {alarm.key: alarm for alarm in self.desk.active()}


KNOWN = SETTLE + LEARN + 12  # windows until vectors are known, too: 400 of them


@pytest.fixture(scope="module")
def pump():
    """What a pump knows that ran long enough to know its vectors and what lies beyond them."""
    plant = Plant()
    plant.run(KNOWN + 2 * LEARN)
    plant.attending.keep()
    return plant.kept[-1]


def known(pump, **options):
    plant = Plant(pump, seed=5, **options)
    assert plant.run(SETTLE + 12).verdict is Verdict.NORMAL
    return plant


def test_a_healthy_pump_is_normal_and_rings_nobody(pump):
    plant = known(pump)
    plant.run(60)
    assert plant.changes == []


def test_what_does_not_fit_the_others_is_an_alarm_that_says_by_how_much_and_since_when(pump):
    plant = known(pump)
    judgement = plant.run(12, flow=-1.0)  # well within what flow alone does
    assert judgement.verdict >= Verdict.WARNING
    assert judgement.what.startswith(("p.flow given the others is -", "p.amps given the others"))
    assert "beside what they let expect, since " in judgement.what
    assert plant.alarms["machine.pump"].text.startswith("Pump: p.")


def test_a_common_swing_of_both_is_no_alarm(pump):
    plant = known(pump)
    judgement = plant.run(12, flow=1.0, amps=0.5)
    assert judgement.verdict is Verdict.NORMAL


def test_a_sudden_change_says_what_changed_by_how_much_since_when_and_clears(pump):
    plant = known(pump)
    plant.run(6)
    began_s = plant.time.wall_ns() / 1e9
    judgement = plant.run(2, amps=4.0)
    changed = judgement.change
    assert changed.sensor == "p.amps"
    assert changed.after - changed.before == pytest.approx(4.0, abs=1.0)
    assert changed.since_s == pytest.approx(began_s, abs=0.5)
    alarm = plant.alarms["machine.pump.change"]
    assert alarm.priority is Priority.NORMAL
    assert "p.amps changed by +" in alarm.text
    assert " when loaded, from 1" in alarm.text
    reading = {each.sensor: each for each in batch("pump", plant.told, 1)}["pump.change"]
    assert reading.value > 0.99
    assert reading.text.startswith("p.amps changed by +")
    plant.run(30, amps=4.0)
    assert not plant.alarms["machine.pump.change"].active


def test_starting_and_stopping_is_no_change_of_the_machine():
    plant = Plant(load=True)
    for _ in range(12):
        plant.run(20)
        plant.run(3, flow=-40.0, amps=-12.0, load=0.0)
    assert "machine.pump.change" not in plant.alarms


def test_what_was_learned_of_vectors_outlives_a_restart(pump):
    kept = msgspec.msgpack.decode(pump, type=Kept).judge.together
    assert set(kept.normals) == set(kept.watches) == {"loaded"}


@pytest.fixture(scope="module")
def scored():
    """A pump whose readings' rarity is known: two blocks of them and more."""
    plant = Plant()
    plant.run(2 * BLOCK_READINGS + 5)
    plant.attending.keep()
    return plant.kept[-1]


def test_what_is_rare_is_known_at_once_after_a_restart(scored):
    plant = Plant(scored, seed=9)
    judgement = plant.run(1, amps=9.0)
    assert judgement.score > 0.9
    assert judgement.scored.startswith("p.amps: ")


def test_without_its_past_or_with_that_of_other_sensors_nothing_is_rare_yet(scored):
    assert Plant(seed=9).run(1, amps=9.0).score == 0.0
    others = Plant(scored, seed=9, slow=[{"sensor": "p.amps"}, {"sensor": "p.flow"}])
    assert others.run(1, amps=9.0).score == 0.0


def test_alarmed_vectors_are_not_learned():
    plant = Plant()
    plant.run(SETTLE + LEARN + 1)  # normal is known, vectors are not
    plant.run(60, flow=30.0)
    plant.attending.keep()
    kept = msgspec.msgpack.decode(plant.kept[-1], type=Kept).judge.together
    assert kept.normals == {}


def test_the_words_of_an_alarm_follow_while_it_rings_once(pump):
    plant = known(pump)
    plant.run(8, flow=8.0, amps=4.0)
    first = plant.alarms["machine.pump"]
    plant.run(8, flow=16.0, amps=8.0)
    second = plant.alarms["machine.pump"]
    assert second.text != first.text
    assert (second.id, second.count) == (first.id, first.count)
    assert (
        len([each for each in plant.changes if each.key == "machine.pump"]) <= 2
    )  # warning, alarm


def test_an_alarm_is_acknowledged_and_getting_better_rings_nobody_anew(pump):
    plant = known(pump)
    plant.run(10, flow=12.0, amps=6.0)
    plant.desk.acknowledge("machine.pump", "ann")
    rung = len(plant.changes)
    for share in (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1):
        plant.run(2, flow=12.0 * share, amps=6.0 * share)
        if "machine.pump" in plant.alarms:
            assert plant.alarms["machine.pump"].acknowledged
    plant.run(8)
    assert "machine.pump" not in plant.alarms
    told = [each for each in plant.changes[rung:] if each.key == "machine.pump"]
    assert [(each.active, each.acknowledged) for each in told] == [(False, True)]


def test_an_alarm_that_nobody_saw_waits_cleared_until_someone_does(pump):
    plant = known(pump)
    plant.run(10, flow=12.0, amps=6.0)
    plant.run(14)
    assert not plant.alarms["machine.pump"].active
    plant.desk.acknowledge("machine.pump", "ann")
    assert "machine.pump" not in plant.alarms


def test_a_shelved_alarm_rings_nobody_until_its_time_is_over(pump):
    plant = known(pump)
    plant.run(10, flow=12.0, amps=6.0)
    plant.desk.shelve("machine.pump", "ann", 60.0)
    rung = len(plant.changes)
    plant.run(30, flow=12.0, amps=6.0)
    plant.desk.elapse()
    assert [each.key for each in plant.changes[rung:] if each.key == "machine.pump"] == []
    plant.run(40, flow=12.0, amps=6.0)
    plant.desk.elapse()
    assert plant.alarms["machine.pump"].shelved_until_wall_ns == 0
    assert not plant.alarms["machine.pump"].acknowledged


def test_an_alarm_that_stood_stands_over_a_restart_and_rings_nobody_anew(pump):
    plant = known(pump)
    plant.run(10, flow=12.0, amps=6.0)
    before = plant.alarms["machine.pump"]
    after = plant.again()
    after.desk = AlarmDesk("box", after.time, IdSource("box", 2), after.changes.append, [before])
    after.ringing = Ringing("pump", "Pump", after.desk)
    after.changes.clear()
    after.ringing.resume(after.attending.stands())
    after.desk.settle()  # half a minute later
    after.run(20, flow=12.0, amps=6.0)
    assert after.alarms["machine.pump"].id == before.id
    assert [each for each in after.changes if each.key == "machine.pump"] == []


# -- lives -----------------------------------------------------------------------------------------

VIBRATION = {"slow": [], "vibration": [{"sensor": "acc.x"}]}


def live(plant, windows=120):
    """From new to its failure: for half of it well, then ever louder."""
    for window in range(windows):
        wear = max(0.0, 2.0 * window / windows - 1.0)
        plant.run(1, loud=0.1 * np.exp(1.2 * wear**2))


@pytest.fixture(scope="module")
def ended():
    """The store's bytes after two lives that ended in failure."""
    plant = Plant(**VIBRATION)
    for windows in (120, 150):
        live(plant, windows)
        plant.attending.say("failed")
        plant.run(1, loud=0.1)
    return plant.kept[-1], plant.runs[-1]


def test_hours_left_are_unknown_before_two_machines_failed():
    plant = Plant(**VIBRATION)
    plant.run(60, loud=0.1)
    left = plant.told.judgement.prognosis
    assert left.hours is None
    assert left.reason == "only 0 runs to failure are known, 2 are needed"
    readings = {each.sensor: each for each in batch("pump", plant.told, 1)}
    assert readings["pump.remaining_known"].value == 0.0
    assert readings["pump.remaining"].quality is Quality.BAD


def test_hours_left_are_told_from_lives_that_people_said_ended(ended):
    plant = Plant(ended[0], ended[1], **VIBRATION)
    plant.attending.say("replaced")
    live(plant, 130)
    judgement = plant.told.judgement
    left = judgement.prognosis
    assert judgement.runs == 2
    assert left.hours is not None
    assert left.low_hours <= left.hours <= left.high_hours
    assert left.hours < 40 / 3600
    assert "it ends like the 2 known runs to failure, under the same load" in left.reason
    readings = {each.sensor: each for each in batch("pump", plant.told, 1)}
    assert readings["pump.remaining_known"].value == 1.0
    assert readings["pump.remaining_soonest"].value <= readings["pump.remaining"].value
    assert readings["pump.growth"].value > 50.0


def test_a_young_machine_is_told_longer_than_a_worn_one(ended):
    plant = Plant(ended[0], ended[1], **VIBRATION)
    plant.attending.say("replaced")
    plant.run(50, loud=0.1)
    young = plant.told.judgement.prognosis
    live(plant, 120)
    assert young.hours > plant.told.judgement.prognosis.hours


def test_wear_that_does_not_heal_rings_until_a_person_says_what_was_done(ended):
    plant = Plant(ended[0], ended[1], **VIBRATION)
    plant.attending.say("replaced")
    live(plant, 130)
    plant.run(20, loud=0.1)
    assert plant.alarms["machine.pump"].active
    plant.attending.say("replaced")
    plant.run(1, loud=0.1)
    assert not plant.alarms["machine.pump"].active
    assert plant.told.judgement.hours_run == pytest.approx(1 / 3600)


def test_hours_that_were_run_outlive_a_restart(ended):
    plant = Plant(ended[0], ended[1], **VIBRATION)
    plant.attending.say("replaced")
    plant.run(100, loud=0.1)
    after = plant.again(**VIBRATION)
    after.run(1, loud=0.1)
    assert after.told.judgement.hours_run == pytest.approx(101 / 3600)


def test_a_life_of_which_too_little_was_seen_is_no_known_run():
    plant = Plant(**VIBRATION)
    plant.run(SETTLE + 5, loud=0.1)
    plant.attending.say("failed")
    plant.run(1, loud=0.1)
    assert len(plant.shelf) == 0
    assert plant.runs == []


def test_a_slow_machine_has_no_life_to_compare():
    plant = Plant()
    plant.run(5)
    assert plant.told.judgement.prognosis.reason == "no limit is configured"


def test_an_alarm_that_comes_and_goes_is_held_as_one(pump):
    plant = known(pump)
    for _ in range(5):
        plant.run(7, flow=12.0, amps=6.0)
        plant.run(7)
    assert plant.told.judgement.verdict is Verdict.NORMAL
    assert plant.alarms["machine.pump"].active  # chattering: held until it was quiet for long
    plant.desk.acknowledge("machine.pump", "ann")
    rung = len(plant.changes)
    plant.run(7, flow=12.0, amps=6.0)
    plant.run(7)
    assert [each for each in plant.changes[rung:] if each.key == "machine.pump"] == []
