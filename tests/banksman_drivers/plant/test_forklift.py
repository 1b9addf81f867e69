"""The forklift on a real mosquitto."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from banksman_drivers.fake.plant.forklift import Forklift
from banksman_drivers.fake.plant.vehicle import Vehicle

pytestmark = pytest.mark.broker

PREFIX = "uagv/v2/banksman/agv1"


class Master:
    """A master control that hears everything."""

    def __init__(self, port: int) -> None:
        self.heard: dict[str, list[dict[str, Any]]] = {"state": [], "connection": []}
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = lambda client, *_: client.subscribe(f"{PREFIX}/+", qos=1)
        self._client.on_message = self._on_message
        self._client.reconnect_delay_set(1, 1)
        self._client.connect_async("127.0.0.1", port)
        self._client.loop_start()

    def _on_message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        topic = message.topic.rpartition("/")[2]
        if topic in self.heard:
            self.heard[topic].append(json.loads(message.payload))

    def newest(self, topic: str, key: str) -> object:
        heard = self.heard[topic]
        return heard[-1][key] if heard else None

    def send(self, topic: str, payload: object) -> None:
        text = payload if isinstance(payload, (bytes, str)) else json.dumps(payload)
        self._client.publish(f"{PREFIX}/{topic}", text)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


async def _drive(forklift: Forklift) -> None:
    while True:
        forklift.step(0.01)
        await asyncio.sleep(0.01)


@pytest.fixture
async def forklift(broker) -> AsyncIterator[Forklift]:
    forklift = Forklift(Vehicle(), "127.0.0.1", broker.port)
    forklift.start()
    driving = asyncio.create_task(_drive(forklift))
    yield forklift
    driving.cancel()
    await asyncio.to_thread(forklift.stop)


@pytest.fixture
async def master(broker) -> AsyncIterator[Master]:
    broker.start()
    master = Master(broker.port)
    yield master
    await asyncio.to_thread(master.close)


async def test_it_comes_online_and_tells_its_state_each_second(master, forklift, until):
    await until(lambda: len(master.heard["state"]) >= 3)
    assert master.newest("connection", "connectionState") == "ONLINE"
    ids = [state["headerId"] for state in master.heard["state"]]
    assert ids == sorted(set(ids))
    header = {"version": "2.1.0", "manufacturer": "banksman", "serialNumber": "agv1"}
    assert header.items() <= master.heard["state"][0].items()


async def test_a_pause_is_confirmed_by_its_action_state(master, forklift, until):
    await until(lambda: master.heard["state"])
    master.send("instantActions", {"actions": [{"actionId": "p1", "actionType": "startPause"}]})
    await until(lambda: master.newest("state", "paused") is True)
    (action,) = master.heard["state"][-1]["actionStates"]
    assert (action["actionId"], action["actionStatus"]) == ("p1", "FINISHED")
    master.send("instantActions", {"actions": [{"actionId": "p2", "actionType": "stopPause"}]})
    await until(lambda: master.newest("state", "paused") is False)


async def test_it_drives_an_order_it_was_sent(master, forklift, until):
    await until(lambda: master.heard["state"])
    position = {"x": 0.0, "y": 0.0, "mapId": "hall"}
    nodes = [
        {"nodeId": "a", "sequenceId": 0, "released": True, "nodePosition": position},
        {"nodeId": "b", "sequenceId": 2, "released": True, "nodePosition": position | {"x": 0.5}},
    ]
    edges = [{"edgeId": "ab", "sequenceId": 1, "released": True}]
    master.send("order", {"orderId": "o", "orderUpdateId": 0, "nodes": nodes, "edges": edges})
    await until(lambda: master.newest("state", "lastNodeId") == "b")
    assert any(state["driving"] for state in master.heard["state"])


async def test_its_last_will_says_that_the_connection_broke(master, forklift, until):
    # Who hears of it must listen before: the forklift comes back, and takes the will's place.
    await until(lambda: master.newest("connection", "connectionState") == "ONLINE")
    # Cut without a DISCONNECT. Closed, the socket would live on in the select of paho's thread.
    forklift._client.socket().shutdown(socket.SHUT_RDWR)
    await until(
        lambda: (
            "CONNECTIONBROKEN"
            in [message["connectionState"] for message in master.heard["connection"]]
        )
    )


async def test_it_says_goodbye_when_it_is_switched_off(master, broker, until):
    forklift = Forklift(Vehicle(), "127.0.0.1", broker.port)
    forklift.start()
    await until(lambda: forklift.connected)
    await asyncio.to_thread(forklift.stop)
    await until(lambda: master.newest("connection", "connectionState") == "OFFLINE")


async def test_it_starts_without_a_broker_and_is_there_when_one_comes(broker, forklift, until):
    await asyncio.sleep(0)
    assert not forklift.connected
    broker.start()
    await until(lambda: forklift.connected)


async def test_it_comes_back_after_the_broker_was_gone(master, broker, forklift, until):
    await until(lambda: forklift.connected)
    broker.stop()
    await until(lambda: not forklift.connected)
    broker.start()
    await until(lambda: forklift.connected)
    before = len(master.heard["state"])
    await until(lambda: len(master.heard["state"]) > before)


async def test_garbage_is_counted_and_changes_nothing(master, forklift, until):
    await until(lambda: forklift.connected and master.heard["state"])
    for payload in (b"\xff\xfe", b"{", b"[" * 100_000, b"", b"x" * 1_000_001):
        master.send("order", payload)
        master.send("instantActions", payload)
    await until(lambda: forklift.refused == 10)
    before = len(master.heard["state"])
    await until(lambda: len(master.heard["state"]) > before)
