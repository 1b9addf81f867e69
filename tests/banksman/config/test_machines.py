# ruff: noqa: E501  a row of a table of cases is one line
"""What must hold among a machine, its sensors, its load and its speed."""

from __future__ import annotations

import pytest

from banksman.config.schema_maintenance import MachineSettings

PRESS = '[[machine]]\nid = "press"\nslow = [{ sensor = "plc.temperature" }]\n'


ACC = """
[[device]]
driver = "audio"
id = "acc"
card = "hw:0"
rate_hz = 48000
channels = 2
point = [
  { name = "x", unit = "g", channel = 1, full_scale = 20.0 },
  { name = "tacho", unit = "V", channel = 2, full_scale = 10.0 },
]
"""
SPINDLE = (
    ACC + '[[machine]]\nid = "spindle"\nvibration = [{ sensor = "acc.x", bearing = "6205" }]\n'
)


def with_load(text):
    return PRESS + f'load = {{ sensor = "plc.temperature"{text} }}\n'


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (PRESS + PRESS, "machine.press.id: press is used twice"),
        (PRESS.replace("press", "plc"), "plc is a device or an inspection already"),
        (PRESS.replace("press", "in"), "in is a word of the rule language"),
        ('[[machine]]\nid = "press"\n', "has no sensors, so nothing can be said of it"),
        (PRESS.replace("plc.temperature", "plc.temp"), "unknown sensor plc.temp"),
        (PRESS.replace("plc.temperature", "press.score"), "a machine cannot watch what it says itself"),
        (PRESS + 'vibration = [{ sensor = "plc.temperature" }]\n', "plc.temperature gives no bursts of samples"),
        (PRESS + "learn_windows = 20\nsettle_windows = 20\n", "is not under learn_windows = 20"),
        (PRESS + "speed_nominal = true\n", "says how speed_rpm is meant, and there is none"),
        (PRESS + "group = 2\n", "group: needs its partner"),
        (with_load(", loaded_above = 5"), "loaded_above: needs its partner"),
        (with_load(", idle_above = 5, loaded_above = 5"), "is not over idle_above = 5"),
        (SPINDLE, "no fault of it can be named without the shaft's speed"),
        (SPINDLE + 'tacho = { sensor = "acc.tach" }\n', "unknown sensor acc.tach"),
        (SPINDLE + 'tacho = { sensor = "acc.x" }\n', "acc.x is watched as vibration already"),
        (SPINDLE + 'tacho = { sensor = "plc.temperature" }\n', "plc.temperature gives no bursts of samples"),
        (SPINDLE + 'tacho = { sensor = "plc.temperature" }\n', "plc.temperature is not sampled beside acc.x"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told_with_its_place(problems, more, expected):
    found = problems(more=more)
    assert any(expected in line for line in found), found


def test_without_limits_of_its_load_the_states_are_learned(load):
    machine = load(more=with_load("")).config.machines[0]
    assert machine.load.idle_above is None


def test_a_tacho_beside_the_vibration_tells_the_speed(load):
    machine = load(more=SPINDLE + 'tacho = { sensor = "acc.tacho" }\n').config.machines[0]
    assert machine.tacho.pulses_per_turn == 1


def test_rules_may_name_what_a_machine_says(load):
    inputs = 'safe_action = "stop"\ninputs = ["press.verdict", "press.remaining"]'
    assert load({'safe_action = "stop"': inputs}, PRESS).config.machines[0].id == "press"


@pytest.mark.parametrize(
    ("more", "windows"),
    [
        ("", 1440),  # a day of minutes: a day has a night
        ("window_s = 10\n", 8640),
        ("window_s = 3600\n", 240),
        ("learn_windows = 30\n", 30),
    ],
)
def test_a_machine_with_slow_sensors_learns_for_a_day_where_nobody_says_otherwise(
    load, more, windows
):
    assert load(more=PRESS + more).config.machines[0].learn_windows == windows


def test_a_machine_that_is_only_heard_learns_for_four_hours():
    heard = MachineSettings.model_validate({"id": "press", "vibration": [{"sensor": "acc.x"}]})
    assert heard.learn_windows * heard.window_s == 4 * 3600
