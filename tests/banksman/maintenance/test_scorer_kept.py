"""A scorer in the store: as if it had never stopped, and refused where it is foreign or damaged."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from banksman.maintenance.rarity import BLOCK_READINGS
from banksman.maintenance.scorer import StreamBank
from banksman.maintenance.scorer_kept import (
    BYTES_MAX,
    VERSION,
    KeptScores,
    _check,
    sealed,
    unsealed,
)

NAMES = ("p.flow", "p.amps", "p.heat")
READINGS = 5 * BLOCK_READINGS
START_S = 1_700_000_000.0


def fed(bank, values, first=0):
    return np.array(
        [
            bank.update(row, np.full(len(row), START_S + 60.0 * (first + number)))
            for number, row in enumerate(values)
        ]
    )


def bank_of(values):
    bank = StreamBank(values.shape[1])
    fed(bank, values)
    return bank


@pytest.fixture(scope="module")
def known():
    return bank_of(np.random.default_rng(1).normal(50.0, 1.0, (READINGS, len(NAMES))))


def stored(bank):
    """Over the store's bytes and back."""
    return msgspec.msgpack.decode(msgspec.msgpack.encode(sealed(NAMES, bank)), type=KeptScores)


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([1e-60, 1e-3, 1.0, 1e9]),
    st.sampled_from([0.0, 20.0, -1e5]),
)
@settings(max_examples=4, deadline=None)
def test_it_scores_after_a_restart_as_if_it_had_never_stopped(seed, scale, shift):
    values = np.random.default_rng(seed).normal(size=(READINGS + 40, len(NAMES))) + shift
    values *= scale
    values[READINGS + 20] += 30.0 * scale
    bank = bank_of(values[:READINGS])
    again = unsealed(stored(bank), NAMES)
    after = fed(again, values[READINGS:], READINGS)
    assert after.max() > 0.5
    assert np.allclose(after, fed(bank, values[READINGS:], READINGS), atol=1e-3)


def test_a_spike_after_a_restart_is_rare_at_once(known):
    again = unsealed(stored(known), NAMES)
    scores = fed(again, np.array([[50.0, 80.0, 50.0]]), READINGS)
    assert scores[0].argmax() == 1
    assert scores[0, 1] > 0.99


def test_a_bank_that_has_seen_nothing_is_kept_as_such():
    again = unsealed(stored(StreamBank(len(NAMES))), NAMES)
    assert again.levels.count.tolist() == [0, 0, 0]
    assert fed(again, np.ones((1, 3))).tolist() == [[0.0, 0.0, 0.0]]


def test_the_block_after_a_restart_is_a_whole_one():
    random = np.random.default_rng(3)
    bank = bank_of(random.normal(size=(READINGS + 50, len(NAMES))))
    again = unsealed(stored(bank), NAMES)
    before = again.rarity.blocks.copy()
    fed(again, random.normal(size=(BLOCK_READINGS - 1, len(NAMES))), READINGS + 50)
    assert np.array_equal(again.rarity.blocks, before)
    fed(again, random.normal(size=(1, len(NAMES))), READINGS + 50 + BLOCK_READINGS)
    assert (again.rarity.blocks > before).any()


@pytest.mark.parametrize(
    "sensors", [(), NAMES[:2], ("p.amps", "p.flow", "p.heat"), (*NAMES, "p.more")]
)
def test_the_past_of_other_sensors_is_refused(known, sensors):
    assert unsealed(stored(known), sensors) is None


def test_another_version_is_refused(known):
    assert unsealed(msgspec.structs.replace(stored(known), version=2), NAMES) is None


def test_names_put_onto_another_past_are_refused(known):
    others = ("a", "b", "c")
    assert unsealed(msgspec.structs.replace(stored(known), sensors=others), others) is None


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_one_flipped_bit_is_refused(known, data):
    kept = stored(known)
    place = data.draw(st.integers(0, 8 * len(kept.payload) - 1))
    payload = bytearray(kept.payload)
    payload[place // 8] ^= 1 << place % 8
    assert unsealed(msgspec.structs.replace(kept, payload=bytes(payload)), NAMES) is None


@given(st.binary(max_size=200))
@settings(max_examples=40, deadline=None)
def test_bytes_with_a_true_checksum_that_are_no_bank_are_refused(garbage):
    kept = KeptScores(VERSION, NAMES, _check(VERSION, NAMES, garbage), garbage)
    assert unsealed(kept, NAMES) is None


def test_what_is_too_large_is_not_even_read(known):
    payload = bytes(BYTES_MAX * len(NAMES) + 1)
    assert unsealed(msgspec.structs.replace(stored(known), payload=payload), NAMES) is None


def test_numbers_that_cannot_be_are_refused(known):
    kept = known.saved()
    for part in ("levels", "rarity", "patterns"):
        inner = getattr(kept, part)
        field = type(inner).__struct_fields__[0]
        packed = getattr(inner, field)
        poisoned = msgspec.structs.replace(packed, data=packed.data[:-8] + b"\xff" * 8)
        broken = msgspec.structs.replace(inner, **{field: poisoned})
        assert not StreamBank(len(NAMES)).restore(msgspec.structs.replace(kept, **{part: broken}))


def test_a_stream_takes_a_third_of_its_bound(known):
    assert len(stored(known).payload) < BYTES_MAX / 2 * len(NAMES)
