"""Naming bearing faults on the Case Western records that lie aside: 1 s windows, drive end, 12 kHz.

Leaving one load out: nothing here learns, so each load is named by constants that no load has set,
and the figures are over all windows of the given part. Two ways of asking, both shown:

- ``alone``: each window for itself;
- as the daemon answers, every second: with the nine windows before it remembered (memory.py).

A name is wrong when it is another element's, or any on a healthy record. "Bearing, element
unknown" is neither right nor wrong. An alarm on the healthy record is any answer there but "none".

For comparison, what is usually done: one envelope of the raw samples from 2 kHz up, the largest of
the faults' first three harmonics over the noise beside them wins.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from banksman.maintenance.bearings import FaultOrders, bearing_orders
from banksman.maintenance.memory import Memory
from banksman.maintenance.naming import name_fault
from benchmarks.context import Context
from benchmarks.figure import Direction, Figure, Target, figure
from benchmarks.pressure import Pressure

FOLDER = Path("..") / "shared" / "data" / "cwru"
RATE_HZ = 12_000.0
WINDOW = 12_000
TRUTH = {"IR": "inner_race", "OR": "outer_race", "B": "ball", "N": "none"}
QUICK_WINDOWS = 2
PLAIN_FROM_HZ = 2_000.0
PLAIN_ALARM = 12.0  # times the floor, summed over three lines: noise gives 3

Samples = npt.NDArray[np.float64]


class Window(msgspec.Struct, frozen=True):
    """One second of one record, and what is wrong with the bearing."""

    record: str
    truth: str
    load_hp: int
    shaft_hz: float
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


def measure(context: Context) -> list[Figure]:
    """Shares of right and wrong names. Left out where the records are not there."""
    folder = context.repo / FOLDER
    if not (folder / "manifest.json").exists():
        context.say(f"maintenance.cwru is left out: no records in {folder}")
        return []
    windows = list(windows_of(folder, QUICK_WINDOWS if context.quick else None))
    orders = bearing_orders("6205")
    with Pressure() as pressure:
        alone = tally(windows, lambda: lambda window: _name(window, orders))
        remembered = tally(windows, lambda: _remembering(orders))
        plain = tally(windows, lambda: lambda window: plain_envelope(window, orders))
    for load in sorted({window.load_hp for window in windows}):
        part = tally(
            [window for window in windows if window.load_hp == load], lambda: _remembering(orders)
        )
        shares = ", ".join(f"{truth} {part.right_pct(truth):.0f} %" for truth in sorted(part.asked))
        context.say(f"load {load} hp held out: {shares}; {part.wrong} wrong of {part.windows}")
    note = "as the daemon answers each second: nine windows before it remembered"
    figures = []
    for how, counted, words in (
        ("", remembered, note),
        ("alone_", alone, "each window for itself"),
    ):
        figures += _figures(how, counted, plain, words, pressure.pct)
    return figures


def windows_of(folder: Path, most: int | None) -> Iterator[Window]:
    """The windows of every record's drive end, in their order."""
    for entry in json.loads((folder / "manifest.json").read_text()):
        with np.load(folder / entry["file"]) as archive:
            samples = archive["DE"].reshape(-1).astype(np.float64)
        for number in range(min(len(samples) // WINDOW, most or len(samples))):
            yield Window(
                entry["record"],
                TRUTH[entry["label"]],
                entry["load_hp"],
                entry["rpm"] / 60.0,
                samples[number * WINDOW : (number + 1) * WINDOW],
            )


def tally(windows: list[Window], namer: Callable[[], Callable[[Window], str]]) -> Tally:
    """Ask for every window; each record gets a namer of its own."""
    counted = Tally()
    record, ask = "", namer()
    for window in windows:
        if window.record != record:
            record, ask = window.record, namer()
        counted.add(window.truth, ask(window))
    return counted


def _name(window: Window, orders: FaultOrders) -> str:
    return name_fault(window.samples, RATE_HZ, window.shaft_hz, orders).finding.fault


def _remembering(orders: FaultOrders) -> Callable[[Window], str]:
    memory = Memory()

    def ask(window: Window) -> str:
        diagnosis = name_fault(window.samples, RATE_HZ, window.shaft_hz, orders)
        return memory.take(diagnosis.finding).fault

    return ask


def plain_envelope(window: Window, orders: FaultOrders) -> str:
    """The usual way: envelope of all above 2 kHz, largest harmonic sum wins."""
    spectrum = np.fft.fft(window.samples - window.samples.mean())
    hz = np.fft.fftfreq(WINDOW, 1 / RATE_HZ)
    envelope = np.abs(np.fft.ifft(np.where(hz > PLAIN_FROM_HZ, 2 * spectrum, 0)))
    power = np.abs(np.fft.rfft((envelope - envelope.mean()) * np.hanning(WINDOW))) ** 2
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
    how: str, counted: Tally, plain: Tally, note: str, pressure_pct: float | None
) -> list[Figure]:
    figures = []
    shares: list[tuple[str, float, float, Direction, float, int]] = [
        (
            f"{truth}_named",
            counted.right_pct(truth),
            plain.right_pct(truth),
            "higher",
            limit,
            counted.asked.get(truth, 0),
        )
        for truth, limit in (("inner_race", 95.0), ("outer_race", 95.0), ("ball", 60.0))
    ]
    every = max(1, counted.windows)
    wrong, plain_wrong = 100.0 * counted.wrong / every, 100.0 * plain.wrong / every
    shares.append(("wrong_names", wrong, plain_wrong, "lower", 5.0, counted.windows))
    healthy = counted.asked.get("none", 0)
    alarms, plain_alarms = float(counted.alarms), float(plain.alarms)
    shares.append(("healthy_alarms", alarms, plain_alarms, "lower", 0.0, healthy))
    for name, value, peer, direction, limit, count in shares:
        figures.append(
            figure(
                f"maintenance.cwru_{how}{name}",
                "windows" if name == "healthy_alarms" else "%",
                [value],
                direction=direction,
                n=count,
                pressure_pct=pressure_pct,
                target=Target("value", limit),
                peer="plain envelope",
                peer_values=[peer],
                note=note,
            )
        )
    return figures
