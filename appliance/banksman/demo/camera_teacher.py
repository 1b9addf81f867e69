"""Draws the demo's caps, then teaches the station as a person on the page would, and ends.

    python -m banksman.demo.camera_teacher run run/banksman.sock

A station that was taught in an earlier run is left as it is.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from banksman.commands.client import Client
from banksman.demo.camera import STATION
from banksman.errors import BanksmanError
from banksman.vision.jpeg import to_png
from banksman_drivers.fake.camera import Defect, Scene

WIDTH, HEIGHT = 320, 240
GOOD, BELT = 40, 36
SPOILT_EACH = 12
DEFECTS: tuple[Defect, ...] = ("stain", "scratch", "hole")
APART_S = 0.003  # of the belt's time: no cap lies exactly where the last one lay
RATE = 0.02
PATIENCE_S = 900.0
POLL_S = 0.5
PATH = f"/api/v1/inspections/{STATION}/commission"


def draw(folder: Path) -> None:
    """The same caps each time; a second's work, and none where they are there."""
    for name, count in (("good", GOOD), ("belt", BELT)):
        place = folder / "camera" / name
        place.mkdir(parents=True, exist_ok=True)
        for number in range(count):
            path = place / f"{number:03}.png"
            if path.is_file():
                continue
            spoilt = name == "belt" and number % SPOILT_EACH == SPOILT_EACH - 1
            defect = DEFECTS[number // SPOILT_EACH % len(DEFECTS)] if spoilt else None
            scene = Scene(WIDTH, HEIGHT, seed=number + (1000 if name == "belt" else 0))
            path.write_bytes(to_png(scene.draw(APART_S * (number % 7), defect)))


def teach(client: Client, folder: Path) -> str:
    """Good caps, learn, save, confirm. Returns what came of it."""
    view = _until(client, bool)
    if view["in_use"]:
        return f"the station looks with {view['in_use']} of an earlier run"
    if view["phase"] == "idle":
        good = str(folder.resolve() / "camera" / "good")
        client.post(f"{PATH}/collect", {"what": "good", "folder": good})
        _until(client, lambda view: view["phase"] == "collected")
    client.post(f"{PATH}/fit")
    _until(client, lambda view: view["phase"] != "fitting")
    client.post(f"{PATH}/save", {"rate": RATE})
    name = client.post(f"{PATH}/confirm")["in_use"]
    return f"the station was taught: {name}"


def _until(client: Client, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The station's commissioning, once it is so. Raises TimeoutError."""
    end_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < end_s:
        try:
            view: dict[str, Any] = client.get(PATH)
        except BanksmanError:
            view = {}  # the daemon comes up
        if view and holds(view):
            return view
        time.sleep(POLL_S)
    raise TimeoutError(f"the station did not get on within {PATIENCE_S:g} s")


def main(folder: str, socket: str) -> int:
    """Draw, say so, teach."""
    draw(Path(folder))
    print("READY", flush=True)
    try:
        print(teach(Client(None, Path(socket)), Path(folder)), file=sys.stderr)
    except (BanksmanError, TimeoutError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
