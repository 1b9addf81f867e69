"""The bench of fifty devices: its farm speaks Modbus and tells the time, its configs are right."""

from __future__ import annotations

import json

import pytest

from banksman.config.load import load_config
from banksman_drivers.modbus_ask import TcpAsker
from banksman_drivers.modbus_link import Refused
from banksman_drivers.modbus_probe import read
from benchmarks.drivers import modbus_tcp, thingsboard
from benchmarks.drivers.farm import Farm, Pace, build


@pytest.fixture
def farm(tmp_path):
    with Farm(build(tmp_path), 2) as running:
        yield running


@pytest.fixture
def ask(farm):
    """Connections to both devices."""
    askers = [TcpAsker("127.0.0.1", port, 5.0) for port in farm.ports]
    yield askers
    for asker in askers:
        asker.close()


def test_each_reading_of_a_device_is_another(ask):
    first, second = (read(ask[0], 1, "holding", 0, 10) for _ in range(2))
    assert len(first) == 10
    assert all(a != b for a, b in zip(first, second, strict=True))


def test_intervals_are_each_devices_own(farm, ask):
    farm.forget()
    for asker in (*ask, *ask, *ask):
        read(asker, 1, "holding", 0, 10)
    pace = farm.pace(50.0)
    assert (pace.polls, pace.registers, pace.intervals, pace.refused) == (6, 60, 4, 0)
    assert pace.p50_us <= pace.p99_us <= pace.max_us


def test_what_was_reported_is_forgotten(farm, ask):
    read(ask[0], 1, "holding", 0, 10)
    farm.pace(50.0)
    assert farm.pace(50.0).polls == 0


@pytest.mark.parametrize(
    "pdu", [b"\x03\x00\x7f\x00\x02", b"\x03\x00\x00\x00\x7e", b"\x05\x00\x00\xff\x00"]
)
def test_what_a_device_has_not_is_refused(farm, ask, pdu):
    with pytest.raises(Refused):
        ask[0].ask(1, pdu)


def test_garbage_ends_a_connection_and_not_the_farm(farm, ask):
    ask[0]._socket.sendall(b"GET / HTTP/1.1\r\n\r\n")
    assert len(read(ask[1], 1, "holding", 0, 10)) == 10


def test_the_daemons_config_is_right_and_every_value_is_looked_at(tmp_path):
    modbus_tcp.prepare(tmp_path, [1502, 1503])
    loaded = load_config(tmp_path / "appliance.toml")
    assert len(loaded.inventory.sensors) == 20
    assert {name for decision in loaded.config.decisions for name in decision.on} == set(
        loaded.inventory.sensors
    )


def test_the_gateway_is_told_every_register_of_every_device():
    job = thingsboard.Job([1502, 1503], 10, 50, 1883)
    slaves = json.loads(json.dumps(thingsboard.modbus(job)))["master"]["slaves"]
    assert [slave["port"] for slave in slaves] == [1502, 1503]
    assert [value["address"] for value in slaves[0]["timeseries"]] == list(range(10))


def watched(points_per_s: float, cpu_pct: float) -> modbus_tcp.Watched:
    pace = Pace(1000, 10000, 0, 950, 300.0, 2000.0, 5000.0)
    return modbus_tcp.Watched(points_per_s, cpu_pct, 90.0, pace)


def test_figures_are_judged_beside_the_gateway():
    found = modbus_tcp.figures([watched(10000, 15)], [watched(5000, 45)], 5.0, "")
    figures = {figure.name.partition("modbus_tcp_")[2]: figure for figure in found}
    assert figures["cpu"].met
    assert figures["jitter_p99"].met
    assert figures["us_per_point"].value == 15.0
    assert figures["us_per_point"].peer_value == 90.0
    assert "50%" in figures["points"].note


def test_without_the_gateway_the_note_says_so():
    found = modbus_tcp.figures([watched(10000, 15)], [], 5.0, "ThingsBoard's gateway: no pip")
    assert all(figure.peer is None for figure in found)
    assert "no pip" in found[0].note
