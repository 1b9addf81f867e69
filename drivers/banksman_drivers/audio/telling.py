"""Blocks become bursts in the unit of their sensor; how the card does, in words. Pure.

| in a block | the burst is |
|---|---|
| a sample at the end of the card's range (clipped) | UNCERTAIN |
| nothing but zeros: no converter is so quiet, it is muted | UNCERTAIN, and a fault |
| a sample out of the point's range; cut at a gap; a rate that no card has | UNCERTAIN |
| a sample that is no number | BAD |
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from banksman_drivers.audio.blocks import Block, Blocks
from banksman_drivers.audio.formats import LAYOUTS
from banksman_drivers.audio.sample_clock import SampleClock
from banksman_drivers.points import judge
from banksman_drivers.ports import Burst, Quality
from banksman_drivers.settings.audio import AudioSettings


class Told(msgspec.Struct, frozen=True):
    """The bursts of one block, which sensors clipped in it and which were silent."""

    bursts: tuple[Burst, ...]
    clipped: tuple[str, ...]
    silent: tuple[str, ...]


def told(settings: AudioSettings, block: Block, doubt: bool) -> Told:
    """A burst for each point. ``doubt``: the rate is not what a healthy card has."""
    bursts, clipped, silent = [], [], []
    limit = LAYOUTS[settings.sample_format].clipped_at
    for point in settings.points:
        samples = block.samples[:, point.channel - 1]
        low, high = float(samples.min()), float(samples.max())
        factor = point.factor
        quality = judge(point, low * factor, high * factor)
        if max(-low, high) >= limit:
            clipped.append(point.name)
        if low == high == 0.0:
            silent.append(point.name)
        doubted = doubt or not block.whole or point.name in (*clipped, *silent)
        if quality is Quality.GOOD and doubted:
            quality = Quality.UNCERTAIN
        values = samples * np.float32(factor)  # contiguous, and free of the other channels
        values.flags.writeable = False
        sensor = f"{settings.id}.{point.name}"
        bursts.append(Burst(sensor, values, block.rate_hz, point.unit, quality, block.last_ns))
    return Told(tuple(bursts), tuple(clipped), tuple(silent))


def message(clock: SampleClock, blocks: Blocks, clipped: int, remark: str) -> str:
    """How the sampling goes, for people."""
    words = "connected"
    if clock.settled:
        words += f", {clock.rate_hz:.2f} samples/s ({clock.drift_ppm:+.0f} ppm of nominal)"
    if clock.off:
        words += "; that is no healthy card's rate"
    if clock.overruns or clock.lost:
        words += (
            f"; {clock.overruns} overruns, {clock.lost} samples lost and {blocks.discarded} let go"
            " since the start"
        )
    if clipped:
        words += f"; {clipped} bursts clipped, turn the gain down"
    return words + remark


def fault(silent: Sequence[str]) -> str:
    """Why a card that samples is of no use; empty when it is of use."""
    if not silent:
        return ""
    which = ", ".join(silent)
    return f"nothing but zeros from {which}: unmute it (alsamixer, F4) and check the sensor's cable"
