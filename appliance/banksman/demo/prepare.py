"""The demo's folder: config, rules and the forklift's order, with this run's ports and paths.

    run/appliance.toml     the shipped example, ports and folder filled in
       /rules.toml         the shipped rules
       /agv1-order.json    the forklift's round
       /mosquitto.conf     a private broker on loopback
       /*.fifo, *.sock     made by the plant, the demo and the daemon
       /store              the daemon's records, kept from run to run
       /camera             the pictures of its camera (camera.py)
       /endpoint, /decide  the endpoint's, where there is one (endpoint.py)

Files are written afresh at each run, so that an update takes effect; one that a person has
changed is kept beside it as ``NAME.before``.
"""

from __future__ import annotations

import importlib.resources
import json
import re
import socket
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, Final

from banksman.demo.camera import RULES as CAMERA_RULES
from banksman.demo.camera import TABLES as CAMERA_TABLES
from banksman.demo.endpoint import SYNC, write_rules

HOST: Final = "127.0.0.1"
FOLDER_IN_CONFIG: Final = "/run/banksman-demo"
SOCKET_PATH_MAX: Final = 107  # sun_path, less its end (unix(7))
LONGEST_NAME: Final = "banksman.sock"

LAPS: Final = 24
# Dock A, into the press aisle, through it, dock B. In metres; a lap takes 70 s.
ROUND_M: Final = (
    ("dock_a", 0.0, 0.0),
    ("aisle_in", 16.0, 0.0),
    ("aisle_out", 16.0, 12.0),
    ("dock_b", 0.0, 12.0),
)


@dataclass(frozen=True, slots=True)
class Ports:
    """The TCP ports of one run; the defaults are those of the shipped config."""

    web: int = 8080
    modbus: int = 5020
    mqtt: int = 11883
    cloud: int = 18081


def choose_ports(wanted: Ports) -> Ports:
    """The wanted ports, with free ones in place of those that are taken."""
    chosen: list[int] = []
    for port in astuple(wanted):
        free = port if _is_free(port) and port not in chosen else _any_free(chosen)
        chosen.append(free)
    return Ports(*chosen)


def _is_free(port: int) -> bool:
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((HOST, port))
        except OSError:
            return False
    return True


def _any_free(taken: list[int]) -> int:
    while True:
        with socket.socket() as trial:
            trial.bind((HOST, 0))
            port: int = trial.getsockname()[1]
        if port not in taken:
            return port


def fill_in(config: str, ports: Ports, folder: Path) -> str:
    """The shipped config with this run's ports and folder."""
    pairs = zip(astuple(Ports()), astuple(ports), strict=True)
    numbers = {str(shipped): str(mine) for shipped, mine in pairs}
    pattern = re.compile(rf"\b({'|'.join(numbers)})\b")
    filled = pattern.sub(lambda match: numbers[match[1]], config)
    inside_quotes = json.dumps(str(folder), ensure_ascii=False)[1:-1]
    return filled.replace(FOLDER_IN_CONFIG, inside_quotes)


def round_order(laps: int = LAPS) -> dict[str, Any]:
    """A VDA 5050 order of ``laps`` rounds through the hall, nothing of it released yet."""
    stops = [*ROUND_M * laps, ROUND_M[0]]
    nodes = [
        {
            "nodeId": f"{name}_{index}",
            "sequenceId": 2 * index,
            "released": False,
            "nodePosition": {"x": x_m, "y": y_m, "mapId": "hall"},
            "actions": [],
        }
        for index, (name, x_m, y_m) in enumerate(stops)
    ]
    edges = [
        {
            "edgeId": f"edge_{index}",
            "sequenceId": 2 * index + 1,
            "released": False,
            "startNodeId": nodes[index]["nodeId"],
            "endNodeId": nodes[index + 1]["nodeId"],
            "actions": [],
        }
        for index in range(len(nodes) - 1)
    ]
    return {"orderId": "demo-round", "orderUpdateId": 0, "nodes": nodes, "edges": edges}


def broker_config(port: int) -> str:
    """A broker that only this machine can reach and that keeps nothing on disk."""
    return f"listener {port} {HOST}\nallow_anonymous true\npersistence false\nlog_dest stderr\n"


def prepare(
    folder: Path, wanted: Ports, *, endpoint: bool = False, camera: bool = False
) -> tuple[Path, Ports, list[str]]:
    """Fill the folder; returns it in full, the ports, and what a person should know.

    ``endpoint``: records go up to a real endpoint on the port of the cloud. ``camera``: caps pass
    under one.
    Raises OSError when the folder cannot be written or its path is too long for a socket.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if len(str(folder / LONGEST_NAME).encode()) > SOCKET_PATH_MAX:
        raise OSError(f"{folder}: the path is too long for a Unix socket; give a shorter --folder")
    ports = choose_ports(wanted)
    shipped = importlib.resources.files("banksman.demo")
    config = shipped.joinpath("appliance.toml").read_text(encoding="utf-8")
    rules = shipped.joinpath("rules.toml").read_text(encoding="utf-8")
    if camera:
        config, rules = config + CAMERA_TABLES, rules + CAMERA_RULES
    files = {
        "appliance.toml": fill_in(config, ports, folder) + (SYNC if endpoint else ""),
        "rules.toml": rules,
        "agv1-order.json": json.dumps(round_order(), indent=1) + "\n",
        "mosquitto.conf": broker_config(ports.mqtt),
    }
    notes = [note for name, text in files.items() if (note := _write(folder / name, text))]
    if endpoint:
        write_rules(folder)
    if ports.web != wanted.web:
        notes.append(f"port {wanted.web} is taken: the page is on {ports.web}")
    return folder, ports, notes


def _write(path: Path, text: str) -> str:
    """Write one file; what stood there and differs is kept beside it."""
    kept = ""
    if path.exists() and path.read_text(encoding="utf-8") != text:
        before = path.with_name(f"{path.name}.before")
        path.replace(before)
        if path.name == "rules.toml":
            kept = f"your {path} is kept as {before.name}; the shipped rules run"
    path.write_text(text, encoding="utf-8")
    return kept
