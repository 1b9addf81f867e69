"""Laws that hold for whatever inputs, waits, renewals and commands come in whatever order."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

LEVELS = st.sampled_from([-1, 0, 1])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("tell"), st.integers(0, 3), LEVELS),
        st.tuples(st.just("wait"), st.sampled_from([0.01, 1, 4, 6, 40, 300, 600])),
        st.tuples(st.just("freeze"), st.sampled_from([1, 100, 700])),
        st.tuples(st.just("renew"), st.sampled_from([50, 500, 5000])),
        st.tuples(st.just("set"), st.integers(0, 2), st.integers(0, 1)),
        st.tuples(st.just("trip")),
        st.tuples(st.just("press_reset"), st.just(3)),
    ),
    max_size=60,
)
SAFE = (0, 1, 0)
LAWFUL = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def build(make_core, firsts):
    core = make_core()
    core.input("estop", first=firsts[0], pair=1)
    core.input("estop", first=firsts[1], pair=0, debounce_ms=0)
    core.input("estop", first=firsts[2])
    core.input("reset", first=firsts[3])
    core.output(safe=SAFE[0])
    core.output(safe=SAFE[1])
    core.output(safe=SAFE[2], toggle_ms=30)
    core.begin()
    return core


def run(core, step):
    getattr(core, step[0])(*step[1:])


@LAWFUL
@given(firsts=st.tuples(LEVELS, LEVELS, LEVELS, LEVELS), steps=STEPS)
def test_an_unlatched_guard_has_every_estop_closed(make_core, firsts, steps):
    core = build(make_core, firsts)
    for step in steps:
        run(core, step)
        if not core.latched:
            assert [core.believed(i) for i in range(3)] == [1, 1, 1]


@LAWFUL
@given(firsts=st.tuples(LEVELS, LEVELS, LEVELS, LEVELS), steps=STEPS)
def test_outputs_are_safe_whenever_latched_or_without_a_lease(make_core, firsts, steps):
    core = build(make_core, firsts)
    for step in steps:
        run(core, step)
        if core.latched or not core.lease_held:
            assert tuple(core.level(i) for i in range(3)) == SAFE


@LAWFUL
@given(firsts=st.tuples(LEVELS, LEVELS, LEVELS, LEVELS), steps=STEPS)
def test_only_a_command_takes_an_output_out_of_its_safe_state(make_core, firsts, steps):
    core = build(make_core, firsts)
    for step in steps:
        before = [core.commanded(i) for i in range(3)]
        run(core, step)
        for i in range(3):
            if before[i] == SAFE[i] and core.commanded(i) != SAFE[i]:
                assert step[:2] == ("set", i)


@LAWFUL
@given(firsts=st.tuples(LEVELS, LEVELS, LEVELS, LEVELS), steps=STEPS)
def test_only_a_released_reset_button_clears_the_latch(make_core, firsts, steps):
    core = build(make_core, firsts)
    for step in steps:
        before, seen = core.latched, len(core.events)
        run(core, step)
        if before and not core.latched:
            kinds = core.kinds[seen:]
            assert kinds[kinds.index("reset") - 1] == "released"
