"""drivers.modbus_tcp.*: 50 Modbus TCP devices, ten registers each, at 20 Hz in one whole daemon.

The devices are a compiled process of their own (farm/farm.c); it sees every poll on its side of
the wire, so the jitter is what a PLC would feel. The daemon is the product as it ships: store,
page and rules; each device has a decision point that looks at all its ten values, so that every
reading goes through all five steps. ThingsBoard's gateway reads the same devices afterwards, with
its own connector and default workers, and publishes to a broker of ours.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.context import Context
from benchmarks.drivers import thingsboard
from benchmarks.drivers.farm import Farm, Pace, build
from benchmarks.figure import Figure, Target, figure
from benchmarks.pressure import Pressure
from benchmarks.reaction.broker import free_port
from benchmarks.reaction.peer import Peer
from benchmarks.reaction.peers.banksman import toml
from benchmarks.reaction.recipe import PeerMissing, Recipe

DEVICES = 50
REGISTERS = 10
POLL_MS = 50
WANTED_PER_S = DEVICES * REGISTERS * 1000 / POLL_MS
CPU_PCT = 40.0
JITTER_MS = 5.0
SETTLE_S = 5.0
GATEWAY_RUNS = 2  # its start takes long, and its figures lie far from ours


class Watched(msgspec.Struct, frozen=True):
    """One run: points read a second, CPU in percent of one core, and the polls' pace."""

    points_per_s: float
    cpu_pct: float
    rss_mb: float
    pace: Pace


def measure(context: Context) -> list[Figure]:
    """Ours and the gateway, round by round, on the same devices."""
    seconds = 5.0 if context.quick else 10.0
    program = build(context.cache)
    pressure = Pressure()
    ours: list[Watched] = []
    theirs: list[Watched] = []
    note = ""
    for number in range(context.rounds):
        folder = context.work / f"modbus-tcp-{number}"
        folder.mkdir(parents=True)
        with Farm(program, DEVICES) as farm:
            context.say(f"modbus_tcp: {DEVICES} devices, round {number + 1}")
            with pressure:
                ours.append(watch(prepare(folder, farm.ports), folder, farm, seconds, SETTLE_S))
        if note or len(theirs) == GATEWAY_RUNS:
            continue
        try:
            with Farm(program, DEVICES) as farm, thingsboard.broker(folder) as broker:
                job = thingsboard.Job(farm.ports, REGISTERS, POLL_MS, broker.port)
                recipe = thingsboard.prepare(job, folder / "gateway", context.cache)
                context.say(f"modbus_tcp: ThingsBoard's gateway, round {number + 1}")
                settle_s = thingsboard.SETTLE_S
                theirs.append(watch(recipe, folder, farm, seconds, settle_s))
        except PeerMissing as missing:
            note = f"ThingsBoard's gateway: {missing}"
    return figures(ours, theirs, pressure.pct, note)


def watch(recipe: Recipe, folder: Path, farm: Farm, seconds: float, settle_s: float) -> Watched:
    """Run it for a while. Raises PeerMissing when it ends or reads nothing."""
    log = folder / "peer.log"
    with Peer(recipe, log) as peer:
        time.sleep(settle_s)
        farm.forget()
        used, since_s = peer.usage(), time.monotonic()
        time.sleep(seconds)
        pace, after, until_s = farm.pace(POLL_MS), peer.usage(), time.monotonic()
        if not peer.alive or not pace.polls:
            raise PeerMissing(f"it read nothing: {peer.tail()[-300:]}")
    elapsed_s = until_s - since_s
    return Watched(
        points_per_s=pace.registers / elapsed_s,
        cpu_pct=(after.cpu_s - used.cpu_s) / elapsed_s * 100,
        rss_mb=after.rss_mb,
        pace=pace,
    )


def figures(
    ours: list[Watched], theirs: list[Watched], pressure_pct: float | None, note: str
) -> list[Figure]:
    """Rate, CPU, CPU for a rate, and jitter, each beside the gateway's."""
    peer = "thingsboard-gateway" if theirs else None
    n = sum(each.pace.polls for each in ours)
    rates = [each.points_per_s for each in theirs]
    wanted = f"{DEVICES} devices x {REGISTERS} registers each {POLL_MS} ms"
    if theirs:
        slow = max(rates) / WANTED_PER_S
        note = f"{wanted}; the gateway, a request for each register, read {slow:.0%} of them"
    return [
        figure(
            "drivers.modbus_tcp_points", "1/s", [each.points_per_s for each in ours],
            direction="higher", n=n, pressure_pct=pressure_pct,
            target=Target("value", WANTED_PER_S * 0.99), peer=peer, peer_values=rates, note=note,
        ),
        figure(
            "drivers.modbus_tcp_cpu", "%", [each.cpu_pct for each in ours], direction="lower", n=n,
            pressure_pct=pressure_pct, target=Target("value", CPU_PCT), peer=peer,
            peer_values=[each.cpu_pct for each in theirs],
            note=f"of one core, whole daemon; {note}".rstrip("; "),
        ),
        figure(
            "drivers.modbus_tcp_us_per_point", "us", [per_point_us(each) for each in ours],
            direction="lower", n=n, pressure_pct=pressure_pct, peer=peer,
            peer_values=[per_point_us(each) for each in theirs],
        ),
        figure(
            "drivers.modbus_tcp_jitter_p99", "ms", [each.pace.p99_us / 1e3 for each in ours],
            direction="lower", n=n, pressure_pct=pressure_pct, target=Target("value", JITTER_MS),
            peer=peer, peer_values=[each.pace.p99_us / 1e3 for each in theirs],
            note="|interval - period| of every poll, seen by the devices",
        ),
    ]  # fmt: skip


def per_point_us(run: Watched) -> float:
    """CPU time for one value read, whatever the rate was."""
    return run.cpu_pct * 1e4 / run.points_per_s


def prepare(folder: Path, ports: list[int]) -> Recipe:
    """The daemon's config and rules; state and page are the run's own."""
    (folder / "store").mkdir()
    config = folder / "appliance.toml"
    config.write_text(toml(appliance(folder, ports, free_port())))
    (folder / "rules.toml").write_text(rules(len(ports)))
    command = (sys.executable, "-m", "banksman.cli", "run", "--config", str(config))
    return Recipe(command=command)


def appliance(folder: Path, ports: list[int], page: int) -> dict[str, Any]:
    """The config as plain values."""
    points = [
        {"name": f"r{address}", "table": "holding", "address": address,
         "low": -1.0, "high": 1000.0}
        for address in range(REGISTERS)
    ]  # fmt: skip
    return {
        "node": {"id": "bench", "mode": "armed"},
        "store": {"folder": str(folder / "store"), "free_floor_mb": 0.0},
        "web": {"port": page},
        "device": [
            {"driver": "modbus_tcp", "id": f"d{number}", "host": "127.0.0.1", "port": port,
             "poll_ms": float(POLL_MS), "point": points}
            for number, port in enumerate(ports)
        ],
        "action": [{"name": "note"}],
        "decision": [
            {"name": f"limit{number}", "type": "process_control",
             "on": [f"d{number}.r{address}" for address in range(REGISTERS)],
             "safe_action": "none"}
            for number in range(len(ports))
        ],
    }  # fmt: skip


def rules(devices: int) -> str:
    """One row a device that looks at all its values, and one for the rest."""
    rows = []
    for number in range(devices):
        over = " or ".join(f"d{number}.r{address} > 900" for address in range(REGISTERS))
        rows.append(
            f"[[rule]]\nname = 'over{number}'\npoint = 'limit{number}'\nwhen = '{over}'\n"
            f"then = 'note'\npriority = 2\n"
            f"[[rule]]\nname = 'fine{number}'\npoint = 'limit{number}'\nwhen = 'True'\n"
            f"then = 'none'\npriority = 1\n"
        )
    return "".join(rows)
