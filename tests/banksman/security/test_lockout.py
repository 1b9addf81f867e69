from hypothesis import given
from hypothesis import strategies as st

from banksman.security.lockout import (
    CLIENT_WAIT_MAX_S,
    FORGET_S,
    FREE_TRIES,
    MAX_CLIENTS,
    TOTAL_FREE_TRIES,
    TOTAL_WAIT_MAX_S,
    Lockout,
)

S = 1_000_000_000


def fail(lockout: Lockout, client: str, times: int, now_ns: int = S) -> int:
    """Fail ``times`` times, waiting as told; return the time of the last try."""
    for _ in range(times):
        while wait_s := lockout.admit(client, now_ns):
            now_ns += round(wait_s * S) + 1
    return now_ns


def test_the_first_tries_are_free_and_then_the_wait_doubles() -> None:
    lockout = Lockout()
    now = fail(lockout, "a", FREE_TRIES)
    waits = []
    for _ in range(4):
        waits.append(lockout.admit("a", now))
        now = fail(lockout, "a", 1, now)
    assert [round(wait) for wait in waits] == [1, 2, 4, 8]


def test_waiting_less_than_told_is_refused_and_counted() -> None:
    lockout = Lockout()
    now = fail(lockout, "a", FREE_TRIES)
    assert lockout.admit("a", now + S // 2) > 0
    assert lockout.refused == 1


def test_a_refused_try_does_not_lengthen_the_wait() -> None:
    lockout = Lockout()
    now = fail(lockout, "a", FREE_TRIES)
    waits = [lockout.admit("a", now) for _ in range(50)]
    assert len(set(waits)) == 1


def test_success_clears_the_clients_count() -> None:
    lockout = Lockout()
    now = fail(lockout, "a", FREE_TRIES)
    lockout.succeeded("a")
    assert lockout.admit("a", now) == 0


def test_one_clients_failures_do_not_hold_another() -> None:
    lockout = Lockout()
    now = fail(lockout, "a", FREE_TRIES)
    assert lockout.admit("b", now) == 0


def test_failures_from_many_addresses_slow_newcomers_down() -> None:
    lockout = Lockout()
    for number in range(TOTAL_FREE_TRIES):
        lockout.admit(f"10.0.0.{number}", S)
    assert lockout.admit("10.0.1.1", S) > 0


def test_an_attack_from_many_addresses_does_not_keep_a_known_client_out() -> None:
    lockout = Lockout()
    lockout.admit("operator", S)
    lockout.succeeded("operator")
    for number in range(TOTAL_FREE_TRIES + 5):
        lockout.admit(f"10.0.0.{number}", S)
    assert lockout.admit("operator", S) == 0


def test_a_hundred_tries_at_once_are_not_all_judged() -> None:
    lockout = Lockout()
    admitted = sum(lockout.admit("a", S) == 0 for _ in range(100))
    assert admitted == FREE_TRIES


def test_memory_is_bounded_whatever_addresses_come() -> None:
    lockout = Lockout()
    now = S
    for number in range(MAX_CLIENTS + 200):
        now = fail(lockout, f"client {number}", 1, now)
    assert len(lockout._clients) <= MAX_CLIENTS


@given(st.integers(1, 60))
def test_no_wait_is_longer_than_its_limit(failures: int) -> None:
    lockout = Lockout()
    now = fail(lockout, "a", failures)
    assert lockout.admit("a", now) <= max(CLIENT_WAIT_MAX_S, TOTAL_WAIT_MAX_S)


def test_failures_are_forgotten_in_time() -> None:
    lockout = Lockout()
    now = fail(lockout, "a", FREE_TRIES + 4)
    later = now + round(FORGET_S * S)
    assert [lockout.admit("a", later) for _ in range(FREE_TRIES)] == [0] * FREE_TRIES
