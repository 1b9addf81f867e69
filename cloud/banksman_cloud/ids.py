"""The ids that boxes give: ``node-epoch-sequence``.

The node's own name may hold hyphens, and a box that was renamed still sends rows that bear its
old name; so only the two numbers are read here, and the whole text is the key.
"""

from __future__ import annotations

from typing import NamedTuple

ID_CHARS_MAX = 200
EPOCH_MAX = 2**25 - 1  # as many as the box has bits for (store/rows.py)
SEQUENCE_MAX = 2**38 - 1
_SHIFT = 38


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
    name, _, rest = text.rpartition("-")
    name, _, epoch = name.rpartition("-")
    if not name or len(text) > ID_CHARS_MAX or not text.isprintable():
        raise BadId("its id is not node-epoch-sequence")
    if not (_is_number(epoch) and _is_number(rest)):
        raise BadId("its id is not node-epoch-sequence")
    number = Number(int(epoch), int(rest))
    if number.epoch > EPOCH_MAX or number.sequence > SEQUENCE_MAX:
        raise BadId("its id's numbers are out of range")
    return number


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 12
