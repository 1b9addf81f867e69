"""The files of systemd/ as the tests read them."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2] / "systemd"


@pytest.fixture(scope="session")
def files() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def unit() -> dict[str, list[str]]:
    """Every setting of banksman.service; a setting may stand several times."""
    settings: dict[str, list[str]] = {}
    for line in (ROOT / "banksman.service").read_text().splitlines():
        if line and line[0] not in "#[":
            key, _, value = line.partition("=")
            settings.setdefault(key, []).append(value)
    return settings
