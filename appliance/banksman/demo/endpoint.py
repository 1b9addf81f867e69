"""The endpoint beside the demo: `banksman-cloud`, where it is installed, in the stand-in's place.

It is a program of its own (`banksman[cloud]`); the demo only starts it. Without it the plant's
stand-in answers questions as ever, and nothing is sent up.

    run/endpoint/          its SQLite and pictures, kept from run to run
       /decide/            the rules that it answers the box's questions by
"""

from __future__ import annotations

import importlib.resources
import importlib.util
import sys
from pathlib import Path
from typing import Final

NEEDED: Final = ("banksman_cloud", "zstandard")
# Appended to the shipped config: records go up to the endpoint that [cloud] names.
SYNC: Final = "\n[sync]\nenabled = true\n"


def is_installed() -> bool:
    """Whether there is an endpoint to start."""
    return all(importlib.util.find_spec(name) is not None for name in NEEDED)


def write_rules(folder: Path) -> None:
    """Put the rules of its answers into the demo's folder."""
    decide = folder / "decide"
    decide.mkdir(exist_ok=True)
    shipped = importlib.resources.files("banksman.demo")
    for name in ("points.toml", "rules.toml"):
        text = shipped.joinpath(f"endpoint_{name}").read_text(encoding="utf-8")
        (decide / name).write_text(text, encoding="utf-8")


def command(folder: Path, host: str, port: int) -> list[str]:
    """What starts it."""
    return [
        sys.executable, "-m", "banksman_cloud.cli", "run", "--folder", str(folder / "endpoint"),
        "--listen", f"{host}:{port}", "--decide", str(folder / "decide"),
    ]  # fmt: skip
