"""Whether the guard's compiled part is here, and if not, why and what to do.

Without it the daemon still observes; it refuses to arm outputs (NotArmable).
"""

from __future__ import annotations

import importlib
import sys

REMEDY = (
    "install a C compiler and the Python headers (Debian: apt install gcc python3-dev) and"
    " reinstall banksman"
)


def why_not_available() -> str | None:
    """None when the native guard can run here, else the reason and the remedy in words."""
    if not sys.platform.startswith("linux"):
        return f"the guard needs Linux (epoll, timerfd, GPIO v2); this is {sys.platform}"
    try:
        importlib.import_module("banksman_drivers.guard._native")
    except ImportError as error:
        return f"the native guard is not built or does not load ({error}): {REMEDY}"
    return None
