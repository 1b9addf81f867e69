"""One product of `quality`: learnt and judged as the daemon does it, by `fit` and `Inspector`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import numpy.typing as npt

from benchmarks.context import Context
from benchmarks.vision.product_pictures import GOOD, Pictures, Product, split
from benchmarks.vision.scoring import FALSE_STOPS, Numbers, Run
from benchmarks.vision.seen_once import SeenOnce

if TYPE_CHECKING:
    from banksman.vision.fitting import Fitted
    from banksman.vision.inspector import Inspector
    from banksman.vision.preprocessing import Preprocessing

LEARN = {"casting": 100, "tile": 238, "tile_unseen": 238}
FOLDS = 5  # of all parts, for a head
Vectors = npt.NDArray[np.float32]


class Bench(msgspec.Struct, frozen=True):
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

    def heads(self, views: list[Vectors], seed: int) -> tuple[Run, npt.NDArray[np.str_]]:
        """Every picture by the head of the other folds: its rarity, and the class it is given.

        ``seed`` draws the folds.
        """
        from banksman_inference.head_fit import fit_head

        pictures = self.pictures
        fold = folds_of(pictures, FOLDS, seed)
        scores = np.zeros(len(fold))
        told = np.full(len(fold), GOOD, pictures.labels.dtype)
        for number in range(FOLDS):
            self.context.say(
                f"quality: {self.product.name}, head of fold {number + 1}, draw {seed + 1}"
            )
            out = fold == number
            first, *mirrored = (each[~out] for each in views)
            labels = [str(each) for each in pictures.labels[~out]]
            head, _ = fit_head(first, labels, GOOD, seed, pictures.groups[~out], mirrored)
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
