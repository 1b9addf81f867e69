"""A control loop on the bench: real streams, rules, interlock and acting; outputs by hand."""

import asyncio
import itertools

import pytest

from banksman.clock import ManualClock
from banksman.control.act import Act
from banksman.control.interlock import Condition, Interlock, TripSpec
from banksman.control.loop import ControlLoop
from banksman.control.pace import Culprit
from banksman.control.point import Action, Alert, PointSpec
from banksman.control.ports import NOTHING
from banksman.control.stream import Stream, StreamTable
from banksman.deciding.cache import ScoreCache
from banksman.deciding.condition import compile_condition
from banksman.deciding.decide import DecisionPoint, join_inputs
from banksman.deciding.features import Catalogue
from banksman.deciding.rulefile import load_rules
from banksman.wire.messages import Priority
from banksman_drivers.ports import DeviceHealth, Driver, OutputInfo, Quality, Reading

RULES = """
[[rule]]
name = "hot"
point = "oven"
when = "plc.heat > '80 degC'"
then = "cool"
priority = 10
definitive = true
confidence = 0.95

[[rule]]
name = "fine"
point = "oven"
when = "True"
then = "warm"
definitive = true
confidence = 0.9
"""


class Hand(Driver):
    """A device that remembers what was applied, and fails when told to."""

    id = "plc"

    def __init__(self):
        self.applied = []
        self.error = None

    def sensors(self):
        return []

    def outputs(self):
        return [
            OutputInfo("plc.heater", False, "", "watchdog_register", run_permit=True),
            OutputInfo("plc.horn", False, "", "none"),
        ]

    async def run(self, sink):
        await asyncio.Event().wait()

    async def apply(self, command):
        if self.error:
            raise self.error
        self.applied.append((command.output, command.value))

    def health(self):
        return DeviceHealth("plc", "hand", "connected", "", 0)


class Notebook:
    """Takes what the loop hands to store, alarms and latches."""

    def __init__(self):
        self.readings, self.decisions, self.audits, self.latched = [], [], [], {}
        self.alarms, self.follows = {}, {}
        self.looked = []  # the alarms that stood when devices were looked at

    def put_readings(self, device, batch):
        self.readings.append((device, tuple(batch)))

    def put_decision(self, decision, priority):
        self.decisions.append(decision)

    def put_audit(self, event, by, details):
        self.audits.append((event, by, details))

    def save_latches(self, latched):
        self.latched = dict(latched)

    def raise_alarm(self, key, text, priority, cause, follows=NOTHING):
        self.alarms[key] = text
        self.follows[key] = follows

    def clear_alarm(self, key):
        self.alarms.pop(key, None)


class Cloud:
    """Keeps questions until the test answers them."""

    def __init__(self, up=True):
        self.is_up = up
        self.asked = []

    def up(self):
        return self.is_up

    def ask(self, event, actions, deadline_ms, reply):
        self.asked.append((event, actions, reply))


class Bench:
    """One oven: heat and door in, heater and horn out."""

    def __init__(self, *, mode="armed", rules=RULES, cloud=None, model=None, **point):
        self.clock, self.hand, self.notes, self.cloud = ManualClock(), Hand(), Notebook(), cloud
        self.catalogue = Catalogue.of_sensors([("plc.heat", "degC"), ("plc.door", "flag")])
        streams = [Stream("plc.heat", "degC", 1000), Stream("plc.door", "flag", 1000)]
        self.table = StreamTable(streams)
        self.act = Act([self.hand], self.notes, self.clock.mono_ns)
        self.act.connected("plc")
        for slot in self.act._slots.values():
            slot.doubtful = False  # the start is over; test_act.py tells of it
        over = compile_condition("plc.heat > '200 degC'", self.catalogue, "t", "cause")
        cause = Condition(over.text, self.table.inputs(over.inputs), over)
        trips = [TripSpec("oven", "process", "Oven overheats", ("plc.heater",), cause=cause)]
        interlock = Interlock(mode, self.hand.outputs(), trips, [], {})
        numbers = itertools.count(1)
        self.actions = {
            "cool": Action(
                "cool",
                (("plc.heater", False), ("plc.horn", True)),
                alert=Alert("oven too hot", Priority.CRITICAL),
            ),
            "warm": Action("warm", (("plc.heater", True), ("plc.horn", False))),
            "stop": Action("stop", (("plc.heater", False),), trip="oven"),
            "mend": Action("mend", work_order="Clean the fan"),
        }
        self.options = {"safe_action": "cool", "model": model, **point}
        self.loop = ControlLoop(
            node="n1",
            clock=self.clock,
            streams=self.table,
            interlock=interlock,
            act=self.act,
            points=self.points(rules)[0],
            actions=self.actions,
            rules_version=self.points(rules)[1],
            cache=ScoreCache(),
            record_every_ns=60_000_000_000,
            records=self.notes,
            alarms=self.notes,
            latches=self.notes,
            cloud=cloud,
            next_id=lambda: f"n1-1-{next(numbers)}",
            culprit=Culprit(),
            call_later=lambda _, function: function(),
            look_at_devices=lambda: self.notes.looked.append(sorted(self.notes.alarms)),
        )

    def points(self, rules):
        book = load_rules(rules, "rules.toml", self.catalogue, {"oven": "cool"}, self.actions)
        own = book.for_point("oven") if rules else None
        point = DecisionPoint(
            name="oven",
            type="process_control",
            inputs=join_inputs(own, self.options["model"], ["plc.heat"]),
            rules=own,
            **self.options,
        )
        return [PointSpec(point, frozenset({"plc.heat"}), Priority.NORMAL, 0)], book.version

    async def see(self, heat, quality=Quality.GOOD, after_s=0.1):
        self.clock.advance(after_s)
        now_ns = self.clock.mono_ns()
        self.loop.readings([Reading("plc.heat", heat, "degC", quality, now_ns)])
        await self.settle()

    async def settle(self):
        while any(slot.task is not None for slot in self.act._slots.values()):
            await asyncio.sleep(0)


@pytest.fixture
def make_bench():
    return Bench


@pytest.fixture
def make_cloud():
    return Cloud
