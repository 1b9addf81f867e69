"""What waits for a person: bounded, the most urgent first. Pure.

Rules of this file
- The most urgent first, and of those the newest; passes that were drawn by chance come last.
- Over the bound the least urgent and of those the oldest leave the list. Their pictures stay, and
  when people have worked through the list they are on it again.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from banksman.vision.exhibit import Exhibit


def listed(waiting: Iterable[Exhibit], most: int) -> list[Exhibit]:
    """At most so many of those that wait, in the order in which a person shall look at them."""
    return heapq.nsmallest(most, waiting, key=urgent_first)


def urgent_first(exhibit: Exhibit) -> tuple[int, int, str]:
    """Sorts a review list."""
    return (exhibit.priority, -exhibit.wall_ns, exhibit.id)


def newest_first(exhibit: Exhibit) -> tuple[int, str]:
    """Sorts kept pictures."""
    return (-exhibit.wall_ns, exhibit.id)
