"""What commissioning needs of whoever learns and builds, as contracts (`workshop` is one)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from banksman.vision.in_use import InUse
from banksman.vision.inspection import Picture, Thresholds

Scores = npt.NDArray[np.float32]


class Learnt(Protocol):
    """What fitting has found; ``good_scores`` and ``defect_scores`` are held out."""

    @property
    def good_scores(self) -> Scores:
        """Of the good parts."""

    @property
    def defect_scores(self) -> Scores:
        """Of the defects."""


class Workshop(Protocol):
    """Learns and builds; blocks, on the commissioning's own thread (`workshop.py` is one)."""

    def fit(
        self,
        good: Sequence[Picture],
        defects: Sequence[Picture],
        labels: Sequence[str],
        progress: Callable[[int, int, str], None],
    ) -> Learnt:
        """Raises PictureRefused, InferenceError, ValueError, or what ``progress`` raised."""

    def build(self, learnt: Learnt, name: str, limits: Thresholds, about: str) -> bytes:
        """A bundle's bytes."""

    def load(self, path: Path) -> InUse:
        """A bundle, ready to look. Raises InferenceError with the reason."""
