"""The device profiles for people: one line each, and the reference page of those shipped."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from banksman.config.profiles import Shelf
from banksman.errors import ConfigError, Problem
from banksman_drivers.modbus_profile import Profile, ProfileError

HEAD = """\
# Modbus device profiles

Registers of common devices, told once. Written by `banksman modbus profiles --reference`;
each entry is checked in the tests against an independent map of the same device. The maps give no
word order and no plausible range: those are from the makers' manuals and our own.

```toml
[[device]]
driver = "modbus_tcp"
id = "meter"
host = "192.168.10.30"
poll_ms = 1000
profile = "eastron_sdm630"
profile_points = ["power", "energy_import"]   # leave it out for all points
```

Before you rely on a profile, look: `banksman modbus probe --host 192.168.10.30 --profile
eastron_sdm630` reads every point and says what is implausible. A profile of your own is a file
`profiles/NAME.toml` beside the config; it goes before a shipped one of the same name.
"""


class ToldShelf:
    """A shelf whose errors are for the command line."""

    def __init__(self, folder: Path | None) -> None:
        self._shelf = Shelf(folder)

    @property
    def names(self) -> list[str]:
        """Every profile."""
        return self._shelf.names

    def is_own(self, name: str) -> bool:
        """Whether it lies beside the config."""
        return self._shelf.is_own(name)

    def read(self, name: str) -> Profile:
        """The profile. Raises ConfigError with every problem."""
        try:
            return self._shelf.read(name)
        except ProfileError as error:
            raise ConfigError(
                [Problem(f"{name}.toml", None, "", text, error.remedy) for text in error.problems]
            ) from error


def summary(profile: Profile, *, own: bool) -> dict[str, Any]:
    """One row of the list."""
    return {
        "name": profile.name,
        "title": profile.title,
        "source": profile.source,
        "points": len(profile.tables),
        "own": own,
    }


def page(profiles: Sequence[Profile]) -> str:
    """The reference page."""
    parts = [HEAD]
    for profile in profiles:
        lines = [f"\n## {profile.name}\n", f"{profile.title}.\n", f"Source: {profile.source}.\n"]
        if profile.note:
            lines.append(f"{profile.note}\n")
        lines.append("| point | what | register | type | unit | plausible |")
        lines.append("|---|---|---|---|---|---|")
        for point in profile.points():
            low = "" if point.low is None else f"{point.low:g}"
            high = "" if point.high is None else f"{point.high:g}"
            kind = point.type if point.word_order == "high_first" else f"{point.type}, low first"
            scale = "" if point.scale == 1 else f" x {point.scale:g}"
            lines.append(
                f"| `{point.name}` | {point.label} | {point.table} {point.address} |"
                f" {kind}{scale} | {point.unit} | {low} to {high} |".replace(" |  to  |", " | |")
            )
        parts.append("\n".join(lines) + "\n")
    return "".join(parts)
