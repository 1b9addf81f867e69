"""A trained head: which class of defect, and how sure, from the backbone's maps.

    head, averaged (1280)             ┐
    stage3..6, strongest and spread   ├─ standardised ─ logistic ─ / temperature ─ softmax ─ class,
    stage3..6, averaged, and at their ┘                                                  confidence
    weakest, lowest and highest share

The average knows what the part is; the strongest and the weakest answer anywhere know the small
defect that an average would drown, and the shares between them how much of the part it covers.
Only the logistic layer is trained (`head_fit`): seconds on a Pi, and its weights are one flat
vector, which is what federated learning exchanges.

Rules of this file
- numpy only; a head is values.
- An embedding only ever grows at its end: a head that was trained on less looks at its beginning.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from banksman_inference.arrays import read_arrays, write_arrays
from banksman_inference.feature_maps import Maps
from banksman_inference.logistic import softmax
from banksman_inference.ports import ModelRefused
from banksman_inference.rarity import GOOD_MIN, Rarity

Floats = npt.NDArray[np.float32]

BYTES_MAX = 16_000_000
FIRST_MAP = 1  # stage2 is of edges alone
SHARES = (0.05, 0.2)  # of the places: what a small and a larger defect cover of a part
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
