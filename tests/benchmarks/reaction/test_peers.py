"""Every peer is told the same job; our own config passes our own check."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman.config.load import load_config
from benchmarks.reaction.peers import banksman, nodered, pyloop
from benchmarks.reaction.recipe import Setting


@pytest.fixture(params=[False, True], ids=["job", "job and stand-in"])
def setting(request, tmp_path):
    return Setting(5020, 1883, 10, tmp_path, tmp_path / "cache", standin=request.param)


def test_our_own_config_passes_the_check(setting):
    recipe = banksman.prepare(setting)
    loaded = load_config(Path(recipe.command[-1]))
    [device] = loaded.config.devices
    assert (device.port, device.poll_ms) == (5020, 10.0)
    assert [point.name for point in device.points] == ["seq", "value", *banksman.ramps(setting)]
    assert len(loaded.config.models) == setting.standin


def test_the_stand_in_scores_at_every_poll(tmp_path):
    setting = Setting(5020, 1883, 10, tmp_path, tmp_path, standin=True)
    loaded = load_config(Path(banksman.prepare(setting).command[-1]))
    [point] = [each for each in loaded.config.decisions if each.model]
    assert point.on == ["plc.seq"]
    assert point.min_interval_ms == 0


def test_node_red_reads_decides_writes_and_publishes(setting):
    nodes = {node["id"]: node for node in nodered.flow(setting)}
    assert nodes["read"]["rate"] == "10"
    assert nodes["read"]["wires"][0] == ["rule"]
    assert nodes["rule"]["wires"] == [["write"], ["publish"]]
    assert nodes["publish"]["qos"] == "1"


def test_no_node_names_another_by_its_label(setting):
    """Node-RED takes any option that equals a node's id for a reference to it."""
    nodes = nodered.flow(setting)
    ids = {node["id"] for node in nodes}
    assert not any(node.get("name") in ids for node in nodes)


def test_the_python_loop_is_told_where_the_plant_and_the_broker_are(setting):
    assert pyloop.prepare(setting).environ == {
        "MB_PORT": "5020", "MQTT_PORT": "1883", "POLL_MS": "10", "NREGS": "10",
    }  # fmt: skip


keys = st.from_regex(r"[a-z_]{1,8}", fullmatch=True)
plain = st.booleans() | st.integers(-(2**31), 2**31) | st.text('abc "\\\n', max_size=5)
values = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3)
)
tables = st.dictionaries(keys, values, max_size=4)


@given(st.dictionaries(keys, tables | st.lists(tables, min_size=1, max_size=3), max_size=4))
def test_what_is_written_as_toml_reads_back_as_it_was(config):
    assert tomllib.loads(banksman.toml(config)) == config
