"""`banksman bundle crashed`: what crashed the daemon on this box, and another chance for it."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec

from banksman.config.load import load_config
from banksman_inference.crash_watch import read_book, write_book
from banksman_inference.crashes import CrashBook


def show(config: Path, forget: bool, as_json: bool) -> int:
    """List the crashes, or forget them. Raises ConfigError, OSError."""
    folder = Path(load_config(config).config.store.folder)
    crashes = read_book(folder).crashes
    if forget:
        write_book(folder, CrashBook())
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(crashes)).decode())
    for crash in () if as_json else crashes:
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(crash.wall_ns / 1e9))
        print(f"{at}  {crash.bundle} on {crash.backend}: {crash.reason}  {crash.model[:12]}")
    if not as_json:
        if not crashes:
            print("no model has crashed the daemon")
        elif forget:
            print("forgotten: restart the daemon to let them run again")
    return 1 if crashes and not forget else 0
