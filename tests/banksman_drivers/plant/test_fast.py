"""The plant in fast time."""

from __future__ import annotations

import pytest

from banksman_drivers.fake.plant.fast import HOUR, POLL_S, Cue, FastPlant
from banksman_drivers.fake.plant.line import INCIDENTS
from banksman_drivers.ports import Quality

RUN = ("plc.conveyor_run", "plc.press_run", "plc.oven_heater")


def started(script: tuple[Cue, ...] = ()) -> FastPlant:
    plant = FastPlant(seed=2, script=script)
    plant.write("guard.permit", True)
    for _ in range(40):
        plant.step(0.05)
    for output in RUN:
        plant.write(output, True)
    return plant


def test_each_device_is_read_at_its_own_pace():
    plant = FastPlant(seed=2, script=())
    batches: dict[str, int] = {}
    for _ in range(200):
        for batch in plant.step(0.05):
            device = batch[0].sensor.partition(".")[0]
            batches[device] = batches.get(device, 0) + 1
    assert batches == {device: round(10 / period) for device, period in POLL_S.items()}


def test_readings_carry_made_time_that_ascends():
    plant = FastPlant(seed=2, start_mono_ns=5_000_000_000, script=())
    (batch,) = (batch for batch in plant.step(0.05) if batch[0].sensor.startswith("plc."))
    assert {reading.mono_ns for reading in batch} == {5_050_000_000}
    assert {reading.quality for reading in batch} == {Quality.GOOD}


def test_the_line_runs_once_permit_and_outputs_are_written():
    plant = started()
    plant.step(5.0)
    assert plant.line.conveyor.speed_mm_s == 200


def test_taking_the_permit_away_stops_the_line():
    plant = started()
    plant.write("guard.permit", False)
    plant.step(1.0)
    assert not plant.line.chain_closed
    assert not plant.line.outputs.conveyor_run


def test_a_pause_stops_the_forklift():
    plant = FastPlant(seed=2, script=())
    position = {"x": 0.0, "y": 0.0, "mapId": "hall"}
    nodes = [
        {"nodeId": f"n{index}", "sequenceId": 2 * index, "nodePosition": position | {"x": index}}
        for index in range(9)
    ]
    plant.give_order({"nodes": nodes})
    plant.write("agv1.released_nodes", 9)
    plant.step(2.0)
    assert plant.vehicle.driving
    plant.write("agv1.pause", True)
    plant.step(2.0)
    assert (plant.vehicle.driving, plant.vehicle.paused) == (False, True)


def test_the_script_plays_in_order_and_tells_what_a_person_does():
    script = (Cue(3.0, "jam"), Cue(4.0, "jam", on=False), Cue(5.0, "reset"), Cue(5.5, "start"))
    plant = started(script)
    plant.step(1.0)
    assert plant.line.conveyor.jammed
    plant.step(1.0)
    assert not plant.line.conveyor.jammed
    plant.step(1.0)
    plant.step(0.5)
    assert plant.hands() == ["reset", "start"]
    assert plant.hands() == []


def test_the_hour_has_every_incident_and_ends_each():
    held: set[str] = set()
    for cue in HOUR:
        if cue.what in INCIDENTS:
            (held.add if cue.on else held.discard)(cue.what)
    assert {cue.what for cue in HOUR} >= set(INCIDENTS)
    assert held == {"night"}
    assert all(cue.at_s < 3600 for cue in HOUR)


def test_an_output_that_the_demo_does_not_have_is_refused():
    with pytest.raises(KeyError):
        FastPlant(script=()).write("plc.exit_lock", True)
