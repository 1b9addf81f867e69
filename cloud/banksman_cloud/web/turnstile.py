"""Lets in as many batches as there is room for, and tells the others when to come again.

    request --enter(node, bytes)--> ticket --grow(bytes)--> … --leave--> room again
                 '-- Full(retry_after_s)

Rules of this file
- Room is counted in bytes that a batch will hold at its worst, before they are read or
  unpacked: memory is bounded whatever arrives, and however slow the database is.
- A node has few batches inside at a time, so that none of them can fill the room.
- Pure: the event loop is its only caller, and it waits for nothing.
"""

from __future__ import annotations

from collections import Counter
from types import TracebackType

BYTES_MAX = 64 * 1024 * 1024
BATCHES_MAX = 1024  # the bytes are the bound that matters; this one is for batches of nothing
A_NODE_MAX = 4
RETRY_MAX_S = 30


class Full(Exception):
    """There is no room now; come again in ``retry_after_s``."""

    def __init__(self, why: str, retry_after_s: int) -> None:
        super().__init__(why)
        self.retry_after_s = retry_after_s


class Turnstile:
    """Keeps the count. ``turned_away`` says how often it refused, ``bytes_peak`` the most held."""

    def __init__(
        self,
        bytes_max: int = BYTES_MAX,
        batches_max: int = BATCHES_MAX,
        a_node_max: int = A_NODE_MAX,
    ) -> None:
        self.turned_away = 0
        self.bytes_held = 0
        self.bytes_peak = 0
        self._bytes_max = bytes_max
        self._batches_max = batches_max
        self._a_node_max = a_node_max
        self._nodes: Counter[str] = Counter()
        self._batches = 0

    @property
    def batches(self) -> int:
        """How many are inside."""
        return self._batches

    def enter(self, node: str, size: int) -> Ticket:
        """Let a batch in; ``node`` is empty where nobody knows yet. Raises Full."""
        if self._batches >= self._batches_max:
            raise self._full(f"{self._batches} batches are being kept")
        if node and self._nodes[node] >= self._a_node_max:
            raise self._full(f"{self._a_node_max} batches of this node are being kept")
        ticket = Ticket(self, node)
        self._batches += 1
        self._nodes[node] += 1
        try:
            ticket.grow(size)
        except Full:
            ticket.leave()
            raise
        return ticket

    def hold(self, size: int) -> None:
        """Count more bytes; raises Full."""
        if self.bytes_held + size > self._bytes_max:
            raise self._full(f"{self.bytes_held // 2**20} MiB of batches are being kept")
        self.bytes_held += size
        self.bytes_peak = max(self.bytes_peak, self.bytes_held)

    def let_go(self, node: str, size: int) -> None:
        """A batch leaves."""
        self.bytes_held -= size
        self._batches -= 1
        self._nodes[node] -= 1
        if not self._nodes[node]:
            del self._nodes[node]

    def _full(self, why: str) -> Full:
        self.turned_away += 1
        # The fuller, the later: those who were turned away shall not all come back at once.
        share = max(self._batches / self._batches_max, self.bytes_held / self._bytes_max)
        return Full(why, 1 + min(RETRY_MAX_S - 1, int(share * 4)))


class Ticket:
    """One batch inside."""

    def __init__(self, turnstile: Turnstile, node: str) -> None:
        self._turnstile = turnstile
        self._node = node
        self._size = 0
        self._inside = True

    def grow(self, size: int) -> None:
        """It will need this much more. Raises Full."""
        self._turnstile.hold(size)
        self._size += size

    def leave(self) -> None:
        """It is kept, or given up."""
        if self._inside:
            self._inside = False
            self._turnstile.let_go(self._node, self._size)

    def __enter__(self) -> Ticket:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.leave()
