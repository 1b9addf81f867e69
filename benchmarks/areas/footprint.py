"""footprint.*: exec to READY, and memory without a model, beside a bare Python loop's."""

from __future__ import annotations

from benchmarks import footprint
from benchmarks.context import Context
from benchmarks.figure import Figure, Target, figure
from benchmarks.pressure import Pressure
from benchmarks.reaction import simulator
from benchmarks.reaction.broker import Broker
from benchmarks.reaction.peer import Peer
from benchmarks.reaction.peers import banksman, pyloop
from benchmarks.reaction.phases import largest_rss_mb
from benchmarks.reaction.recipe import PeerMissing, Setting
from benchmarks.reaction.simulator import Simulator

POLL_MS = 10
REST_S = 10.0
STARTS = 5
READY_S = 2.0
RSS_MB = 80.0


def measure(context: Context) -> list[Figure]:
    """Five starts of the reaction bench's appliance, each on its own empty store."""
    started: list[footprint.Started] = []
    peer_rss_mb: list[float] = []
    note = ""
    pressure = Pressure()
    with Simulator(simulator.build(context.cache)) as plant, Broker(context.work / "mq") as broker:
        for number in range(1 if context.quick else STARTS):
            context.say(f"start {number + 1}")
            folder = context.work / f"footprint-{number}"
            setting = Setting(plant.port, broker.port, POLL_MS, folder, context.cache)
            try:
                with pressure:
                    started.append(footprint.start(banksman.prepare(setting), folder, REST_S))
            except PeerMissing as missing:
                note = str(missing)
            with Peer(pyloop.prepare(setting), folder / "pyloop.log") as peer:
                peer_rss_mb.append(largest_rss_mb(peer, 3.0))
    return [
        figure(
            "footprint.ready", "s", [each.ready_s for each in started], direction="lower",
            n=len(started), pressure_pct=pressure.pct, target=Target("value", READY_S), note=note,
        ),
        figure(
            "footprint.rss", "MB", [each.rss_mb for each in started], direction="lower",
            n=len(started), pressure_pct=pressure.pct, target=Target("value", RSS_MB),
            peer="pyloop", peer_values=peer_rss_mb, note=note,
        ),
    ]  # fmt: skip
