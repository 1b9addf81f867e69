"""The score cache never serves what has expired or belongs to another version."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from banksman.deciding.cache import ScoreCache
from banksman_inference.ports import Score

SECOND = 1_000_000_000


def score(value):
    return Score(value, 0.9)


@pytest.fixture
def cache():
    return ScoreCache(entries=3, ttl_s=5.0, digits=3)


def test_a_score_is_served_until_it_expires(cache):
    key = cache.key("m", "1", "r", [1.0, 2.0])
    cache.put(key, score(0.5), 0)
    assert cache.get(key, 5 * SECOND - 1) == score(0.5)
    assert cache.get(key, 5 * SECOND) is None
    assert cache.get(key, 0) is None, "expired is gone"
    counts = cache.counts()
    assert (counts.hits, counts.misses, counts.expiries, counts.entries) == (1, 2, 1, 0)


def test_the_least_recently_used_makes_room(cache):
    keys = [cache.key("m", "1", "r", [float(i)]) for i in range(4)]
    for key in keys[:3]:
        cache.put(key, score(0.5), 0)
    cache.get(keys[0], 1)
    cache.put(keys[3], score(0.5), 1)
    assert [cache.get(key, 1) is not None for key in keys] == [True, False, True, True]
    assert cache.counts().evictions == 1


@pytest.mark.parametrize(
    "versions", [("m", "2", "r"), ("m", "1", "r2")], ids=["new model", "new rules"]
)
def test_a_new_version_drops_everything(cache, versions):
    old = cache.key("m", "1", "r", [1.0])
    cache.put(old, score(0.5), 0)
    assert cache.get(cache.key(*versions, [1.0]), 0) is None
    assert cache.counts().entries == 0
    assert cache.counts().flushes == 1


def test_a_point_without_rules_does_not_disturb_the_others(cache):
    key = cache.key("m", "1", "r", [1.0])
    cache.put(key, score(0.5), 0)
    cache.key("other", "1", "", [1.0])
    assert cache.get(key, 0) is not None


def test_entries_of_zero_turn_it_off():
    cache = ScoreCache(entries=0)
    key = cache.key("m", "1", "r", [1.0])
    cache.put(key, score(0.5), 0)
    assert cache.get(key, 0) is None


def test_models_do_not_share_scores(cache):
    cache.put(cache.key("m", "1", "r", [1.0]), score(0.5), 0)
    assert cache.get(cache.key("n", "1", "r", [1.0]), 0) is None


FINITE = st.floats(allow_nan=False, allow_infinity=False)


@given(st.integers(1, 9), st.lists(FINITE, min_size=1, max_size=4), st.data())
def test_vectors_that_share_a_key_differ_by_less_than_the_digits_say(digits, first, data):
    cache = ScoreCache(digits=digits)
    near = st.floats(-1.5, 1.5).map(lambda share: 1 + share * 10.0**-digits)
    second = [x * data.draw(near) for x in first]
    if not all(abs(x) < 1e308 for x in second):
        return
    if cache.key("m", "1", "", first) == cache.key("m", "1", "", second):
        for a, b in zip(first, second, strict=True):
            # Below 1e-300 doubles lose digits of their own.
            assert abs(a - b) <= 10.0**-digits * max(abs(a), abs(b)) + 1e-300


@given(st.integers(1, 9), st.lists(FINITE, min_size=1, max_size=4))
def test_a_vector_shares_its_key_with_itself(digits, features):
    cache = ScoreCache(digits=digits)
    assert cache.key("m", "1", "", features) == cache.key("m", "1", "", list(features))


def test_a_small_change_hits_and_a_large_one_misses():
    cache = ScoreCache(digits=3)
    base = cache.key("m", "1", "", [100.0, -5.0])
    assert cache.key("m", "1", "", [100.001, -5.00001]) == base
    assert cache.key("m", "1", "", [101.0, -5.0]) != base
    assert cache.key("m", "1", "", [100.0, 5.0]) != base


class CacheMachine(RuleBasedStateMachine):
    """Any course of events: compared with everything that was ever put."""

    keys = Bundle("keys")

    def __init__(self):
        super().__init__()
        self.cache = ScoreCache(entries=4, ttl_s=1.0)
        self.put_at = {}
        self.now = 0
        self.model, self.rules = "1", "r1"

    @rule(target=keys, x=st.integers(0, 6))
    def key(self, x):
        return x

    @rule(x=keys)
    def put(self, x):
        key = self.cache.key("m", self.model, self.rules, [float(x)])
        value = Score(x / 10, 1.0, f"{self.model} {self.rules}")
        self.cache.put(key, value, self.now)
        self.put_at[x, self.model, self.rules] = self.now

    @rule(x=keys)
    def get(self, x):
        key = self.cache.key("m", self.model, self.rules, [float(x)])
        found = self.cache.get(key, self.now)
        if found is not None:
            assert found.label == f"{self.model} {self.rules}", "of another version"
            assert self.now - self.put_at[x, self.model, self.rules] < SECOND, "expired"
            assert found.value == x / 10

    @rule(step=st.integers(0, SECOND))
    def wait(self, step):
        self.now += step

    @rule(version=st.sampled_from(["1", "2"]))
    def new_model(self, version):
        self.model = version

    @rule(version=st.sampled_from(["r1", "r2"]))
    def new_rules(self, version):
        self.rules = version

    @invariant()
    def bounded(self):
        assert self.cache.counts().entries <= 4


CacheMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestCacheMachine = CacheMachine.TestCase
