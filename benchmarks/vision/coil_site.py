"""The site of `coil`: its config and rules, and the parts that pass its camera."""

from __future__ import annotations

from pathlib import Path

from banksman_drivers.fake.camera import Defect, Scene

FPS = 5
WIDTH, HEIGHT = 1280, 720
GOOD = 100
SHOTS = 20

CONFIG = """\
[node]
id = "bench"
mode = "armed"
[store]
folder = "{folder}/store"
free_floor_mb = 0.0
[web]
port = {page}
socket = "{folder}/page.sock"
[cloud]
url = "{cloud}"
[sync]
enabled = true
[[device]]
driver = "modbus_tcp"
id = "plc"
host = "127.0.0.1"
port = {plc}
poll_ms = 20
point = [{points}]
output = [{{ name = "coil", table = "coil", address = 0, safe = false }}]
[[device]]
driver = "camera"
id = "cam1"
source = "folder:{folder}/shots"
loop = true
fps = {fps}
[[inspection]]
id = "caps"
camera = "cam1"
[[action]]
name = "on"
writes = [{{ output = "plc.coil", value = true }}]
[[action]]
name = "off"
writes = [{{ output = "plc.coil", value = false }}]
[[decision]]
name = "caps"
type = "quality_control"
on = ["caps.severity"]
confidence = "caps.confidence"
each = "caps.part"
safe_action = "off"
"""
RULES = """\
[[rule]]
name = "defect"
point = "caps"
when = "caps.severity >= 1"
then = "on"
priority = 1
[[rule]]
name = "fine"
point = "caps"
when = "True"
then = "off"
"""


def write_site(folder: Path, url: str, plc: int, page: int) -> Path:
    """Config and rules for an endpoint at ``url`` and these ports; returns the config's path."""
    points = ", ".join(f'{{ name = "r{n}", table = "holding", address = {n} }}' for n in range(10))
    config = folder / "appliance.toml"
    config.write_text(
        CONFIG.format(folder=folder, page=page, plc=plc, cloud=url, points=points, fps=FPS)
    )
    (folder / "rules.toml").write_text(RULES)
    return config


def draw_parts(folder: Path) -> None:
    """Good parts to learn from; good and defective ones in turn to look at."""
    from banksman.vision.jpeg import to_png

    for name in ("good", "shots"):
        (folder / name).mkdir()
    for number in range(GOOD):
        scene = Scene(WIDTH, HEIGHT, number)
        (folder / "good" / f"{number:03}.png").write_bytes(to_png(scene.draw(0.0, None)))
        if number < SHOTS:
            defect: Defect | None = "stain" if number % 2 else None
            (folder / "shots" / f"{number:03}.png").write_bytes(to_png(scene.draw(0, defect)))
