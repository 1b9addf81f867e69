"""The simulated healthy machines go the way from reading to ring, and every ring is counted."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.maintenance.healthy import SENSORS_EACH, Chain, Rings, counted, together


def test_a_machine_learns_by_default_rings_nobody_and_is_found_when_it_shifts(monkeypatch):
    monkeypatch.setattr("benchmarks.maintenance.healthy.SENSORS_EACH", 4)
    found = counted("gaussian", 0, hours=1)
    assert (found.machines, found.stream_hours, found.rings, found.found) == (1, 4, 0, 1)


def test_every_ring_of_any_kind_is_counted():
    rings = Rings()
    for key in ("machine.m", "machine.m.change", "machine.m", "machine.m.fault"):
        rings.raise_alarm(key, "words", None, "m")
    assert rings.by_what() == {"verdict": 2, "change": 1, "fault": 1}


def test_sums_are_scaled_to_five_thousand_streams(monkeypatch):
    monkeypatch.setattr("benchmarks.maintenance.healthy.SENSORS_EACH", 4)
    one = counted("heavy", 1, hours=1)
    both = together([one, one])
    assert both.machines == 2
    assert both.per_hour == pytest.approx(one.rings / one.stream_hours * 5000)


@pytest.mark.parametrize("kind", ["minute", "slow"])
def test_streams_with_memory_keep_their_spread(kind):
    levels = np.concatenate([Chain(kind, number).window() for number in range(20)])
    assert len(levels) == 20 * SENSORS_EACH
    assert np.std(levels) == pytest.approx(1.0, abs=0.35)
