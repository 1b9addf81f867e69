"""Where a box keeps the key that seals its store, for whoever looks from outside the daemon.

The key itself is never read here. What really holds, a running daemon tells (`banksman status`).
"""

from __future__ import annotations

from pathlib import Path

# The shipped unit and systemd/store-key.sh name these two.
SEALED = "etc/credstore.encrypted/banksman.store-key"
PLAIN = "etc/banksman/secrets/store-key"
HINT = "see docs/operate/secure.md"


def told(root: Path) -> str:
    """Whether the service's records are sealed, in words. ``root``: of the file system."""
    sealed, plain = root / SEALED, root / PLAIN
    try:
        if sealed.exists():
            return f"sealed by {sealed}"
        if plain.exists():
            return f"sealed by {plain}, which lies there in the clear; {HINT}"
    except PermissionError:
        return "only root can see whether there is a key"
    return f"not sealed: there is no key yet; {HINT}"
