"""Forklift reaction: a real broker, the whole daemon as a process, and a vehicle with a stopwatch.

The vehicle says that it is in the aisle; a rule says hold; the daemon sends startPause. In between
the vehicle leaves again and an echo answers the same message through the same broker, so daemon and
echo meet the same machine at the same time.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import msgspec

from benchmarks.headline.truck import (
    AISLE_X_M,
    CLEAR_X_M,
    ECHO_IN,
    ECHO_OUT,
    MANUFACTURER,
    SERIAL,
    Truck,
)
from benchmarks.pressure import Pressure
from benchmarks.reaction.broker import Broker, free_port
from benchmarks.reaction.peer import Peer
from benchmarks.reaction.peers.banksman import toml
from benchmarks.reaction.recipe import PeerMissing, Recipe

START_TRIES = 15
SETTLE_S = 3.0
# Far over any answer and over a delayed acknowledgement (40 ms), as a vehicle's own pace is.
GAP_S = (0.06, 0.12)
ECHO = Path(__file__).parent / "echo.py"

RULES = """\
[[rule]]
name = "in the aisle"
point = "aisle"
when = "agv1.x > '15 m'"
then = "agv_hold"
priority = 2

[[rule]]
name = "clear of the aisle"
point = "aisle"
when = "True"
then = "agv_go"
"""


class Holds(msgspec.Struct, frozen=True):
    """Milliseconds from the vehicle's state to startPause, and to the echo; ``missed`` of holds."""

    hold_ms: tuple[float, ...]
    echo_ms: tuple[float, ...]
    missed: int


def daemon(folder: Path, mqtt_port: int) -> Recipe:
    """Write its config and rules: one vehicle, telemetry and page as anywhere."""
    (folder / "store").mkdir(parents=True, exist_ok=True)
    broker = {"host": "127.0.0.1", "port": mqtt_port}
    vehicle = {"id": "agv1", "manufacturer": MANUFACTURER, "serial_number": SERIAL}
    config = folder / "appliance.toml"
    config.write_text(
        toml(
            {
                "node": {"id": "bench", "mode": "armed"},
                "store": {"folder": str(folder / "store"), "free_floor_mb": 0.0},
                "mqtt": {**broker, "readings": ["agv1"]},
                "web": {"port": free_port()},
                "device": [{"driver": "vda5050", "stale_ms": 5000.0, **broker, **vehicle}],
                "action": [
                    {"name": "agv_hold", "writes": [{"output": "agv1.pause", "value": True}]},
                    {"name": "agv_go", "writes": [{"output": "agv1.pause", "value": False}]},
                ],
                "decision": [
                    {"name": "aisle", "type": "forklift_navigation", "on": ["agv1.x"],
                     "safe_action": "agv_hold", "priority": "important"}
                ],
            }
        )
    )  # fmt: skip
    (folder / "rules.toml").write_text(RULES)
    return Recipe((sys.executable, "-m", "banksman.cli", "run", "--config", str(config)))


def holds(folder: Path, count: int, seed: int, pressure: Pressure) -> Holds:
    """Drive into the aisle ``count`` times. Raises PeerMissing when the daemon does not come up."""
    rng = random.Random(seed)
    hold_ms: list[float] = []
    echo_ms: list[float] = []
    folder.mkdir(parents=True)
    with Broker(folder / "broker") as broker:
        echo = Recipe((sys.executable, str(ECHO), str(broker.port), ECHO_IN, ECHO_OUT))
        with (
            Peer(echo, folder / "echo.log"),
            Peer(daemon(folder, broker.port), folder / "daemon.log") as peer,
            Truck(broker.port) as truck,
        ):
            _come_up(truck, peer)
            with pressure:
                for _ in range(count):
                    truck.rest(rng.uniform(*GAP_S))
                    _keep(echo_ms, truck.echo())
                    truck.rest(rng.uniform(*GAP_S))
                    _keep(hold_ms, truck.drive(AISLE_X_M, "startPause"))
                    truck.rest(rng.uniform(*GAP_S))
                    truck.drive(CLEAR_X_M, "stopPause")
    return Holds(tuple(hold_ms), tuple(echo_ms), count - len(hold_ms))


def _keep(values: list[float], value: float | None) -> None:
    if value is not None:
        values.append(value)


def _come_up(truck: Truck, peer: Peer) -> None:
    """Until the vehicle has been held and let go once, and the echo answers."""
    for _ in range(START_TRIES):
        held = truck.drive(AISLE_X_M, "startPause")
        freed = truck.drive(CLEAR_X_M, "stopPause")
        if held is not None and freed is not None and truck.echo() is not None:
            truck.rest(SETTLE_S)
            return
        if not peer.alive:
            break
    raise PeerMissing(f"the daemon did not hold the vehicle: {peer.tail()}")
