"""A trained head: which class of defect, and how sure, from the backbone's maps.

    head, averaged (1280)             ┐
    stage3..6, strongest and spread   ├─ standardised ─ logistic ─ / temperature ─ softmax ─ class,
    stage3..6, averaged, and at their ┘                                                  confidence
    weakest, lowest and highest share

The average knows what the part is; the strongest and the weakest answer anywhere know the small
defect that an average would drown, and the shares between them how much of the part it covers.
Only the logistic layer is trained: seconds on a Pi, and its weights are one flat vector, which is
what federated learning exchanges.

Rules of this file
- numpy only; a head is values, and the same examples give the same head.
- An embedding only ever grows at its end: a head that was trained on less looks at its beginning.
- Classes weigh alike however many examples each has (weights by inverse frequency).
- How strongly the weights are held small is chosen by examples held out, among `L2_TRIED`.
- The temperature is fitted to examples held out (Guo et al., "On calibration of modern neural
  networks", 2017), so that a confidence of 0.9 is right nine times in ten.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from banksman_inference.arrays import read_arrays, write_arrays
from banksman_inference.feature_maps import Maps
from banksman_inference.logistic import fit_logistic, softmax
from banksman_inference.ports import ModelRefused
from banksman_inference.rarity import GOOD_MIN, Rarity

Floats = npt.NDArray[np.float32]

BYTES_MAX = 16_000_000
FIRST_MAP = 1  # stage2 is of edges alone
SHARES = (0.05, 0.2)  # of the places: what a small and a larger defect cover of a part
L2_TRIED = (3e-5, 1e-4, 3e-4, 1e-3, 3e-3)
EXAMPLES_MIN = 2  # of each class
FOLDS = 5
_ARRAYS = ("mean", "scale", "weights", "bias", "temperature", "good", "labels")


def embedding(maps: Maps) -> Floats:
    """One vector (features,) for a picture; ``maps`` cut to what it covers, the head last."""
    *stages, head = maps
    parts = [head.mean(axis=(0, 1))]
    used = stages[FIRST_MAP:]
    for each in used:
        parts += [each.max(axis=(0, 1)), each.std(axis=(0, 1))]
    for each in used:
        places = each.reshape(-1, each.shape[2])
        ordered = np.sort(places, axis=0)
        parts += [ordered[0], places.mean(axis=0)]
        for share in SHARES:
            some = max(1, round(len(places) * share))
            parts += [ordered[-some:].mean(axis=0), ordered[:some].mean(axis=0)]
    return np.concatenate(parts).astype(np.float32)


class ClassHead:
    """A head in use. ``labels``: the classes' names in the order of the probabilities."""

    def __init__(self, labels: Sequence[str], mean: Floats, scale: Floats, weights: Floats,
                 bias: Floats, temperature: float, good: Floats) -> None:  # fmt: skip
        """``good``: the doubts (`doubt`) about good parts that were held out."""
        self._rarity = Rarity(good)
        self.labels = tuple(labels)
        self._mean = mean
        self._scale = scale
        self._weights = weights
        self._bias = bias
        self._temperature = temperature

    def chances(self, vectors: Floats) -> Floats:
        """Probabilities (n, classes) of embeddings (n, features)."""
        standard = (vectors[:, : len(self._mean)] - self._mean) / self._scale
        logits = (standard @ self._weights + self._bias) / np.float32(self._temperature)
        return softmax(np.asarray(logits, np.float32))

    def rarity(self, chances: Floats) -> float:
        """How rarely a good part looks so defective; ``chances`` (classes,) of one picture."""
        return float(self._rarity.of(doubt(chances[None]))[0])

    def flat(self) -> Floats:
        """Weights and biases as one vector of (features + 1) * classes numbers."""
        return np.concatenate([self._weights.ravel(), self._bias])

    def with_flat(self, flat: Floats) -> ClassHead:
        """The same head with other weights. Raises ValueError for another length."""
        size = self._weights.size
        if flat.shape != (size + len(self._bias),) or not np.isfinite(flat).all():
            raise ValueError(f"these are {flat.shape} weights; the head has {size} and its biases")
        weights = flat[:size].astype(np.float32).reshape(self._weights.shape)
        bias = flat[size:].astype(np.float32)
        return ClassHead(self.labels, self._mean, self._scale, weights, bias,
                         self._temperature, self._rarity.good)  # fmt: skip

    def to_bytes(self) -> bytes:
        """As a bundle keeps it."""
        return write_arrays({
            "mean": self._mean, "scale": self._scale, "weights": self._weights, "bias": self._bias,
            "temperature": np.array([self._temperature], np.float32),
            "good": self._rarity.good, "labels": np.array(self.labels, dtype=np.str_),
        })  # fmt: skip

    @classmethod
    def from_bytes(cls, data: bytes) -> ClassHead:
        """From a bundle. Raises ModelRefused saying what is wrong."""
        try:
            found = read_arrays(data, BYTES_MAX)
        except ValueError as error:
            raise ModelRefused(f"the head cannot be read ({error}); commission again") from error
        if set(found) != set(_ARRAYS):
            raise ModelRefused(f"the head holds {sorted(found)}; commission again")
        floats = {name: found[name] for name in _ARRAYS[:-1]}
        features, classes = len(floats["mean"]), len(found["labels"])
        shapes = {"mean": (features,), "scale": (features,), "weights": (features, classes),
                  "bias": (classes,), "temperature": (1,),
                  "good": (len(floats["good"]),)}  # fmt: skip
        for name, array in floats.items():
            if array.shape != shapes[name] or array.dtype != np.float32:
                raise ModelRefused(f"the head's {name} is {array.shape}; commission again")
            if not np.isfinite(array).all():
                raise ModelRefused(f"the head's {name} is not finite; commission again")
        if (floats["scale"] <= 0).any() or floats["temperature"][0] <= 0:
            raise ModelRefused("the head's scale is not over 0; commission again")
        labels = [str(each) for each in found["labels"]]
        if len(floats["good"]) < GOOD_MIN or classes < 2:
            raise ModelRefused("the head has too few classes or good parts; commission again")
        return cls(labels, floats["mean"], floats["scale"], floats["weights"], floats["bias"],
                   float(floats["temperature"][0]), floats["good"])  # fmt: skip


def doubt(chances: Floats) -> Floats:
    """The log odds that a part is not of the first class, good, for (n, classes)."""
    good = np.clip(chances[:, 0].astype(np.float64), 1e-9, 1 - 1e-7)
    return np.log((1 - good) / good).astype(np.float32)


def fit_head(
    vectors: Floats,
    labels: Sequence[str],
    first: str,
    seed: int = 0,
    groups: npt.NDArray[np.intp] | None = None,
    mirrored: Sequence[Floats] = (),
) -> tuple[ClassHead, Floats]:
    """A head, and for each example the probabilities that a head without it gives.

    ``vectors`` (n, features); ``first`` is the class that comes first, good parts. Examples of one
    of ``groups`` (n,) are held out together: near-duplicates. ``mirrored``: the embeddings of the
    same pictures mirrored, learnt from where that tells held-out pictures apart better, which is
    not so where left and right matter. Raises ValueError where a class has too few examples, or
    there is only one class.
    """
    names = [first, *sorted(set(labels) - {first})]
    classes = np.array([names.index(each) for each in labels])
    counts = np.bincount(classes, minlength=len(names))
    if len(names) < 2 or counts.min() < EXAMPLES_MIN:
        few = names[int(counts.argmin())]
        raise ValueError(f"a head needs {EXAMPLES_MIN} examples of each class; {few} has too few")
    fold = _folds(classes, np.arange(len(labels)) if groups is None else groups, seed)
    sets = [(vectors,), (vectors, *mirrored)] if mirrored else [(vectors,)]
    tried = {
        (l2, number): _held_out(views, classes, len(names), fold, l2)
        for l2 in L2_TRIED
        for number, views in enumerate(sets)
    }
    l2, number = best = min(
        tried, key=lambda each: _cost(tried[each], classes, _temperature(tried[each], classes))
    )
    held_out, views = tried[best], sets[number]
    temperature = _temperature(held_out, classes)
    chances = softmax(held_out / np.float32(temperature))
    good = doubt(chances[classes == 0])
    whole = _fit(np.concatenate(views), np.tile(classes, len(views)), len(names), l2)
    return ClassHead(names, *whole, temperature, good), chances


def _held_out(
    views: Sequence[Floats],
    classes: npt.NDArray[np.intp],
    count: int,
    fold: npt.NDArray[np.intp],
    l2: float,
) -> Floats:
    """The logits (n, count) that heads give to the first view of what they never saw in any."""
    vectors = views[0]
    logits = np.zeros((len(vectors), count), np.float32)
    for number in range(fold.max() + 1):
        out = fold == number
        learnt = np.concatenate([view[~out] for view in views])
        mean, scale, weights, bias = _fit(learnt, np.tile(classes[~out], len(views)), count, l2)
        logits[out] = (vectors[out] - mean) / scale @ weights + bias
    return logits


def _fit(vectors: Floats, classes: npt.NDArray[np.intp], count: int, l2: float) -> tuple[
    Floats, Floats, Floats, Floats]:  # fmt: skip
    mean = vectors.mean(axis=0)
    # By the root of the features, so that the penalty means the same for any backbone.
    scale = (vectors.std(axis=0) + 1e-3) * np.float32(np.sqrt(vectors.shape[1] / 100))
    sizes = np.bincount(classes, minlength=count)
    weights = (1 / (count * np.maximum(sizes, 1)))[classes].astype(np.float32)
    matrix, bias = fit_logistic((vectors - mean) / scale, classes, count, weights, l2)
    return mean.astype(np.float32), scale.astype(np.float32), matrix, bias


def _folds(
    classes: npt.NDArray[np.intp], groups: npt.NDArray[np.intp], seed: int
) -> npt.NDArray[np.intp]:
    """A fold for each example: groups whole, and every class spread over all folds."""
    random = np.random.default_rng(seed)
    fold = np.full(len(classes), -1, np.intp)
    for each in np.unique(classes):
        names = np.unique(groups[(classes == each) & (fold < 0)])
        for place, name in enumerate(random.permutation(names)):
            fold[groups == name] = place % FOLDS
    return fold


def _temperature(logits: Floats, classes: npt.NDArray[np.intp]) -> float:
    """What the held-out logits are to be divided by to be likeliest."""
    tried = [float(each) for each in np.geomspace(0.1, 10.0, 61)]
    return min(tried, key=lambda each: _cost(logits, classes, each))


def _cost(logits: Floats, classes: npt.NDArray[np.intp], temperature: float) -> float:
    """The mean surprise at the true classes, in nats."""
    chances = softmax(logits / np.float32(temperature))[np.arange(len(classes)), classes]
    return float(-np.log(np.maximum(chances, 1e-9)).mean())
