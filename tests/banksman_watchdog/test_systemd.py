"""What is said to systemd, heard on a real datagram socket."""

import socket

import pytest

from banksman_watchdog.systemd import SystemdNotify, watchdog_timeout_s


@pytest.fixture
def notify(service_manager):
    notifier = SystemdNotify()
    yield notifier
    notifier.close()


def heard(service_manager):
    return service_manager.recv(4096).decode()


def test_ready_carries_the_first_status(notify, service_manager):
    notify.ready("armed, 3 devices")
    assert heard(service_manager) == "READY=1\nSTATUS=armed, 3 devices"


def test_a_pet_is_one_datagram(notify, service_manager):
    notify.pet()
    assert heard(service_manager) == "WATCHDOG=1"


def test_a_status_is_sent_when_it_changes(notify, service_manager):
    for text in ("observe", "observe", "armed"):
        notify.status(text)
    assert heard(service_manager) == "STATUS=observe"
    assert heard(service_manager) == "STATUS=armed"


def test_stopping_says_why(notify, service_manager):
    notify.stopping("asked by systemctl")
    assert heard(service_manager) == "STOPPING=1\nSTATUS=asked by systemctl"


def test_a_newline_in_a_status_cannot_begin_another_assignment(notify, service_manager):
    notify.status("device plc\nMAINPID=1")
    assert heard(service_manager) == "STATUS=device plc MAINPID=1"


def test_an_abstract_socket_is_reached(monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("")  # Linux picks a free abstract name
        manager.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", "@" + manager.getsockname()[1:].decode())
        notifier = SystemdNotify()
        notifier.pet()
        assert manager.recv(100) == b"WATCHDOG=1"
        notifier.close()


def test_without_systemd_every_call_does_nothing(monkeypatch):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notifier = SystemdNotify()
    notifier.ready("armed")
    notifier.pet()
    notifier.stopping("done")
    notifier.close()
    assert not notifier.connected
    assert notifier.failed == 0


def test_a_socket_that_nobody_bound_is_counted_and_not_raised(monkeypatch, tmp_path):
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    notifier = SystemdNotify()
    notifier.pet()
    assert not notifier.connected
    assert notifier.failed == 1


def test_a_service_manager_that_reads_nothing_never_blocks_us(notify):
    while not notify.failed:  # the datagram queue of a Unix socket is short
        notify.pet()
    assert notify.connected


def test_a_service_manager_that_died_is_counted_and_not_raised(notify, service_manager):
    service_manager.close()
    notify.pet()
    assert notify.failed == 1


@pytest.mark.parametrize(
    ("environ", "expected_s"),
    [
        ({"WATCHDOG_USEC": "10000000"}, 10.0),
        ({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "42"}, 10.0),
        ({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "43"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "-5"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_timeout_is_read_as_systemd_means_it(environ, expected_s):
    assert watchdog_timeout_s(environ, pid=42) == expected_s
