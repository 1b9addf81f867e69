"""The ids that boxes give: ``node-epoch-sequence``.

The node's own name may hold hyphens, and a box that was renamed still sends rows that bear its
old name; so only the two numbers are read here, and the whole text is the key.
"""

from __future__ import annotations

import re
from typing import NamedTuple

ID_CHARS_MAX = 200
EPOCH_MAX = 2**25 - 1  # as many as the box has bits for (store/rows.py)
SEQUENCE_MAX = 2**38 - 1
_SHIFT = 38
_ID = re.compile(r".+-([0-9]{1,12})-([0-9]{1,12})", re.ASCII)


class BadId(ValueError):
    """The text is no id of ours."""


class Number(NamedTuple):
    """When, in the order of one node, a message was made. Newer is larger."""

    epoch: int
    sequence: int

    @property
    def order(self) -> int:
        """Both as one number that fits 63 bits."""
        return self.epoch << _SHIFT | self.sequence


def number_of(text: str) -> Number:
    """The numbers of an id. Raises BadId."""
    found = _ID.fullmatch(text) if len(text) <= ID_CHARS_MAX else None
    if found is None or not text.isprintable():
        raise BadId("its id is not node-epoch-sequence")
    number = Number(int(found[1]), int(found[2]))
    if number.epoch > EPOCH_MAX or number.sequence > SEQUENCE_MAX:
        raise BadId("its id's numbers are out of range")
    return number
