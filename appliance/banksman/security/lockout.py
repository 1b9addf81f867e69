"""How long a client must wait after failed tries. Pure: time is an argument.

- A try counts as failed from the moment it is admitted until it is proved good, so a hundred
  tries sent at once are judged one after the other.
- Per client: FREE_TRIES, then waits of 1, 2, 4 … s up to CLIENT_WAIT_MAX_S.
- In total: after TOTAL_FREE_TRIES failures from everywhere, waits grow up to TOTAL_WAIT_MAX_S;
  this slows an attacker who changes addresses. Clients that have logged in before are held to
  their own count only, so that an attacker cannot keep the operator out.
- Counts are forgotten after FORGET_S without a try.

    tries of one client  x x x x . x . . x . . . . x      x failed try, . refused at the door
"""

from __future__ import annotations

from collections import OrderedDict

FREE_TRIES = 3
CLIENT_WAIT_MAX_S = 900.0
TOTAL_FREE_TRIES = 20
TOTAL_WAIT_MAX_S = 30.0
FORGET_S = 3600.0
MAX_CLIENTS = 1024
MAX_KNOWN = 64


class Failures:
    """Failed tries in a row, and when the next one may be made."""

    __slots__ = ("count", "free", "last_ns", "wait_max_s")

    def __init__(self, free: int, wait_max_s: float) -> None:
        self.count = 0
        self.last_ns = 0
        self.free = free
        self.wait_max_s = wait_max_s

    def wait_s(self, now_ns: int) -> float:
        """Seconds until the next try is allowed; 0 when it is allowed now."""
        since_s = (now_ns - self.last_ns) / 1e9
        if self.count < self.free or since_s >= FORGET_S:
            return 0.0
        delay_s = min(self.wait_max_s, 2.0 ** min(self.count - self.free, 32))
        return max(0.0, delay_s - since_s)

    def failed(self, now_ns: int) -> None:
        """Count one."""
        if now_ns - self.last_ns >= FORGET_S * 1e9:
            self.count = 0
        self.count += 1
        self.last_ns = now_ns


class Lockout:
    """Bounded: the client whose try is longest ago is forgotten first."""

    def __init__(self) -> None:
        self.refused = 0
        self._clients: OrderedDict[str, Failures] = OrderedDict()
        self._total = Failures(TOTAL_FREE_TRIES, TOTAL_WAIT_MAX_S)
        self._known: OrderedDict[str, None] = OrderedDict()

    def admit(self, client: str, now_ns: int) -> float:
        """Ask to try. 0: go on, and the try is counted; otherwise the seconds to wait."""
        own = self._clients.get(client)
        wait_s = own.wait_s(now_ns) if own else 0.0
        if client not in self._known:
            wait_s = max(wait_s, self._total.wait_s(now_ns))
        if wait_s > 0:
            self.refused += 1
            return wait_s
        if own is None:
            own = self._clients[client] = Failures(FREE_TRIES, CLIENT_WAIT_MAX_S)
        own.failed(now_ns)
        self._total.failed(now_ns)
        self._clients.move_to_end(client)
        while len(self._clients) > MAX_CLIENTS:
            self._clients.popitem(last=False)
        return 0.0

    def succeeded(self, client: str) -> None:
        """The try that was admitted last for this client was good."""
        self._clients.pop(client, None)
        self._total.count = max(0, self._total.count - 1)
        self._known[client] = None
        self._known.move_to_end(client)
        while len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)
