"""Prints what the virtual machine's Python needs, one requirement a line, out of pyproject.toml.

The default dependencies, the extras of drivers that are tested there, and the test tools. What
cannot be had as an arm64 wheel has no place in the first two.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

EXTRAS = ("gpio", "i2c", "serial")
TOOLS = ("pytest", "pytest-asyncio", "pytest-timeout", "hypothesis")


def requirements(project: dict[str, object]) -> list[str]:
    """Without blanks, so that a shell may split them; sorted, so that a hash of them is stable."""
    found = list(project["dependencies"])
    extras = project["optional-dependencies"]
    for extra in EXTRAS:
        found += extras.get(extra, [])
    found += [line for line in extras["dev"] if line.partition(">")[0] in TOOLS]
    return sorted({line.replace(" ", "") for line in found})


if __name__ == "__main__":
    pyproject = Path(__file__).parents[2] / "pyproject.toml"
    print("\n".join(requirements(tomllib.loads(pyproject.read_text())["project"])))
