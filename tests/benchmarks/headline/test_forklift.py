"""The stopwatch of the forklift against a real broker and the whole daemon: a few holds."""

import shutil

import pytest

from banksman.config.load import load_config
from benchmarks.headline.forklift import daemon, holds
from benchmarks.pressure import Pressure

HOLDS = 3


@pytest.mark.broker
@pytest.mark.skipif(shutil.which("mosquitto") is None, reason="mosquitto is not installed")
def test_the_daemon_holds_the_vehicle_every_time_and_the_echo_answers(tmp_path):
    seen = holds(tmp_path / "run", HOLDS, seed=1, pressure=Pressure())
    assert seen.missed == 0
    assert len(seen.hold_ms) == len(seen.echo_ms) == HOLDS
    assert all(took_ms > 0 for took_ms in (*seen.hold_ms, *seen.echo_ms))


def test_its_config_passes_the_daemons_own_check(tmp_path):
    daemon(tmp_path, mqtt_port=1883)
    loaded = load_config(tmp_path / "appliance.toml")
    assert [decision.name for decision in loaded.config.decisions] == ["aisle"]
    assert loaded.warnings == ()
