"""The Q/DQ ONNX of the shipped backbone, made here and run by onnxruntime beside the int8 model."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from banksman_inference.bundle import ONNX, parse_bundle, read_bundle
from banksman_inference.litert import LiteRtNetwork
from banksman_inference.loading import golden_cases

pytest.importorskip("tflite2onnx", reason="needs banksman[optimise]")
pytest.importorskip("onnxruntime", reason="needs banksman[optimise]")
pytest.importorskip("skimage", reason="needs scikit-image for calibration pictures")

pytestmark = pytest.mark.filterwarnings("ignore")

SHIPPED = Path(str(files("banksman_inference.backbone"))) / "efficientnet-lite0.bundle"


@pytest.fixture(scope="module")
def base():
    return read_bundle(SHIPPED)


@pytest.fixture(scope="module")
def made(base):
    from banksman_inference.backbone.with_onnx import with_onnx

    return with_onnx(base, calibration=12)


def _real(outputs, specs):
    return [
        (each.astype(np.float32) - spec.zero_point) * np.float32(spec.scale or 1)
        for each, spec in zip(outputs, specs, strict=True)
    ]


def _cosine(one, other):
    return float(one.ravel() @ other.ravel() / np.linalg.norm(one) / np.linalg.norm(other))


def test_the_float_network_of_the_int8_weights_says_what_the_int8_one_says(base):
    from banksman_inference.backbone.make import real
    from banksman_inference.optimise.from_int8 import to_float

    exact = LiteRtNetwork("float", "", to_float(base.model))
    assert {spec.dtype for spec in (*exact.inputs, *exact.outputs)} == {"float32"}
    for case in golden_cases(base):
        picture = case.inputs[0][0].view(np.uint8) ^ 0x80
        got = exact.run(real(picture))
        wanted = _real(case.outputs, base.manifest.outputs)
        assert min(_cosine(*pair) for pair in zip(got, wanted, strict=True)) > 0.95


def test_the_onnx_is_the_same_network_as_the_int8_model(base, made):
    from banksman_inference.optimise.onnx_check import OnnxNetwork

    content, report = made
    bundle = parse_bundle(content, "backbone.bundle")
    assert report.mean_lsb < 3.5
    assert report.cosine > 0.95
    assert bundle.model_sha256 == base.model_sha256
    specs = base.manifest.outputs
    network = OnnxNetwork(bundle.members[ONNX], base.manifest.inputs, specs)
    for case in golden_cases(base):
        got, wanted = _real(network.run(*case.inputs), specs), _real(case.outputs, specs)
        # Each output for itself: one of them has as many channels as rows, and could be turned.
        assert min(_cosine(*pair) for pair in zip(got, wanted, strict=True)) > 0.96


def test_a_model_that_is_no_int8_one_through_and_through_is_refused():
    from ai_edge_litert import schema_py_generated as schema
    from tiny_tflite import FLOAT32, INT8, Graph

    from banksman_inference.optimise.from_int8 import to_float

    made = Graph()
    x = made.tensor("x", (1, 4), FLOAT32)
    y = made.tensor("y", (1, 4), INT8, scale=0.1)
    kind = schema.BuiltinOptions.QuantizeOptions
    made.operator(schema.BuiltinOperator.QUANTIZE, [x], [y], kind, schema.QuantizeOptionsT())
    with pytest.raises(ValueError, match="quantises inside"):
        to_float(made.file([x], [y]))
