"""Whether a picture shows anything: frozen and black are told from still and dim. Pure.

Rules of this file
- Frozen is not "looks the same": a sensor's noise differs in every frame, so a true frozen picture
  is bit for bit one that was shown before. A decoder that repeats its last few pictures in turn
  is frozen, too: a picture is news only if it is none of the last eight different ones.
- A compressed stream of a still scene may repeat a picture until its next key frame, so frozen
  takes its time (5 s) as well as some frames.
- Black is little light and little difference: a dark hall with one lamp is no black picture.
  One black frame, as from a strobe, is none either.
- A picture is looked at in every eighth row: 0.6 ms for 1920 x 1080 on the development machine.

    rows    0 ████████  looked at       every eighth pixel of it: brightness and spread
            1 ........                  all of it: the fingerprint
            8 ████████
"""

from __future__ import annotations

import zlib
from collections import deque

import msgspec
import numpy as np

from banksman_drivers.camera.source import Image

STEP = 8
KNOWN_PICTURES = 8
FROZEN_FRAMES = 5
DARK_AFTER_NS = 1_000_000_000
SHARP_PX = 256


class Look(msgspec.Struct, frozen=True):
    """What one picture is like. Brightness and its spread in percent of full scale."""

    fingerprint: int
    brightness_pct: float
    spread_pct: float


def look(image: Image) -> Look:
    """Look at a picture: height x width x 3 or height x width, uint8."""
    rows = np.ascontiguousarray(image[::STEP])
    few = rows[:, ::STEP].astype(np.float32)
    return Look(
        fingerprint=zlib.crc32(rows.data),  # releases the interpreter lock
        brightness_pct=float(few.mean()) / 2.55,
        spread_pct=float(few.std()) / 2.55,
    )


def sharpness(image: Image) -> float:
    """The variance of the Laplacian in the middle 256 x 256 pixels; small: out of focus.

    Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", ICPR 2000.
    """
    top = max(0, (image.shape[0] - SHARP_PX) // 2)
    left = max(0, (image.shape[1] - SHARP_PX) // 2)
    middle = image[top : top + SHARP_PX, left : left + SHARP_PX]
    # The green channel stands for brightness: most light, and no weighting to pay for.
    grey = (middle[..., 1] if middle.ndim == 3 else middle).astype(np.int16)
    centre = grey[1:-1, 1:-1]
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * centre
    return float(laplacian.var())


class Judge:
    """Looks at one open camera's pictures in turn.

    ``frozen_s``: without news for this long it is frozen, None: never. ``dark_below_pct``: both
    brightness and spread are under it for a second, 0: never.
    """

    def __init__(self, frozen_s: float | None, dark_below_pct: float) -> None:
        self.frozen = False
        self.dark = False
        self._frozen_ns = None if frozen_s is None else round(frozen_s * 1e9)
        self._dark_below_pct = dark_below_pct
        self._known: deque[int] = deque(maxlen=KNOWN_PICTURES)
        self._news_ns = 0
        self._repeated = 0
        self._dark_since_ns: int | None = None

    def take(self, seen: Look, now_ns: int) -> None:
        """Take the look at the next picture, which arrived at ``now_ns``."""
        self._take_news(seen.fingerprint, now_ns)
        if max(seen.brightness_pct, seen.spread_pct) >= self._dark_below_pct:
            self._dark_since_ns = None
        elif self._dark_since_ns is None:
            self._dark_since_ns = now_ns
        since_ns = self._dark_since_ns
        self.dark = since_ns is not None and now_ns - since_ns >= DARK_AFTER_NS

    def _take_news(self, fingerprint: int, now_ns: int) -> None:
        if fingerprint in self._known:
            self._repeated += 1
        else:
            self._known.append(fingerprint)
            self._repeated = 0
            self._news_ns = now_ns
        self.frozen = (
            self._frozen_ns is not None
            and self._repeated >= FROZEN_FRAMES
            and now_ns - self._news_ns >= self._frozen_ns
        )
