"""Which interface carries: at once when one is lost, patiently when one comes back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman_drivers.links.policy import REMEMBERED, LinkPolicy
from banksman_drivers.links.values import InterfaceFacts, LinkRule

HOLD_S = 30.0


def eth(up=True, routed=True, name="eth0", metric=100):
    return InterfaceFacts(name, "ethernet", up, routed, metric if routed else None, 1000)


def wifi(up=True, routed=True):
    return InterfaceFacts("wlan0", "wifi", up, routed, 600 if routed else None)


def lte(up=True, routed=True):
    return InterfaceFacts("wwan0", "modem", up, routed, 700 if routed else None)


@pytest.fixture
def policy():
    return LinkPolicy(hold_s=HOLD_S, hold_most_s=600.0)


def test_the_first_choice_is_the_cheapest_and_is_made_at_once(policy):
    choice = policy.choose([lte(), wifi(), eth()], 5.0)
    assert (choice.interface, choice.metered, choice.since_s) == ("eth0", False, 5.0)
    assert [each.interface for each in choice.links] == ["eth0", "wlan0", "wwan0"]


def test_a_lost_carrier_moves_traffic_at_once(policy):
    policy.choose([eth(), lte()], 0.0)
    choice = policy.choose([eth(up=False), lte()], 100.0)
    assert (choice.interface, choice.metered, choice.since_s) == ("wwan0", True, 100.0)
    assert choice.why == "eth0 was lost"


def test_a_lost_default_route_is_a_lost_link(policy):
    policy.choose([eth(), lte()], 0.0)
    assert policy.choose([eth(routed=False), lte()], 1.0).interface == "wwan0"


def test_an_interface_that_is_unplugged_is_a_lost_link(policy):
    policy.choose([eth(), lte()], 0.0)
    assert policy.choose([lte()], 1.0).interface == "wwan0"


def test_a_cheaper_link_that_comes_back_must_hold_before_traffic_returns(policy):
    policy.choose([eth(), lte()], 0.0)
    policy.choose([eth(up=False), lte()], 100.0)
    policy.choose([eth(), lte()], 200.0)
    assert policy.choose([eth(), lte()], 200.0 + HOLD_S - 0.1).interface == "wwan0"
    choice = policy.choose([eth(), lte()], 200.0 + HOLD_S)
    assert (choice.interface, choice.moves) == ("eth0", 3)


def test_a_link_lost_while_it_is_on_trial_begins_its_trial_anew_and_twice_as_long(policy):
    policy.choose([lte()], 0.0)
    policy.choose([eth(), lte()], 10.0)
    policy.choose([eth(up=False), lte()], 20.0)
    policy.choose([eth(), lte()], 21.0)
    assert policy.choose([eth(), lte()], 21.0 + HOLD_S).interface == "wwan0"
    assert policy.choose([eth(), lte()], 21.0 + 2 * HOLD_S).interface == "eth0"


def test_a_link_that_stood_long_is_trusted_again(policy):
    policy.choose([lte()], 0.0)
    policy.choose([eth(), lte()], 1.0)
    policy.choose([eth(up=False), lte()], 2.0)
    policy.choose([eth(), lte()], 3.0)
    assert policy.choose([eth(), lte()], 700.0).interface == "eth0"
    policy.choose([eth(up=False), lte()], 800.0)
    policy.choose([eth(), lte()], 801.0)
    assert policy.choose([eth(), lte()], 801.0 + HOLD_S).interface == "eth0"


def test_the_patience_has_an_end(policy):
    now_s = 0.0
    for _ in range(20):
        policy.choose([eth(), lte()], now_s)
        policy.choose([eth(up=False), lte()], now_s + 1)
        now_s += 2
    policy.choose([eth(), lte()], now_s)
    assert policy.choose([eth(), lte()], now_s + 600.0).interface == "eth0"


def test_with_nobody_usable_nobody_carries_and_the_first_to_come_does_at_once(policy):
    policy.choose([eth(), lte()], 0.0)
    none = policy.choose([eth(up=False), lte(up=False)], 1.0)
    assert (none.interface, none.metered) == (None, False)
    assert [each.why for each in none.links] == ["no carrier", "no carrier"]
    assert policy.choose([eth(), lte(up=False)], 2.0).interface == "eth0"


def test_no_interface_at_all_is_no_choice(policy):
    assert policy.choose([], 0.0).interface is None


def test_a_link_that_the_uplink_finds_dead_is_left_though_its_cable_lives(policy):
    policy.choose([eth(), lte()], 0.0)
    choice = policy.choose([eth(), lte()], 1.0, deaf={"eth0"})
    assert choice.interface == "wwan0"
    assert choice.links[0].why == "the uplink gets no answer over it"


def test_a_costlier_link_never_takes_traffic_from_a_living_one(policy):
    policy.choose([eth()], 0.0)
    assert policy.choose([eth(), lte(), wifi()], 10_000.0).interface == "eth0"


def test_the_configured_cost_and_metering_win_over_the_kind():
    rules = [LinkRule("wwan0", cost=0.0, metered=False), LinkRule("eth0", cost=5.0, metered=True)]
    choice = LinkPolicy(rules).choose([eth(), lte()], 0.0)
    assert (choice.interface, choice.metered) == ("wwan0", False)
    assert [each.metered for each in choice.links] == [False, True]


def test_equal_costs_follow_the_kernels_metric_then_the_name(policy):
    links = [eth(name="eth1", metric=200), eth(name="eth2", metric=100), eth(name="eth0")]
    assert policy.choose(links, 0.0).interface == "eth0"


def test_links_that_are_gone_are_remembered_in_bounds(policy):
    for number in range(REMEMBERED * 4):
        policy.choose([eth(name=f"usb{number}")], float(number))
    assert len(policy._trials) <= REMEMBERED + 1


facts = st.builds(lambda e, w, m: [eth(up=e), wifi(up=w), lte(up=m)], *[st.booleans()] * 3)
histories = st.lists(st.tuples(st.floats(0.01, 120.0), facts), min_size=1, max_size=60)


@given(histories)
def test_whoever_carries_is_usable_and_nobody_only_when_nobody_is(history):
    policy = LinkPolicy(hold_s=HOLD_S)
    now_s = 0.0
    for step_s, seen in history:
        now_s += step_s
        usable = {each.name for each in seen if each.usable}
        choice = policy.choose(seen, now_s)
        assert choice.interface in usable if usable else choice.interface is None


@given(histories)
def test_between_two_moves_to_something_cheaper_lies_at_least_the_hold(history):
    policy = LinkPolicy(hold_s=HOLD_S)
    now_s, carrier, since_up = 0.0, None, {}
    for step_s, seen in history:
        now_s += step_s
        for each in seen:
            if each.usable:
                since_up.setdefault(each.name, now_s)
            else:
                since_up.pop(each.name, None)
        choice = policy.choose(seen, now_s)
        if carrier in since_up and choice.interface != carrier:
            # It still lives and was left all the same: for one that had held.
            assert now_s - since_up[choice.interface] >= HOLD_S
        carrier = choice.interface
