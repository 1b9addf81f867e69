"""vision.share_*: two cameras on one accelerator, by the daemon's own turns (`TurnLooker`).

Each station has a network of its own, the shipped backbone, and a looking thread that waits for its
turn; the turns run on ``infer-0``. Counts, not times: they say the same on a loaded machine.

    greedy      both cameras always have a frame: each shall get half of the turns
    patient     one has a frame now and then, the other always: it shall wait for the turn that runs
                when it asks, and for no other
"""

from __future__ import annotations

import threading
from importlib.util import find_spec
from typing import Any

import numpy as np

from banksman.vision.inspection import Inspection, Picture, Region, Timings
from banksman.vision.turns import TurnLooker
from banksman_inference.accelerator import SharedAccelerator
from banksman_inference.crash_watch import CrashWatch
from banksman_inference.fallback import FallbackNetwork
from benchmarks.context import Context
from benchmarks.figure import Figure, Target, figure
from benchmarks.pressure import Pressure
from benchmarks.vision.runtime import backbone, inputs_of, network_of

END_S = 120.0
NAMES = ("greedy", "other")
PICTURE = np.zeros((1, 1, 3), np.uint8)  # each looker has a tensor of its own
SEEN = Inspection(
    0.0, 0.0, 0.0, "", 1.0, None, Region(0, 0, 1, 1), Timings(0, 0, 0, 0)
)  # what is seen is no matter here


class Running:
    """The two cameras' lookers, and whose turns began in which order."""

    def __init__(self, network: dict[str, FallbackNetwork]) -> None:
        self.order: list[str] = []
        self.shared = SharedAccelerator("infer-0")
        self.lookers = {
            name: TurnLooker(name, _Looker(name, each, self.order), self.shared)
            for name, each in network.items()
        }

    def look(self, name: str) -> None:
        """One look; waits for its turn."""
        self.lookers[name].inspect(PICTURE)


class _Looker:
    """The backbone on a picture of its own."""

    def __init__(self, name: str, network: FallbackNetwork, order: list[str]) -> None:
        self._name = name
        self._network = network
        self._frame: tuple[Any, ...] = inputs_of(network)
        self._order = order

    def inspect(self, picture: Picture) -> Inspection:  # noqa: ARG002  as a Looker's
        self._order.append(self._name)
        self._network.run(*self._frame)
        return SEEN


def measure(context: Context) -> list[Figure]:
    """The smaller share, and how many turns of the other went first."""
    if find_spec("ai_edge_litert") is None:
        note = "LiteRT is not installed: pip install 'banksman[vision]'"
        return [
            figure("vision.share_of_the_slow_camera", "", [], direction="higher", n=0,
                   pressure_pct=None, note=note)
        ]  # fmt: skip
    context.say("sharing: two cameras take turns with the backbone")
    turns = 60 if context.quick else 600
    watch = CrashWatch(context.work, 0)
    model = backbone().model
    shares: list[float] = []
    waits: list[float] = []
    with Pressure() as pressure:
        for _ in range(context.rounds):
            shares.append(_share(_running(model, watch), turns))
            waits.append(_wait(_running(model, watch), turns // 10))
    return [
        figure(
            "vision.share_of_the_slow_camera", "", shares, direction="higher",
            n=turns * context.rounds, pressure_pct=pressure.pct, target=Target("value", 0.99),
            worst=True, note="turns of the camera that got fewer, beside an equal share",
        ),
        figure(
            "vision.share_turns_waited", "turns", waits, direction="lower",
            n=turns // 10 * context.rounds, pressure_pct=pressure.pct, target=Target("value", 1),
            worst=True, note="begun between a seldom camera's frame and its look, the most; one "
            "may begin in the moment it asks",
        ),
    ]  # fmt: skip


def _running(model: bytes, watch: CrashWatch) -> Running:
    running = Running({name: network_of(model, watch) for name in NAMES})
    running.shared.start()
    return running


def _share(running: Running, turns: int) -> float:
    def film(name: str) -> None:
        while len(running.order) < turns:
            running.look(name)

    _together(running, [threading.Thread(target=film, args=(name,)) for name in NAMES])
    counts = [running.order[:turns].count(name) for name in NAMES]
    return 2 * min(counts) / turns


def _wait(running: Running, looks: int) -> float:
    done = threading.Event()
    waited: list[int] = []

    def film() -> None:
        while not done.is_set():
            running.look("greedy")

    def now_and_then() -> None:
        for _ in range(looks):
            done.wait(0.02)
            before = len(running.order)
            running.look("other")
            waited.append(running.order.index("other", before) - before)
        done.set()

    _together(running, [threading.Thread(target=each) for each in (film, now_and_then)])
    return float(max(waited))


def _together(running: Running, threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(END_S)
    running.shared.stop(END_S)
