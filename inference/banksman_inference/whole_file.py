"""Writes a small file whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(file: Path, content: bytes) -> None:
    """Replace a file durably. Raises OSError; the old one is then as it was."""
    beside = file.with_suffix(".new")
    try:
        with beside.open("wb") as target:
            target.write(content)
            target.flush()
            os.fsync(target.fileno())
        beside.replace(file)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
