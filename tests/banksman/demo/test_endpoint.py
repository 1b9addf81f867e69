"""The endpoint beside the demo."""

from __future__ import annotations

import asyncio
import importlib.resources
import json
import tomllib
import urllib.request

import pytest

from banksman.config.load import load_config
from banksman.config.schema import Config
from banksman.demo import endpoint
from banksman.demo.orchestra import Demo
from banksman.demo.prepare import HOST, prepare
from banksman.wire.messages import AskMessage
from banksman_cloud.answering import Adviser
from banksman_drivers.fake.plant.cloud import advise

SLEEPER = ("sleep", "600")
ACTIONS = ["none", "plan_service", "stop_press"]


@pytest.fixture
def beside(tmp_path, free_ports):
    """A folder prepared for a demo with an endpoint."""
    folder, ports, _ = prepare(tmp_path / "run", free_ports, endpoint=True)
    return folder, ports


def test_with_an_endpoint_the_daemon_sends_records_up(beside):
    folder, ports = beside
    loaded = load_config(folder / "appliance.toml")
    assert loaded.config.sync.enabled
    assert loaded.config.cloud.url == f"http://{HOST}:{ports.cloud}"


def test_without_one_it_sends_nothing(prepared):
    folder, _ = prepared
    config = Config.model_validate(tomllib.loads((folder / "appliance.toml").read_text()))
    assert not config.sync.enabled
    assert not (folder / "decide").exists()


@pytest.mark.parametrize("rms", [0.0, 1.2, 4.4, 4.5, 5.8, 7.0, 7.1, 9.0])
def test_its_rules_decide_as_the_stand_in_does(beside, rms):
    folder, _ = beside
    ask = AskMessage("a", "demo", "t", "press_bearing", 1, 300.0, {"vib.rms": rms}, ACTIONS)
    question = {"id": "a", "inputs": {"vib.rms": rms}, "actions": ACTIONS}
    answer = Adviser.load(folder / "decide").answer(ask)
    assert answer.action == advise(question)["action"]
    assert answer.confidence == pytest.approx(advise(question)["confidence"], abs=0.06)


def test_its_point_is_one_of_the_demos():
    shipped = importlib.resources.files("banksman.demo")
    demo = tomllib.loads(shipped.joinpath("appliance.toml").read_text())
    points = tomllib.loads(shipped.joinpath("endpoint_points.toml").read_text())
    asked = {decision["name"] for decision in demo["decision"] if decision.get("ask_cloud")}
    assert {point["name"] for point in points["point"]} == asked


async def test_it_is_started_and_ended_with_the_demo(beside):
    folder, ports = beside
    said: list[str] = []
    stop = asyncio.Event()
    command = endpoint.command(folder, HOST, ports.cloud)
    demo = Demo(folder, ports, said.append, SLEEPER, mosquitto="", endpoint_command=command)
    running = asyncio.create_task(demo.run(stop))
    url = f"http://{HOST}:{ports.cloud}/readyz"
    async with asyncio.timeout(30):
        while not await asyncio.to_thread(answers, url):
            assert not running.done()
            await asyncio.sleep(0.05)
    assert any(f"http://{HOST}:{ports.cloud}/" in line for line in said)
    stop.set()
    assert await running == 0
    assert not await asyncio.to_thread(answers, url)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(json.load(answer)["ready"])
    except OSError:
        return False
