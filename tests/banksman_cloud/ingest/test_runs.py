"""Runs of ids against plain sets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from banksman_cloud.ingest.runs import Run, gaps

RUNS = st.tuples(st.integers(0, 40), st.integers(0, 12)).map(lambda t: Run(t[0], t[0] + t[1]))


def ids(runs) -> list[int]:
    return [number for run in runs for number in range(run.first, run.last + 1)]


@given(st.lists(RUNS, max_size=12))
def test_every_id_is_kept_once_however_runs_overlap(runs):
    kept: list[Run] = []
    for run in runs:
        kept = sorted([*kept, *gaps(run, kept)])
    assert sorted(set(ids(runs))) == ids(kept)


def test_gaps_are_what_no_known_run_covers():
    assert gaps(Run(1, 10), [Run(3, 5), Run(9, 9)]) == [Run(1, 2), Run(6, 8), Run(10, 10)]
    assert gaps(Run(4, 4), [Run(3, 5)]) == []
    assert gaps(Run(1, 2), []) == [Run(1, 2)]
