"""The bare Python loop: what Python allows, with no store, rules, page or interlock."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.reaction.recipe import Recipe, Setting

PROGRAM = Path(__file__).parent / "pyloop_main.py"


def prepare(setting: Setting) -> Recipe:
    """It runs on this interpreter, with the daemon's own pymodbus and paho."""
    return Recipe(command=(sys.executable, str(PROGRAM)), environ=setting.environ())
