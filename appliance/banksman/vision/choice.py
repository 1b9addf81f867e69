"""The threshold for a wanted false-stop rate, and what so few parts can prove. Pure.

    good parts, held out    ▂▅█▇▅▃▂▁ ▁            a new good part is as likely to be the highest as
    defects                          ▁ ▃▅█▇▅      any of the n: it lies over the k-th highest of
                                     ▲ threshold  them in k of n + 1 cases

Rules of this file
- Scores are of parts that the memory has not seen (`fitting`), in rarity.
- The rate is that of new parts, so the threshold is the k-th highest with k / (n + 1) at most the
  rate (split conformal prediction: Papadopoulos et al., ECML 2002). Counting among the n
  themselves, one more over it than that, would stop about twice the wanted share at 1 in 100.
- A rate under 1 / (n + 1) is beyond every part that was seen: the threshold is then the largest of
  them, or the rarity that stands for the rate, whichever is higher.
- With no false stop among n parts the true rate is under 3 / n with 95 % ("rule of three": Hanley
  and Lippman-Hand, JAMA 249, 1983). A smaller rate is told as not proven.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from banksman.vision.rates import Share, share

RATES = (0.05, 0.02, 0.01, 0.005, 0.002, 0.001)


class Choice(msgspec.Struct, frozen=True):
    """A threshold for one wanted rate; ``proven``: so many good parts can show that rate."""

    rate: float
    threshold: float
    false_stops: Share
    caught: Share
    proven: bool


def choose(good: Sequence[float], defects: Sequence[float], rate: float) -> Choice:
    """The threshold for a wanted false-stop rate. Raises ValueError without good scores."""
    if not good or not 0.0 < rate < 1.0:
        raise ValueError(f"a rate of {rate} cannot be chosen from {len(good)} good parts")
    ordered = sorted(good, reverse=True)
    # A rate that n + 1 parts just reach is reached, whatever the product's last bit.
    place = math.floor(rate * (len(ordered) + 1) + 1e-9)
    threshold = ordered[place - 1] if place else max(ordered[0], -math.log10(rate))
    return Choice(
        rate=rate,
        threshold=threshold,
        false_stops=share(sum(each > threshold for each in good), len(good)),
        caught=share(sum(each > threshold for each in defects), len(defects)),
        proven=len(good) * rate >= 3.0,
    )


def choices(good: Sequence[float], defects: Sequence[float]) -> list[Choice]:
    """One for each of the usual rates; none without good scores."""
    return [choose(good, defects, rate) for rate in RATES] if good else []
