"""Nothing that a PLC does or fails to do ends the daemon, and it says what is wrong."""

import pytest

from banksman.chatter import RAISINGS
from banksman_drivers.fake.modbus_server import Faults


def device(status):
    return next(item for item in status["devices"] if item["id"] == "plc")


async def comes_back(box, plc):
    """The PLC is itself again: the box must see it, decide and act."""
    await box.until_status(
        lambda status: device(status)["state"] == "connected" and status["readiness"]["ready"],
        "the PLC is connected again",
    )
    plc.memory.holding[0] = 600
    await box.until(lambda: plc.memory.coils[0] == 1, "the valve opens")
    status = await box.get("/api/v1/status")
    # A PLC that hangs up after each answer comes and goes: that alarm is held as chattering.
    calm = [alarm for alarm in status["alarms"] if alarm.get("count", 1) < RAISINGS]
    active = [alarm["key"] for alarm in calm if alarm["active"]]
    assert active == [], "what is over is no longer an active alarm"


async def test_a_plc_that_leaves_the_network_is_lost_with_an_alarm_and_comes_back(box, plc):
    await box.start()
    await box.until_decision("close_valve")
    await plc.stop()

    status = await box.until_status(lambda status: device(status)["state"] == "lost", "lost")
    assert "refused" in device(status)["message"]
    assert not status["readiness"]["ready"]
    status = await box.until_status(
        lambda status: any(alarm["key"] == "device.plc" for alarm in status["alarms"]), "alarm"
    )
    status = await box.until_status(
        lambda status: {sensor["value"] for sensor in status["sensors"]} == {None},
        "no value is shown",
    )

    await plc.start()
    await comes_back(box, plc)


async def test_a_plc_that_is_away_at_the_start_is_found_when_it_comes(box, plc):
    await plc.stop()
    await box.start()
    assert "plc" in box.said[0], "READY says what is missing"
    await plc.start()
    await comes_back(box, plc)


@pytest.mark.parametrize(
    ("faults", "message"),
    [
        (Faults(garbage=b"\xff" * 100), "not Modbus TCP"),
        (Faults(garbage=b"\xff" * 3000), "no answer within 400 ms"),
        (Faults(garbage=b"HTTP/1.1 400 Bad Request\r\n\r\n"), "not Modbus TCP"),
        (Faults(truncate=5), "no answer within 400 ms"),
        (Faults(silent=True), "no answer within 400 ms"),
        (Faults(unit_id=9), "check unit_id"),
        (Faults(hang_up=True), "closed the connection"),
    ],
    ids=[
        "noise",
        "a flood",
        "another protocol",
        "half an answer",
        "silence",
        "another unit",
        "hang-up",
    ],
)
async def test_what_is_no_answer_loses_the_plc_until_it_answers(box, plc, faults, message):
    await box.start()
    await box.until_decision("close_valve")
    plc.faults = faults

    status = await box.until_status(lambda status: device(status)["state"] == "lost", "lost")
    assert message in device(status)["message"]

    plc.faults = Faults()
    await comes_back(box, plc)


async def test_refused_requests_make_bad_readings_with_a_message_and_lose_nothing(box, plc):
    await box.start()
    await box.until_decision("close_valve")
    plc.faults = Faults(exception=2)

    status = await box.until_status(
        lambda status: {sensor["quality"] for sensor in status["sensors"]} == {"bad"}, "bad"
    )
    assert device(status)["state"] == "connected"
    assert "address" in device(status)["message"]

    plc.faults = Faults()
    await comes_back(box, plc)


async def test_an_unreadable_level_takes_the_safe_action_and_says_why(box, plc):
    plc.memory.holding[0] = 600
    await box.start()
    await box.until(lambda: plc.memory.coils[0] == 1, "the valve opens")
    await box.until_decision("open_valve")
    del plc.memory.holding[1]  # the block of the level cannot be read any more

    decision = await box.until_decision("close_valve")

    assert "plc.level" in decision["reason"]
    await box.until(lambda: plc.memory.coils[0] == 0, "the valve closes")
