"""The far end misses nothing that the broker took, and notices a repeat under another id."""

import shutil

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.reaction.broker import Broker
from benchmarks.reaction.subscriber import Subscriber

pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(
        shutil.which("mosquitto", path="/usr/sbin:/usr/bin") is None,
        reason="mosquitto is not installed",
    ),
]


@pytest.fixture
def broker(tmp_path):
    with Broker(tmp_path / "broker") as running:
        yield running


@pytest.fixture
def subscriber(broker):
    with Subscriber(
        broker.port, "readings/#", r'"seq":\s*(\d+(?:\.\d+)?)', r'"id":\s*"([^"]+)"'
    ) as listening:
        yield listening


def publish(broker, *payloads):
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    for payload in payloads:
        client.publish("readings/plc", payload, qos=1).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()


def reading(number, message_id):
    return f'{{"id": "{message_id}", "values": {{"seq": {number}.0, "r3": 5.0}}}}'


def wait_for(subscriber, messages):
    while subscriber.messages < messages:
        subscriber._client._thread.join(0.01)


def test_what_did_not_arrive_is_named(broker, subscriber):
    publish(broker, *(reading(number, f"box-1-{number}") for number in (1, 2, 4)))
    wait_for(subscriber, 3)
    assert subscriber.missing(1, 5) == [3, 5]


def test_nothing_is_missed_over_a_restart_of_the_broker(broker, subscriber):
    publish(broker, reading(1, "box-1-1"))
    broker.stop()
    broker.start()
    publish(broker, reading(2, "box-1-2"))
    wait_for(subscriber, 2)
    assert subscriber.missing(1, 2) == []


def test_a_repeat_with_its_own_id_is_only_a_repeat(broker, subscriber):
    publish(broker, reading(1, "box-1-1"), reading(1, "box-1-1"))
    wait_for(subscriber, 2)
    assert (subscriber.repeated, subscriber.repeated_with_other_id) == (1, 0)


def test_a_repeat_with_another_id_is_noticed(broker, subscriber):
    publish(broker, reading(1, "box-1-1"), reading(1, "box-2-1"))
    wait_for(subscriber, 2)
    assert (subscriber.repeated, subscriber.repeated_with_other_id) == (1, 1)


def test_the_durable_mark_is_turned_into_a_readings_number(broker, subscriber):
    publish(broker, *(reading(100 + n, f"box-1-{2 * n}") for n in range(8, 12)))
    publish(broker, reading(500, "box-2-1"))
    wait_for(subscriber, 5)
    assert subscriber.highest_up_to("box-1-19") == 109
    assert subscriber.highest_up_to("box-1-3") == 0
    assert subscriber.highest_up_to("box-2-7") == 500
