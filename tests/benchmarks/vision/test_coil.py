"""From a frame in hand to the coil: which write is of which look, and that none is left out."""

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.vision.coil import LATE_S, samples, told_busy
from benchmarks.vision.coil_plant import Busy, Look

MS = 1_000_000


def look(begun_ms, took_ms=10):
    return Look(begun_ms * MS, took_ms * MS, 8 * MS, 1 * MS)


def test_a_write_belongs_to_the_last_look_that_had_ended():
    (first, second) = samples([look(0), look(200)], [11 * MS, 213 * MS])
    assert (first.total, first.after, first.bare) == (11.0, 1.0, 9.0)
    assert (second.total, second.after) == (13.0, 3.0)


def test_a_late_write_counts_with_all_its_lateness():
    (late,) = samples([look(0), look(200)], [150 * MS])
    assert late.total == 150.0
    assert late.after > LATE_S * 1e3


def test_a_write_before_the_first_look_and_a_second_one_after_it_are_not_of_it():
    assert len(samples([look(100)], [50 * MS, 111 * MS, 112 * MS])) == 1


@given(st.lists(st.integers(0, 4000), max_size=40))
def test_each_look_that_was_followed_by_a_write_has_its_sample_however_late(writes_ms):
    looks = [look(number * 200) for number in range(20)]
    ends = [number * 200 + 10 for number in range(20)] + [10**9]
    followed = sum(
        any(ends[number] <= at < ends[number + 1] for at in writes_ms) for number in range(20)
    )
    found = samples(looks, sorted(at * MS for at in writes_ms))
    assert len(found) == followed


def test_it_tells_the_least_busy_round():
    told = told_busy([Busy(300, 900, 30), Busy(600, 300, 60)], 30)
    assert told.startswith("at least 10.0 rows/s")
    assert "10 events/s, 1.0 answers/s" in told
