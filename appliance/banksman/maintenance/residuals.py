"""Sensors of one machine as one vector: what each shows beyond what the others let expect.

Rules of this file
- Pure. Normal is learned once from healthy vectors; then vectors come in, residuals go out: each
  sensor's value less what all the others let expect of it, from the inverse of the covariance.
- They are in the sensor's own unit; `beyond_spread` is what they scatter by in health.
- A pump whose current falls with its flow is healthy, one whose flow falls alone is not. What all
  do together is no residual: each sensor's own baseline sees that.
- The covariance is shrunk towards its diagonal, so that few learning vectors or sensors that
  move as one do no harm. A sensor that never moved while learning takes no part.
- Scaling, shifting or reordering the sensors does the same to their residuals.

    current  ---.   ,---      each by itself is out; given the other, none is
    flow     ---'   `---
"""

from __future__ import annotations

import msgspec
import numpy as np

from banksman.maintenance.keeping import Packed, packed, unpacked
from banksman.maintenance.rarity import Floats

# This part of the correlations is not believed.
SHRINKAGE = 0.1
VECTORS_LEAST = 20


class KeptNormal(msgspec.Struct, frozen=True):
    """A `MachineNormal` for the store: (3, sensors) of centre, spread and whether it moves, the
    inverse of the correlations (sensors, sensors), and the spread of partial residuals.
    """

    sensors: Packed
    inverse: Packed
    partial_spread: Packed


class MachineNormal:
    """What the sensors of one healthy machine show together."""

    def __init__(self, healthy: Floats) -> None:
        """``healthy``: (vectors, sensors), finite. Raises ValueError for too few of them."""
        if healthy.ndim != 2 or len(healthy) < VECTORS_LEAST or not np.isfinite(healthy).all():
            raise ValueError(f"{VECTORS_LEAST} or more healthy vectors without gaps are needed")
        self.sensors = healthy.shape[1]
        self._centre = np.median(healthy, axis=0)
        centred = healthy - self._centre
        spread = np.sqrt((centred * centred).mean(axis=0))
        # What is smaller than the rounding of the values themselves is no movement.
        moves = spread > 1e-9 * np.abs(self._centre)
        self._spread = np.where(moves, spread, 1.0)
        self._moves = moves.astype(np.float64)
        scaled = centred / self._spread * self._moves
        correlation = (1.0 - SHRINKAGE) * (scaled.T @ scaled) / len(scaled)
        np.fill_diagonal(correlation, 1.0)
        self._inverse = np.linalg.inv(correlation)
        partial = scaled @ self._inverse
        size = np.sqrt((partial * partial).mean(axis=0))
        self._partial_spread = np.where(size > 0.0, size, 1.0)

    @property
    def beyond_spread(self) -> Floats:
        """The healthy standard deviation of `beyond`, (sensors,); 0 for one that never moved."""
        size = self._partial_spread / np.diagonal(self._inverse)
        return np.asarray(size * self._spread * self._moves)

    def beyond(self, vectors: Floats) -> Floats:
        """Values less what the other sensors let expect of them; shape (..., sensors) both."""
        scaled = (vectors - self._centre) / self._spread * self._moves
        # Of a normal distribution: the mean given the others, from the inverse of the covariance.
        error = scaled @ self._inverse / np.diagonal(self._inverse)
        return np.asarray(np.where(self._moves > 0.0, error * self._spread, 0.0))

    def saved(self) -> KeptNormal:
        """For the store."""
        each = np.stack([self._centre, self._spread, self._moves])
        return KeptNormal(packed(each), packed(self._inverse), packed(self._partial_spread))

    @classmethod
    def restored(cls, kept: KeptNormal, sensors: int) -> MachineNormal | None:
        """From the store; None: it is not of so many sensors, or damaged."""
        each = unpacked(kept.sensors, 3, sensors, finite=True)
        inverse = unpacked(kept.inverse, sensors, sensors, finite=True)
        partial = unpacked(kept.partial_spread, sensors, finite=True)
        if each is None or inverse is None or partial is None:
            return None
        if (each[1] <= 0.0).any() or (np.diagonal(inverse) <= 0.0).any() or (partial <= 0.0).any():
            return None
        normal = cls.__new__(cls)
        normal.sensors = sensors
        normal._centre, normal._spread, normal._moves = each
        normal._inverse, normal._partial_spread = inverse, partial
        return normal
