"""What a bundle says of itself: one struct, which is the format, and the checks no type can make.

Rules of this file
- Pure; a manifest is read whole or refused with what is wrong and where.
- An unknown field is an error: it is a misspelt one, or of a format newer than this box.
- What stands here is checked against the model itself when the bundle is verified.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from banksman_inference.ports import TensorSpec

FORMAT = 1
MANIFEST_BYTES_MAX = 256_000

Name = Annotated[str, Meta(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_.-]*$", max_length=64)]
Text = Annotated[str, Meta(max_length=2000)]
Label = Annotated[str, Meta(min_length=1, max_length=64)]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
Pixels = Annotated[int, Meta(ge=1, le=4096)]

# embedding: patches or a vector for a head; score: features of sensors in, 0..1 out
Task = Literal["embedding", "anomaly", "classification", "score"]
BackendName = Literal["litert", "tensorrt"]
DTYPES = ("int8", "uint8", "int16", "int32", "float32")


class Member(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of the bundle."""

    size_bytes: Annotated[int, Meta(ge=1)]
    sha256: Sha256


class Preprocessing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From a picture to the input: resize, order the colours, (pixel - mean) / std by channel.

    ``resize``: "stretch" fills the input, "letterbox" keeps the proportions and pads with ``pad``,
    "crop" keeps them and cuts the middle out. ``interpolation``: "area" where it shrinks. Pixels
    are 0..255. What comes out is then quantised by the input's own scale and zero point.
    """

    width_px: Pixels
    height_px: Pixels
    resize: Literal["stretch", "letterbox", "crop"] = "stretch"
    interpolation: Literal["nearest", "linear", "area"] = "area"
    pad: Annotated[int, Meta(ge=0, le=255)] = 0
    colours: Literal["rgb", "bgr", "grey"] = "rgb"
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)

    @property
    def channels(self) -> int:
        """How many values a pixel has."""
        return 1 if self.colours == "grey" else 3


class Hardware(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the model needs. ``backends``: those it may run on, the preferred first."""

    backends: Annotated[tuple[BackendName, ...], Meta(min_length=1)] = ("tensorrt", "litert")
    memory_mib: Annotated[int, Meta(ge=1, le=65_536)] = 256
    threads: Annotated[int, Meta(ge=1, le=16)] = 1


class Golden(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How near outputs must come to those in ``golden.npz``.

    That file holds ``input_0`` ... and ``output_0`` ..., the cases as a further first axis of each.
    ``tolerance_lsb`` holds for quantised outputs, in steps of their scale: two runtimes round
    differently. Over fifty layers such steps add up in single values, though not in the mean: so a
    deep network allows more of them and bounds ``tolerance_mean_lsb``, the mean over each output.
    ``tolerance`` holds for float outputs, absolute. ``onnx_tolerance_lsb`` holds for model.onnx:
    Q/DQ has symmetric ranges and float biases, and cannot come as near; ``onnx_tolerance_mean_lsb``
    is its mean.
    """

    cases: Annotated[int, Meta(ge=1, le=64)]
    tolerance_lsb: Annotated[float, Meta(ge=0, le=128)] = 1.0
    tolerance_mean_lsb: Annotated[float, Meta(ge=0, le=128)] = 16.0
    tolerance: Annotated[float, Meta(ge=0)] = 1e-4
    onnx_tolerance_lsb: Annotated[float, Meta(ge=0, le=255)] = 8.0
    onnx_tolerance_mean_lsb: Annotated[float, Meta(ge=0, le=128)] = 16.0

    def for_onnx(self) -> Golden:
        """The same with what model.onnx is allowed."""
        return msgspec.structs.replace(
            self,
            tolerance_lsb=self.onnx_tolerance_lsb,
            tolerance_mean_lsb=self.onnx_tolerance_mean_lsb,
        )


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A bundle's description.

    ``features``: for the task "score", what the input's values are, in order.
    ``latency_budget_ms``: a backend that takes longer is given up where there is another.
    ``training_data``: what it was trained on and where that came from. ``metrics``: what its
    training measured, by name.
    """

    format: Literal[1]
    id: Name
    version: Name
    task: Task
    inputs: Annotated[tuple[TensorSpec, ...], Meta(min_length=1, max_length=8)]
    outputs: Annotated[tuple[TensorSpec, ...], Meta(min_length=1, max_length=16)]
    latency_budget_ms: Annotated[float, Meta(gt=0, le=60_000)]
    members: dict[Name, Member]
    golden: Golden
    preprocessing: Preprocessing | None = None
    features: Annotated[tuple[str, ...], Meta(max_length=1024)] = ()
    labels: Annotated[tuple[Label, ...], Meta(max_length=4096)] = ()
    thresholds: dict[Name, float] = {}
    hardware: Hardware = Hardware()
    training_data: Text = ""
    metrics: dict[Name, float] = {}
    licence: Text = ""


def decode_manifest(text: bytes) -> Manifest:
    """Read a bundle's ``manifest.json``. Raises ValueError saying what is wrong and where."""
    if len(text) > MANIFEST_BYTES_MAX:
        raise ValueError(f"the manifest is over {MANIFEST_BYTES_MAX} bytes")
    try:
        told = msgspec.json.decode(text, type=_Format).format
        if told > FORMAT:
            raise ValueError(f"the manifest is of format {told}; update this box")
        manifest = msgspec.json.decode(text, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"the manifest: {error}") from error
    for flaw in flaws(manifest):
        raise ValueError(f"the manifest: {flaw}")
    return manifest


def encode_manifest(manifest: Manifest) -> bytes:
    """The manifest's one spelling: keys sorted, two blanks deep, a newline at the end."""
    return msgspec.json.format(msgspec.json.encode(manifest, order="sorted"), indent=2) + b"\n"


def flaws(manifest: Manifest) -> Iterator[str]:
    """What is wrong although every field has its type."""
    for spec in (*manifest.inputs, *manifest.outputs):
        yield from _tensor_flaws(spec)
    tables = {"thresholds": manifest.thresholds, "metrics": manifest.metrics}
    yield from (
        f"{table}.{name} is not a finite number"
        for table, values in tables.items()
        for name, value in values.items()
        if not math.isfinite(value)
    )
    if manifest.preprocessing is not None:
        yield from _picture_flaws(manifest.inputs[0], manifest.preprocessing)
    elif manifest.task != "score":
        yield f"the task {manifest.task} needs preprocessing"
    if manifest.task == "score":
        yield from _score_flaws(manifest)


def _tensor_flaws(spec: TensorSpec) -> Iterator[str]:
    if spec.dtype not in DTYPES:
        yield f"tensor {spec.name} is {spec.dtype}; taken are {', '.join(DTYPES)}"
    if len(spec.shape) > 6 or any(not 1 <= size <= 1 << 24 for size in spec.shape):
        yield f"tensor {spec.name} has the shape {spec.shape}"
    elif math.prod(spec.shape) > 1 << 26:
        yield f"tensor {spec.name} is too large"
    if not (math.isfinite(spec.scale) and spec.scale >= 0):
        yield f"tensor {spec.name} has the scale {spec.scale}"


def _picture_flaws(spec: TensorSpec, made: Preprocessing) -> Iterator[str]:
    wanted = (1, made.height_px, made.width_px, made.channels)
    if spec.shape != wanted:
        yield f"preprocessing makes {wanted}, and input {spec.name} is {spec.shape}"
    for name, values in (("mean", made.mean), ("std", made.std)):
        if len(values) not in (1, made.channels) or not all(map(math.isfinite, values)):
            yield f"preprocessing.{name} has one number, or {made.channels}: one a channel"
    if not all(value > 0 for value in made.std):
        yield "preprocessing.std must be over 0"


def _score_flaws(manifest: Manifest) -> Iterator[str]:
    if len(manifest.inputs) != 1 or len(manifest.outputs) != 1:
        yield "the task score has one input and one output"
        return
    takes, gives = math.prod(manifest.inputs[0].shape), math.prod(manifest.outputs[0].shape)
    if takes != len(manifest.features):
        yield f"features names {len(manifest.features)}, and the input takes {takes}"
    if gives > 1 and gives != len(manifest.labels):
        yield f"labels names {len(manifest.labels)}, and the output gives {gives}"


class _Format(msgspec.Struct):
    """Read first, so that a newer manifest is told from a wrong one."""

    format: Annotated[int, Meta(ge=1)]
