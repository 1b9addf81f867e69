"""What is read of a link: TCP that starts slowly over it, an endpoint that takes its time."""

import random
from collections import deque

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from banksman.config.schema_sync import SyncSettings
from banksman.sync.link import LinkMeter, LinkState
from banksman.sync.policy import Policy
from banksman.sync.probe import SIZE_FOLD_MOST, Prober
from banksman.sync.rate import Transfer, rate_of

MSS = 1448
WINDOW = 10 * MSS  # RFC 6928
BEAT_BYTES = 1200


def tcp_takes_s(size, mbit, trip_s, window=WINDOW):
    """From the first packet to the last one's acknowledgement: packet by packet, without loss."""
    now_s = free_s = 0.0
    acks: deque[float] = deque()
    for _ in range(-(-size // MSS)):
        while len(acks) * MSS >= window:
            now_s = acks.popleft()
            window += MSS
        free_s = max(now_s, free_s) + MSS * 8 / 1e6 / mbit
        acks.append(free_s + trip_s)
    return acks[-1]


class Line:
    """A link with its endpoint, and a box that has nothing to say but heartbeats and probes."""

    def __init__(self, mbit, trip_s, seed=0, near_proxy=False):
        """``near_proxy``: it acknowledges at once and has the whole of what is sent."""
        self.meter, self.policy = LinkMeter(), Policy(SyncSettings())
        self.prober = Prober.of(SyncSettings())
        self.sizes: list[int] = []
        self._mbit, self._trip_s = mbit, trip_s
        self._near_proxy = near_proxy
        self._chance = random.Random(seed)

    def send(self, size, now_s):
        window = 10**9 if self._near_proxy else WINDOW
        took_s = tcp_takes_s(size, self._mbit, self._trip_s, window)
        took_s += self._chance.uniform(0.002, 0.006)  # the endpoint's own
        seen_s = 0.0001 if self._near_proxy else self._trip_s
        self.meter.succeeded(now_s, size, took_s, seen_s, seen_s, WINDOW)

    def idle(self, seconds=300):
        """The state after so long."""
        for second in range(seconds):
            now_s = float(second)
            if second % 10 == 0:
                self.send(BEAT_BYTES, now_s)
            self.meter.tick(now_s)
            plan = self.policy.plan(self.meter.state, metered=False)
            size = self.prober.due(plan, self.meter.state, now_s)
            if size is not None:
                self.sizes.append(size)
                self.send(size, now_s)
        return self.meter.state


@pytest.mark.parametrize("near_proxy", [False, True])
@pytest.mark.parametrize("trip_s", [0.005, 0.04, 0.08])
@pytest.mark.parametrize("mbit", [1, 5, 10])
def test_a_thin_link_is_read_within_a_fifth(mbit, trip_s, near_proxy):
    assert Line(mbit, trip_s, 1, near_proxy).idle().goodput_mbit == pytest.approx(mbit, rel=0.2)


@pytest.mark.parametrize("near_proxy", [False, True])
@pytest.mark.parametrize("trip_s", [0.02, 0.04, 0.08])
def test_sixty_megabit_over_a_long_round_trip_are_the_tables_best_row(trip_s, near_proxy):
    line = Line(60, trip_s, 1, near_proxy)
    found = line.idle()
    assert 25 < found.goodput_mbit <= 60 * 1.1
    assert line.policy.plan(found, metered=False).profile == "wide"


# Over a fast link a probe takes no longer than the endpoint's own time varies.
@given(st.floats(0.3, 15), st.floats(0.001, 0.3), st.integers(0, 99), st.booleans())
def test_no_thin_link_is_read_much_faster_than_it_is(mbit, trip_s, seed, near_proxy):
    line = Line(mbit, trip_s, seed, near_proxy)
    assert line.idle(120).goodput_mbit <= 1.2 * mbit + 0.1


@example(0.30078125, 0.3, 18_125)
@given(st.floats(0.3, 100), st.floats(0.0, 0.5), st.integers(16 * 1024, 2**20))
def test_one_transfer_tells_the_links_rate_or_a_bound_and_says_which(mbit, trip_s, size):
    took_s = tcp_takes_s(size, mbit, trip_s)
    found = rate_of(Transfer(size, took_s, trip_s, WINDOW), trip_s)
    assert found.per_s * 8 / 1e6 <= 1.2 * mbit
    if not found.at_least:
        assert found.per_s * 8 / 1e6 >= 0.7 * mbit


def test_a_short_batch_over_a_quick_link_does_not_make_it_a_thin_one():
    line = Line(60, 0.04, 1)
    before = line.idle().goodput_mbit
    for second in range(300, 330):
        line.send(20_000, float(second))
        line.meter.tick(float(second))
    assert line.meter.state.goodput_mbit == before


def test_a_link_that_has_become_thin_is_read_so_at_once():
    line = Line(60, 0.04, 1)
    line.idle()
    line._mbit = 2
    for second in range(300, 310):
        line.send(64_000, float(second))
        line.meter.tick(float(second))
    assert line.meter.state.goodput_mbit == pytest.approx(2, rel=0.2)


def test_probes_grow_only_while_more_would_change_a_row_and_within_their_bound():
    line = Line(60, 0.04, 1)
    line.idle()
    assert line.sizes[:4] == [64_000, 128_000, 256_000, 512_000]
    assert max(line.sizes) == 512_000
    far = Line(60, 0.6, 1)
    far.idle(600)
    assert max(far.sizes) == SIZE_FOLD_MOST * 64_000
    short = Line(1000, 0.002, 1)
    short.idle()
    assert max(short.sizes) <= 128_000


def test_a_metered_link_is_never_padded_however_little_is_known_of_it():
    policy, prober = Policy(SyncSettings()), Prober.of(SyncSettings())
    unsure = LinkState(0.0, 9.0, 80.0, 1.0, True, at_least=True)
    plan = policy.plan(unsure, metered=True)
    assert [prober.due(plan, unsure, float(second)) for second in range(600)] == [None] * 600
