"""Laws of the uplink's pure parts, from the link's meter to blocks and standing."""

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman.clock import ManualClock
from banksman.config.schema_sync import SyncSettings
from banksman.store.rows import OutboxRow, ReadingRow
from banksman.sync.budget import DAY_NS, HOUR_NS, Bucket, Budget
from banksman.sync.link import HISTORY, LinkMeter, LinkState
from banksman.sync.parcel import WrongReceipt, fill, receipt_of, runs_of, seal
from banksman.sync.policy import Asking, Policy
from banksman.sync.probe import Prober
from banksman.sync.schedule import Schedule, Turn
from banksman.sync.standing import LANES, Standing
from banksman.sync.transport import connect_within_s
from banksman.wire.blocks import BadBlock, pack, unpack
from banksman.wire.messages import Priority
from banksman.wire.uplink import Item

MBIT = st.floats(0.01, 1000)


def state(goodput=None, trip=None, reliability=None, stale=False):
    return LinkState(0.0, goodput, trip, reliability, stale)


def plan(goodput=None, metered=False, **more):
    return Policy(SyncSettings()).plan(state(goodput, **more), metered)


# The link


@given(MBIT, st.floats(0, 0.5), st.integers(16 * 1024, 2**20))
def test_the_goodput_of_an_even_link_is_its_rate(mbit, trip_s, size):
    meter = LinkMeter()
    own_s = size * 8 / 1e6 / mbit
    for n in range(20):
        meter.succeeded(float(n), size, own_s + trip_s, trip_s)
    found = meter.tick(20.0)
    # A transfer that is nearly all round trip tells a bound only.
    assert found.goodput_mbit <= mbit * 1.001
    if trip_s < own_s:
        assert found.goodput_mbit == pytest.approx(mbit, rel=1e-3)
    assert found.round_trip_ms == pytest.approx(trip_s * 1e3)


def test_small_transfers_tell_the_round_trip_and_no_goodput():
    meter = LinkMeter()
    meter.succeeded(0.0, 500, 0.08)
    found = meter.tick(1.0)
    assert (found.goodput_mbit, found.round_trip_ms, found.stale) == (None, 80.0, True)


@given(st.lists(st.booleans(), min_size=1, max_size=100))
def test_reliability_is_the_share_of_good_outcomes(outcomes):
    meter = LinkMeter()
    for ok in outcomes:
        if ok:
            meter.succeeded(0.0, 100, 0.1)
        else:
            meter.failed(0.0)
    assert meter.tick(1.0).reliability == pytest.approx(sum(outcomes) / len(outcomes))


def test_a_state_comes_every_five_seconds_and_an_hour_of_them_is_kept():
    meter = LinkMeter()
    states = [meter.tick(float(second)) for second in range(5000)]
    assert sum(each is not None for each in states) == 1000
    assert len(meter.history) == HISTORY


def test_an_estimate_grows_stale_and_stays():
    meter = LinkMeter()
    meter.succeeded(0.0, 100_000, 0.1, 0.01)
    fresh, old = meter.tick(5.0), meter.tick(1000.0)
    assert (fresh.stale, old.stale) == (False, True)
    assert old.goodput_mbit == fresh.goodput_mbit


# The policy


@pytest.mark.parametrize(
    ("goodput", "profile", "lowest", "rows", "interval_s"),
    [
        (None, "thin", Priority.CRITICAL, 1, 300),
        (4.9, "thin", Priority.CRITICAL, 1, 300),
        (5.0, "fair", Priority.IMPORTANT, 5, 60),
        (24.9, "fair", Priority.IMPORTANT, 5, 60),
        (25.0, "wide", Priority.NORMAL, 20, 15),
        (500.0, "wide", Priority.NORMAL, 20, 15),
    ],
)
def test_the_table_of_the_issue_is_the_default(goodput, profile, lowest, rows, interval_s):
    found = plan(goodput)
    assert (found.profile, found.lowest, found.rows) == (profile, lowest, rows)
    assert found.interval_s == interval_s


@given(st.floats(4.6, 5.4))
def test_a_link_about_a_bound_does_not_change_its_row(goodput):
    for first, name in ((2.0, "thin"), (10.0, "fair")):
        policy = Policy(SyncSettings())
        policy.plan(state(first), False)
        assert policy.plan(state(goodput), False).profile == name


@given(MBIT, MBIT)
def test_a_faster_link_never_gets_less(a, b):
    slow, fast = sorted((a, b))
    assert plan(slow).lowest <= plan(fast).lowest
    assert plan(slow).bytes_most <= plan(fast).bytes_most
    assert plan(slow).cloud_share <= plan(fast).cloud_share


@pytest.mark.parametrize(
    ("goodput", "trip", "share"),
    [(9.0, 10, 0.1), (100.0, 10, 0.3), (900.0, 100, 0.3), (900.0, 101, 0.0), (None, None, 0.1)],
)
def test_decisions_stay_local_as_the_link_demands(goodput, trip, share):
    assert plan(goodput, trip=trip).cloud_share == pytest.approx(share)


def test_an_unreliable_link_makes_the_store_keep_more():
    assert plan(50.0, reliability=0.94).retention == 1.5
    assert plan(50.0, reliability=0.95).retention == 1.0


@pytest.mark.parametrize("known", [0.5, 0.99])
def test_a_reliability_that_nobody_knows_any_more_changes_nothing(known):
    policy = Policy(SyncSettings())
    before = policy.plan(state(50.0, reliability=known), False).retention
    assert policy.plan(state(None), False).retention == before, "another interface"
    later = Policy(SyncSettings(), unreliable=before > 1)
    assert later.plan(state(None), True).retention == before, "a start"
    assert later.plan(state(9.0, reliability=0.99), True).retention == 1.0


SHARES = st.sampled_from([0.0, 0.1, 0.3])


@given(st.lists(st.tuples(st.integers(0, 5000), SHARES), max_size=60))
def test_of_any_decisions_in_a_row_no_more_are_asked_than_their_share_and_one_burst(steps):
    asking, decided = Asking(burst=3), 0
    seen = [(0, 0)]  # decisions and questions so far
    for step, share in steps:
        decided, asking.share = decided + step, share
        asking.may_ask(decided)
        seen.append((decided, asking.asked))
    most = max((share for _, share in steps), default=0.0)
    for index, (begun, before) in enumerate(seen):
        for ended, asked in seen[index + 1 :]:
            assert asked - before <= most * (ended - begun) + 3 + 1e-6
    assert asking.asked + asking.kept_local == len(steps)


def test_a_quiet_month_saves_up_no_flood_of_questions():
    asking = Asking(burst=3)
    decided = 1_000_000
    asked = [asking.may_ask(decided + n) for n in range(1000)]
    assert sum(asked) <= 0.1 * 1000 + 3
    assert asked[:3] == [True] * 3
    assert sum(asked) >= 0.1 * 1000 - 3, "and the share is there to be used"


def test_a_share_of_nothing_asks_nothing():
    asking = Asking()
    asking.share = 0.0
    assert not any(asking.may_ask(n) for n in range(100))


# Budget and schedule


@given(st.lists(st.tuples(st.floats(0, 10), st.integers(0, 50_000)), max_size=60))
def test_a_bucket_lets_through_its_rate_and_one_burst(turns):
    bucket, now_s, sent, last = Bucket(80, 0.0), 0.0, 0, 0
    for pause_s, size in turns:
        now_s += pause_s
        if not bucket.wait_s(now_s):
            bucket.take(now_s, size)
            sent, last = sent + size, size
    assert sent <= 10_000 * now_s + 64 * 1024 + max(last, 50_000)


@given(
    st.lists(st.tuples(st.integers(-2 * DAY_NS, 2 * DAY_NS), st.integers(0, 10**6)), max_size=30)
)
def test_no_jump_of_the_clock_back_opens_a_new_budget(jumps):
    budget, wall_ns, newest, spent = Budget(1, 2), 10**18, -1, 0
    for jump, size in jumps:
        wall_ns = max(0, wall_ns + jump)
        if wall_ns // HOUR_NS > newest:
            newest, spent = wall_ns // HOUR_NS, 0
        budget.spend(wall_ns, size)
        spent += size
        assert budget.left_bytes(wall_ns) <= max(0, 10**6 - spent)


def test_no_limit_is_no_budget():
    assert Budget(0, 0).left_bytes(1) is None


def waiting(**classes):
    return {each: classes.get(each.name.lower(), 0) for each in Priority}


def test_rows_of_the_table_wait_for_company_or_their_interval():
    schedule, fair = Schedule(SyncSettings(), 0.0), plan(10.0)
    few, enough = waiting(important=4), waiting(important=5)
    assert isinstance(schedule.turn(fair, few, None, 0.0), float)
    assert schedule.turn(fair, enough, None, 1.0).classes == (Priority.IMPORTANT,)
    assert schedule.turn(fair, few, None, 61.0).classes == (Priority.IMPORTANT,)


def test_idle_capacity_drains_a_backlog_of_lower_classes_without_a_pause():
    schedule, thin = Schedule(SyncSettings(), 0.0), plan(1.0)
    for second in range(20):
        turn = schedule.turn(thin, waiting(background=5000), None, float(second))
        assert turn.classes == (Priority.BACKGROUND,)
        schedule.sent({Priority.BACKGROUND: turn.bytes_most}, float(second))


def test_a_metered_link_carries_lower_classes_as_rare_bounded_probes_only():
    settings = SyncSettings(probe_s=60, probe_kb=64)
    schedule = Schedule(settings, 0.0)
    metered = plan(1.0, metered=True, stale=True)
    turns = [
        schedule.turn(metered, waiting(background=9999), None, float(second))
        for second in range(600)
    ]
    probes = [turn for turn in turns if isinstance(turn, Turn)]
    assert len(probes) == 10
    assert all(turn.probe and turn.bytes_most <= 64_000 for turn in probes)


@given(
    st.dictionaries(st.sampled_from(list(Priority)), st.integers(0, 10**6)),
    MBIT,
    st.booleans(),
    st.booleans(),
    st.one_of(st.none(), st.integers(0, 10**7)),
)
def test_a_turn_names_only_what_waits_and_never_more_than_the_budget(
    rows, goodput, metered, stale, left
):
    turn = Schedule(SyncSettings(), 0.0).turn(
        plan(goodput, metered=metered, stale=stale), rows, left, 1e6
    )
    if isinstance(turn, Turn):
        assert all(rows.get(each, 0) for each in turn.classes)
        assert Priority.CRITICAL not in turn.classes
        assert not metered or left is None or 0 < turn.bytes_most <= left
    else:
        assert 0 < turn < math.inf


def test_an_idle_link_is_measured_ever_less_while_nothing_changes():
    prober, idle = Prober(60, 64_000, 27.5), plan(None, stale=True)
    sizes = [prober.due(idle, state(stale=True), float(second)) for second in range(86_400)]
    probes = [size for size in sizes if size is not None]
    assert probes[0] == 64_000
    assert len(probes) <= 31
    assert prober.due(plan(9.0, metered=True, stale=True), state(9.0, stale=True), 1e9) is None


# Standing


def test_who_finds_nobody_tries_again_within_a_second_and_is_freed_by_any_success():
    standing = Standing(0.0, chance=lambda: 1.0)
    for _ in range(50):
        standing.nobody("urgent", "gone", 0.0)
        standing.nobody("bulk", "gone", 0.0)
    assert standing.wait_s("urgent", 0.0) <= 1.0
    assert 1.0 < standing.wait_s("bulk", 0.0) <= 10.0
    assert standing.succeeded("urgent", 0.0)
    assert not any(standing.wait_s(lane, 0.0) for lane in LANES)


def test_who_was_asked_to_wait_waits_whatever_others_find():
    standing = Standing(0.0)
    standing.trouble("bulk", "busy", 30.0, 0.0)
    standing.succeeded("beat", 0.0)
    assert standing.wait_s("bulk", 0.0) >= 30.0


def test_a_refusal_is_lifted_by_a_heartbeat_and_by_nothing_else():
    standing = Standing(0.0)
    standing.denied("403", 0.0)
    standing.succeeded("bulk", 1.0)
    standing.nobody("beat", "gone", 1.0)
    assert standing.wait_s("bulk", 1e9) == math.inf
    standing.succeeded("beat", 2.0)
    assert (standing.state, standing.wait_s("bulk", 2.0)) == ("up", 0.0)


def test_a_connect_is_given_up_soon_over_a_quick_link_and_late_over_a_satellite():
    assert connect_within_s(None) == 3.0
    assert connect_within_s(20) == 1.2
    assert connect_within_s(500) == 2.0
    assert connect_within_s(5000) == 3.0


# Parcels and blocks

IDS = st.tuples(st.sampled_from(["a-1", "a-2", "b-1"]), st.integers(1, 50))


@given(st.lists(IDS, max_size=40), st.integers(1, 10))
def test_runs_keep_order_and_hold_ids_that_grow_within_one_epoch(ids, most):
    rows = [ReadingRow(n, f"{name}-{number}", "plc", b"{}") for n, (name, number) in enumerate(ids)]
    runs = runs_of(rows, most)
    assert [row for run in runs for row in run] == rows
    for run in runs:
        assert 1 <= len(run) <= most
        assert len({row.id.rpartition("-")[0] for row in run}) == 1
        numbers = [int(row.id.rpartition("-")[2]) for row in run]
        assert numbers == sorted(set(numbers))


@given(st.lists(st.integers(1, 5000), max_size=30), st.integers(1, 20_000))
def test_a_parcel_is_the_head_of_what_waits_and_within_its_bytes(sizes, most):
    rows = [
        OutboxRow(n, Priority.NORMAL, "audit", f"a-1-{n}", b"x" * size, 1)
        for n, size in enumerate(sizes)
    ]
    parcel = fill(rows, (), most, 3)
    assert [entry.row_id for entry in parcel] == list(range(len(parcel)))
    assert bool(parcel) == bool(rows)
    assert len(parcel) <= 1 or sum(entry.wire_bytes for entry in parcel) <= most


@given(st.lists(st.binary(min_size=1, max_size=200).filter(lambda b: b"\n" not in b), min_size=1))
def test_a_block_gives_back_the_very_bytes(messages):
    assert unpack(pack(messages)) == messages


@given(st.binary(max_size=300))
def test_what_is_no_block_is_refused(data):
    with pytest.raises(BadBlock):
        unpack(data)


def test_a_block_that_unpacks_to_gigabytes_is_refused():
    import zstandard

    bomb = zstandard.ZstdCompressor(level=3).compress(bytes(9 * 1024 * 1024))
    with pytest.raises(BadBlock, match="holds"):
        unpack(bomb)


ITEMS = [Item(f"a-1-{n}", "audit", Priority.NORMAL, 1, b"{}") for n in range(3)]


@given(st.binary(max_size=100) | st.builds(msgspec.json.encode, st.dictionaries(st.sampled_from(
    ["taken", "repeated", "refused"]), st.integers(-5, 5) | st.just([]))))  # fmt: skip
def test_only_a_receipt_that_adds_up_is_one(body):
    try:
        receipt = receipt_of(body, ITEMS)
    except WrongReceipt:
        return
    assert receipt.taken + receipt.repeated + len(receipt.refused) == 3
    assert min(receipt.taken, receipt.repeated) >= 0


def test_a_batch_with_padding_is_as_large_as_was_asked():
    body = seal((), "a", ManualClock(), 17, 64_000)
    assert 64_000 <= len(body) <= 64_500
