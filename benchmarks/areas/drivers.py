"""Drivers on their interfaces: each module of ``benchmarks/drivers`` with ``measure`` has its part.

A module whose figures need what this machine lacks gives them with a note, not an error.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys

from benchmarks import drivers
from benchmarks.context import Context
from benchmarks.figure import Figure


def measure(context: Context) -> list[Figure]:
    """Every part's figures, part after part, so that none disturbs another."""
    figures: list[Figure] = []
    for found in pkgutil.iter_modules(drivers.__path__):
        part = importlib.import_module(f"benchmarks.drivers.{found.name}")
        if hasattr(part, "measure"):
            print(f"  {found.name}", file=sys.stderr, flush=True)
            figures += part.measure(context)
    return figures
