"""Interleaved samples of a card become float32 between -1 and 1. Pure.

    S16_LE     | l h |             24 bits in 3 bytes are widened to the top of 32, so that the
    S24_3LE    | l m h |           sign is where the processor looks for it
    S32_LE     | l . . h |
    FLOAT_LE   | IEEE 754, 1.0 is full scale |

Names and layouts: alsa-lib, "PCM (digital audio) interface", snd_pcm_format_t.
"""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from banksman_drivers.settings.audio import SampleFormat

Raw = npt.NDArray[np.uint8]
Samples = npt.NDArray[np.float32]


class Layout(msgspec.Struct, frozen=True):
    """``number``: snd_pcm_format_t; ``bits``: those that carry the sample, at most float32's 24."""

    number: int
    sample_bytes: int
    bits: int

    @property
    def clipped_at(self) -> float:
        """The largest positive code: what reaches it was perhaps larger.

        A converter with fewer bits than its container stops short of the container's end, by less
        than its own step: S32_LE is taken for the 24 bits that such converters have.
        """
        return 1.0 - 2.0 ** (1 - self.bits)


LAYOUTS: dict[SampleFormat, Layout] = {
    "S16_LE": Layout(number=2, sample_bytes=2, bits=16),
    "S24_3LE": Layout(number=32, sample_bytes=3, bits=24),
    "S32_LE": Layout(number=10, sample_bytes=4, bits=24),
    "FLOAT_LE": Layout(number=14, sample_bytes=4, bits=24),
}


def unpacked(raw: Raw, sample_format: SampleFormat, channels: int) -> Samples:
    """Whole frames as (n, channels). A float that is no number stays one."""
    if sample_format == "S16_LE":
        flat = raw.view("<i2").astype(np.float32) * np.float32(2.0**-15)
    elif sample_format == "S24_3LE":
        wide = np.zeros((len(raw) // 3, 4), np.uint8)
        wide[:, 1:] = raw.reshape(-1, 3)
        flat = wide.reshape(-1).view("<i4").astype(np.float32) * np.float32(2.0**-31)
    elif sample_format == "S32_LE":
        flat = raw.view("<i4").astype(np.float32) * np.float32(2.0**-31)
    else:
        flat = raw.view("<f4").astype(np.float32)
    return flat.reshape(-1, channels)
