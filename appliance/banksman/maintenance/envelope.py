"""How the strength of a signal pulsates, band by band: squared envelope spectra.

Rules of this file
- Pure. Samples in, an `EnvelopeBands` out; laws: scaling or shifting the samples changes nothing.
- No band is picked by hand or by kurtosis (one knock fools that): every band is looked at, and the
  evidence in all of them is weighed together (evidence.py). What is shown to people is the band in
  which the evidence is strongest.
- A line of the envelope spectrum is judged against the noise beside it, so that neither the gain
  of a sensor nor the colour of the noise matters.

    samples -> whitened -> | band 0 | band 1 | ... | -> |analytic|^2 -> spectrum / its running
    median spectrum    flat, lines cut to 3 x their surroundings: gear mesh and mains must not
    drown impacts

Whitening takes what the transmission path coloured away (Randall and Antoni, MSSP 25 (2011)
485-520, section 5); the statistics of a squared envelope spectrum of noise: Antoni and Randall,
Struct. Health Monit. 2004; Borghesani and Antoni, MSSP 2018: |.|^2 is exponentially distributed.
"""

from __future__ import annotations

import math

import msgspec
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# A line may stand this far over its surroundings before it is cut: noise alone reaches it in one
# bin of ten thousand (exp(-9)), so the noise passes as it is.
LINE_MAX = 3.0
# The median of an exponential distribution over its mean.
MEDIAN_OVER_MEAN = math.log(2)
LEVEL_LEAST = 1e-9  # of a band's mean: where there is nothing, nothing is made of it
PADDING = 2  # a line between two bins of a sine taper would lose 2 dB; with twice the bins 0.5 dB


class EnvelopeBands(msgspec.Struct, frozen=True):
    """Envelope spectra of bands that lie side by side.

    ``over_floor``: (bands, lines), power over the mean of the noise beside it: 1 is noise.
    ``depth``: (bands, lines), the variance of that line's modulation in squares of the mean
    envelope; noise alone has a variance of 1 in all lines together. Line i is at i * ``step_hz``;
    ``low_hz``: (bands,).
    """

    over_floor: Floats
    depth: Floats
    step_hz: float
    low_hz: Floats
    width_hz: float


class Envelopes(msgspec.Struct, frozen=True):
    """The squared envelopes themselves: ``power`` (bands, n), each of mean 1, over ``lasts_s``.

    A band without anything in it (a sensor that ends below) has an envelope of 1.
    """

    power: Floats
    lasts_s: float
    low_hz: Floats
    width_hz: float
    smooth_hz: float

    def spectra(self) -> EnvelopeBands:
        """The spectra of all bands, up to ``width_hz``."""
        pulses = self.power - 1.0
        count = pulses.shape[1]
        taper = np.sin(np.pi * (np.arange(count) + 0.5) / count)
        lines = np.fft.rfft(pulses * taper, PADDING * count, axis=1)[:, : PADDING * count // 2]
        power = lines.real**2 + lines.imag**2
        step_hz = 1.0 / (self.lasts_s * PADDING)
        half = max(2, round(self.smooth_hz / step_hz))
        floor = np.stack([running_median(band, half) for band in power]) / MEDIAN_OVER_MEAN
        return EnvelopeBands(
            over_floor=np.divide(power, floor, out=np.zeros_like(power), where=floor > 0),
            depth=power * (2.0 / taper.sum() ** 2),
            step_hz=step_hz,
            low_hz=self.low_hz,
            width_hz=self.width_hz,
        )

    def variance(self) -> float:
        """That of the band which pulsates most, in squares of its mean; 1 for noise."""
        return float(self.power.var(axis=1).max())

    def levelled(self, over_s: float) -> Envelopes:
        """The same, each moment over the mean of ``over_s`` about it: what comes and goes more
        slowly (a burst, a load) fills a spectrum no longer."""
        count = self.power.shape[1]
        size = min(count, max(1, round(over_s / self.lasts_s * count)))
        sums = np.cumsum(np.pad(self.power, ((0, 0), (1, 0))), axis=1)
        starts = np.clip(np.arange(count) - size // 2, 0, count - size)
        level = np.maximum((sums[:, starts + size] - sums[:, starts]) / size, LEVEL_LEAST)
        power = self.power / level
        return msgspec.structs.replace(self, power=power / power.mean(axis=1, keepdims=True))

    def loudest_half(self) -> Envelopes:
        """The first, middle or last half: where all bands together are loudest."""
        count = self.power.shape[1]
        size = count // 2
        starts = (0, (count - size) // 2, count - size)
        parts = [self.power[:, start : start + size] for start in starts]
        means = [np.maximum(part.mean(axis=1, keepdims=True), 1e-12) for part in parts]
        best = int(np.argmax([float(np.log(mean).sum()) for mean in means]))
        return msgspec.structs.replace(
            self, power=parts[best] / means[best], lasts_s=self.lasts_s * size / count
        )


def envelopes(
    samples: npt.NDArray[np.floating], rate_hz: float, width_hz: float, smooth_hz: float
) -> Envelopes:
    """The envelope of every band of ``width_hz`` from 0 to half the rate.

    ``smooth_hz``: over how much of a spectrum its noise is taken as level. ``samples``: shape (n,).
    Raises ValueError where not even two bands fit or the record is shorter than 16 lines of a band.
    """
    count = len(samples)
    bins = math.ceil(width_hz * count / rate_hz)
    spectrum = whitened(samples, max(2, round(2 * smooth_hz * count / rate_hz)))
    bands = len(spectrum) // bins if bins else 0
    if bands < 2 or bins < 16:
        raise ValueError(
            f"{count} samples at {rate_hz:g} Hz cannot be split into bands of {width_hz:g} Hz"
        )
    shifted = np.zeros((bands, 2 * bins), dtype=np.complex128)
    shifted[:, :bins] = spectrum[: bands * bins].reshape(bands, bins)
    power = np.abs(np.fft.ifft(shifted, axis=1)) ** 2
    mean = power.mean(axis=1, keepdims=True)
    return Envelopes(
        power=np.divide(power, mean, out=np.ones_like(power), where=mean > 0),
        lasts_s=count / rate_hz,
        low_hz=np.arange(bands, dtype=np.float64) * (bins * rate_hz / count),
        width_hz=bins * rate_hz / count,
        smooth_hz=smooth_hz,
    )


def envelope_bands(
    samples: npt.NDArray[np.floating], rate_hz: float, width_hz: float, smooth_hz: float
) -> EnvelopeBands:
    """The envelope spectra of every band; arguments and errors are those of `envelopes`."""
    return envelopes(samples, rate_hz, width_hz, smooth_hz).spectra()


def whitened(samples: npt.NDArray[np.floating], half_bins: int) -> npt.NDArray[np.complex128]:
    """The spectrum with its surroundings levelled to 1 and single lines cut to LINE_MAX."""
    centred = samples - np.mean(samples, dtype=np.float64)
    spectrum = np.fft.rfft(centred)
    spectrum[0] = 0  # what centring left is rounding
    level = np.sqrt(running_median(np.abs(spectrum) ** 2, half_bins) / MEDIAN_OVER_MEAN)
    size = np.abs(spectrum)
    allowed = np.minimum(size, LINE_MAX * level)
    gain = np.divide(allowed, size * level, out=np.zeros_like(size), where=(size > 0) & (level > 0))
    flat: npt.NDArray[np.complex128] = spectrum * gain
    return flat


def running_median(values: Floats, half: int) -> Floats:
    """The median of 2 * half + 1 neighbours, taken at every half-th place and joined by lines.

    Near an end the neighbours are the outermost so many. Shape (n,) in and out.
    """
    count = len(values)
    size = min(2 * half + 1, count)
    places = np.arange(0, count + half - 1, max(1, half))
    starts = np.clip(places - half, 0, count - size)
    around = starts[:, None] + np.arange(size)
    medians = np.median(values[around], axis=1)
    joined: Floats = np.interp(np.arange(count), places, medians)
    return joined
