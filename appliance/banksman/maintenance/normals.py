"""The normals that a machine had before: with when and why each ended, to go back to one of them.

Rules of this file
- The machine's thread adds, any thread reads. VERSIONS_MAX are kept; then the oldest goes.
- Only what was wholly learned is worth keeping: the caller does not give anything else.
- Of what the store kept, a value that nobody can read is no version. A version that is damaged, or
  of other sensors, stays in the list and says so: nobody goes back to it.
- Numbers are never used twice: who goes back gets the old normal under the next number.

    normal 1 --renew--> normal 2 --"it failed"--> normal 3 --back to 1--> normal 4 = 1
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from banksman.errors import VersionRefused
from banksman.maintenance.judging import Judge, PastNormal

VERSIONS_MAX = 5


class Version(msgspec.Struct, frozen=True):
    """One of them; ``began_s`` and ``ended_s`` since 1970, ``why`` it ended in words."""

    number: int
    began_s: float
    ended_s: float
    why: str
    normal: PastNormal


class KeptVersions(msgspec.Struct, frozen=True):
    """What the store keeps, the oldest first."""

    versions: list[Version]


class NormalBook:
    """The former normals of one machine. ``save`` keeps them, ``saved`` are those kept before."""

    def __init__(self, save: Callable[[bytes], None], saved: bytes | None) -> None:
        self._save = save
        self._versions = _read(saved)

    @property
    def versions(self) -> tuple[Version, ...]:
        """The oldest first; a new tuple with every change."""
        return self._versions

    def add(self, version: Version) -> None:
        """One more ended."""
        self._versions = (*self._versions, version)[-VERSIONS_MAX:]
        self._save(msgspec.msgpack.encode(KeptVersions(list(self._versions))))

    def find(self, number: int, judge: Judge) -> PastNormal:
        """The normal of that number, for ``judge``. Raises VersionRefused."""
        found = next((each for each in self._versions if each.number == number), None)
        if found is None:
            kept = ", ".join(str(each.number) for each in self._versions) or "none"
            raise VersionRefused(f"normal {number} is not kept; kept are: {kept}")
        if not judge.fits(found.normal):
            raise VersionRefused(
                f"normal {number} is damaged, or of other sensors or states than are configured now"
            )
        return found.normal


def _read(saved: bytes | None) -> tuple[Version, ...]:
    if saved is None:
        return ()
    try:
        kept = msgspec.msgpack.decode(saved, type=KeptVersions)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return ()
    return tuple(kept.versions[-VERSIONS_MAX:])
