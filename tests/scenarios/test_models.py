"""Models from bundles in the whole daemon: a good one decides, a harmful one ends nothing."""

from __future__ import annotations

import platform
import signal

import numpy as np
import pytest
from tiny_tflite import crash_above, dense_int8, split_into_nothing

from banksman_inference.bundle import GOLDEN, MODEL, pack_bundle
from banksman_inference.golden import Case, made_inputs, make_case, pack_cases
from banksman_inference.litert import LiteRtNetwork
from banksman_inference.manifest import Golden, Manifest
from banksman_inference.ports import TensorSpec

FEATURES = ("level", "start", "rate")
DECISION = """\
[[model]]
name = "wear"
backend = "bundle"
file = "wear.bundle"
inputs = [{inputs}]

[[decision]]
name = "wear"
type = "maintenance_advice"
on = ["plc.level"]
rules = false
model = "wear"
model_action = "tell_worn"
safe_action = "tell_unknown"

[[action]]
name = "tell_worn"
alert = {{ text = "It is worn" }}

[[action]]
name = "tell_unknown"
alert = {{ text = "Nobody knows whether it is worn" }}
"""
INPUTS = '"plc.level", "plc.start", "plc.level.rate"'


def manifest(inputs, outputs, features, labels):
    return Manifest(
        format=1,
        id="wear",
        version="2026-01-01",
        task="score",
        inputs=inputs,
        outputs=outputs,
        latency_budget_ms=0.5,
        members={},
        golden=Golden(cases=1),
        features=features,
        labels=labels,
    )


@pytest.fixture
def good():
    """Worn where the level is high."""
    model = dense_int8(np.array([[-1.0, 0, 0], [1.0, 0, 0]]), np.zeros(2))
    oracle = LiteRtNetwork("oracle", "", model, kernels="reference")
    told = manifest(oracle.inputs, oracle.outputs, FEATURES, ("good", "worn"))
    case = make_case(oracle, made_inputs(oracle.inputs, 0))
    return pack_bundle(told, {MODEL: model, GOLDEN: pack_cases([case])})


@pytest.fixture
def harmful():
    """Its checksums are right, and its model ends the process that loads it (LiteRT 2.3)."""
    takes, gives = TensorSpec("x", (4, 4), "float32"), TensorSpec("y", (4, 4), "float32")
    names = tuple(f"f{number}" for number in range(16))
    zeros = np.zeros((4, 4), np.float32)
    told = manifest((takes,), (gives,), names, names)
    case = Case((zeros,), (zeros,))
    return pack_bundle(told, {MODEL: split_into_nothing(), GOLDEN: pack_cases([case])})


async def test_a_bundle_decides_and_its_version_stands_in_the_record(box, plc, good):
    (box.folder / "wear.bundle").write_bytes(good)
    box.write(DECISION.format(inputs=INPUTS))
    plc.memory.holding[0] = 8
    await box.start()
    await box.until_points({"wear": "tell_worn"})
    decisions = (await box.get("/api/v1/decisions?limit=100"))["decisions"]
    told = next(each for each in decisions if each["action"] == "tell_worn")
    assert told["model_version"] == "2026-01-01"
    status = await box.get("/api/v1/status")
    assert not [alarm for alarm in status["alarms"] if alarm["key"] == "model.wear"]


async def test_a_harmful_bundle_is_an_alarm_and_the_daemon_acts_on(box, plc, harmful):
    (box.folder / "wear.bundle").write_bytes(harmful)
    # Sixteen features of a box with two sensors: each once, as the config asks.
    kinds = ("", ".mean", ".std", ".low", ".high", ".rate", ".score", ".age")
    names = [f'"plc.{point}{kind}"' for point in ("level", "start") for kind in kinds]
    box.write(DECISION.format(inputs=", ".join(names)))
    plc.memory.holding[0] = 600
    await box.start()
    await box.until_points({"wear": "tell_unknown", "limit": "open_valve"})
    await box.until(lambda: plc.memory.coils[0] == 1, "the valve opens")
    status = await box.get("/api/v1/status")
    (alarm,) = [each for each in status["alarms"] if each["key"] == "model.wear"]
    assert alarm["active"]
    assert "wear.bundle" in alarm["text"]


@pytest.fixture
def deadly():
    """Passes its trial, and ends the process when the level is between 1000 and 2000."""
    model = crash_above(1000, 2000)
    oracle = LiteRtNetwork("oracle", "", model, kernels="reference")
    told = manifest(oracle.inputs, oracle.outputs, FEATURES, ("good", "worn"))
    case = make_case(oracle, made_inputs(oracle.inputs, 0))
    return pack_bundle(told, {MODEL: model, GOLDEN: pack_cases([case])})


@pytest.mark.skipif(platform.machine() != "x86_64", reason="it crashes on x86 only")
async def test_a_model_that_crashes_the_daemon_gives_way_and_then_is_refused(box, plc, deadly):
    """As under systemd, which starts the daemon anew after each crash."""
    (box.folder / "wear.bundle").write_bytes(deadly)
    box.write(DECISION.format(inputs=INPUTS))

    async def told(text):
        def holds(status):
            texts = [each["text"] for each in status["alarms"] if each["key"] == "model.wear"]
            return any(text in each for each in texts)

        await box.until_status(holds, f"an alarm says {text}")

    for expected in ("", "is set aside", "crashed the daemon twice"):
        plc.memory.holding[0] = 8
        await box.start()
        await box.until_points({"limit": "close_valve"})
        if expected:
            await told(expected)
        plc.memory.holding[0] = 1500
        if "twice" not in expected:
            assert await box.ended() == -signal.SIGFPE
    # Refused, it is asked no more: its decision point takes the safe action, all else acts.
    await box.until_points({"wear": "tell_unknown", "limit": "open_valve"})
    await box.until(lambda: plc.memory.coils[0] == 1, "the valve opens")
    assert "it was the model of bundle wear on litert-" in box.log()

    listed = await box.command("bundle", "crashed", "--config", str(box.config))
    assert (listed.code, listed.out.count("Floating point")) == (1, 2)
    assert (
        await box.command("bundle", "crashed", "--forget", "--config", str(box.config))
    ).code == 0
    assert await box.stop() == 0
    plc.memory.holding[0] = 8
    await box.start()
    await box.until_points({"wear": "none", "limit": "close_valve"})
