"""What a model gives and what it owes: the values and contracts every backend shares.

A backend turns a feature vector into a Score. A Score is a model's output, not yet a
judgement: `banksman.deciding` judges it. Backends read no clock and do no I/O after load.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec


class InferenceError(Exception):
    """The root of what a backend may raise; the message names the model and the remedy."""


class ModelRefused(InferenceError, ValueError):
    """The model cannot be used: wrong shape, missing file, unreadable."""


class Score(msgspec.Struct, frozen=True, gc=False):
    """One inference: ``value`` in 0..1, ``confidence`` in 0..1, and what it stands for."""

    value: float
    confidence: float
    label: str = ""


class Capabilities(msgspec.Struct, frozen=True):
    """What a backend needs and offers."""

    backend: str
    accelerator: str = "cpu"
    threads: int = 1


class Model(Protocol):
    """A loaded model. ``score`` may be called from one thread at a time.

    ``inputs`` names the features in the order that ``score`` takes them.
    """

    @property
    def id(self) -> str:
        """Its name."""

    @property
    def version(self) -> str:
        """Changes with every training."""

    @property
    def inputs(self) -> Sequence[str]:
        """The features, in order."""

    def score(self, features: Sequence[float]) -> Score:
        """Score one feature vector of len(inputs); raises InferenceError, never hangs."""

    def capabilities(self) -> Capabilities:
        """What it runs on."""
