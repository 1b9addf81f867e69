"""Multinomial logistic regression in numpy: what heads and anomaly memories are trained with.

    minimise   sum_i w_i * cross-entropy(softmax(x_i W + b), y_i)  +  l2 / 2 * |W|^2

by L-BFGS (Nocedal and Wright, "Numerical Optimization", 2006, algorithm 7.4) with backtracking. The
problem is convex, so start and order of the samples do not matter. Every product over all samples
is one matrix product, which releases the interpreter lock.
"""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

MEMORY = 10
STEPS_MAX = 150
SHRINKS_MAX = 25
ENOUGH = 1e-4
ARMIJO = 1e-4


def softmax(logits: Floats) -> Floats:
    """Rows of probabilities; no overflow whatever the logits."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True), dtype=np.float32)


def fit_logistic(
    samples: Floats,
    classes: npt.NDArray[np.intp],
    count: int,
    weights: Floats,
    l2: float,
    start: Floats | None = None,
) -> tuple[Floats, Floats]:
    """Weights (features, count) and biases (count,).

    ``samples`` (n, features), standardised; ``classes`` (n,) in 0 … count - 1; ``weights`` (n,) sum
    to 1. The biases are free of ``l2``. ``start``: weights and biases, flat, to begin from.
    """
    truth = np.zeros((len(samples), count), np.float32)
    truth[np.arange(len(samples)), classes] = 1.0
    features = samples.shape[1]

    def loss_and_slope(at: Floats) -> tuple[float, Floats]:
        matrix, bias = at[: features * count].reshape(features, count), at[features * count :]
        chances = softmax(samples @ matrix + bias)
        likely = np.log(np.maximum((chances * truth).sum(axis=1), 1e-12))
        wrong = (chances - truth) * weights[:, None]
        slope = np.concatenate([(samples.T @ wrong + l2 * matrix).ravel(), wrong.sum(axis=0)])
        return float(-(weights @ likely) + l2 / 2 * np.vdot(matrix, matrix)), slope

    at = np.zeros((features + 1) * count, np.float32) if start is None else start
    loss, slope = loss_and_slope(at)
    pairs: deque[tuple[Floats, Floats, float]] = deque(maxlen=MEMORY)
    for _ in range(STEPS_MAX):
        if np.abs(slope).max() < ENOUGH:
            break
        step = -_direction(slope, pairs)
        descent = float(slope @ step)
        length = 1.0 if pairs else min(1.0, 1.0 / float(np.linalg.norm(slope)))
        for _ in range(SHRINKS_MAX):
            new = at + np.float32(length) * step
            new_loss, new_slope = loss_and_slope(new)
            if new_loss <= loss + ARMIJO * length * descent:
                break
            length /= 2
        else:
            break
        moved, turned = new - at, new_slope - slope
        curved = float(moved @ turned)
        if curved > 1e-12:
            pairs.append((moved, turned, 1.0 / curved))
        at, loss, slope = new, new_loss, new_slope
    return at[: features * count].reshape(features, count), at[features * count :]


def _direction(slope: Floats, pairs: deque[tuple[Floats, Floats, float]]) -> Floats:
    """The inverse Hessian of the last steps times the slope (the two-loop recursion)."""
    found = slope.copy()
    shares = []
    for moved, turned, inverse in reversed(pairs):
        share = np.float32(inverse * float(moved @ found))
        shares.append(share)
        found -= share * turned
    if pairs:
        moved, turned, _ = pairs[-1]
        found *= np.float32(float(moved @ turned) / float(turned @ turned))
    for (moved, turned, inverse), share in zip(pairs, reversed(shares), strict=True):
        found += (share - np.float32(inverse * float(turned @ found))) * moved
    return found
