"""Trips: latched over a kill, released only by the person who may, and restarting nothing."""

import pytest

from banksman_drivers.fake.modbus_memory import Write

OPENING = Write("coils", 0, (1,))

TRIP = """\
[[trip]]
name = "flood"
kind = "process"
cause = "plc.level > 900"
outputs = ["plc.valve"]
"""


async def test_a_process_trip_survives_a_kill_and_is_reset_on_the_page_by_a_person(box, plc):
    box.write(TRIP)
    plc.memory.holding[0] = 600
    await box.start()
    await box.until(lambda: plc.memory.coils[0] == 1, "the valve opens")
    plc.memory.holding[0] = 950
    await box.until_trip("flood", latched=True)
    await box.until(lambda: plc.memory.coils[0] == 0, "the trip closes the valve")
    await box.until_audit("interlock tripped")

    await box.kill()
    # The level is such that the valve would be opened, were it not for the trip.
    plc.memory.holding[0] = 600
    await box.start()
    status = await box.until_status(lambda status: status["readiness"]["ready"], "ready")
    assert [trip["latched"] for trip in status["trips"]] == [True]
    assert plc.memory.coils[0] == 0
    assert [alarm["key"] for alarm in status["alarms"]] == ["trip.flood"]

    code, problem = await box.post("/api/v1/trips/flood/reset")
    assert (code, problem["detail"]) == (401, "this needs the operator to be logged in")
    csrf = await box.log_in()
    code, problem = await box.post("/api/v1/trips/flood/reset")
    assert (code, problem["type"]) == (403, "/api#csrf")
    await box.until_trip("flood", latched=True)

    openings = [write for write in plc.writes if write == OPENING]
    code, answer = await box.post("/api/v1/trips/flood/reset", csrf=csrf)
    assert (code, answer) == (200, {"name": "flood", "reset": True})
    await box.until_trip("flood", latched=False)
    # Many polls later the level still asks for an open valve, and nobody has asked anew.
    polled = plc.requests
    await box.until(lambda: plc.requests > polled + 50, "it polls on")
    assert [write for write in plc.writes if write == OPENING] == openings
    assert plc.memory.coils[0] == 0

    plc.memory.holding[0] = 0
    await box.until_decision("close_valve")
    plc.memory.holding[0] = 600
    await box.until(lambda: plc.memory.coils[0] == 1, "a new decision opens it")


async def test_a_process_trip_is_not_reset_while_its_cause_holds(box, plc):
    box.write(TRIP)
    plc.memory.holding[0] = 950
    await box.start()
    await box.until_trip("flood", latched=True)
    csrf = await box.log_in()

    code, problem = await box.post("/api/v1/trips/flood/reset", csrf=csrf)

    assert code == 409
    assert "plc.level over 900" in problem["detail"]
    await box.until_trip("flood", latched=True)


@pytest.fixture
async def running(box, plc, wires):
    """A guarded box whose permit has been given: e-stop closed, reset, started."""
    box.write(wires.tables, rules=wires.rules)
    wires.tell("estop", 1)
    wires.tell("reset", 0)
    await box.start()
    await press_reset(box, wires)
    await box.until_trip("estop", latched=False)
    plc.memory.holding.update({0: 600, 1: 1})
    await box.until(wires.permitted, "the start button gives the permit")
    await box.until(lambda: plc.memory.coils[0] == 1, "the valve opens")
    return box


async def press_reset(box, wires):
    wires.tell("reset", 1)
    await until_sensor(box, "guard.reset", 1)
    wires.tell("reset", 0)
    await until_sensor(box, "guard.reset", 0)


async def until_sensor(box, name, value):
    def holds(status):
        return {sensor["id"]: sensor["value"] for sensor in status["sensors"]}[name] == value

    await box.until_status(holds, f"{name} is {value}")


async def test_an_open_estop_drops_the_permit_and_only_its_own_button_resets_it(
    running, plc, wires
):
    wires.tell("estop", 0)
    await running.until(lambda: not wires.permitted(), "the guard drops the permit")
    await running.until_trip("estop", latched=True)
    await running.until(lambda: plc.memory.coils[0] == 0, "the trip closes the valve")

    csrf = await running.log_in()
    code, problem = await running.post("/api/v1/trips/estop/reset", csrf=csrf)
    assert (code, problem["type"]) == (409, "/api#reset-refused")
    assert "reset input at the machine" in problem["remedy"]

    await press_reset(running, wires)  # refused: the circuit is open
    await running.until_trip("estop", latched=True)
    wires.tell("estop", 1)
    await until_sensor(running, "guard.estop", 1)
    await running.until_trip("estop", latched=True)
    await press_reset(running, wires)
    await running.until_trip("estop", latched=False)

    assert not wires.permitted(), "a reset restarts nothing"
    assert plc.memory.coils[0] == 0
    plc.memory.holding[1] = 0
    await until_sensor(running, "plc.start", 0)
    plc.memory.holding[1] = 1
    await running.until(wires.permitted, "the start button gives the permit again")


async def test_an_estop_trip_survives_a_kill_and_its_button_still_resets_it(running, wires):
    wires.tell("estop", 0)
    await running.until_trip("estop", latched=True)
    await running.until_audit("interlock tripped")
    await running.kill()

    assert not wires.permitted()
    wires.tell("estop", 1)
    wires.tell("reset", 0)
    await running.start()
    await until_sensor(running, "guard.estop", 1)
    await until_sensor(running, "guard.reset", 0)
    await running.until_trip("estop", latched=True)
    assert not wires.permitted()

    await press_reset(running, wires)
    await running.until_trip("estop", latched=False)
