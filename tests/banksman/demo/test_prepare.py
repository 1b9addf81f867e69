"""The demo's folder."""

from __future__ import annotations

import socket
from dataclasses import astuple, replace

import pytest

from banksman.demo.prepare import choose_ports, prepare


def test_a_port_that_is_taken_is_replaced_by_a_free_one(free_ports):
    with socket.create_server(("127.0.0.1", free_ports.web)):
        chosen = choose_ports(free_ports)
    assert chosen.web != free_ports.web
    assert replace(chosen, web=0) == replace(free_ports, web=0)


def test_four_times_the_same_port_becomes_four_ports(free_ports):
    port = free_ports.web
    chosen = choose_ports(replace(free_ports, modbus=port, mqtt=port, cloud=port))
    assert len(set(astuple(chosen))) == 4


def test_a_moved_page_is_said(tmp_path, free_ports):
    with socket.create_server(("127.0.0.1", free_ports.web)):
        _folder, ports, notes = prepare(tmp_path / "run", free_ports)
    assert notes == [f"port {free_ports.web} is taken: the page is on {ports.web}"]


def test_rules_that_a_person_changed_are_kept_beside_the_shipped_ones(prepared, free_ports):
    folder, _ = prepared
    (folder / "rules.toml").write_text("# mine\n")
    _folder, _ports, notes = prepare(folder, free_ports)
    assert (folder / "rules.toml.before").read_text() == "# mine\n"
    assert "[[rule]]" in (folder / "rules.toml").read_text()
    assert any("rules.toml.before" in note for note in notes)


def test_preparing_twice_leaves_nothing_beside(prepared, free_ports):
    folder, _ = prepared
    prepare(folder, free_ports)
    assert not list(folder.glob("*.before"))


def test_a_path_too_long_for_a_socket_is_said_before_anything_starts(tmp_path, free_ports):
    with pytest.raises(OSError, match="shorter --folder"):
        prepare(tmp_path / ("x" * 100), free_ports)
