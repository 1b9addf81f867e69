"""vision.casting_*, vision.tile_*: how well defects are found, on pictures of real parts.

    good parts only   learn from about 100 good castings, or half of the good tiles; judge all
    pictures
                      of other groups. The peer is the plain way on the same split: how far the
                      backbone's embedding is from the nearest good part's.
    trained head      probabilities of a head that never saw the part nor its near-duplicates (5
    folds)

Near-duplicates are never on both sides (`product_pictures`). Each value is a seed's; the note has
the 95 % interval of a bootstrap over groups. Nothing is kept between runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from benchmarks.context import Context
from benchmarks.figure import Figure, Target, figure
from benchmarks.pressure import Pressure
from benchmarks.vision.product_pictures import (
    CASTING,
    GOOD,
    TILE,
    TILE_UNSEEN,
    Pictures,
    Product,
    load,
    split,
)
from benchmarks.vision.seen_once import SeenOnce, shipped_backbone

if TYPE_CHECKING:
    from banksman.vision.backbone_maps import BackboneMaps
    from banksman.vision.preprocessing import Preprocessing

Floats = npt.NDArray[np.float64]
FALSE_STOPS = 0.01
LEARN = {"casting": 100, "tile": 238, "tile_unseen": 238}
DRAWS = 300
SPLITS = 5  # of good parts to learn from; a head has its five folds
# AUC and detection of good parts only; AUC, detection and macro-F1 of the head
LIMITS: dict[str, tuple[float | None, ...]] = {
    "casting": (0.985, 0.80, 0.995, 0.97, 0.92),
    "tile": (0.93, None, None, None, 0.92),
    "tile_unseen": (None, None, None, None, None),
}
PEER = "nearest good embedding"
Run = tuple[Floats, npt.NDArray[np.bool_], npt.NDArray[np.intp]]
Statistic = Callable[[Floats, npt.NDArray[np.bool_]], float]


def measure(context: Context) -> list[Figure]:
    """All figures of both products; without the data aside none."""
    data = context.repo.parent / "shared" / "data"
    figures: list[Figure] = []
    for product in (CASTING, TILE, TILE_UNSEEN):
        pictures = load(product, data)
        if pictures is None:
            context.say(f"quality: no pictures of {product.name} in {data}; left out")
            continue
        figures += _product(context, product, pictures)
    return figures


def area_under(scores: Floats, bad: npt.NDArray[np.bool_]) -> float:
    """The chance that a defect scores over a good part; ties count half."""
    order = np.concatenate([scores[~bad], scores[bad]])
    _, place, counts = np.unique(order, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    goods, bads = int((~bad).sum()), int(bad.sum())
    return float((ranks[goods:].sum() - bads * (bads + 1) / 2) / (goods * bads))


def detection(scores: Floats, bad: npt.NDArray[np.bool_]) -> float:
    """The share of defects over the score that at most one good part in a hundred exceeds."""
    good = np.sort(scores[~bad])[::-1]
    return float((scores[bad] > good[int(FALSE_STOPS * len(good))]).mean())


def macro_f1(truth: npt.NDArray[np.str_], told: npt.NDArray[np.str_]) -> float:
    """The mean over the classes of 2 hits / (2 hits + false + missed)."""
    shares = []
    for each in np.unique(truth):
        hits = int(((truth == each) & (told == each)).sum())
        shares.append(2 * hits / max(1, int((truth == each).sum()) + int((told == each).sum())))
    return float(np.mean(shares))


def _product(context: Context, product: Product, pictures: Pictures) -> list[Figure]:
    from banksman.clock import SystemClock
    from banksman.vision.backbone_maps import BackboneMaps
    from banksman.vision.fitting import fit
    from banksman.vision.inspector import Inspector
    from banksman.vision.preprocessing import Preprocessing
    from banksman_inference.class_head import doubt, fit_head

    network = SeenOnce(shipped_backbone())
    rows, columns = network.inputs[0].shape[1:3]
    preparing = Preprocessing(rows, columns)
    context.say(f"quality: {len(pictures.files)} pictures of {product.name}, "
                f"{len(np.unique(pictures.groups))} groups")  # fmt: skip
    once = context.quick or product is TILE_UNSEEN
    good_only: list[Run] = []
    plain: list[tuple[Floats, npt.NDArray[np.bool_]]] = []
    learning_s: list[float] = []
    with Pressure() as pressure:
        network.remember([preparing.prepare(each).tensor for each in pictures.images])
        backbone = BackboneMaps(network, rows, columns)
        vectors, *mirrored = _embeddings(backbone, preparing, pictures)
        pooled = vectors[:, : network.outputs[-1].shape[3]]
        for seed in range(1 if once else SPLITS):
            learn, judged = split(pictures, 40 if context.quick else LEARN[product.name], seed)
            bad = pictures.labels[judged] != GOOD
            context.say(f"quality: {product.name}, good parts only, {len(learn)} to learn from")
            began = time.process_time()
            fitted = fit(network, preparing, [pictures.images[each] for each in learn], seed=seed)
            learning_s.append(time.process_time() - began)
            looking = Inspector(network, preparing, SystemClock(), memory=fitted.memory)
            scores = np.array([looking.inspect(pictures.images[each]).score for each in judged])
            good_only.append((scores, bad, pictures.groups[judged]))
            near = ((pooled[judged, None] - pooled[None, learn]) ** 2).sum(axis=2).min(axis=1)
            plain.append((near.astype(np.float64), bad))
        labels = [str(each) for each in pictures.labels]
        heads = [fit_head(vectors, labels, GOOD, 0, pictures.groups, mirrored)]
    truth = pictures.labels != GOOD
    doubts = [doubt(chances).astype(np.float64) for _, chances in heads]
    told = [np.array(head.labels)[chances.argmax(axis=1)] for head, chances in heads]
    name = product.name

    def make(what: str, values: list[float], limit: float | None, count: int, note: str,
             peers: list[float] | None = None) -> Figure:  # fmt: skip
        return figure(
            f"vision.{name}_{what}", "", values, direction="higher", n=count,
            pressure_pct=pressure.pct, target=Target("value", limit) if limit else None,
            peer=PEER if peers else None, peer_values=peers or (), note=note,
        )  # fmt: skip

    learnt = f"learnt from about {LEARN[name]} good parts; near-duplicates kept together"
    count = sum(len(scores) for scores, _, _ in good_only)
    auc, caught, head_auc, head_caught, f1 = LIMITS[name]
    judged_by = [(each, truth, pictures.groups) for each in doubts]
    held = "held out by groups, 5 folds"
    return [
        make("good_only_auc", [area_under(s, b) for s, b, _ in good_only], auc, count,
             f"{learnt}; {_interval(good_only, area_under)}",
             [area_under(s, b) for s, b in plain]),
        make("good_only_detection_at_1pct", [detection(s, b) for s, b, _ in good_only], caught,
             count, f"{learnt}; {_interval(good_only, detection)}",
             [detection(s, b) for s, b in plain]),
        make("head_auc", [area_under(each, truth) for each in doubts], head_auc, len(truth),
             f"{held}; {_interval(judged_by, area_under)}"),
        make("head_detection_at_1pct", [detection(each, truth) for each in doubts], head_caught,
             len(truth), f"{held}; {_interval(judged_by, detection)}"),
        make("head_macro_f1", [macro_f1(pictures.labels, each) for each in told],
             f1, len(truth), f"{held}; {len(np.unique(pictures.labels))} classes"),
        figure(f"vision.{name}_learning", "s", learning_s, direction="lower", n=len(learning_s),
               pressure_pct=pressure.pct, note=f"processor time; {learnt}; the backbone's runs "
               "on pictures seen before left out"),
    ]  # fmt: skip


def _embeddings(
    backbone: BackboneMaps, preparing: Preprocessing, pictures: Pictures
) -> list[npt.NDArray[np.float32]]:
    """Of all pictures, and of them mirrored left for right and top for bottom."""
    from banksman_inference.class_head import embedding

    views = []
    for across in ((slice(None),), (slice(None), slice(None, None, -1)), (slice(None, None, -1),)):
        turned = (np.ascontiguousarray(each[across]) for each in pictures.images)
        seen = (backbone.see(preparing.prepare(each)) for each in turned)
        views.append(np.stack([embedding(each.covered()) for each in seen]))
    return views


def _interval(runs: list[Run], statistic: Statistic) -> str:
    """The 95 % interval of the first seed's value: groups are drawn with replacement."""
    scores, bad, groups = runs[0]
    random = np.random.default_rng(0)
    names = np.unique(groups)
    members = {name: np.flatnonzero(groups == name) for name in names}
    values = []
    for _ in range(DRAWS):
        drawn = np.concatenate([members[name] for name in random.choice(names, len(names))])
        if bad[drawn].any() and not bad[drawn].all():
            values.append(statistic(scores[drawn], bad[drawn]))
    low, high = np.quantile(values, [0.025, 0.975])
    return f"95 % interval {low:.3f} to {high:.3f}"
