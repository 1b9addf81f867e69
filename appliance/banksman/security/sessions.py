"""Who is logged in. Pure: time and randomness are arguments.

- A token is made here at login and nowhere else: one that a client brings along is never adopted.
- Only the SHA-256 of a token is kept, so looking it up leaks nothing through timing.
- A session ends IDLE_S after its last request and ABSOLUTE_S after login, whichever is first.
- At most MAX_SESSIONS; a further login ends the one that has been idle longest.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict

import msgspec

IDLE_S = 1800.0
ABSOLUTE_S = 12 * 3600.0
MAX_SESSIONS = 8
TOKEN_BYTES = 32


class Session(msgspec.Struct):
    """One login. ``csrf`` must come back in a header of every request that changes something."""

    name: str
    csrf: str
    client: str
    started_ns: int
    used_ns: int

    def alive(self, now_ns: int) -> bool:
        """Whether neither limit has passed."""
        idle_s = (now_ns - self.used_ns) / 1e9
        age_s = (now_ns - self.started_ns) / 1e9
        return idle_s < IDLE_S and age_s < ABSOLUTE_S

    def csrf_matches(self, given: str) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(self.csrf.encode(), given.encode("utf-8", "replace"))


class Sessions:
    """The bounded table of sessions."""

    def __init__(self) -> None:
        self._by_digest: OrderedDict[bytes, Session] = OrderedDict()

    def __len__(self) -> int:
        return len(self._by_digest)

    def begin(self, token: str, csrf: str, name: str, client: str, now_ns: int) -> Session:
        """Log ``name`` in under a fresh ``token``."""
        for digest in [key for key, kept in self._by_digest.items() if not kept.alive(now_ns)]:
            del self._by_digest[digest]
        while len(self._by_digest) >= MAX_SESSIONS:
            self._by_digest.popitem(last=False)
        session = Session(name, csrf, client, now_ns, now_ns)
        self._by_digest[_digest(token)] = session
        return session

    def find(self, token: str, now_ns: int, *, touch: bool = True) -> Session | None:
        """Return the living session of ``token``; with ``touch`` it counts as used now."""
        digest = _digest(token)
        session = self._by_digest.get(digest)
        if session is None:
            return None
        if not session.alive(now_ns):
            del self._by_digest[digest]
            return None
        if touch:
            session.used_ns = now_ns
            self._by_digest.move_to_end(digest)
        return session

    def end(self, token: str) -> bool:
        """Log out; false when there was no such session."""
        return self._by_digest.pop(_digest(token), None) is not None

    def end_all(self) -> None:
        """Log everyone out, as when the password changes."""
        self._by_digest.clear()


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
