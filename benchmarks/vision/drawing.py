"""Strokes and blots that made products and their defects are drawn with: shares 0 … 1 of a side."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Random = np.random.Generator

SIDE = 192


def cut(ground: Floats, random: Random) -> Floats:
    """A crop of a picture, anywhere."""
    top, left = random.integers(0, np.array(ground.shape) - SIDE)
    return ground[top : top + SIDE, left : left + SIDE].copy()


def noise(random: Random, blur: float) -> Floats:
    """Smooth noise of spread 1."""
    grain = random.normal(0, 1, (SIDE, SIDE)).astype(np.float32)
    if blur:
        grain = np.asarray(cv2.GaussianBlur(grain, (0, 0), blur), np.float32)
    return np.asarray(grain / grain.std(), np.float32)


def blot(random: Random, size: float, at: npt.NDArray[np.float64] | None = None) -> Floats:
    """Shares 0 … 1 of an uneven blot: a disc whose edge is moved by smooth noise."""
    rows, columns = grid()
    centre = random.uniform(30, SIDE - 30, 2) if at is None else at
    far = np.hypot(columns - centre[0], rows - centre[1]) / size
    edge = 1 - far + 0.35 * noise(random, max(1.0, size / 3))
    return np.asarray(np.clip(edge * size / 2, 0, 1), np.float32)


def walk(random: Random, at: npt.NDArray[np.float64] | None = None, branches: int = 2) -> Floats:
    """Shares 0 … 1 of a jagged thin line that may branch."""
    cover = np.zeros((SIDE, SIDE), np.uint8)
    start = random.uniform(40, SIDE - 40, 2) if at is None else at
    for _ in range(branches):
        heading, here = random.uniform(0, 2 * np.pi), start
        for _ in range(int(random.integers(5, 12))):
            heading += random.normal(0, 0.5)
            after = here + random.uniform(3, 7) * np.array([np.cos(heading), np.sin(heading)])
            cv2.line(cover, point(here), point(after), 255, int(random.integers(1, 3)),
                     cv2.LINE_AA)  # fmt: skip
            here = after
    return np.asarray(cover.astype(np.float32) / 255, np.float32)


def blend(part: npt.NDArray[Any], other: npt.NDArray[Any], share: npt.NDArray[Any]) -> Floats:
    """``other`` over ``part`` by its share."""
    return np.asarray(part * (1 - share) + other * share, np.float32)


def grid() -> tuple[Floats, Floats]:
    """Each pixel's row and column."""
    rows, columns = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    return rows, columns


def point(at: npt.NDArray[np.generic]) -> tuple[int, int]:
    """As OpenCV's drawing takes it."""
    return int(at[0]), int(at[1])
