"""A float `.tflite` to ONNX, and that to Q/DQ ONNX for TensorRT: for the desk, never on the box.

    .tflite (float) ── tflite2onnx ── ONNX (float) ── onnxruntime.quantization ── ONNX with Q/DQ

The Q/DQ form follows what TensorRT takes ("Working with Quantized Types": symmetric int8, zero
point 0 everywhere, weights per channel, biases left in float); only the operators that gain from
int8 are quantised. Their inputs are, and their outputs are not: between a convolution and the
activation behind it nothing may be rounded, both for TensorRT, which fuses them, and for accuracy.
What a ReLU6 cuts to 0 .. 6 may reach 60 before it, and 127 steps for 60 leave it thirteen. (The
backbone's cosine to float was 0.67 to 0.83 so, and is 0.96 to 0.99.)

It is made from the float master, not from the int8 `.tflite`: the two share the weights and the
samples, not every range, so their outputs differ by some steps (`onnx_check`). How many is the
int8 model's affair as well: MLPerf Tiny's ad01 in int8 is 7 to 14 steps off its own float model,
and the Q/DQ one 2 to 5, so that those two are over 20 apart.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

QUANTISED_OPERATORS = ("Conv", "Gemm", "MatMul", "Add")
OPSET = 17


def to_onnx(float_model: bytes) -> bytes:
    """The same network as ONNX of opset 17, its batch normalised away. Pictures become NCHW."""
    import onnx
    import tflite2onnx

    with tempfile.TemporaryDirectory(prefix="banksman-onnx-") as folder:
        source, target = Path(folder) / "model.tflite", Path(folder) / "model.onnx"
        source.write_bytes(float_model)
        tflite2onnx.convert(str(source), str(target))
        model = onnx.load(str(target))
    newer = onnx.version_converter.convert_version(model, OPSET)
    onnx.checker.check_model(newer)
    return bytes(newer.SerializeToString())


def to_qdq(float_onnx: bytes, samples: Iterable[Sequence[NDArray[Any]]]) -> bytes:
    """Quantise. ``samples``: float32 inputs in the ONNX's own shapes, for each run in order."""
    from onnxruntime import quantization

    with tempfile.TemporaryDirectory(prefix="banksman-qdq-") as folder:
        source, target = Path(folder) / "float.onnx", Path(folder) / "qdq.onnx"
        source.write_bytes(float_onnx)
        quantization.quantize_static(
            str(source),
            str(target),
            _Samples(float_onnx, samples),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=list(QUANTISED_OPERATORS),
            per_channel=True,
            activation_type=quantization.QuantType.QInt8,
            weight_type=quantization.QuantType.QInt8,
            extra_options={
                "ActivationSymmetric": True,
                "WeightSymmetric": True,
                "QuantizeBias": False,
                "OpTypesToExcludeOutputQuantization": list(QUANTISED_OPERATORS),
            },
        )
        return target.read_bytes()


def input_shapes(onnx_model: bytes) -> list[tuple[str, tuple[int, ...]]]:
    """Name and shape of each input, in order."""
    import onnx

    graph = onnx.load_from_string(onnx_model).graph
    weights = {each.name for each in graph.initializer}
    return [
        (each.name, tuple(int(size.dim_value) for size in each.type.tensor_type.shape.dim))
        for each in graph.input
        if each.name not in weights
    ]


class _Samples:
    """Hands the samples to onnxruntime, one after the other (its CalibrationDataReader)."""

    def __init__(self, onnx_model: bytes, samples: Iterable[Sequence[NDArray[Any]]]) -> None:
        self._names = [name for name, _ in input_shapes(onnx_model)]
        self._samples = iter(samples)

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        """The next run's inputs by name; None after the last."""
        sample = next(self._samples, None)
        return None if sample is None else dict(zip(self._names, sample, strict=True))
