"""vision.coil_*: from a frame in the station's hand to the coil, over the bare inference.

The whole daemon with the shipped backbone looks at a folder of pictures, good and defective ones in
turn; its rules switch a coil with each. Meanwhile it polls the PLC 50 times a second, records and
sends up all readings to a real endpoint, and its page is open twice and scraped.

    frame in hand ── prepare ─ set, invoke, get ─ floats ─ memory, head ─ severity, debounce, batch,
                     rules, interlock, Modbus ──► coil written                        (`total`)
    bare:            invoke ─ memory, head                                            (`bare`)

Rules of this file
- The inference time is what the same work takes bare, in the same daemon, on the same thread, in
  the same seconds, a moment after each coil was written (`coil_daemon`): the interpreter's own
  invoke, and the arithmetic of memory and head. All else is ours and counts.
- Like is taken from like: the median of `bare` from the median of `total`, its p99 from the p99.
- The coil's time is taken by the PLC, a process of its own, when the request has arrived. A write
  belongs to the last look before it, however late it comes, and counts; those over `LATE_S` are
  counted once more, by themselves.
- Sync and page are busy or there is no figure: in each round the endpoint must have got rows,
  the pages events and the scraper answers.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from benchmarks.context import Context
from benchmarks.figure import Figure, Target, figure
from benchmarks.pressure import REST_S, Pressure, loaded_note
from benchmarks.stats import percentile, percentiles
from benchmarks.vision.coil_plant import Busy, CannotRun, Look, running_plant
from benchmarks.vision.coil_site import FPS, GOOD, HEIGHT, WIDTH

LATE_S = 0.06  # from the verdict to the coil
HOW = (
    f"{FPS} frames/s of {WIDTH} x {HEIGHT}, coil over Modbus TCP; page open twice, records sent up"
)
BARE = "the bare invoke and the arithmetic of memory and head, timed beside it under the same load"


class Sample(NamedTuple):
    """One frame, in ms: frame in hand to coil; of that after the inspection; the bare work."""

    total: float
    after: float
    bare: float


def measure(context: Context) -> list[Figure]:
    """The overhead over the bare inference, and the memory of the daemon that does it."""
    context.say("coil: from a frame in hand to the coil written")
    seconds = 10 if context.quick else 30
    rounds: list[list[Sample]] = []
    peaks: list[float] = []
    busy: list[Busy] = []
    resting, loaded = Pressure(), Pressure()
    resting.rest(REST_S)
    try:
        with running_plant(context) as plant:
            for _ in range(context.rounds):
                with loaded:
                    time.sleep(seconds)
                rounds.append(samples(*plant.collect()))
                busy.append(plant.was_busy())
                peaks.append(plant.peak_mb())
    except CannotRun as error:
        return [
            figure("vision.coil_p50", "ms", [], direction="lower", n=0, pressure_pct=None,
                   target=Target("value", 1), note=str(error))
        ]  # fmt: skip
    note = f"{HOW}; {told_busy(busy, seconds)}; {loaded_note(loaded.pct)}"
    return _figures(rounds, peaks, resting.pct, note)


def told_busy(busy: Sequence[Busy], seconds: float) -> str:
    """How busy sync and page were in the least busy round."""
    rates = [min(each[what] for each in busy) / seconds for what in range(len(Busy._fields))]
    return "at least {:.1f} rows/s came to the endpoint, {:.0f} events/s, {:.1f} answers/s".format(
        *rates
    )


def samples(looks: Sequence[Look], writes: Sequence[int]) -> list[Sample]:
    """A sample for each look that had the coil written. Pure.

    A write belongs to the last look that had ended when it came; a look's first one counts.
    """
    ends = [look.begun_ns + look.took_ns for look in looks]
    found: dict[int, Sample] = {}
    for at_ns in writes:
        place = bisect_right(ends, at_ns) - 1
        if place < 0 or place in found:
            continue
        look = looks[place]
        found[place] = Sample(
            (at_ns - look.begun_ns) / 1e6,
            (at_ns - ends[place]) / 1e6,
            (look.invoke_ns + look.arithmetic_ns) / 1e6,
        )
    return list(found.values())


def _figures(
    rounds: Sequence[Sequence[Sample]], peaks: list[float], resting: float | None, note: str
) -> list[Figure]:
    shared: dict[str, Any] = {
        "direction": "lower", "n": sum(map(len, rounds)), "pressure_pct": resting,
    }  # fmt: skip
    whole = [[each.total for each in run] for run in rounds]
    after = [[each.after for each in run] for run in rounds]
    bare = [[each.bare for each in run] for run in rounds]
    figures = []
    for percent, target in ((50, 1.0), (99, 3.0)):
        over = [_over(run, percent) for run in rounds if run]
        figures += [
            figure(f"vision.coil_p{percent}", "ms", over, target=Target("value", target),
                   note=f"over {BARE}; {note}", **shared),
            figure(f"vision.coil_total_p{percent}", "ms", percentiles(whole, percent),
                   note="frame in hand to coil written, the inference in it", **shared),
            figure(f"vision.coil_bare_p{percent}", "ms", percentiles(bare, percent), note=BARE,
                   **shared),
            figure(f"vision.coil_after_p{percent}", "ms", percentiles(after, percent),
                   note="of the total: what came after the verdict", **shared),
        ]  # fmt: skip
    late = [float(sum(each.after > LATE_S * 1e3 for each in run)) for run in rounds]
    strict = [_of(run, 99, _total) - _of(run, 50, _bare) for run in rounds if run]
    return [
        *figures,
        figure("vision.coil_late", "", late, target=Target("value", 0), worst=True,
               note=f"writes that came over {LATE_S * 1e3:g} ms after their verdict; they count in "
               "all percentiles", **shared),
        figure("vision.coil_p99_over_median", "ms", strict, target=Target("value", 3),
               note="the total's p99 over the median of the bare work: the inference's own tail "
               "counted as ours", **shared),
        figure("vision.rss_mb", "MB", peaks, target=Target("value", 220), worst=True,
               note="the most the daemon held since its start (VmHWM): backbone, one camera of "
               f"{WIDTH} x {HEIGHT}, {GOOD} good parts in memory", **shared),
    ]  # fmt: skip


def _over(run: Sequence[Sample], percent: float) -> float:
    """A percentile of the total less the same of the bare work."""
    return _of(run, percent, _total) - _of(run, percent, _bare)


def _of(run: Sequence[Sample], percent: float, value: Callable[[Sample], float]) -> float:
    return percentile([value(each) for each in run], percent) or 0.0


def _total(sample: Sample) -> float:
    return sample.total


def _bare(sample: Sample) -> float:
    return sample.bare
