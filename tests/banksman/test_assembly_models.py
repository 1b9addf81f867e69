"""Models of decision points from files: a bundle serves, and a refused one ends nothing."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from tiny_tflite import dense_int8

from banksman.assembly_models import ModelLoader, board_facts
from banksman.config.schema_deciding import ModelSettings
from banksman_drivers.board.values import Accelerator, BoardProfile
from banksman_inference.bundle import GOLDEN, MODEL, pack_bundle
from banksman_inference.choosing import BoardFacts
from banksman_inference.golden import made_inputs, make_case, pack_cases
from banksman_inference.litert import LiteRtNetwork
from banksman_inference.manifest import Golden, Manifest
from banksman_inference.ports import InferenceError

INPUTS = ["plc.vibration.rms", "plc.vibration.kurtosis", "plc.temperature.mean"]
WEIGHTS = np.array([[1.0, -0.5, 0.25], [-1.0, 0.75, 0.5]])


@pytest.fixture
def packed():
    """A bundle's bytes; its budget is wide, since a loaded machine tries it."""
    model = dense_int8(WEIGHTS, np.zeros(2))
    oracle = LiteRtNetwork("oracle", "", model, kernels="reference")
    manifest = Manifest(
        format=1,
        id="bearing",
        version="2026-01-01",
        task="score",
        inputs=oracle.inputs,
        outputs=oracle.outputs,
        latency_budget_ms=0.5,
        members={},
        golden=Golden(cases=1),
        features=("rms", "kurtosis", "temperature"),
        labels=("good", "worn"),
    )
    case = make_case(oracle, made_inputs(oracle.inputs, 0))

    def make(**changes):
        told = msgspec.structs.replace(manifest, **changes)
        return pack_bundle(told, {MODEL: model, GOLDEN: pack_cases([case])})

    return make


@pytest.fixture
def told():
    return {}


@pytest.fixture
def loader(tmp_path, told):
    with ModelLoader(tmp_path, tmp_path, told.__setitem__, BoardFacts("Pi 5")) as made:
        yield made


def settings(file="bearing.bundle", inputs=INPUTS, backend="bundle"):
    return ModelSettings(name="bearing", backend=backend, file=file, inputs=inputs)


def test_a_bundle_in_the_config_scores(loader, tmp_path, packed, told):
    (tmp_path / "bearing.bundle").write_bytes(packed())
    model = loader.model(settings())
    assert told == {}
    assert model.version == "2026-01-01"
    assert model.score([-3.0, 1.0, 1.0]).value > 0.9
    assert model.score([3.0, -1.0, -1.0]).value < 0.1


@pytest.mark.parametrize("backend", ["bundle", "numpy_head"])
def test_a_model_that_is_not_there_or_damaged_is_told_and_answers_with_the_reason(
    loader, tmp_path, told, backend
):
    for content in (None, b"no model", b"PK\x03\x04 half a zip"):
        if content is not None:
            (tmp_path / "bearing.bundle").write_bytes(content)
        model = loader.model(settings(backend=backend))
        assert "bearing.bundle" in told["bearing"]
        with pytest.raises(InferenceError, match=r"bearing\.bundle"):
            model.score([0.0, 0.0, 0.0])
        assert model.inputs == tuple(INPUTS)
        assert model.version == "refused"


@pytest.mark.parametrize(
    ("changes", "inputs", "reason"),
    [
        ({"latency_budget_ms": 20.0}, INPUTS, "control loop"),
        ({"latency_budget_ms": 1e-6}, INPUTS, "budget is 0 us"),
        ({}, INPUTS[:2], "takes 3 features"),
    ],
)
def test_a_bundle_that_may_not_decide_is_told_with_the_reason(
    loader, tmp_path, packed, told, changes, inputs, reason
):
    (tmp_path / "bearing.bundle").write_bytes(packed(**changes))
    loader.model(settings(inputs=inputs))
    assert reason in told["bearing"]


def test_what_passed_is_remembered_in_the_stores_folder(tmp_path, packed, told):
    (tmp_path / "bearing.bundle").write_bytes(packed())
    for tries in (2, 0):
        with ModelLoader(tmp_path, tmp_path, told.__setitem__, BoardFacts("Pi 5")) as loader:
            loader.network(tmp_path / "bearing.bundle")
            assert loader._prober.trials == tries
    assert told == {}


def test_the_board_tells_its_gpu_only_when_a_driver_has_taken_it():
    gpu = Accelerator("nvidia_gpu", "Orin", "soc", ready=True, cores=1024)
    tpu = Accelerator("edge_tpu", "Coral", "usb", ready=True)
    asleep = Accelerator("nvidia_gpu", "Orin", "soc", ready=False)
    profile = BoardProfile(model="Jetson", memory_mib=7620, frameworks={"tensorrt": "10.3.0"})
    with_gpu = msgspec.structs.replace(profile, accelerators=(tpu, gpu))
    assert board_facts(with_gpu) == BoardFacts("Jetson", "Orin", 7620, {"tensorrt": "10.3.0"})
    assert board_facts(msgspec.structs.replace(profile, accelerators=(asleep, tpu))).gpu == ""
