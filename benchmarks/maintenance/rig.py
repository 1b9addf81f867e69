"""A rig of made-up bearings: other geometries, speeds, sampling rates, slips and noise. Pure.

The model is the usual one (McFadden and Smith 1984; Antoni, MSSP 21 (2007) 108-124): each strike
rings the resonances of the housing; what the load does where the spot is makes its size.

    outer race   every ball strikes a spot that stands still; imbalance moves the load a little
    inner race   the spot turns through the load with the shaft
    ball         its spot strikes outer and inner race in turn, rides through the load with the
                 cage, and its axis of spin wanders: the spot comes into the track and leaves it
    healthy      none of these

In every machine: coloured noise, lines of the shaft, a gear's mesh with sidebands, mains, and noise
that the shaft modulates. Everything is drawn from the generator that is given, the strength of the
fault too: from what nobody could hear to three times the noise.
"""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from banksman.maintenance.bearings import TABLE, FaultOrders, bearing_orders

Floats = npt.NDArray[np.float64]

FAULTS = ("inner_race", "outer_race", "ball", "none")
RATES_HZ = (12_000.0, 20_000.0, 25_600.0, 51_200.0)
SHAFT_HZ = (8.0, 55.0)
STRENGTH = (0.15, 3.0)  # rms of the strikes to that of the noise, before the resonances part them
REVOLUTIONS_MIN = 26
LOAD_HALF_ANGLE = (1.0, 1.5)  # radians: 60 to 85 degrees to each side
LOAD_POWER = 1.5  # ball contacts (Stribeck)
TRACK_S = 0.6  # how long a ball's spot stays in its track or out of it, on average
TEETH = (17, 19, 23, 29)


class Made(msgspec.Struct, frozen=True):
    """One window of a made-up machine, and what is wrong with its bearing."""

    truth: str
    bearing: str
    rate_hz: float
    shaft_hz: float
    strength: float
    orders: FaultOrders
    samples: Floats


def make(random: np.random.Generator, truth: str) -> Made:
    """One window of a machine that nobody has seen before."""
    bearing = str(random.choice(list(TABLE)))
    orders = bearing_orders(bearing)
    shaft_hz = float(np.exp(random.uniform(*np.log(SHAFT_HZ))))
    rates = [rate for rate in RATES_HZ if rate > 4.5 * 3.1 * orders.bpfi * shaft_hz]
    rate_hz = float(random.choice(rates or RATES_HZ[-1:]))
    seconds = max(1.0, REVOLUTIONS_MIN / shaft_hz)
    strength = float(np.exp(random.uniform(*np.log(STRENGTH))))
    count = round(rate_hz * seconds)
    samples = _background(random, count, rate_hz, shaft_hz)
    if truth != "none":
        train = _strikes(random, truth, orders, shaft_hz, rate_hz, count)
        rung = _ring(random, train, rate_hz)
        samples = samples + rung * (strength / max(float(rung.std()), 1e-12))
    told_hz = shaft_hz * (1 + random.uniform(-0.002, 0.002))  # as a tacho or a plate tells it
    return Made(truth, bearing, rate_hz, told_hz, strength, orders, samples)


def _background(random: np.random.Generator, count: int, rate_hz: float, shaft_hz: float) -> Floats:
    """Noise of rms 1 with a colour of its own, modulated a little by the shaft, and lines."""
    t = np.arange(count) / rate_hz
    hz = np.fft.rfftfreq(count, 1 / rate_hz) / rate_hz
    colour = np.ones(len(hz))
    for _ in range(3):
        colour += random.uniform(0, 3) / (
            1 + ((hz - random.uniform(0.02, 0.48)) / random.uniform(0.01, 0.06)) ** 2
        )
    noise = np.fft.irfft(np.fft.rfft(random.standard_normal(count)) * colour, count)
    noise *= 1 + random.uniform(0, 0.2) * np.sin(2 * np.pi * shaft_hz * t)
    noise /= noise.std()
    mesh = int(random.choice(TEETH))
    lines = [(k, 2.0 / k) for k in range(1, 7)]
    lines += [(h * mesh + k, 0.5 / h / (1 + abs(k))) for h in (1, 2, 3) for k in (-1, 0, 1)]
    for order, size in lines:
        phase, size_now = random.uniform(0, 2 * np.pi), size * random.uniform(0, 2)
        noise += size_now * np.sin(2 * np.pi * order * shaft_hz * t + phase)
    noise += random.uniform(0, 1) * np.sin(2 * np.pi * 100.0 * t)
    samples: Floats = noise
    return samples


def _strikes(
    random: np.random.Generator,
    truth: str,
    orders: FaultOrders,
    shaft_hz: float,
    rate_hz: float,
    count: int,
) -> Floats:
    """The sizes of the strikes at their samples, shape (count,)."""
    order = {"inner_race": orders.bpfi, "outer_race": orders.bpfo, "ball": 2 * orders.bsf}[truth]
    slip = 1 + random.uniform(-0.01, 0.01)
    every_s = 1 / (order * shaft_hz * slip)
    steps = every_s * (1 + random.uniform(0.002, 0.012) * random.standard_normal(2 * count))
    at_s = np.cumsum(steps)
    at_s = at_s[at_s < count / rate_hz]
    turns = at_s * shaft_hz
    first = random.uniform(0, 2 * np.pi)
    half = random.uniform(*LOAD_HALF_ANGLE)
    size = 1 + 0.1 * random.standard_normal(len(at_s))
    if truth == "outer_race":
        size *= 1 + random.uniform(0, 0.3) * np.cos(2 * np.pi * turns + first)
    elif truth == "inner_race":
        size *= _load(2 * np.pi * turns + first, half)
    else:
        size *= _load(2 * np.pi * turns * orders.ftf * slip + first, half)
        size[1::2] *= random.uniform(0.3, 1.0)
        size *= _in_track(random, at_s)
    train = np.zeros(count)
    np.add.at(train, np.minimum((at_s * rate_hz).astype(np.int64), count - 1), size)
    return train


def _load(angle: Floats, half: float) -> Floats:
    """What of the load lies at an angle: a zone about its direction, and little beyond."""
    inside = np.maximum(0.0, (np.cos(angle) - np.cos(half)) / (1 - np.cos(half)))
    load: Floats = 0.05 + inside**LOAD_POWER
    return load


def _in_track(random: np.random.Generator, at_s: Floats) -> Floats:
    """1 while the spot runs in the track, 0.1 while it does not; in it at some time."""
    inside = np.full(len(at_s), 0.1)
    end = float(at_s[-1])
    begin = random.uniform(0, 0.7 * end)
    while begin < end:
        stays = random.exponential(TRACK_S)
        inside[(at_s >= begin) & (at_s < begin + stays)] = 1.0
        begin += stays + random.exponential(TRACK_S)
    return inside


def _ring(random: np.random.Generator, train: Floats, rate_hz: float) -> Floats:
    """What the housing makes of the strikes: three resonances."""
    rung = np.zeros(len(train))
    for _ in range(3):
        hz, damping = random.uniform(0.08, 0.45) * rate_hz, random.uniform(0.01, 0.06)
        t = np.arange(round(min(len(train), 6 * rate_hz / (damping * 2 * np.pi * hz)))) / rate_hz
        ring = np.exp(-damping * 2 * np.pi * hz * t) * np.sin(2 * np.pi * hz * t)
        size = 1 << (len(train) + len(ring)).bit_length()
        both = np.fft.rfft(train, size) * np.fft.rfft(ring, size)
        rung += random.uniform(0.3, 1.0) * np.fft.irfft(both, size)[: len(train)]
    return rung
