"""vision.casting_*, vision.tile_*: how well defects are found, on pictures of real parts.

    good parts only   learn from about 100 good castings, or half of the good tiles; judge all
                      pictures of other groups. The peer is the plain way on the same split: how
                      far the backbone's embedding is from the nearest good part's.
    trained head      each of 5 folds by a head that was trained and chosen on the others
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
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import numpy.typing as npt

from benchmarks.context import Context
from benchmarks.figure import Direction, Figure, Target, figure
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
    from banksman.vision.fitting import Fitted
    from banksman.vision.inspector import Inspector
    from banksman.vision.preprocessing import Preprocessing

Floats = npt.NDArray[np.float64]
FALSE_STOPS = 0.01
LEARN = {"casting": 100, "tile": 238, "tile_unseen": 238}
DRAWS = 300
SPLITS = 5  # of good parts to learn from
TAUGHT = 2  # of good parts and defects
FOLDS = 5  # of all parts, for a head
# AUC and detection of good parts only; AUC, detection and macro-F1 of the head
LIMITS: dict[str, tuple[float | None, ...]] = {
    "casting": (0.985, 0.80, 0.995, 0.97, 0.92),
    "tile": (0.93, None, None, None, 0.92),
    "tile_unseen": (None, None, None, None, None),
}
PEER = "nearest good embedding"
Bools = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.intp]
Vectors = npt.NDArray[np.float32]
Statistic = Callable[[Floats, Bools], float]


class Run(msgspec.Struct, frozen=True):
    """What one split's inspector said of the pictures that it was judged by: ``scores`` (n,).

    ``threshold``: what commissioning chose for `FALSE_STOPS`; 0 where nothing was commissioned.
    """

    scores: Floats
    bad: Bools
    groups: Numbers
    threshold: float = 0.0

    def stopped(self) -> Floats:
        """1 for each picture over the threshold, else 0."""
        return (self.scores > self.threshold).astype(np.float64)


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


def false_stops(stopped: Floats, bad: Bools) -> float:
    """The share of good parts that are stopped."""
    return float(stopped[~bad].mean())


def caught(stopped: Floats, bad: Bools) -> float:
    """The share of defects that are stopped."""
    return float(stopped[bad].mean())


def _product(context: Context, product: Product, pictures: Pictures) -> list[Figure]:
    from banksman.vision.preprocessing import Preprocessing

    network = SeenOnce(shipped_backbone())
    rows, columns = network.inputs[0].shape[1:3]
    bench = _Bench(context, product, pictures, network, Preprocessing(rows, columns))
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
        heads, told = bench.heads(vectors)
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
            note=f"{note}; {_interval(runs, of, commissioned)}",
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
        make("head_auc", [heads], area_under, head_auc, held),
        make("head_detection_at_1pct", [heads], detection, head_found, held),
        figure(f"vision.{name}_head_macro_f1", "", [macro_f1(pictures.labels, told)],
               direction="higher", n=len(told), pressure_pct=pressure.pct,
               target=Target("value", f1) if f1 else None,
               note=f"{held}; {len(np.unique(told))} classes; "
               + _interval_of_classes(pictures, told)),
        make("taught_false_stops_as_commissioned", taught, false_stops, None,
             f"{wanted}; {both}", commissioned=True, direction="lower"),
        make("taught_detection_as_commissioned", taught, caught, None, f"{wanted}; {both}",
             commissioned=True),
        figure(f"vision.{name}_learning", "s", learning_s, direction="lower", n=count,
               pressure_pct=pressure.pct, note=f"processor time to learn and to judge; {learnt}; "
               "the backbone's runs on pictures seen before left out"),
    ]  # fmt: skip


class _Bench(msgspec.Struct, frozen=True):
    """One product, and how it is learnt and judged: always through `fit` and `Inspector`."""

    context: Context
    product: Product
    pictures: Pictures
    network: SeenOnce
    preparing: Preprocessing

    @property
    def learn(self) -> int:
        """How many good parts to learn from."""
        return 40 if self.context.quick else LEARN[self.product.name]

    def fit(self, good: Numbers, defects: Sequence[int] | Numbers, seed: int) -> Fitted:
        """As commissioning does."""
        from banksman.vision.fitting import fit

        images, labels = self.pictures.images, self.pictures.labels
        self.context.say(f"quality: {self.product.name}, learning from {len(good)} good parts and "
                         f"{len(defects)} defects")  # fmt: skip
        return fit(self.network, self.preparing, [images[each] for each in good],
                   [images[each] for each in defects], [str(labels[each]) for each in defects],
                   seed=seed)  # fmt: skip

    def judge(self, fitted: Fitted, judged: Numbers) -> Run:
        """By what was fitted, at the threshold that commissioning chooses of it."""
        from banksman.vision.choice import choose

        looking = self.inspector(memory=fitted.memory, head=fitted.head)
        scores = np.array([looking.inspect(self.pictures.images[each]).score for each in judged])
        chosen = choose([float(each) for each in fitted.good_scores], [], FALSE_STOPS)
        bad = self.pictures.labels[judged] != GOOD
        return Run(scores, bad, self.pictures.groups[judged], chosen.threshold)

    def inspector(self, **parts: Any) -> Inspector:
        """Of these parts."""
        from banksman.clock import SystemClock
        from banksman.vision.inspector import Inspector

        return Inspector(self.network, self.preparing, SystemClock(), **parts)

    def plain(self, vectors: Vectors, learn: Numbers, judged: Numbers) -> Run:
        """The peer's: the distance of the pooled embedding to the nearest good part's."""
        pooled = vectors[:, : self.network.outputs[-1].shape[3]]
        near = ((pooled[judged, None] - pooled[None, learn]) ** 2).sum(axis=2).min(axis=1)
        return Run(near.astype(np.float64), self.pictures.labels[judged] != GOOD,
                   self.pictures.groups[judged])  # fmt: skip

    def heads(self, views: list[Vectors]) -> tuple[Run, npt.NDArray[np.str_]]:
        """Every picture by the head of the other folds: its rarity, and the class it is given."""
        from banksman_inference.head_fit import fit_head

        pictures = self.pictures
        fold = folds_of(pictures, FOLDS)
        scores = np.zeros(len(fold))
        told = np.full(len(fold), GOOD, pictures.labels.dtype)
        for number in range(FOLDS):
            self.context.say(f"quality: {self.product.name}, head of fold {number + 1}")
            out = fold == number
            first, *mirrored = (each[~out] for each in views)
            labels = [str(each) for each in pictures.labels[~out]]
            head, _ = fit_head(first, labels, GOOD, 0, pictures.groups[~out], mirrored)
            looking = self.inspector(head=head)
            for place in np.flatnonzero(out):
                seen = looking.inspect(pictures.images[place])
                scores[place], told[place] = seen.score, seen.label
        return Run(scores, pictures.labels != GOOD, pictures.groups), told

    def taught(self, seed: int) -> Run:
        """Good parts and half of the defects, memory and head together."""
        learn, judged = split(self.pictures, self.learn, seed)
        fold = folds_of(self.pictures, 2, seed)
        is_bad = self.pictures.labels[judged] != GOOD
        taken = is_bad & (fold[judged] == 0)
        rest = ~np.isin(self.pictures.groups[judged], self.pictures.groups[judged[taken]])
        return self.judge(self.fit(learn, judged[taken], seed), judged[rest])

    def embeddings(self) -> list[Vectors]:
        """Of all pictures, and of them mirrored left for right and top for bottom."""
        from banksman.vision.backbone_maps import BackboneMaps
        from banksman_inference.class_head import embedding

        backbone = BackboneMaps(self.network, self.preparing.height, self.preparing.width)
        every, back = slice(None), slice(None, None, -1)
        views = []
        for across in ((every,), (every, back), (back,)):
            turned = (np.ascontiguousarray(each[across]) for each in self.pictures.images)
            seen = (backbone.see(self.preparing.prepare(each)) for each in turned)
            views.append(np.stack([embedding(each.covered()) for each in seen]))
        return views


def folds_of(pictures: Pictures, count: int, seed: int = 0) -> Numbers:
    """A fold for each picture: groups whole, every class spread over all folds."""
    random = np.random.default_rng(seed)
    fold = np.full(len(pictures.labels), -1, np.intp)
    for label in np.unique(pictures.labels):
        names = np.unique(pictures.groups[(pictures.labels == label) & (fold < 0)])
        for place, name in enumerate(random.permutation(names)):
            fold[pictures.groups == name] = place % count
    return fold


def _draws(groups: Numbers, random: np.random.Generator) -> Numbers:
    """Pictures of groups drawn with replacement."""
    names, members = np.unique(groups, return_inverse=True)
    drawn = np.bincount(random.integers(len(names), size=len(names)), minlength=len(names))
    return np.repeat(np.arange(len(groups)), drawn[members])


def _interval(runs: list[Run], statistic: Statistic, commissioned: bool) -> str:
    """The 95 % interval over splits and groups."""
    random = np.random.default_rng(0)
    values = []
    for number in range(DRAWS):
        run = runs[number % len(runs)]
        drawn = _draws(run.groups, random)
        bad = run.bad[drawn]
        if bad.any() and not bad.all():
            told = run.stopped() if commissioned else run.scores
            values.append(statistic(told[drawn], bad))
    low, high = np.quantile(values, [0.025, 0.975])
    return f"95 % interval {low:.3f} to {high:.3f} over {len(runs)} splits and groups"


def _interval_of_classes(pictures: Pictures, told: npt.NDArray[np.str_]) -> str:
    random = np.random.default_rng(0)
    drawn = [_draws(pictures.groups, random) for _ in range(DRAWS)]
    values = [macro_f1(pictures.labels[each], told[each]) for each in drawn]
    low, high = np.quantile(values, [0.025, 0.975])
    return f"95 % interval {low:.3f} to {high:.3f} over groups"
