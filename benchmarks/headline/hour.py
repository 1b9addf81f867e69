"""The demo's hour: its shipped config and rules, the real control thread, the plant in made time.

Everything from the reading to the command and the record is the daemon's own (``ControlParts``);
made are the plant, the cloud's distance, and the store, which keeps a list and counts bytes. The
press's watch has learned nothing yet: its windows pass on a thread of its own, in true time.
"""

from __future__ import annotations

import gc
import threading
from pathlib import Path
from typing import cast

import msgspec

from banksman.alarms import AlarmDesk
from banksman.assembly_drivers import make_drivers
from banksman.config.load import load_config
from banksman.control_parts import ControlParts
from banksman.deciding.decision import Decision
from banksman.demo.prepare import Ports, prepare, round_order
from banksman.maintenance.normals import NormalBook
from banksman.maintenance.shelf import RunShelf
from banksman.maintenance.turns import Turns
from banksman.maintenance.watch import Watch
from banksman.store.store import Store
from banksman_drivers.fake.plant.fast import FastPlant
from banksman_drivers.ports import Driver
from benchmarks.headline.far_cloud import FarCloud, Outage
from benchmarks.headline.journal import Journal
from benchmarks.headline.made_time import MadeClock, made_time
from benchmarks.headline.world import STEP_S, MadeDriver, MadeGuard, MadeWatch, World

HOUR_S = 3600.0
ROUND_TRIP_S = 0.275
# 28.8 s of the hour, so 99.2 % up. The second one falls where the cloud is asked most, and half a
# second after a probe, so that questions go out before anyone knows.
OUTAGES = (Outage(600.5, 9.6), Outage(1640.5, 9.6), Outage(3000.5, 9.6))
REAL_TIMEOUT_S = 900.0
STOP_S = 10.0


class Sorted(msgspec.Struct, frozen=True):
    """What became of the parts that passed the gate, by what they truly were."""

    defects_rejected: int
    defects_passed: int
    good_rejected: int
    good_passed: int


class Hour(msgspec.Struct, frozen=True):
    """``decisions`` are those worth a record; ``verdicts`` all of them, by source.

    ``asked`` are questions to the cloud, of which ``lost`` met an outage; bytes as in `Traffic`.
    """

    decisions: tuple[Decision, ...]
    verdicts: dict[str, int]
    verdicts_mean_ms: float
    parts: Sorted
    asked: int
    lost: int
    readings: int
    by_exception_bytes: int
    every_reading_bytes: int


class Stage:
    """All parts of one hour, ready to run. ``folder`` takes the demo's files."""

    def __init__(self, folder: Path, seed: int, seconds: float) -> None:
        clock = self._clock = MadeClock()
        folder, _, _ = prepare(folder, Ports())
        loaded = load_config(folder / "appliance.toml")
        config = loaded.config
        self._plant = FastPlant(seed=seed, start_mono_ns=clock.mono_ns())
        self._plant.give_order(round_order())
        self._journal = self.make_journal(config.node.id, clock)
        self._alarms = AlarmDesk(config.node.id, clock, self._journal.ids, self._journal.put_alarm)
        self._cloud = FarCloud(clock, ROUND_TRIP_S, OUTAGES, config.cloud.probe_s)
        self._ended = threading.Event()
        self._hour: Hour | None = None
        self._steps = 0
        self._steps_per_state = round(config.mqtt.state_interval_s / STEP_S)
        world = World(self._plant, clock, round(seconds / STEP_S), self._step, self._over)

        def made(real: Driver) -> Driver:
            if real.id == "guard" and config.guard is not None:
                return MadeGuard(real, world, config.guard, lambda: self._core.act.doubt("guard"))
            return MadeDriver(real, world)

        drivers = [made(real) for real in make_drivers(config, clock, lambda _: None)]
        drivers += [
            MadeWatch(
                Watch(
                    *(each, clock, self._alarms, _forget, None),
                    shelf=RunShelf(each.id, _forget, None),
                    turns=Turns(),
                    normals=NormalBook(_forget, None),
                ),
                world,
            )
            for each in config.machines
        ]
        store = cast("Store", self._journal)  # it has what is asked of a store here
        self._core = ControlParts(loaded, clock, store, self._alarms, drivers, {}, {}, self._cloud)

    def make_journal(self, node: str, clock: MadeClock) -> Journal:
        """Where its records go."""
        return Journal(node, clock)

    def run(self) -> Hour:
        """Let it pass. Raises TimeoutError when it hangs, or the control thread's own error."""
        thread = self._core.thread
        gc.collect()
        gc.freeze()  # as the daemon does
        try:
            with made_time(self._clock):
                thread.start()
                self._ended.wait(REAL_TIMEOUT_S)
                thread.stop(STOP_S)
        finally:
            gc.unfreeze()
        if thread.error is not None:
            raise thread.error
        if self._hour is None:
            raise TimeoutError(f"the made hour was not over within {REAL_TIMEOUT_S:g} s")
        return self._hour

    def _step(self) -> None:
        self._steps += 1
        if self._steps % self._steps_per_state == 0:
            self._journal.traffic.states(self._core.view.newest, self._alarms.active())

    def _over(self) -> None:
        """Read everything now: the control thread goes on for a moment after the hour."""
        gauge, traffic = self._plant.line.gauge, self._journal.traffic
        prefix = "decisions_source_"
        latency = self._core.loop.accounts.latency.view()
        self._hour = Hour(
            decisions=tuple(self._journal.decisions),
            verdicts={
                key.removeprefix(prefix): count
                for key, count in self._core.loop.counters.items()
                if key.startswith(prefix)
            },
            verdicts_mean_ms=latency.sum_s / latency.count * 1e3,
            parts=Sorted(
                defects_rejected=gauge.rejected - gauge.wasted,
                defects_passed=gauge.missed,
                good_rejected=gauge.wasted,
                good_passed=gauge.good - gauge.missed,
            ),
            asked=self._cloud.asked,
            lost=self._cloud.lost,
            readings=self._journal.readings,
            by_exception_bytes=traffic.by_exception,
            every_reading_bytes=traffic.every_reading,
        )
        self._ended.set()


def run_hour(folder: Path, seed: int, seconds: float = HOUR_S) -> Hour:
    """One hour of the demo's plant, or its first ``seconds``."""
    return Stage(folder, seed, seconds).run()


def _forget(_: bytes) -> None:
    """A made hour learns nothing that another one would want."""
