import pytest

from banksman.security.origins import HostPolicy, is_loopback, same_origin


@pytest.mark.parametrize("name", ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost"])
def test_addresses_that_mean_this_machine_are_loopback(name: str) -> None:
    assert is_loopback(name)


@pytest.mark.parametrize(
    "name", ["0.0.0.0", "::", "192.168.1.4", "box.local", "", "127.0.0.1.nip.io"]
)
def test_everything_else_counts_as_beyond_loopback(name: str) -> None:
    assert not is_loopback(name)


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1:8080", "[::1]:8080", "LOCALHOST"])
def test_on_loopback_its_own_names_are_answered_on_any_port(host: str) -> None:
    assert HostPolicy([], remote=False).allows(host)


@pytest.mark.parametrize(
    "host",
    ["", "evil.example", "evil.example:8080", "192.168.1.4", "localhost.evil.example", "a b",
     "a\r\nb", "localhost:99999999", "[::1", "localhost@evil.example"],
)  # fmt: skip
def test_on_loopback_no_other_name_is_answered(host: str) -> None:
    assert not HostPolicy(["", "box"], remote=False).allows(host)


def test_beyond_loopback_the_boxs_names_and_bare_addresses_are_answered() -> None:
    policy = HostPolicy(["Box.Plant"], remote=True)
    assert policy.allows("box.plant:8080")
    assert policy.allows("192.168.1.4:8080")
    assert policy.allows("[fd00::4]:8080")
    assert not policy.allows("evil.example:8080")


@pytest.mark.parametrize(
    "origin",
    ["null", "", "http://evil.example", "https://localhost:8080", "http://localhost:8081",
     "http://localhost:8080.evil.example", "http://localhost:8080/x", "http://[", "javascript:0"],
)  # fmt: skip
def test_a_foreign_origin_is_told_apart(origin: str) -> None:
    assert not same_origin(origin, "http", "localhost:8080")


def test_the_pages_own_origin_is_known() -> None:
    assert same_origin("http://localhost:8080", "http", "LocalHost:8080")
