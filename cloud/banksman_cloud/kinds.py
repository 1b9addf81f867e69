"""The numbers that the database keeps for kinds of records. None is ever used for another."""

from __future__ import annotations

import enum


class Kind(enum.IntEnum):
    """Kinds of ``record``, named as on the wire."""

    DECISION = 0
    ALARM = 1
    AUDIT = 2
    PICTURE = 3
    SHADOW = 4
    RESULT = 5

    @property
    def word(self) -> str:
        """As on the wire."""
        return self.name.lower()
