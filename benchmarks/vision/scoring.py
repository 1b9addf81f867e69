"""Statistics of scores of good parts and defects, and their intervals over splits and groups. Pure.

An interval is a bootstrap's: it draws a split, and then groups of it with replacement, so that it
tells of both what a split decides and what so few pictures do.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
import numpy.typing as npt

FALSE_STOPS = 0.01
DRAWS = 300

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.intp]
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


def _draws(groups: Numbers, random: np.random.Generator) -> Numbers:
    """Pictures of groups drawn with replacement."""
    names, members = np.unique(groups, return_inverse=True)
    drawn = np.bincount(random.integers(len(names), size=len(names)), minlength=len(names))
    return np.repeat(np.arange(len(groups)), drawn[members])


def interval(runs: list[Run], statistic: Statistic, commissioned: bool) -> str:
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


def interval_of_classes(
    truth: npt.NDArray[np.str_], told: npt.NDArray[np.str_], groups: Numbers
) -> str:
    """The same of `macro_f1`, where every picture was judged once."""
    random = np.random.default_rng(0)
    drawn = [_draws(groups, random) for _ in range(DRAWS)]
    values = [macro_f1(truth[each], told[each]) for each in drawn]
    low, high = np.quantile(values, [0.025, 0.975])
    return f"95 % interval {low:.3f} to {high:.3f} over groups"
