"""The camera of the demo: caps pass under it, now and then one with a stain, and a station that is
taught while you watch. Only where `banksman[camera,vision]` is installed.

    run/camera/good/     caps to learn from        drawn at the start, the same each time
       /camera/belt/     caps that pass, for ever

Nothing of it is loaded, written or started where it is not installed or not wanted.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Final

NEEDED: Final = ("cv2", "ai_edge_litert")
STATION: Final = "caps"

# Appended to the shipped config.
TABLES: Final = """
# --- the camera over the caps ----------------------------------------------------------------

[[device]]
driver = "camera"
id = "cap_camera"
label = "Cap camera"
source = "folder:/run/banksman-demo/camera/belt"
loop = true
fps = 2

[[inspection]]
id = "caps"
label = "Caps"
camera = "cap_camera"
reject = { delay_ms = 2000, hold_ms = 400 }

[[action]]
name = "mark_cap"
writes = [{ output = "caps.reject", value = true }]

[[decision]]
name = "cap_quality"
type = "quality_control"
on = ["caps.severity"]
inputs = ["caps.anomaly"]
each = "caps.part"
confidence = "caps.confidence"
safe_action = "none"
"""

# Appended to the shipped rules.
RULES: Final = """
# --- the camera over the caps -----------------------------------------------------------------

[[rule]]
name = "cap with a defect"
point = "cap_quality"
when = "caps.severity >= 1"
then = "mark_cap"
priority = 10
reason = "the cap is odd: severity {caps.severity}"

[[rule]]
name = "good cap"
point = "cap_quality"
when = "True"
then = "none"
reason = "the cap looks like the good ones"
"""


def is_installed() -> bool:
    """Whether pictures can be taken and models run here."""
    return all(importlib.util.find_spec(name) is not None for name in NEEDED)


def command(folder: Path, socket: Path) -> list[str]:
    """What draws the caps, prints READY, and teaches the station once the daemon is there."""
    return [sys.executable, "-m", "banksman.demo.camera_teacher", str(folder), str(socket)]
