"""Devices that are lost and come back."""

import pytest

from banksman.control.devices import DeviceWatch
from banksman.control.ports import NOTHING, Follows
from banksman.wire.messages import Priority
from banksman_drivers.ports import DeviceHealth, OutputInfo


class Device:
    id = "plc"
    state = "starting"
    fault = ""
    run_permit = False

    def outputs(self):
        return [OutputInfo("plc.run", False, "", "none", run_permit=self.run_permit)]

    def health(self):
        return DeviceHealth(
            "plc", "hand", self.state, "no answer; check the cable", 0, fault=self.fault
        )


class Act:
    def __init__(self):
        self.calls = []

    def connected(self, device):
        self.calls.append(("connected", device))

    def lost(self, device):
        self.calls.append(("lost", device))


class Alarms:
    def __init__(self):
        self.active = {}
        self.priorities = {}
        self.follows = {}

    def raise_alarm(self, key, text, priority, cause, follows=NOTHING):
        self.active[key] = text
        self.follows[key] = follows
        self.priorities[key] = priority

    def clear_alarm(self, key):
        self.active.pop(key, None)


def watched():
    device, act, alarms = Device(), Act(), Alarms()
    return device, act, alarms, DeviceWatch([device], act, alarms)


def test_a_loss_is_told_with_what_it_may_follow_from():
    device, act, alarms = Device(), Act(), Alarms()
    watch = DeviceWatch([device], act, alarms, {"plc": Follows(("device.gateway",))})
    device.state = "lost"
    watch.look()
    assert alarms.follows["device.plc"].keys == ("device.gateway",)


def test_a_device_that_is_still_starting_rings_nobody():
    _, act, alarms, watch = watched()
    watch.look()
    assert (act.calls, alarms.active) == ([], {})


def test_a_lost_device_rings_once_with_its_own_words_and_its_outputs_are_in_doubt():
    device, act, alarms, watch = watched()
    device.state = "lost"
    watch.look()
    watch.look()
    assert act.calls == [("lost", "plc")]
    assert "check the cable" in alarms.active["device.plc"]


@pytest.mark.parametrize(
    ("run_permit", "priority"), [(False, Priority.IMPORTANT), (True, Priority.CRITICAL)]
)
def test_the_loss_of_a_device_that_carries_a_run_permit_is_critical(run_permit, priority):
    device, _, alarms, watch = watched()
    device.run_permit, device.state = run_permit, "lost"
    watch.look()
    assert alarms.priorities == {"device.plc": priority}


def test_the_alarm_clears_when_the_device_is_back():
    device, act, alarms, watch = watched()
    device.state = "lost"
    watch.look()
    device.state = "connected"
    watch.look()
    assert act.calls[-1] == ("connected", "plc")
    assert alarms.active == {}


def test_a_device_that_answers_nothing_useful_rings_until_it_is_of_use_again():
    device, act, alarms, watch = watched()
    device.state = "connected"
    watch.look()
    device.fault = "the picture is frozen; restart the camera"
    watch.look()
    assert alarms.active == {"device.plc.fault": "the picture is frozen; restart the camera"}
    assert alarms.follows["device.plc.fault"].keys == ("device.plc",)
    assert act.calls == [("connected", "plc")]
    device.fault = ""
    watch.look()
    assert alarms.active == {}
