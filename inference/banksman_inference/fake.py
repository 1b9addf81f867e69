"""A model that scores as it is told: for trials, the demo and tests. It never hangs.

model = FakeModel("bearing", ("press.vibration.rms",))      # scores the first feature, 0..1
model.give = lambda features: Score(0.9, 0.8)               # or as you say
model.fail = InferenceError("the accelerator fell off")     # or raises
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from banksman_inference.ports import Capabilities, Score


def first_feature(features: Sequence[float]) -> Score:
    """The first feature, held within 0..1, told with full confidence."""
    return Score(min(1.0, max(0.0, features[0])), 1.0, "first feature")


class FakeModel:
    """A model whose answers are set from outside, and which counts how often it was asked."""

    def __init__(
        self,
        id: str,  # noqa: A002  the port's own word
        inputs: Sequence[str],
        give: Callable[[Sequence[float]], Score] = first_feature,
        version: str = "fake-1",
    ) -> None:
        self.id = id
        self.version = version
        self.inputs = tuple(inputs)
        self.give = give
        self.fail: Exception | None = None
        self.asked = 0

    def score(self, features: Sequence[float]) -> Score:
        """What ``give`` says, or the error it was told to raise."""
        self.asked += 1
        if self.fail is not None:
            raise self.fail
        return self.give(features)

    def score_nan(self) -> None:
        """From now on answer NaN, as a model does whose weights have diverged."""
        self.give = lambda _: Score(math.nan, math.nan)

    def capabilities(self) -> Capabilities:
        """Nothing is needed."""
        return Capabilities("fake")
