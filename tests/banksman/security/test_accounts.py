import asyncio
import stat
from pathlib import Path

import pytest

from banksman.clock import ManualClock
from banksman.security.accounts import Accounts
from banksman.security.refusals import (
    LockedOut,
    SetupClosed,
    SetupNeeded,
    WeakPassword,
    WrongCredentials,
)

PASSWORD = "three words here"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def accounts(tmp_path: Path, clock: ManualClock, said: list[str]) -> Accounts:
    made = Accounts(tmp_path, clock, said.append)
    made.open()
    return made


def code_of(said: list[str]) -> str:
    return said[0].split(": ")[1].split()[0]


async def test_the_console_shows_a_code_that_sets_the_first_password(
    accounts: Accounts, said: list[str]
) -> None:
    await accounts.set_up("a", code_of(said), PASSWORD)
    token, session = await accounts.log_in("a", PASSWORD)
    assert accounts.session(token) is session


async def test_the_code_may_be_typed_in_lower_case_with_spaces(
    accounts: Accounts, said: list[str]
) -> None:
    await accounts.set_up("a", f" {code_of(said).lower().replace('-', ' ')} ", PASSWORD)
    assert not accounts.setup_needed


async def test_before_setup_nobody_can_log_in(accounts: Accounts) -> None:
    with pytest.raises(SetupNeeded):
        await accounts.log_in("a", "")


async def test_a_wrong_code_sets_nothing(accounts: Accounts) -> None:
    with pytest.raises(WrongCredentials):
        await accounts.set_up("a", "22222-22222", PASSWORD)
    assert accounts.setup_needed


async def test_a_used_code_is_dead(accounts: Accounts, said: list[str]) -> None:
    await accounts.set_up("a", code_of(said), PASSWORD)
    with pytest.raises(SetupClosed):
        await accounts.set_up("b", code_of(said), "another password")


async def test_of_two_who_use_the_code_at_once_one_wins(
    accounts: Accounts, said: list[str]
) -> None:
    results = await asyncio.gather(
        accounts.set_up("a", code_of(said), PASSWORD),
        accounts.set_up("b", code_of(said), "another password"),
        return_exceptions=True,
    )
    assert sum(isinstance(result, SetupClosed) for result in results) == 1


async def test_a_short_password_is_refused_and_the_code_lives_on(
    accounts: Accounts, said: list[str]
) -> None:
    with pytest.raises(WeakPassword):
        await accounts.set_up("a", code_of(said), "short")
    await accounts.set_up("a", code_of(said), PASSWORD)


async def test_the_password_survives_a_restart_and_no_code_is_shown_then(
    accounts: Accounts, said: list[str], tmp_path: Path, clock: ManualClock
) -> None:
    await accounts.set_up("a", code_of(said), PASSWORD)
    restarted = Accounts(tmp_path, clock, said.append)
    restarted.open()
    await restarted.log_in("a", PASSWORD)
    assert len(said) == 1


async def test_the_password_file_is_private_and_holds_no_password(
    accounts: Accounts, said: list[str], tmp_path: Path
) -> None:
    await accounts.set_up("a", code_of(said), PASSWORD)
    file = tmp_path / "operator.password"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert PASSWORD not in file.read_text()


async def test_guessing_locks_out_even_the_right_password_for_a_while(
    accounts: Accounts, said: list[str], clock: ManualClock
) -> None:
    await accounts.set_up("operator", code_of(said), PASSWORD)
    for _ in range(3):
        with pytest.raises(WrongCredentials):
            await accounts.log_in("attacker", "wrong password")
    with pytest.raises(LockedOut) as locked:
        await accounts.log_in("attacker", PASSWORD)
    clock.advance(locked.value.wait_s)
    await accounts.log_in("attacker", PASSWORD)


async def test_guessing_the_setup_code_locks_out_too(accounts: Accounts) -> None:
    for _ in range(3):
        with pytest.raises(WrongCredentials):
            await accounts.set_up("attacker", "22222-22222", PASSWORD)
    with pytest.raises(LockedOut):
        await accounts.set_up("attacker", "33333-33333", PASSWORD)


async def test_a_damaged_password_file_lets_nobody_in(
    tmp_path: Path, clock: ManualClock, said: list[str]
) -> None:
    (tmp_path / "operator.password").write_bytes(b"\xff\x00 not a line")
    accounts = Accounts(tmp_path, clock, said.append)
    accounts.open()
    with pytest.raises(WrongCredentials):
        await accounts.log_in("a", "")


async def test_logging_out_ends_the_session(accounts: Accounts, said: list[str]) -> None:
    token, _ = await accounts.set_up("a", code_of(said), PASSWORD)
    assert accounts.log_out(token)
    assert accounts.session(token) is None
    assert not accounts.log_out(token)
