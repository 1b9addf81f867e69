"""Which values of its config this box takes from the endpoint's desired state, and in which bounds.

    desired {metered_day_mb: 20} --judge--> taken, refused with the reason --> apply, report

Rules of this file
- Only numbers of ``[sync]`` that change how often and how much is sent; nothing that a machine,
  a rule or the store's quota depends on. Bounds and units are those of the config's own datasheet.
- A value out of its bounds is refused and said so; the others of the same state are taken.
- What is desired no more falls back to what the config says.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from banksman.config.schema_sync import SyncSettings

NAMES = (
    "heartbeat_s", "metered_hour_mb", "metered_day_mb", "important_kbit", "normal_kbit",
    "background_kbit",
)  # fmt: skip


class Setting(msgspec.Struct, frozen=True):
    """One number: its bounds, its unit, and what the config says of it."""

    least: float
    most: float
    unit: str
    what: str
    value: float  # of the config


def settable(settings: SyncSettings) -> dict[str, Setting]:
    """The table, from the config's datasheet."""
    return {name: _setting(settings, name) for name in NAMES}


def judge(
    table: Mapping[str, Setting], wanted: Mapping[str, Any]
) -> tuple[dict[str, float], dict[str, str]]:
    """(taken, refused: name -> why) of those that are in the table."""
    taken: dict[str, float] = {}
    refused: dict[str, str] = {}
    for name, setting in table.items():
        if name not in wanted:
            continue
        value = wanted[name]
        if isinstance(value, bool) or not isinstance(value, int | float):
            refused[name] = "it is no number"
        elif not (math.isfinite(value) and setting.least <= value <= setting.most):
            refused[name] = f"it is not {setting.least:g} to {setting.most:g} {setting.unit}"
        else:
            taken[name] = float(value)
    return taken, refused


def _setting(settings: SyncSettings, name: str) -> Setting:
    field = SyncSettings.model_fields[name]
    bounds: dict[str, float] = {
        side: getattr(rule, side)
        for rule in field.metadata
        for side in ("ge", "le")
        if hasattr(rule, side)
    }
    extra = field.json_schema_extra
    unit = str(extra.get("unit", "")) if isinstance(extra, dict) else ""
    value: float = getattr(settings, name)
    return Setting(bounds["ge"], bounds["le"], unit, field.description or "", value)
