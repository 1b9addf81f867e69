"""What the tests of deciding share: a catalogue, rows, events, points."""

from __future__ import annotations

import pytest

from banksman.deciding.decide import DecisionPoint, join_inputs
from banksman.deciding.decision import Event
from banksman.deciding.features import Catalogue
from banksman.deciding.rulefile import load_rules

SENSORS = [
    ("press.temperature", "degC"),
    ("oven.temperature", "degF"),
    ("lab.temperature", "K"),
    ("press.speed", "mm/s"),
    ("press.way", "mm"),
    ("press.clock", "s"),
    ("tank.pressure", "bar"),
    ("motor.voltage", "V"),
    ("motor.current", "A"),
    ("agv.battery", "%"),
    ("door.closed", "flag"),
    ("gate.closed", "flag"),
    ("plc.step", ""),
    ("plc.parts", "parts"),
    *((f"n.n{i}", "") for i in range(6)),
]
ACTIONS = ("stop", "warn", "slow")


@pytest.fixture(scope="session")
def catalogue():
    return Catalogue.of_sensors(SENSORS)


@pytest.fixture(scope="session")
def book_of(catalogue):
    def load(text, points=None):
        points = points if points is not None else {"press": "stop"}
        return load_rules(text, "rules.toml", catalogue, points, ACTIONS)

    return load


@pytest.fixture(scope="session")
def row_of():
    def row(name, when, then="warn", point="press", **options):
        options = {"name": name, "point": point, "when": when, "then": then} | options
        lines = [
            f"{key} = {str(value).lower()}"
            if isinstance(value, (bool, int, float))
            else f'{key} = """{value}"""'
            for key, value in options.items()
        ]
        return "\n".join(["[[rule]]", *lines, ""])

    return row


@pytest.fixture(scope="session")
def point_of():
    def make(rules=None, model=None, extra=(), **options):
        return DecisionPoint(
            name="press",
            type="process_control",
            inputs=join_inputs(rules, model, extra),
            safe_action="stop",
            rules=rules,
            model=model,
            **options,
        )

    return make


@pytest.fixture(scope="session")
def event_of():
    def make(point, values, faults=None, mono_ns=1):
        return Event(point.name, point.type, point.inputs, values, faults, mono_ns)

    return make
