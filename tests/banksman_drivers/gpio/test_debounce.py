"""Contacts bounce; what is believed does not, and is never late."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman_drivers.gpio.debounce import Debounce

MS = 1_000_000


@pytest.fixture
def contact():
    made = Debounce(5 * MS)
    made.tell(False, 0)
    return made


def test_the_first_level_is_no_edge():
    made = Debounce(5 * MS)
    assert made.tell(True, 0) is False
    assert made.level is True


def test_the_first_edge_counts_at_once(contact):
    assert contact.tell(True, 10 * MS) is True
    assert contact.level is True


def test_bounces_within_the_window_change_nothing(contact):
    contact.tell(True, 10 * MS)
    assert not any(contact.tell(bool(n % 2), 10 * MS + n * 100_000) for n in range(1, 40))
    assert contact.level is True


def test_the_level_that_a_bounce_settled_on_is_told_at_the_windows_end(contact):
    contact.tell(True, 10 * MS)
    contact.tell(False, 11 * MS)
    assert contact.due_ns == 15 * MS
    assert contact.settle(15 * MS - 1) is False
    assert contact.settle(15 * MS) is True
    assert contact.level is False


def test_a_contact_that_settled_where_it_was_tells_nothing(contact):
    contact.tell(True, 10 * MS)
    assert contact.settle(15 * MS) is False
    assert contact.due_ns is None


def test_an_edge_after_the_window_counts_though_nobody_settled_it(contact):
    contact.tell(True, 10 * MS)
    assert contact.tell(False, 16 * MS) is True


def test_without_a_window_every_edge_counts():
    made = Debounce(0)
    made.tell(False, 0)
    assert [made.tell(bool(n % 2), n) for n in range(1, 5)] == [True] * 4
    assert made.due_ns is None


def test_after_a_lost_chip_the_next_level_is_a_first_one(contact):
    contact.tell(True, 10 * MS)
    contact.forget()
    assert contact.tell(False, 20 * MS) is False
    assert contact.due_ns is None


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 8 * MS)), max_size=60))
def test_changes_are_a_window_apart_and_the_end_is_the_contacts_level(steps):
    made, now, changes, raw = Debounce(5 * MS), 0, [], False
    made.tell(False, 0)
    for raw, wait in steps:
        now += wait
        if made.tell(raw, now):
            changes.append(now)
    while made.due_ns is not None:
        now = max(now, made.due_ns)
        if made.settle(now):
            changes.append(now)
    assert made.level == raw
    assert all(later - earlier >= 5 * MS for earlier, later in itertools.pairwise(changes))
