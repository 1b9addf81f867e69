"""What the desk says of devices that are away."""

from banksman.desk import devices_away
from banksman.wire.messages import AlarmMessage, Priority
from banksman_drivers.ports import DeviceHealth


def device(name, message="gone", state="lost"):
    return DeviceHealth(name, "hand", state, message, 0)


def alarm(name, under=""):
    key = f"device.{name}"
    return AlarmMessage("1", "n", key, "t", Priority.IMPORTANT, True, False, 1, 1, "b", under=under)


def test_a_device_that_is_away_is_named_once_with_its_own_words():
    devices = [device("plc", "plc: no answer"), device("agv", "starting", "starting")]
    assert devices_away(devices, []) == ["device plc: no answer", "device agv: starting"]


def test_devices_that_are_lost_with_another_are_named_beside_it():
    alarms = [alarm("plc"), alarm("vib", "device.plc"), alarm("press", "device.plc")]
    devices = [device("vib"), device("plc", "no answer"), device("press")]
    assert devices_away(devices, alarms) == ["device plc: no answer; with it: vib, press"]


def test_one_whose_cause_is_back_stands_for_itself():
    devices = [device("plc", "connected", "connected"), device("press", "waits")]
    assert devices_away(devices, [alarm("press", "device.plc")]) == ["device press: waits"]


def test_nothing_is_said_of_devices_that_are_there():
    assert devices_away([device("plc", "", "connected")], []) == []
