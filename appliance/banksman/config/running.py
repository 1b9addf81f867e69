"""The config that the daemon runs with, kept beside its records for whoever cleans up after it.

`banksman safe` has to know which outputs there are. After a crash the config file may be broken,
or half edited; this copy is what was in force.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from banksman.config.schema import Config
from banksman.security.private_file import write_private

FILE = "running.json"


def keep_running(config: Config) -> None:
    """Write it into the store's folder, whole or not at all. Raises OSError."""
    text = config.model_dump_json(by_alias=True)
    write_private(Path(config.store.folder) / FILE, text.encode())


def load_running(folder: Path) -> Config | None:
    """What the daemon ran with last; None where nothing usable was kept."""
    try:
        return Config.model_validate_json((folder / FILE).read_bytes())
    except (OSError, ValidationError):
        return None
