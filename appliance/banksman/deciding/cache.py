"""A small memory of model scores, so that a steady plant does not run its model in vain.

Rules of this file
- Only scores of models live here; a rule is never answered from a cache.
- An entry belongs to one model version and one rules version, and dies with either.
- An entry expires; it is bounded in number; the least recently used goes first.
- Time is an argument.

Features are quantised to a number of significant digits by rounding the mantissas of their
doubles, all at once as one long integer:

    double   | sign | exponent (11) | mantissa (52)            |
    key      | sign | exponent      | kept ......| 0 0 0 0 0 0 |   (rounded to nearest)

A step of the kept bits is at most 10**-digits of the value, so two vectors that share a key
differ by less than that in each feature.
"""

from __future__ import annotations

import math
import struct
from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from banksman_inference.ports import Score

_MANTISSA_BITS = 52


class CacheCounts(msgspec.Struct, frozen=True):
    """Totals since the start. ``flushes``: everything dropped for a new model or rules version."""

    entries: int
    hits: int
    misses: int
    evictions: int
    expiries: int
    flushes: int


class _Key(NamedTuple):
    """What a score is remembered under."""

    model: str
    model_version: str
    rules_version: str
    features: int


class _Mask(NamedTuple):
    """How to quantise vectors of one length."""

    pack: struct.Struct
    half: int
    kept: int


class ScoreCache:
    """Scores by quantised features; one per control loop, used on its thread only."""

    def __init__(self, entries: int = 1000, ttl_s: float = 5.0, digits: int = 3) -> None:
        """``entries`` 0 turns it off. ``ttl_s``: how long a score may be used, in seconds."""
        self.entries_max = entries
        self._ttl_ns = round(ttl_s * 1e9)
        self._dropped_bits = _MANTISSA_BITS - math.ceil(digits * math.log2(10))
        self._masks: dict[int, _Mask] = {}
        self._scores: OrderedDict[_Key, tuple[int, Score]] = OrderedDict()
        self._model_versions: dict[str, str] = {}
        self._rules_version = ""
        self._hits = self._misses = self._evictions = self._expiries = self._flushes = 0

    def key(
        self, model: str, model_version: str, rules_version: str, features: Sequence[float]
    ) -> _Key:
        """What to look up and store under; drops everything when a version has changed.

        An empty ``rules_version`` stands for a decision point without rules and changes nothing.
        """
        known = self._model_versions.setdefault(model, model_version)
        if known != model_version or (rules_version and rules_version != self._rules_version):
            self._flush(model, model_version, rules_version)
        pack, half, kept = self._masks.get(len(features)) or self._mask(len(features))
        bits = int.from_bytes(pack.pack(*features), "little")
        return _Key(model, model_version, rules_version, (bits + half) & kept)

    def get(self, key: _Key, now_ns: int) -> Score | None:
        """The score stored under ``key``, unless there is none or it has expired."""
        entry = self._scores.get(key)
        if entry is None:
            self._misses += 1
            return None
        expires_ns, score = entry
        if now_ns >= expires_ns:
            del self._scores[key]
            self._expiries += 1
            self._misses += 1
            return None
        self._scores.move_to_end(key)
        self._hits += 1
        return score

    def put(self, key: _Key, score: Score, now_ns: int) -> None:
        """Remember a score; the least recently used entry makes room."""
        if not self.entries_max:
            return
        self._scores[key] = (now_ns + self._ttl_ns, score)
        self._scores.move_to_end(key)
        if len(self._scores) > self.entries_max:
            self._scores.popitem(last=False)
            self._evictions += 1

    def counts(self) -> CacheCounts:
        """The totals now."""
        return CacheCounts(
            entries=len(self._scores),
            hits=self._hits,
            misses=self._misses,
            evictions=self._evictions,
            expiries=self._expiries,
            flushes=self._flushes,
        )

    def _flush(self, model: str, model_version: str, rules_version: str) -> None:
        if self._scores:
            self._scores.clear()
            self._flushes += 1
        self._model_versions[model] = model_version
        self._rules_version = rules_version or self._rules_version

    def _mask(self, length: int) -> _Mask:
        dropped = (1 << self._dropped_bits) - 1
        half = (dropped + 1) >> 1
        words = [half.to_bytes(8, "little"), ((1 << 64) - 1 - dropped).to_bytes(8, "little")]
        mask = _Mask(
            struct.Struct(f"<{length}d"),
            int.from_bytes(words[0] * length, "little"),
            int.from_bytes(words[1] * length, "little"),
        )
        self._masks[length] = mask
        return mask
