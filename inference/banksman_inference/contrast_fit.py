"""Trains a `contrast`: one hidden layer, by Adam, in numpy.

Patches are first whitened by the good ones (their covariance becomes the identity), so that a
change counts by how unusual it is for good parts and not by how loud its channel is. Then

    minimise  mean cross-entropy, good and made-defect patches weighing alike

with Adam (Kingma and Ba, 2015), its rate falling along a cosine, and decoupled weight decay. A
step is under a millisecond of small products; `step` is told after each pass so that a caller may
stop it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from banksman_inference.contrast import Contrast

Floats = npt.NDArray[np.float32]
Halves = npt.NDArray[np.float16]

CHUNK = 4096
HIDDEN = 64
PASSES = 12
BATCH = 512
RATE = 2e-3
DECAY = 1e-4
RIDGE = 1e-2  # of the mean variance: channels that hardly vary are not blown up
MOMENTUM, SQUARES = 0.9, 0.999


def fit_contrast(
    good: Halves,
    defective: Halves,
    weights: Floats,
    random: np.random.Generator,
    step: Callable[[], None],
) -> Contrast:
    """``good`` (n, features), ``defective`` (m, features); ``weights`` (m,) of the latter sum to
    1."""
    mean, whiten = whitening(good)
    # Halves again: ten thousands of patches are the largest thing that learning holds.
    samples = np.empty((len(good) + len(defective), len(mean)), np.float16)
    for source, first in ((good, 0), (defective, len(good))):
        for start in range(0, len(source), CHUNK):
            part = source[start : start + CHUNK].astype(np.float32) - mean
            samples[first + start : first + start + len(part)] = part @ whiten
    truth = np.concatenate([np.zeros(len(good)), np.ones(len(defective))]).astype(np.float32)
    share = np.concatenate([np.full(len(good), 1 / len(good)), weights]).astype(np.float32)
    share *= np.float32(len(share) / 2)
    features = samples.shape[1]
    inward = random.normal(size=(features, HIDDEN)) / np.sqrt(features)
    outward = random.normal(size=HIDDEN) / np.sqrt(HIDDEN)
    layers = [inward.astype(np.float32), np.zeros(HIDDEN, np.float32),
              outward.astype(np.float32), np.zeros(1, np.float32)]  # fmt: skip
    adam = _Adam(layers)
    for number in range(PASSES):
        rate = RATE * 0.5 * (1 + np.cos(np.pi * number / PASSES))
        order = random.permutation(len(samples))
        for start in range(0, max(1, len(order) - BATCH + 1), BATCH):
            batch = order[start : start + BATCH]
            adam.step(
                _slopes(layers, samples[batch].astype(np.float32), truth[batch], share[batch]), rate
            )
        step()
    return Contrast(mean, whiten @ layers[0], layers[1], layers[2], layers[3])


def whitening(samples: Halves | Floats) -> tuple[Floats, Floats]:
    """Mean (features,) and the matrix after which the covariance is near identity."""
    mean = samples.mean(axis=0, dtype=np.float32)
    products = np.zeros((len(mean), len(mean)), np.float32)
    for start in range(0, len(samples), CHUNK):
        centred = samples[start : start + CHUNK].astype(np.float32) - mean
        products += centred.T @ centred
    sizes, axes = np.linalg.eigh(products / np.float32(len(samples)))
    spread = np.maximum(sizes, 0) + RIDGE * max(float(sizes.mean()), 1e-12)
    return mean, np.asarray(axes / np.sqrt(spread), dtype=np.float32)


class _Adam:
    """Moves the layers in place."""

    def __init__(self, layers: list[Floats]) -> None:
        self._layers = layers
        self._first = [np.zeros_like(each) for each in layers]
        self._second = [np.zeros_like(each) for each in layers]
        self._steps = 0

    def step(self, slopes: list[Floats], rate: float) -> None:
        self._steps += 1
        one, two = 1 - MOMENTUM**self._steps, 1 - SQUARES**self._steps
        for layer, slope, first, second in zip(
            self._layers, slopes, self._first, self._second, strict=True
        ):
            first += np.float32(1 - MOMENTUM) * (slope - first)
            second += np.float32(1 - SQUARES) * (slope * slope - second)
            decay = DECAY if layer.ndim == 2 or layer.size > 1 else 0.0
            move = (first / one) / (np.sqrt(second / two) + 1e-8) + decay * layer
            layer -= np.float32(rate) * move.astype(np.float32)


def _slopes(layers: list[Floats], samples: Floats, truth: Floats, share: Floats) -> list[Floats]:
    inward, inner, outward, outer = layers
    before = samples @ inward + inner
    hidden = np.maximum(before, 0)
    chance = 1 / (1 + np.exp(-np.clip(hidden @ outward + outer, -30, 30)))
    wrong = (share * (chance - truth) / len(truth)).astype(np.float32)
    back = np.outer(wrong, outward)
    back[before <= 0] = 0
    return [samples.T @ back, back.sum(axis=0), hidden.T @ wrong, wrong.sum(keepdims=True)]
