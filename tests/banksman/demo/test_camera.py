"""The demo's camera: a valid config, the same caps each time, and a station that gets taught."""

from __future__ import annotations

import importlib.util
import tomllib

import jsonschema
import pytest

from banksman.config.load import load_config
from banksman.config.schema import Config
from banksman.demo import camera
from banksman.demo.prepare import prepare

needs_opencv = pytest.mark.skipif(
    importlib.util.find_spec("cv2") is None, reason="needs banksman[camera]"
)


@pytest.fixture
def filmed(tmp_path, free_ports):
    folder, _ports, _notes = prepare(tmp_path / "run", free_ports, camera=True)
    return folder


def test_the_config_with_the_camera_loads_without_a_problem_or_warning(filmed):
    loaded = load_config(filmed / "appliance.toml")
    assert not loaded.warnings
    assert [each.id for each in loaded.config.inspections] == [camera.STATION]
    data = tomllib.loads((filmed / "appliance.toml").read_text())
    jsonschema.validate(data, Config.model_json_schema(by_alias=True))


def test_without_the_camera_the_config_knows_of_none(prepared):
    assert load_config(prepared[0] / "appliance.toml").config.inspections == []


@needs_opencv
def test_the_caps_are_the_same_each_time(tmp_path):
    from banksman.demo import camera_teacher

    for name in ("one", "other"):
        camera_teacher.draw(tmp_path / name)
    paths = sorted((tmp_path / "one" / "camera").rglob("*.png"))
    assert len(paths) == camera_teacher.GOOD + camera_teacher.BELT
    for path in paths:
        twin = tmp_path / "other" / path.relative_to(tmp_path / "one")
        assert path.read_bytes() == twin.read_bytes()


@needs_opencv
def test_a_station_that_was_taught_before_is_left_as_it_is(tmp_path):
    from banksman.demo.camera_teacher import teach

    class Taught:
        def get(self, path):
            return {"in_use": "caps-3", "phase": "idle"}

    assert "caps-3" in teach(Taught(), tmp_path)
