"""Banksman itself: the whole daemon with store, rules, page and telemetry, doing the same job.

The inference stand-in is a second decision point on the same device, whose model (a numpy head
over all ramps) scores at every poll. It is configured like any model, because what is to be shown
is a model that shares the daemon's interpreter lock, and the product has no switch for benches.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.reaction.broker import free_port
from benchmarks.reaction.recipe import Recipe, Setting

NODE = "bench"
DEVICE = "plc"

RULES = """\
[[rule]]
name = "over"
point = "limit"
when = "plc.value > 500"
then = "switch_on"
priority = 2

[[rule]]
name = "under"
point = "limit"
when = "plc.value <= 500"
then = "switch_off"
priority = 1
"""


def prepare(setting: Setting) -> Recipe:
    """Write appliance.toml and rules.toml; state and page are the run's own."""
    folder = setting.folder / "banksman"
    (folder / "store").mkdir(parents=True, exist_ok=True)
    page = free_port()
    config = folder / "appliance.toml"
    config.write_text(toml(appliance(setting, folder, page)))
    (folder / "rules.toml").write_text(RULES)
    if setting.standin:
        write_model(folder / "standin.npz", ramps(setting))
    return Recipe(
        command=(sys.executable, "-m", "banksman.cli", "run", "--config", str(config)),
        topic=f"banksman/{NODE}/readings/{DEVICE}",
        sequence=r'"seq":\s*(\d+(?:\.\d+)?)',
        message_id=r'"id":\s*"([^"]+)"',
        page_url=f"http://127.0.0.1:{page}",
    )


def ramps(setting: Setting) -> list[str]:
    """The registers that only move."""
    return [f"r{address}" for address in range(3, setting.registers)]


def appliance(setting: Setting, folder: Path, page: int) -> dict[str, Any]:
    """The config as plain values; ``banksman check`` reads it like a person's."""
    points: list[dict[str, Any]] = [
        {"name": "seq", "table": "holding", "address": 0, "type": "uint32",
         "word_order": "low_first"},
        {"name": "value", "table": "holding", "address": 2},
        *({"name": name, "table": "holding", "address": int(name[1:])} for name in ramps(setting)),
    ]  # fmt: skip
    config: dict[str, Any] = {
        "node": {"id": NODE, "mode": "armed"},
        "store": {"folder": str(folder / "store"), "free_floor_mb": 0.0},
        "mqtt": {"host": "127.0.0.1", "port": setting.mqtt_port, "readings": [DEVICE]},
        "web": {"port": page},
        "device": [
            {
                "driver": "modbus_tcp",
                "id": DEVICE,
                "host": "127.0.0.1",
                "port": setting.modbus_port,
                "poll_ms": float(setting.poll_ms),
                "point": points,
                "output": [{"name": "coil", "table": "coil", "address": 0, "safe": False}],
            }
        ],
        "action": [
            {"name": "switch_on", "writes": [{"output": "plc.coil", "value": True}]},
            {"name": "switch_off", "writes": [{"output": "plc.coil", "value": False}]},
            {"name": "note"},
        ],
        "decision": [
            {"name": "limit", "type": "process_control", "on": ["plc.value"],
             "safe_action": "switch_off"},
        ],
    }  # fmt: skip
    if setting.standin:
        inputs = [f"{DEVICE}.{name}" for name in ramps(setting)]
        config["model"] = [
            {"name": "standin", "backend": "numpy_head", "file": "standin.npz", "inputs": inputs}
        ]
        config["decision"].append(
            {"name": "quality", "type": "quality_control", "on": ["plc.seq"], "rules": False,
             "model": "standin", "model_action": "note", "safe_action": "note"}
        )  # fmt: skip
    return config


def write_model(path: Path, inputs: list[str]) -> None:
    """A head of the shape that training would give."""
    n = len(inputs)
    np.savez(
        path,
        weights=np.linspace(-1, 1, n),
        bias=np.float64(0.0),
        mean=np.full(n, 500.0),
        scale=np.full(n, 300.0),
        version=np.str_("standin-1"),
    )


def toml(tables: dict[str, Any]) -> str:
    """Tables of plain values and lists as TOML, which the standard library reads but cannot write.

    Nested tables become inline ones; JSON's strings, numbers and booleans are TOML's as well.
    """
    lines: list[str] = []
    for name, content in tables.items():
        for table in content if isinstance(content, list) else [content]:
            lines.append(f"[[{name}]]" if isinstance(content, list) else f"[{name}]")
            lines += [f"{key} = {_inline(value)}" for key, value in table.items()]
            lines.append("")
    return "\n".join(lines)


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_inline(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return json.dumps(value)
