"""Trains a `ClassHead`, and says honestly what it would say of parts that it never saw.

    outer fold held out ─┬─ the others, in turn: which strength and which pictures tell best
                         └─ a head of those others, so chosen ──> probabilities of the fold

Rules of this file
- numpy only; the same examples and seed give the same head.
- Classes weigh alike however many examples each has (weights by inverse frequency).
- How strongly the weights are held small is chosen among `L2_TRIED`, and whether mirrored pictures
  are learnt from as well. What is told of an example comes from a head whose weights, strength,
  pictures and temperature were all chosen without its fold (nested cross-validation: Cawley and
  Talbot, JMLR 11, 2010). Near-duplicates share a group, and groups are held out whole.
- The temperature is fitted to examples held out (Guo et al., "On calibration of modern neural
  networks", 2017), so that a confidence of 0.9 is right nine times in ten.
- One model without folds a and b serves the inner turns of both: 15 fits for each choice, not 25;
  and each starts from the one that was held a step smaller.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

import msgspec
import numpy as np
import numpy.typing as npt

from banksman_inference.class_head import ClassHead, doubt
from banksman_inference.logistic import fit_logistic, softmax

Floats = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.intp]

L2_TRIED = (3e-3, 1e-3, 3e-4, 1e-4, 3e-5)  # from the smallest weights on
EXAMPLES_MIN = 2  # of each class
FOLDS = 5


class Tried(msgspec.Struct):
    """What one strength and one set of pictures gave, as logits (n, classes).

    ``alone``: of each example, by the model without its fold. ``beside[out]``: the same by the
    models that did not see the fold ``out`` either; nothing for the examples of that fold.
    """

    alone: Floats
    beside: Floats


def fit_head(
    vectors: Floats,
    labels: Sequence[str],
    first: str,
    seed: int = 0,
    groups: Numbers | None = None,
    mirrored: Sequence[Floats] = (),
    step: Callable[[], None] = lambda: None,
) -> tuple[ClassHead, Floats]:
    """A head, and for each example the probabilities that it has by what never saw its fold.

    ``vectors`` (n, features); ``first`` is the class that comes first, good parts. Examples of one
    of ``groups`` (n,) are held out together: near-duplicates. ``mirrored``: the embeddings of the
    same pictures mirrored, learnt from where that tells held-out pictures apart better, which is
    not so where left and right matter. ``step`` is called `steps` times. Raises ValueError where a
    class has too few examples, or there is only one class.
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
        (l2, number): each
        for number, views in enumerate(sets)
        for l2, each in _tried(views, classes, len(names), fold, step).items()
    }
    held_out = np.zeros((len(vectors), len(names)), np.float32)
    for out in range(FOLDS):
        inside, told = fold != out, fold == out
        if not told.any():
            continue
        best = min(tried, key=lambda each: _best(tried[each].beside[out], classes, inside)[0])
        _, temperature = _best(tried[best].beside[out], classes, inside)
        held_out[told] = tried[best].alone[told] / np.float32(temperature)
    chances = softmax(held_out)
    whole = np.ones(len(fold), bool)
    l2, number = min(tried, key=lambda each: _best(tried[each].alone, classes, whole)[0])
    _, temperature = _best(tried[l2, number].alone, classes, whole)
    views = sets[number]
    path = _Path(np.concatenate(views), np.tile(classes, len(views)), len(names))
    mean, scale, weights, bias = path.to(l2)
    good = doubt(chances[classes == 0])
    return ClassHead(names, mean, scale, weights, bias, temperature, good), chances


def steps(mirrored: bool) -> int:
    """How often `fit_head` calls its ``step``."""
    return (FOLDS + FOLDS * (FOLDS - 1) // 2) * (2 if mirrored else 1)


def _tried(
    views: Sequence[Floats],
    classes: Numbers,
    count: int,
    fold: Numbers,
    step: Callable[[], None],
) -> dict[float, Tried]:
    """For each strength. Models see all views; what is told is of the first."""
    vectors = views[0]
    shape = (len(vectors), count)
    found = {l2: Tried(np.zeros(shape, np.float32), np.zeros((FOLDS, *shape), np.float32))
             for l2 in L2_TRIED}  # fmt: skip
    for out in (*((one, one) for one in range(FOLDS)), *combinations(range(FOLDS), 2)):
        learnt = ~np.isin(fold, out)
        path = _Path(np.concatenate([view[learnt] for view in views]),
                     np.tile(classes[learnt], len(views)), count)  # fmt: skip
        for l2 in L2_TRIED:
            mean, scale, weights, bias = path.to(l2)
            logits = (vectors[~learnt] - mean) / scale @ weights + bias
            if out[0] == out[1]:
                found[l2].alone[~learnt] = logits
                continue
            of = fold[~learnt]
            for one, other in (out, out[::-1]):
                found[l2].beside[other, fold == one] = logits[of == one]
        step()
    return found


class _Path:
    """Heads of the same examples from the strongest held small to the least, each begun from the
    one before."""

    def __init__(self, vectors: Floats, classes: Numbers, count: int) -> None:
        self._mean = vectors.mean(axis=0).astype(np.float32)
        # By the root of the features, so that the penalty means the same for any backbone.
        spread = (vectors.std(axis=0) + 1e-3) * np.float32(np.sqrt(vectors.shape[1] / 100))
        self._scale = spread.astype(np.float32)
        self._samples = (vectors - self._mean) / self._scale
        self._classes = classes
        self._count = count
        sizes = np.bincount(classes, minlength=count)
        self._weights = (1 / (count * np.maximum(sizes, 1)))[classes].astype(np.float32)
        self._at: Floats | None = None
        self._tried = list(L2_TRIED)

    def to(self, l2: float) -> tuple[Floats, Floats, Floats, Floats]:
        """Mean, scale, weights and biases for this strength, one of those not yet passed."""
        while True:
            now = self._tried.pop(0)
            matrix, bias = fit_logistic(
                self._samples, self._classes, self._count, self._weights, now, self._at
            )
            self._at = np.concatenate([matrix.ravel(), bias])
            if now == l2:
                return self._mean, self._scale, matrix, bias


def _folds(classes: Numbers, groups: Numbers, seed: int) -> Numbers:
    """A fold for each example: groups whole, and every class spread over all folds."""
    random = np.random.default_rng(seed)
    fold = np.full(len(classes), -1, np.intp)
    for each in np.unique(classes):
        names = np.unique(groups[(classes == each) & (fold < 0)])
        for place, name in enumerate(random.permutation(names)):
            fold[groups == name] = place % FOLDS
    return fold


def _best(logits: Floats, classes: Numbers, among: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """The least mean surprise at the true classes in nats, and the temperature that gives it."""
    some, truth = logits[among], classes[among]
    tried = [float(each) for each in np.geomspace(0.1, 10.0, 61)]
    return min((_cost(some, truth, each), each) for each in tried)


def _cost(logits: Floats, classes: Numbers, temperature: float) -> float:
    chances = softmax(logits / np.float32(temperature))[np.arange(len(classes)), classes]
    return float(-np.log(np.maximum(chances, 1e-9)).mean())
