"""One machine, window by window."""

import math

import msgspec
import numpy as np
import pytest

from banksman.config.schema_maintenance import MachineSettings
from banksman.maintenance.deviation import Verdict
from banksman.maintenance.judging import Judge, KeptJudge
from banksman.maintenance.levels import BAND_LEVELS, LEVEL_NAMES, LEVELS

LEARN, SETTLE = 60, 5


def machine(**options):
    table = {
        "id": "pump",
        "learn_windows": LEARN,
        "settle_windows": SETTLE,
        "slow": [{"sensor": "plc.heat"}, {"sensor": "plc.amps"}],
        **options,
    }
    return MachineSettings.model_validate(table)


class Plant:
    """A machine whose sensors wander a little about 50 degC and 12 A, a window each minute."""

    def __init__(self, judge, seed=1):
        self.judge = judge
        self.minutes = 0
        self.random = np.random.default_rng(seed)

    def run(self, windows, heat=50.0, amps=12.0, state="loaded", heard=()):
        for _ in range(windows):
            self.minutes += 1
            slow = {
                "plc.heat": heat + self.random.normal(0, 0.5),
                "plc.amps": amps + self.random.normal(0, 0.1),
            }
            told = self.judge.judge(state, slow, heard, self.minutes * 60.0)
        return told


@pytest.fixture
def plant():
    return Plant(Judge(machine()))


def test_before_its_normal_is_learned_nothing_is_said(plant):
    told = plant.run(SETTLE + 11)
    assert told.verdict is Verdict.UNKNOWN
    assert told.what == "normal is 20% learned, 44 min of running to go"


def test_a_machine_as_it_always_was_is_normal(plant):
    assert plant.run(3 * LEARN).verdict is Verdict.NORMAL


def test_what_leaves_its_normal_for_good_is_an_alarm_that_names_the_sensor(plant):
    plant.run(2 * LEARN)
    told = plant.run(10, heat=60.0)
    assert told.verdict is Verdict.ALARM
    assert told.what.startswith("plc.heat is +")
    assert told.sigmas > 2.5


def test_a_single_odd_window_is_none(plant):
    plant.run(2 * LEARN)
    assert plant.run(1, heat=60.0).verdict is Verdict.NORMAL


def test_what_is_alarmed_is_not_learned(plant):
    plant.run(2 * LEARN)
    plant.run(4 * LEARN, heat=60.0)
    assert plant.run(10, heat=60.0).verdict is Verdict.ALARM
    assert plant.run(10).verdict is Verdict.NORMAL


def test_a_new_normal_is_a_persons_word(plant):
    plant.run(2 * LEARN)
    plant.run(10, heat=60.0)
    plant.judge.renew()
    assert plant.run(1, heat=60.0).verdict is Verdict.UNKNOWN
    assert plant.run(2 * LEARN, heat=60.0).verdict is Verdict.NORMAL


def test_each_state_has_a_normal_of_its_own():
    plant = Plant(Judge(machine(load={"sensor": "p.kw", "idle_above": 1, "loaded_above": 5})))
    for _ in range(2 * LEARN):
        plant.run(1, amps=12.0)
        plant.run(1, amps=3.0, state="idle")
    assert plant.run(10, amps=3.0, state="idle").verdict is Verdict.NORMAL
    assert plant.run(10, amps=3.0, state="loaded").verdict is Verdict.ALARM


def test_a_stopped_machine_keeps_its_verdict(plant):
    plant.run(2 * LEARN)
    assert plant.run(10, heat=20.0, amps=0.0, state="stopped").verdict is Verdict.NORMAL


def test_hours_left_are_told_when_a_trend_leads_to_a_limit():
    plant = Plant(
        Judge(machine(slow=[{"sensor": "plc.heat", "limit": 80}, {"sensor": "plc.amps"}]))
    )
    for minute in range(120):
        told = plant.run(1, heat=50.0 + minute * 0.1)  # 6 K an hour, 30 K to go, 2 hours gone
    left = told.prognosis
    assert left.hours == pytest.approx(3.0, rel=0.15)
    assert left.low_hours < left.hours < left.high_hours
    assert left.assumption == "the trend goes on as it is"
    assert "if the trend goes on as it is" in left.reason


def test_hours_left_are_told_when_a_trend_falls_to_a_limit():
    slow = [{"sensor": "plc.heat", "limit": 90, "limit_low": 20}, {"sensor": "plc.amps"}]
    plant = Plant(Judge(machine(slow=slow)))
    for minute in range(120):
        told = plant.run(1, heat=50.0 - minute * 0.1)
    assert told.prognosis.hours == pytest.approx(3.0, rel=0.15)
    assert told.prognosis.reason.startswith("plc.heat falls to 20 in ")


def test_the_band_of_a_row_is_where_its_alarm_begins(plant):
    plant.run(2 * LEARN)
    rows = plant.judge.rows()
    assert [row.name for row in rows.rows][:2] == ["plc.heat", "plc.amps"]
    assert rows.low[0] < 50.0 < rows.high[0]
    assert rows.levels.shape == (len(rows.hours), len(rows.rows))
    inside = rows.high[0] - 0.2
    assert plant.run(10, heat=inside).verdict is not Verdict.ALARM
    assert plant.run(10, heat=rows.high[0] + 2.0).verdict is Verdict.ALARM


def test_how_far_learning_has_come_grows_to_its_end(plant):
    told = []
    for _ in range(LEARN + 20):
        plant.run(1)
        told.append(plant.judge.normal.tenths())
    assert told == sorted(told)
    assert len(set(told)) <= 1 + 2 * 10
    assert told[-1] == 20


def test_rows_tell_of_one_state_alone():
    plant = Plant(Judge(machine(load={"sensor": "p.kw", "idle_above": 1, "loaded_above": 5})))
    plant.run(7, amps=12.0)
    plant.run(5, amps=3.0, state="idle")
    plant.run(2, amps=0.0, state="stopped")
    rows = plant.judge.rows()
    assert rows.state == "idle"
    assert len(rows.hours) == 5
    assert rows.levels[:, 1].max() < 4.0


def test_without_a_trend_the_hours_left_are_unknown():
    plant = Plant(
        Judge(machine(slow=[{"sensor": "plc.heat", "limit": 80}, {"sensor": "plc.amps"}]))
    )
    told = plant.run(120)
    assert told.prognosis.hours is None
    assert told.prognosis.reason.startswith("plc.heat: ")


def again(plant, seed=2, **options):
    """The same machine after a restart of the box, by way of the store."""
    kept = msgspec.msgpack.encode(plant.judge.saved())
    after = Plant(Judge(machine(**options)), seed=seed)
    after.minutes = plant.minutes
    assert after.judge.restore(msgspec.msgpack.decode(kept, type=KeptJudge)) > 0
    return after


def test_what_was_learned_outlives_a_restart(plant):
    plant.run(2 * LEARN)
    after = again(plant)
    assert after.run(SETTLE + 10).verdict is Verdict.NORMAL
    assert after.run(10, heat=60.0).verdict is Verdict.ALARM


def test_a_trend_outlives_a_restart():
    slow = [{"sensor": "plc.heat", "limit": 80}, {"sensor": "plc.amps"}]
    before = Plant(Judge(machine(slow=slow)))
    for minute in range(120):
        before.run(1, heat=50.0 + minute * 0.1)
    told = again(before, slow=slow).run(1, heat=62.0)
    assert told.prognosis.hours == pytest.approx(3.0, rel=0.15)


def test_an_alarm_stands_over_a_restart_and_a_normal_machine_is_judged_anew(plant):
    plant.run(2 * LEARN)
    plant.run(10, heat=60.0)
    after = again(plant)
    told = after.run(1, heat=60.0)
    assert told.verdict is Verdict.ALARM
    assert told.what.startswith("plc.heat is +")
    assert after.run(SETTLE + 10, heat=60.0).verdict is Verdict.ALARM
    assert after.run(10).verdict is Verdict.NORMAL


def test_a_machine_that_restarts_cold_is_given_time_to_warm_up(plant):
    plant.run(2 * LEARN)
    after = again(plant)
    for window in range(SETTLE):
        told = after.run(1, heat=20.0 + 6.0 * window)
        assert told.verdict is Verdict.UNKNOWN
        assert told.what == f"it warms up: judged after {SETTLE - 1 - window} more windows" or (
            window == SETTLE - 1
        )
    assert after.run(10).verdict is Verdict.NORMAL


def test_a_machine_that_stood_long_is_given_time_and_one_that_paused_is_not(plant):
    plant.run(2 * LEARN)
    plant.run(50, heat=20.0, amps=0.0, state="stopped")
    for window in range(SETTLE):
        assert plant.run(1, heat=20.0 + 6.0 * window).warming == SETTLE - 1 - window
    assert plant.run(10).verdict is Verdict.NORMAL
    plant.run(1, amps=0.0, state="stopped")
    assert plant.run(1).warming == 0
    assert plant.run(10, heat=60.0).verdict is Verdict.ALARM


def test_windows_without_a_reading_are_neither_warm_up_nor_hours(plant):
    for _ in range(2 * SETTLE):
        plant.minutes += 1
        told = plant.judge.judge("loaded", {}, (), plant.minutes * 60.0)
    assert (told.warming, told.hours_run) == (SETTLE, 0.0)


def test_stops_and_starts_do_not_let_a_fault_hide_for_ever(plant):
    plant.run(2 * LEARN)
    for _ in range(12):
        plant.run(1, heat=20.0, amps=0.0, state="stopped")
        told = plant.run(4, heat=60.0)
    assert told.verdict is Verdict.ALARM


def test_what_is_damaged_in_the_store_is_learned_anew(plant):
    plant.run(2 * LEARN)
    kept = plant.judge.saved()
    short = msgspec.structs.replace(kept.seasons.days, data=b"short")
    damaged = msgspec.structs.replace(
        kept, seasons=msgspec.structs.replace(kept.seasons, days=short)
    )
    after = Plant(Judge(machine()), seed=2)
    after.judge.restore(damaged)
    assert after.run(SETTLE + 10).verdict is Verdict.NORMAL


def heard(judge, windows, loud=0.0, bands=0.0, seed=1, **options):
    """So many windows of one vibration sensor; ``loud`` and ``bands`` are ln of a ratio."""
    plant = Plant(judge, seed=seed)
    plant.minutes = int(judge.wearing.hours * 60) + 1
    quiet = np.linspace(0.0, 1.0, LEVELS)
    quiet[ALONE] += loud
    quiet[BAND_LEVELS] += bands
    for _ in range(windows):
        told = plant.run(1, heard=[quiet + plant.random.normal(0, 0.02, LEVELS)], **options)
    return told


ALONE = LEVEL_NAMES.index("rms")


@pytest.fixture
def shaken():
    return Judge(machine(slow=[], vibration=[{"sensor": "acc.x"}]))


def test_a_machine_that_grew_louder_is_an_alarm_in_words(shaken):
    heard(shaken, 2 * LEARN)
    told = heard(shaken, 10, loud=math.log(2.0))
    assert told.verdict is Verdict.ALARM
    assert told.what.startswith("acc.x rms is +")
    assert "times its normal, since" in told.what
    assert 1.8 < float(told.what.split(": ")[1].split()[0]) < 2.2


def test_one_that_grew_quieter_and_one_band_alone_are_worth_a_look_and_no_more(shaken):
    heard(shaken, 2 * LEARN)
    assert heard(shaken, 10, loud=-math.log(2.0)).verdict is Verdict.WARNING
    assert heard(shaken, 10).verdict is Verdict.NORMAL
    plant = Plant(shaken)
    quiet = np.linspace(0.0, 1.0, LEVELS)
    quiet[BAND_LEVELS.start + 3] += math.log(2.0)
    told = plant.run(10, heard=[quiet])
    assert told.verdict is Verdict.WARNING
    assert told.what.startswith("acc.x octave 4 is +")


def test_growth_that_most_bands_share_is_an_alarm_while_the_normal_is_learned(shaken):
    assert heard(shaken, SETTLE + 40).verdict is Verdict.UNKNOWN
    told = heard(shaken, 10, bands=math.log(1.7))
    assert told.verdict is Verdict.ALARM
    assert told.what.startswith("most bands of its vibration have grown by ")
    assert told.growth > 0.5
    assert heard(shaken, 20).verdict is Verdict.ALARM  # wear does not heal
    shaken.renew()
    assert heard(shaken, 1).verdict is Verdict.UNKNOWN


def test_wear_outlives_a_restart(shaken):
    heard(shaken, SETTLE + 40)
    heard(shaken, 10, bands=math.log(1.7))
    after = Judge(machine(slow=[], vibration=[{"sensor": "acc.x"}]))
    after.restore(shaken.saved())
    assert heard(after, 1).verdict is Verdict.ALARM
    assert after.wearing.hours == pytest.approx((SETTLE + 51) / 120)


# -- a provisional normal --------------------------------------------------------------------------

QUARTER = 60  # of what a machine learns that is judged provisionally


@pytest.fixture
def young():
    settings = machine(slow=[], vibration=[{"sensor": "acc.x"}], learn_windows=4 * QUARTER + SETTLE)
    return Judge(settings)


def test_vibration_is_judged_provisionally_from_a_quarter_of_its_learning_on(young):
    assert heard(young, SETTLE + QUARTER).verdict is Verdict.UNKNOWN
    assert heard(young, 6).verdict is Verdict.NORMAL
    told = heard(young, 6, loud=math.log(2.0))
    assert told.verdict is Verdict.ALARM
    assert told.what.endswith("its normal is provisional, 28% learned")


def test_a_provisional_normal_is_of_the_newer_half_because_a_machine_runs_in(young):
    heard(young, SETTLE + QUARTER // 2 - 6, loud=math.log(4.0))
    heard(young, QUARTER // 2 + 6)
    assert heard(young, 12).verdict is Verdict.NORMAL
    assert heard(young, 6, loud=math.log(2.0)).verdict is Verdict.ALARM


def test_what_grows_slowly_while_it_is_learned_does_not_hide_in_a_provisional_normal(young):
    heard(young, SETTLE + QUARTER)
    verdicts = {
        heard(young, 1, loud=math.log(2.5) * part).verdict for part in np.linspace(0.0, 1.0, 120)
    }
    assert Verdict.ALARM in verdicts


def test_healthy_vibration_rings_nobody_while_it_is_learned(young):
    for seed in range(20):
        judge = Judge(young.machine)
        said = {heard(judge, 1, seed=1000 * seed + n).verdict for n in range(5 * QUARTER)}
        assert said == {Verdict.UNKNOWN, Verdict.NORMAL}


def test_a_provisional_alarm_outlives_a_restart(young):
    heard(young, SETTLE + QUARTER + 6)
    heard(young, 6, loud=math.log(2.0))
    after = Judge(young.machine)
    after.restore(young.saved())
    assert after.worst().verdict is Verdict.ALARM


def test_slow_sensors_are_not_judged_provisionally_because_a_day_has_a_night():
    plant = Plant(Judge(machine(learn_windows=4 * QUARTER + SETTLE)))
    assert plant.run(SETTLE + 4 * QUARTER - 1).verdict is Verdict.UNKNOWN


# -- the time of day -------------------------------------------------------------------------------

DAY = 96  # windows of a quarter of an hour


class Oven:
    """Its room follows the day by 6 K either way; windows of a quarter of an hour."""

    def __init__(self, judge=None, seed=3):
        self.judge = judge or Judge(
            machine(slow=[{"sensor": "o.room"}], window_s=900, learn_windows=DAY, settle_windows=4)
        )
        self.windows = 0
        self.random = np.random.default_rng(seed)

    def run(self, days, warmer=0.0, ramp_per_day=0.0):
        for _ in range(round(days * DAY)):
            self.windows += 1
            warmer += ramp_per_day / DAY
            level = 20.0 + 6.0 * math.sin(2 * math.pi * self.windows / DAY) + warmer
            level += self.random.normal(0, 0.3)
            told = self.judge.judge("loaded", {"o.room": level}, [], self.windows * 900.0)
            if told.verdict is Verdict.ALARM:
                break
        self.warmer = warmer
        return told


def test_what_is_usual_at_its_hour_only_is_told_once_the_days_are_known():
    oven = Oven()
    assert oven.run(7).verdict is Verdict.NORMAL
    told = oven.run(0.25, warmer=4.0)  # as warm as it is at noon, but it is not noon
    assert told.verdict is Verdict.ALARM
    assert told.what.startswith("o.room for this time of day is +")


def test_in_its_first_days_an_hour_is_no_reason():
    oven = Oven()
    assert oven.run(2.5).verdict is Verdict.NORMAL
    rows = oven.judge.rows()
    assert [row.name for row in rows.rows] == ["o.room", "o.room for this time of day"]
    assert rows.verdict[1] == Verdict.UNKNOWN


@pytest.mark.parametrize("per_day", [0.1, 1.0])
def test_a_slow_ramp_is_not_learned_away_by_the_days(per_day):
    oven = Oven()
    oven.run(8)
    told = oven.run(60, ramp_per_day=per_day)
    assert told.verdict is Verdict.ALARM
    assert abs(oven.warmer) < 5.0


@pytest.mark.parametrize("per_hour", [0.1, 0.5])
def test_a_slow_ramp_is_not_learned_away_by_the_baseline(plant, per_hour):
    plant.run(3 * LEARN)
    risen = 0.0
    for _ in range(12_000):
        risen += per_hour / 60.0
        if plant.run(1, heat=50.0 + risen).verdict is Verdict.ALARM:
            break
    assert plant.judge.worst().verdict is Verdict.ALARM
    assert risen < 4.0  # of a noise of 0.5


def test_a_stream_without_a_usual_day_gets_none():
    plant = Plant(Judge(machine(slow=[{"sensor": "plc.heat"}], window_s=900, learn_windows=DAY)))
    for _ in range(6 * DAY):
        plant.minutes += 14
        plant.run(1)
    rows = plant.judge.rows()
    assert np.isnan(rows.levels[:, 1]).all()


def test_known_days_outlive_a_restart():
    oven = Oven()
    oven.run(7)
    after = Oven(Judge(oven.judge.machine), seed=4)
    after.judge.restore(
        msgspec.msgpack.decode(msgspec.msgpack.encode(oven.judge.saved()), type=KeptJudge)
    )
    after.windows = oven.windows
    assert after.run(0.2).verdict is Verdict.NORMAL
    assert after.run(0.25, warmer=4.0).verdict is Verdict.ALARM
