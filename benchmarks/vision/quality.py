"""vision.casting_*, vision.tile_*: how well defects are found, on pictures of real parts.

    good parts only   learn from about 100 good castings, or half of the good tiles; judge all
                      pictures of other groups. The peer is the plain way on the same split: how
                      far the backbone's embedding is from the nearest good part's.
    trained head      each of 5 folds by a head that was trained and chosen on the others; the folds
                      are drawn several times, for one draw says little (ADR 0011)
    taught            good parts and half of the defects, learnt together as a plant does

    at_1pct           at the score that one judged good part in a hundred exceeds: what the scores
                      could do, with a threshold that nobody has on the day
    as_commissioned   at the threshold that commissioning itself chose for 1 % of false stops, from
                      the parts it learnt from

Rules of this file
- All scores are those of an `Inspector`, as the daemon has one, with the memory and the head that
  commissioning makes. Near-duplicates are never on both sides (`product_pictures`).
- Each value is a split's; the note has the 95 % interval over splits and groups: a bootstrap that
  draws a split, and then groups of it. Nothing is kept between runs.
"""

from __future__ import annotations

import time

import numpy as np

from benchmarks.context import Context
from benchmarks.figure import Direction, Figure, Target, figure
from benchmarks.pressure import Pressure
from benchmarks.vision.judging import FOLDS, LEARN, Bench
from benchmarks.vision.product_pictures import (
    CASTING,
    TILE,
    TILE_UNSEEN,
    Pictures,
    Product,
    load,
    split,
)
from benchmarks.vision.scoring import (
    FALSE_STOPS,
    Run,
    Statistic,
    area_under,
    caught,
    detection,
    false_stops,
    interval,
    interval_of_classes,
    macro_f1,
)
from benchmarks.vision.seen_once import SeenOnce, shipped_backbone

SPLITS = 5  # of good parts to learn from
TAUGHT = 2  # of good parts and defects
DRAWS = 4  # of the folds of heads
# AUC and detection of good parts only; AUC, detection and macro-F1 of the head
LIMITS: dict[str, tuple[float | None, ...]] = {
    "casting": (0.985, 0.80, 0.995, 0.97, 0.92),
    "tile": (0.93, None, None, None, 0.92),
    "tile_unseen": (None, None, None, None, None),
}
PEER = "nearest good embedding"


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


def _product(context: Context, product: Product, pictures: Pictures) -> list[Figure]:
    from banksman.vision.preprocessing import Preprocessing

    network = SeenOnce(shipped_backbone())
    rows, columns = network.inputs[0].shape[1:3]
    bench = Bench(context, product, pictures, network, Preprocessing(rows, columns))
    context.say(f"quality: {len(pictures.files)} pictures of {product.name}, "
                f"{len(np.unique(pictures.groups))} groups")  # fmt: skip
    once = context.quick or product is TILE_UNSEEN
    plain: list[Run] = []
    good_only: list[Run] = []
    learning_s: list[float] = []
    with Pressure() as pressure:
        network.remember([bench.preparing.prepare(each).tensor for each in pictures.images])
        vectors = bench.embeddings()
        for seed in range(1 if once else SPLITS):
            learn, judged = split(pictures, bench.learn, seed)
            began = time.process_time()
            good_only.append(bench.judge(bench.fit(learn, (), seed), judged))
            learning_s.append(time.process_time() - began)
            plain.append(bench.plain(vectors[0], learn, judged))
        drawn = [bench.heads(vectors, seed) for seed in range(1 if once else DRAWS)]
        heads, told = [run for run, _ in drawn], [classes for _, classes in drawn]
        taught = [bench.taught(seed) for seed in range(1 if once else TAUGHT)]
    name, count = product.name, sum(len(each.scores) for each in good_only)

    def make(what: str, runs: list[Run], of: Statistic, limit: float | None, note: str, *,
             commissioned: bool = False, peers: list[Run] | None = None,
             direction: Direction = "higher") -> Figure:  # fmt: skip
        def value(run: Run) -> float:
            return of(run.stopped() if commissioned else run.scores, run.bad)

        return figure(
            f"vision.{name}_{what}", "", [value(each) for each in runs], direction=direction,
            n=sum(len(each.scores) for each in runs), pressure_pct=pressure.pct,
            target=Target("value", limit) if limit else None, peer=PEER if peers else None,
            peer_values=[value(each) for each in peers or ()],
            note=f"{note}; {interval(runs, of, commissioned)}",
        )  # fmt: skip

    learnt = f"learnt from about {LEARN[name]} good parts; near-duplicates kept together"
    both = f"learnt from about {LEARN[name]} good parts and half of the defects"
    auc, found, head_auc, head_found, f1 = LIMITS[name]
    held = f"each part by a head of other groups ({FOLDS} folds), through the inspector"
    wanted = f"at the threshold chosen for {FALSE_STOPS:.0%} false stops"
    return [
        make("good_only_auc", good_only, area_under, auc, learnt, peers=plain),
        make("good_only_detection_at_1pct", good_only, detection, found, learnt, peers=plain),
        make("false_stops_as_commissioned", good_only, false_stops, None,
             f"{wanted}; {learnt}", commissioned=True, direction="lower"),
        make("detection_as_commissioned", good_only, caught, None, f"{wanted}; {learnt}",
             commissioned=True),
        make("head_auc", heads, area_under, head_auc, held),
        make("head_detection_at_1pct", heads, detection, head_found, held),
        figure(f"vision.{name}_head_macro_f1", "", [macro_f1(pictures.labels, one) for one in told],
               direction="higher", n=sum(map(len, told)), pressure_pct=pressure.pct,
               target=Target("value", f1) if f1 else None,
               note=f"{held}; {len(np.unique(pictures.labels))} classes; of the first draw "
               + interval_of_classes(pictures.labels, told[0], pictures.groups)),
        make("taught_false_stops_as_commissioned", taught, false_stops, None,
             f"{wanted}; {both}", commissioned=True, direction="lower"),
        make("taught_detection_as_commissioned", taught, caught, None, f"{wanted}; {both}",
             commissioned=True),
        figure(f"vision.{name}_learning", "s", learning_s, direction="lower", n=count,
               pressure_pct=pressure.pct, note=f"processor time to learn and to judge; {learnt}; "
               "the backbone's runs on pictures seen before left out"),
    ]  # fmt: skip
