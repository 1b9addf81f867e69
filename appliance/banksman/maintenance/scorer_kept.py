"""A machine's scorer as the store keeps it: sealed, so that what is foreign or damaged is refused.

Rules of this file
- Pure. Version, names of the sensors and a checksum stand beside the bytes: another version, other
  sensors or another order of them, one flipped bit: refused, and the scorer learns anew. A wrong
  past would make usual what is rare.
- Bounded: BYTES_MAX for each stream, checked before anything is read.

    KeptScores( version | sensors | check = BLAKE2b of | payload: KeptBank as MessagePack )
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

from banksman.maintenance.scorer import KeptBank, StreamBank

VERSION = 1
BYTES_MAX = 16_384  # of each stream; it is a third of it
CHECK_BYTES = 16


class KeptScores(msgspec.Struct, frozen=True):
    """What the store keeps of the scorer of one machine's slow sensors."""

    version: int
    sensors: tuple[str, ...]
    check: bytes
    payload: bytes


def sealed(sensors: Sequence[str], bank: StreamBank) -> KeptScores:
    """For the store; ``sensors`` in the order of the bank's streams."""
    payload = msgspec.msgpack.encode(bank.saved())
    return KeptScores(VERSION, tuple(sensors), _check(VERSION, sensors, payload), payload)


def unsealed(kept: KeptScores, sensors: Sequence[str]) -> StreamBank | None:
    """The bank as it was kept; None: foreign or damaged."""
    if kept.version != VERSION or kept.sensors != tuple(sensors) or not sensors:
        return None
    if len(kept.payload) > BYTES_MAX * len(sensors):
        return None
    if kept.check != _check(kept.version, sensors, kept.payload):
        return None
    try:
        known = msgspec.msgpack.decode(kept.payload, type=KeptBank)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None
    bank = StreamBank(len(sensors))
    return bank if bank.restore(known) else None


def _check(version: int, sensors: Sequence[str], payload: bytes) -> bytes:
    digest = hashlib.blake2b(
        msgspec.msgpack.encode((version, list(sensors))), digest_size=CHECK_BYTES
    )
    digest.update(payload)
    return digest.digest()
