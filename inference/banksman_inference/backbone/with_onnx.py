"""The shipped backbone with a Q/DQ `model.onnx` in it, for boxes with TensorRT: made where needed.

    python -m banksman_inference.backbone.with_onnx /var/lib/banksman/vision/backbone.bundle

Not shipped: it would add 3.6 MB for boxes that have no use for it. It is made of the shipped int8
model's own weights and of pictures that the script makes, checked by onnxruntime against the int8
model, and refused where the two are further apart than the manifest then allows. A minute on a
desk, with ``pip install 'banksman[optimise]'``; stations are taught from it where it lies.
"""

from __future__ import annotations

import sys
from importlib.resources import files
from pathlib import Path

import msgspec

from banksman_inference.backbone.calibration_pictures import calibration_pictures
from banksman_inference.backbone.make import SIDE, real, stored
from banksman_inference.bundle import ONNX, Bundle, pack_bundle, read_bundle, refused
from banksman_inference.litert import LiteRtNetwork
from banksman_inference.optimise.from_int8 import to_float
from banksman_inference.optimise.onnx_check import OnnxReport, compare_onnx
from banksman_inference.optimise.qdq import to_onnx, to_qdq
from banksman_inference.whole_file import write_whole

SHIPPED = "efficientnet-lite0.bundle"
CALIBRATION = 50
CHECKED = 6
# Measured: 140 in single values of the last layer, 4 in the mean of the worst output.
TOLERANCE_LSB, TOLERANCE_MEAN_LSB = 220.0, 8.0


def with_onnx(base: Bundle, calibration: int = CALIBRATION) -> tuple[bytes, OnnxReport]:
    """A bundle's bytes and how its ONNX stands to its int8 model. Raises ModelRefused."""
    samples = [
        (real(picture).transpose(0, 3, 1, 2),)
        for picture in calibration_pictures(calibration, SIDE)
    ]
    onnx = to_qdq(to_onnx(to_float(base.model)), samples)
    int8 = LiteRtNetwork(base.manifest.id, "", base.model)
    cases = [(stored(picture),) for picture in calibration_pictures(CHECKED, SIDE, seed=2)]
    report = compare_onnx(onnx, int8, cases)
    golden = msgspec.structs.replace(
        base.manifest.golden,
        onnx_tolerance_lsb=TOLERANCE_LSB,
        onnx_tolerance_mean_lsb=TOLERANCE_MEAN_LSB,
    )
    if not report.worst.within(golden.for_onnx()):
        raise refused(base.source, f"its ONNX is off by {report.worst}", "report this")
    draft = msgspec.structs.replace(base.manifest, golden=golden)
    return pack_bundle(draft, {**base.members, ONNX: onnx}, base.source), report


def main(target: str) -> int:
    """Make it and tell how near it comes."""
    base = read_bundle(Path(str(files("banksman_inference.backbone") / SHIPPED)))
    content, report = with_onnx(base)
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    write_whole(Path(target), content)
    print(msgspec.json.format(msgspec.json.encode(report), indent=2).decode())
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
