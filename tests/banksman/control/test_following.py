"""What the loop's alarms say they may follow from."""

import pytest

from banksman.control.following import of_losses
from banksman.control.ports import NOTHING
from banksman_drivers.ports import Quality, SensorInfo


class Driver:
    def __init__(self, name, stale_ms=1000.0):
        self.id = name
        self._stale_ms = stale_ms

    def sensors(self):
        return [SensorInfo(f"{self.id}.a", "", "", self._stale_ms)]


async def test_a_safe_action_on_unreadable_inputs_follows_from_the_loss_of_their_device(make_bench):
    bench = make_bench(rules="")
    await bench.see(20.0, Quality.BAD)
    assert bench.notes.follows["oven.cool"].keys == ("device.plc",)


async def test_an_alert_of_a_rule_follows_from_nothing(make_bench):
    bench = make_bench()
    await bench.see(90.0)
    assert bench.notes.follows["oven.cool"] == NOTHING


async def test_devices_are_looked_at_before_a_consequence_is_told(make_bench):
    bench = make_bench()
    await bench.see(20.0, Quality.BAD)
    assert bench.notes.looked == [[]]
    assert "oven.cool" in bench.notes.alarms


def test_devices_of_one_link_stand_beside_each_other():
    found = of_losses([Driver("a"), Driver("b"), Driver("c")], {"a": "x", "b": "x", "c": "y"}, {})
    assert {name: follows.beside for name, follows in found.items()} == {
        "a": ("device.b",),
        "b": ("device.a",),
    }


def test_what_lives_on_other_devices_follows_from_them_and_may_be_silent_for_as_long():
    found = of_losses([Driver("press", 180_000.0)], {}, {"press": frozenset({"vib", "plc"})})
    assert found["press"].keys == ("device.plc", "device.vib")
    assert found["press"].within_s == pytest.approx(NOTHING.within_s + 180.0)
