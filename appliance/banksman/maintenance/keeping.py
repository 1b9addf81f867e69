"""Arrays as the store keeps them: shape and bytes, checked when they come back. Pure.

Rules of this file
- What does not fit what is configured now is no array of ours: None, and it is learned anew.
- Numbers are kept with half the digits where nobody needs more (``fine`` False).
"""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Packed(msgspec.Struct, frozen=True):
    """An array; ``data`` holds float64, or float32 where it is not ``fine``. Little-endian."""

    shape: tuple[int, ...]
    fine: bool
    data: bytes


def packed(values: Floats, *, fine: bool = True) -> Packed:
    """For the store."""
    return Packed(values.shape, fine, values.astype("<f8" if fine else "<f4").tobytes())


def unpacked(kept: Packed, *shape: int | None, finite: bool = False) -> Floats | None:
    """The array, or None where it has not this ``shape`` (None: any length) or is damaged."""
    fits = len(kept.shape) == len(shape) and all(
        want is None or want == size for want, size in zip(shape, kept.shape, strict=True)
    )
    size = int(np.prod([max(each, 0) for each in kept.shape], dtype=object))
    if not fits or min(kept.shape, default=0) < 0 or len(kept.data) != size * (4, 8)[kept.fine]:
        return None
    values = np.frombuffer(kept.data, "<f8" if kept.fine else "<f4").astype(np.float64)
    if finite and not np.isfinite(values).all():
        return None
    return values.reshape(kept.shape)
