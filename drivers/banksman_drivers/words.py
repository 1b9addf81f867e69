"""Words of a device, made fit for people: one line, short, and nothing that a terminal obeys."""

from __future__ import annotations

WORDS_MAX = 500


def printable(words: str, most: int = WORDS_MAX) -> str:
    """``words`` on one line of at most ``most`` characters; what does not print is ``?``."""
    words = words[:most]
    return words if words.isprintable() else "".join(c if c.isprintable() else "?" for c in words)
