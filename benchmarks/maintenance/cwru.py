"""Naming bearing faults on the Case Western records that lie aside: windows of 1 s.

Leaving one load out: nothing here learns, so each load is named by constants that no load has set,
and the figures are over all windows of the part that is there. Where windows begin is chance, so
all is asked four times, begun 0, 1/4, 1/2 and 3/4 s into each record; the figures are means over
these, and their notes tell each. Two ways of asking, both shown:

- ``alone``: each window for itself;
- as the daemon answers, every second: with the nine windows before it remembered (memory.py).

A fault is listened for at its own end of the motor: drive end (6205) and, where records of it are
there, ``fan_`` (6203); the healthy record at each end where it has a sensor. A name is wrong when
it is another element's, or any on a healthy record. "Bearing, element unknown" is neither right nor
wrong. An alarm on the healthy record is any answer there but "none".

For comparison, what is usually done: one envelope of the raw samples from 2 kHz up, the largest of
the faults' first three harmonics over the noise beside them wins.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from banksman.maintenance.bearings import FaultOrders, bearing_orders
from banksman.maintenance.findings import Finding
from banksman.maintenance.memory import Memory
from banksman.maintenance.naming import name_fault
from benchmarks.context import Context
from benchmarks.figure import Direction, Figure, Target, figure
from benchmarks.maintenance.recordings import folder_of
from benchmarks.pressure import Pressure

TRUTH = {"IR": "inner_race", "OR": "outer_race", "B": "ball", "N": "none"}
BEARINGS = {"DE": "6205", "FE": "6203"}
OFFSETS_S = (0.0, 0.25, 0.5, 0.75)
QUICK_WINDOWS = 2
TARGETS = {"inner_race": 95.0, "outer_race": 95.0, "ball": 60.0}
PLAIN_FROM_HZ = 2_000.0
PLAIN_ALARM = 12.0  # times the floor, summed over three lines: noise gives 3

Samples = npt.NDArray[np.float64]


class Window(msgspec.Struct, frozen=True):
    """One second of one record at one end, and what is wrong with the bearing there."""

    record: str
    truth: str
    load_hp: int
    shaft_hz: float
    rate_hz: float
    orders: FaultOrders
    samples: Samples


class Tally(msgspec.Struct):
    """Answers counted against the truth."""

    right: dict[str, int] = {}
    asked: dict[str, int] = {}
    wrong: int = 0
    alarms: int = 0
    windows: int = 0

    def add(self, truth: str, answer: str) -> None:
        """Count one answer."""
        self.windows += 1
        self.asked[truth] = self.asked.get(truth, 0) + 1
        self.right[truth] = self.right.get(truth, 0) + (answer == truth)
        named = answer not in ("none", "bearing", "blocked")
        self.wrong += named and answer != truth
        self.alarms += truth == "none" and answer != "none"

    def right_pct(self, truth: str) -> float:
        """Percent of a fault's windows that were named."""
        return 100.0 * self.right.get(truth, 0) / max(1, self.asked.get(truth, 0))

    @property
    def wrong_pct(self) -> float:
        """Percent of all windows."""
        return 100.0 * self.wrong / max(1, self.windows)


class Told(msgspec.Struct, frozen=True):
    """A window and what was said of it."""

    window: Window
    alone: str
    remembered: str
    plain: str


def measure(context: Context) -> list[Figure]:
    """Shares of right and wrong names. Left out where the records are not there."""
    folder = folder_of(context, "cwru")
    if folder is None:
        return []
    most = QUICK_WINDOWS if context.quick else None
    figures = []
    for end, prefix in (("DE", ""), ("FE", "fan_")):
        with Pressure() as pressure:
            told = [list(_told(windows_of(folder, end, offset, most))) for offset in OFFSETS_S]
        if not any(told):
            continue
        for load in sorted({each.window.load_hp for part in told for each in part}):
            held_out = [each for part in told for each in part if each.window.load_hp == load]
            part = tally(held_out, lambda each: each.remembered)
            shares = ", ".join(
                f"{truth} {part.right_pct(truth):.0f} %" for truth in sorted(part.asked)
            )
            context.say(
                f"{end}, load {load} hp held out: {shares}; {part.wrong} wrong of {part.windows}"
            )
        note = "as the daemon answers each second: nine windows before it remembered"
        figures += _figures(prefix, told, lambda each: each.remembered, note, pressure.pct)
        figures += _figures(
            f"{prefix}alone_", told, lambda each: each.alone, "each window for itself", pressure.pct
        )
    return figures


def windows_of(folder: Path, end: str, offset_s: float, most: int | None) -> Iterator[Window]:
    """The windows of one end of every record that tells of it, in their order."""
    orders = bearing_orders(BEARINGS[end])
    for entry in json.loads((folder / "manifest.json").read_text()):
        truth = TRUTH[entry["label"]]
        if end not in entry["channels"] or (truth != "none" and entry["fault_end"] != end):
            continue
        with np.load(folder / entry["file"]) as archive:
            samples = archive[end].reshape(-1).astype(np.float64)
        size = int(entry["fs"])
        samples = samples[round(offset_s * size) :]
        for number in range(min(len(samples) // size, most or len(samples))):
            yield Window(
                entry["record"],
                truth,
                entry["load_hp"],
                entry["rpm"] / 60.0,
                float(size),
                orders,
                samples[number * size : (number + 1) * size],
            )


def _told(windows: Iterator[Window]) -> Iterator[Told]:
    """What is said of each; a record begins without memory."""
    record, memory = "", Memory()
    for window in windows:
        if window.record != record:
            record, memory = window.record, Memory()
        alone = _finding(window)
        yield Told(window, alone.fault, memory.take(alone).fault, plain_envelope(window))


def _finding(window: Window) -> Finding:
    return name_fault(window.samples, window.rate_hz, window.shaft_hz, window.orders).finding


def tally(told: Sequence[Told], answer: Callable[[Told], str]) -> Tally:
    """Count one way of asking."""
    counted = Tally()
    for each in told:
        counted.add(each.window.truth, answer(each))
    return counted


def plain_envelope(window: Window) -> str:
    """The usual way: envelope of all above 2 kHz, largest harmonic sum wins."""
    orders, count = window.orders, len(window.samples)
    spectrum = np.fft.fft(window.samples - window.samples.mean())
    hz = np.fft.fftfreq(count, 1 / window.rate_hz)
    envelope = np.abs(np.fft.ifft(np.where(hz > PLAIN_FROM_HZ, 2 * spectrum, 0)))
    power = np.abs(np.fft.rfft((envelope - envelope.mean()) * np.hanning(count))) ** 2
    sums = {}
    named = (("inner_race", orders.bpfi), ("outer_race", orders.bpfo), ("ball", 2 * orders.bsf))
    for name, order in named:
        total = 0.0
        for harmonic in (1, 2, 3):
            at = round(harmonic * order * window.shaft_hz)
            slack = max(2, round(0.015 * at))
            floor = np.median(power[at - 25 : at + 26]) / np.log(2)
            total += float(power[at - slack : at + slack + 1].max() / floor)
        sums[name] = total
    best = max(sums, key=lambda name: sums[name])
    return best if sums[best] > PLAIN_ALARM else "none"


def _figures(
    how: str,
    told: Sequence[Sequence[Told]],
    answer: Callable[[Told], str],
    note: str,
    pressure_pct: float | None,
) -> list[Figure]:
    """One figure for each fault that is there, of the wrong names, and of the healthy record."""
    parts = [tally(part, answer) for part in told]
    every = [each for part in told for each in part]
    counted, plain = tally(every, answer), tally(every, lambda each: each.plain)
    shares: list[tuple[str, str, list[float], float, Direction, float, int]] = [
        (
            f"{truth}_named",
            "%",
            [part.right_pct(truth) for part in parts],
            plain.right_pct(truth),
            "higher",
            limit,
            counted.asked[truth],
        )
        for truth, limit in TARGETS.items()
        if truth in counted.asked
    ]
    wrong = [part.wrong_pct for part in parts]
    shares.append(("wrong_names", "%", wrong, plain.wrong_pct, "lower", 5.0, counted.windows))
    if healthy := counted.asked.get("none"):
        alarms = [float(part.alarms) for part in parts]
        peer = plain.alarms / len(parts)
        shares.append(("healthy_alarms", "windows", alarms, peer, "lower", 0.0, healthy))
    return [
        figure(
            f"maintenance.cwru_{how}{name}",
            unit,
            [float(np.mean(values))],
            direction=direction,
            n=count,
            pressure_pct=pressure_pct,
            target=Target("value", limit),
            peer="plain envelope",
            peer_values=[peer],
            note=f"{note}; begun at {_each(OFFSETS_S)} s: {_each(values)}",
        )
        for name, unit, values, peer, direction, limit, count in shares
    ]


def _each(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.3g}" for value in values)
