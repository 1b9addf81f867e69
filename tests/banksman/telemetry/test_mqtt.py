from __future__ import annotations

import json

import pytest

from banksman.wire.messages import Priority

pytestmark = pytest.mark.broker
BASE = "banksman/press.1"


def ids_of(payloads: list[bytes]) -> list[str]:
    return [json.loads(payload)["id"] for payload in payloads]


def values_of(payloads: list[bytes]) -> list[float]:
    return [json.loads(payload)["values"]["n"] for payload in payloads]


async def test_the_node_is_online_while_it_runs_and_offline_after_a_polite_end(
    broker, listen, make_node, until
):
    other = listen(broker, f"{BASE}/status")
    node = make_node(broker.port)
    await until(lambda: other.payloads(f"{BASE}/status") == [b"online"], "online")
    assert node.telemetry.status().state == "up"
    await node.stop()
    await until(lambda: other.payloads(f"{BASE}/status")[-1] == b"offline", "offline")
    late = listen(broker, f"{BASE}/status")
    await until(lambda: late.heard == [(f"{BASE}/status", b"offline", True)], "it is retained")


async def test_decisions_alarms_and_audit_leave_with_their_ids_and_are_acknowledged(
    broker, listen, make_node, until
):
    other = listen(broker, f"{BASE}/#")
    node = make_node(broker.port)
    node.alarms.raise_alarm("jam", "belt jammed", Priority.IMPORTANT, "d-1")
    node.store.records.put_audit("armed", "ann", {})
    await until(lambda: other.payloads(f"{BASE}/alarm") and other.payloads(f"{BASE}/audit"), "both")
    alarm = json.loads(other.payloads(f"{BASE}/alarm")[0])
    assert (alarm["key"], alarm["text"]) == ("jam", "belt jammed")
    assert alarm["id"].startswith("press.1-")
    await until(lambda: not any(node.store.status().outbox_depth.values()), "an empty outbox")


async def test_only_configured_devices_readings_are_published(broker, listen, make_node, until):
    other = listen(broker, f"{BASE}/readings/#")
    node = make_node(broker.port, readings=["plc"])
    node.readings("other", 0, 5)
    node.readings("plc", 0, 5)
    node.readings("other", 5, 5)
    await until(lambda: len(other.heard) == 5, "five readings")
    assert set(other.topics()) == {f"{BASE}/readings/plc"}
    await until(lambda: node.store.status().readings_behind == {"mqtt": 0}, "all acknowledged")


async def test_nothing_is_lost_while_the_broker_is_killed_and_repeats_carry_the_same_id(
    broker, listen, make_node, until
):
    other = listen(broker, f"{BASE}/#", client_id="keeper", persistent=True)
    node = make_node(broker.port, readings=["plc"], in_flight=20)
    topic = f"{BASE}/readings/plc"
    node.readings("plc", 0, 300)
    await until(lambda: len(other.payloads(topic)) >= 50, "the first readings")
    broker.kill()
    node.readings("plc", 300, 300)
    node.alarms.raise_alarm("jam", "belt jammed", Priority.IMPORTANT, "d-1")
    await until(lambda: node.telemetry.status().state != "up", "the loss is noticed")
    other.close()
    broker.start()
    again = listen(broker, f"{BASE}/#", client_id="keeper", persistent=True)
    await until(lambda: node.telemetry.status().state == "up", "the link is back")
    await until(lambda: node.store.status().readings_behind == {"mqtt": 0}, "all acknowledged")
    await until(lambda: not any(node.store.status().outbox_depth.values()), "an empty outbox")
    heard = lambda: other.payloads(topic) + again.payloads(topic)  # noqa: E731
    # The killed broker may have acknowledged what it had not yet passed on: that is its loss.
    await until(lambda: values_of(heard())[-1] == 599.0, "the last reading")
    by_id: dict[str, set[bytes]] = {}
    for payload in heard():
        by_id.setdefault(json.loads(payload)["id"], set()).add(payload)
    assert all(len(forms) == 1 for forms in by_id.values()), "a repeat differs from its first"
    missing = set(map(float, range(300, 600))) - set(values_of(heard()))
    assert not missing
    alarms = other.payloads(f"{BASE}/alarm") + again.payloads(f"{BASE}/alarm")
    assert len(set(ids_of(alarms))) == 1


async def test_nothing_is_lost_while_the_broker_is_frozen(broker, listen, make_node, until):
    other = listen(broker, f"{BASE}/readings/#", client_id="keeper", persistent=True)
    node = make_node(broker.port, readings=["plc"], in_flight=20)
    node.readings("plc", 0, 100)
    await until(lambda: len(other.heard) >= 50, "the first readings")
    broker.freeze()
    node.readings("plc", 100, 100)
    await until(lambda: node.telemetry.status().state != "up", "silence is noticed")
    node.readings("plc", 200, 100)
    broker.thaw()
    await until(lambda: node.telemetry.status().state == "up", "the link is back")
    heard = lambda: set(values_of([payload for _, payload, _ in list(other.heard)]))  # noqa: E731
    await until(lambda: heard() == set(map(float, range(300))), "every reading")


async def test_the_next_run_sends_what_this_one_could_not_under_the_same_ids(
    broker, listen, make_node, until, free_port
):
    first = make_node(free_port, readings=["plc"])
    first.readings("plc", 0, 50)
    first.alarms.raise_alarm("jam", "belt jammed", Priority.IMPORTANT, "d-1")
    await until(lambda: first.store.status().outbox_depth["important"] == 1, "it is kept")
    alarm_id = first.alarms.active()[0].id
    await first.stop()
    other = listen(broker, f"{BASE}/#")
    make_node(broker.port, readings=["plc"])
    await until(lambda: other.payloads(f"{BASE}/alarm"), "the alarm of the first run")
    assert ids_of(other.payloads(f"{BASE}/alarm")) == [alarm_id]
    topic = f"{BASE}/readings/plc"
    await until(lambda: len(other.payloads(topic)) == 50, "the readings of the first run")
    assert values_of(other.payloads(topic)) == list(map(float, range(50)))


async def test_a_decision_overtakes_a_backlog_of_readings(broker, listen, make_node, until):
    other = listen(broker, f"{BASE}/#")
    broker.freeze()
    node = make_node(broker.port, readings=["plc"], in_flight=8)
    node.readings("plc", 0, 3000)
    node.alarms.raise_alarm("jam", "belt jammed", Priority.CRITICAL, "d-1")
    await until(lambda: node.store.status().outbox_depth["critical"] == 1, "it is kept")
    broker.thaw()
    await until(lambda: len(other.payloads(f"{BASE}/readings/plc")) == 3000, "all readings")
    topics = other.topics()
    before = topics[: topics.index(f"{BASE}/alarm")].count(f"{BASE}/readings/plc")
    assert before <= 8


async def test_values_are_retained_and_told_by_exception(
    broker, listen, make_node, make_sensor, make_snapshot, until
):
    node = make_node(broker.port, make_snapshot(make_sensor("plc.oven", 100.0)))
    other = listen(broker, f"{BASE}/state/#")
    topic = f"{BASE}/state/plc.oven"
    await until(lambda: other.payloads(topic), "the first value")
    first = json.loads(other.payloads(topic)[0])
    assert (first["value"], first["quality"], first["unit"]) == (100.0, "good", "degC")
    node.snapshot = make_snapshot(make_sensor("plc.oven", 100.05))  # within the dead band
    node.snapshot = make_snapshot(make_sensor("plc.oven", 101.0))
    await until(lambda: len(other.payloads(topic)) == 2, "the changed value")
    node.snapshot = make_snapshot(make_sensor("plc.oven", float("nan"), quality="bad"))
    await until(lambda: len(other.payloads(topic)) == 3, "the changed quality")
    assert json.loads(other.payloads(topic)[2])["value"] is None
    late = listen(broker, topic)
    await until(lambda: late.heard, "the retained value")
    assert json.loads(late.heard[0][1])["value"] is None
    assert late.heard[0][2] is True


async def test_after_an_outage_only_the_newest_value_is_told(
    broker, listen, make_node, make_sensor, make_snapshot, until
):
    node = make_node(broker.port, make_snapshot(make_sensor("plc.oven", 1.0)))
    await until(lambda: node.telemetry.status().state == "up", "the link is up")
    broker.kill()
    await until(lambda: node.telemetry.status().state != "up", "the loss is noticed")
    for value in range(2, 50):
        node.snapshot = make_snapshot(make_sensor("plc.oven", float(value)))
    broker.start()
    other = listen(broker, f"{BASE}/state/plc.oven")
    await until(
        lambda: other.heard and json.loads(other.heard[-1][1])["value"] == 49.0, "the newest"
    )
    assert {json.loads(payload)["value"] for _, payload, _ in other.heard} <= {1.0, 49.0}


async def test_home_assistant_is_told_again_when_it_is_born(
    broker, listen, make_node, make_sensor, make_snapshot, until
):
    topic = "homeassistant/device/press-1/config"
    other = listen(broker, topic)
    make_node(broker.port, make_snapshot(make_sensor("plc.oven", 1.0)))
    await until(lambda: len(other.heard) == 1, "the discovery message")
    other.publish("homeassistant/status", b"online")
    await until(lambda: len(other.heard) == 2, "once more")
    assert other.heard[0][1] == other.heard[1][1]
    other.publish("homeassistant/status", b"offline")
    other.publish("mark", b"")
    late = listen(broker, topic)
    await until(lambda: late.heard, "the retained message")
    assert late.heard[0][2] is True


async def test_without_home_assistant_nothing_is_said_to_it(
    broker, listen, make_node, make_sensor, make_snapshot, until
):
    other = listen(broker, "#")
    make_node(broker.port, make_snapshot(make_sensor("plc.oven", 1.0)), home_assistant=False)
    await until(lambda: f"{BASE}/state/plc.oven" in other.topics(), "the states")
    assert not [topic for topic in other.topics() if topic.startswith("homeassistant")]


async def test_without_a_host_there_is_no_telemetry(make_node):
    node = make_node(1883, host=None)
    await node.task
    assert node.telemetry.status().state == "off"


async def test_a_message_too_large_for_any_broker_is_passed_over_and_counted(
    broker, listen, make_node, until
):
    other = listen(broker, f"{BASE}/audit")
    node = make_node(broker.port)
    node.store.records.put_audit("huge", "ann", {"x": "y" * 300_000})
    node.store.records.put_audit("small", "ann", {})
    await until(lambda: other.heard, "the small one")
    assert json.loads(other.heard[0][1])["event"] == "small"
    await until(lambda: not any(node.store.status().outbox_depth.values()), "an empty outbox")
    assert node.telemetry.status().dropped == 1


async def test_tls_with_a_client_certificate(make_broker, make_authority, make_node, until):
    ours = make_authority("ours")
    cert, key = ours.issue("server", server=True)
    broker = make_broker(
        f"certfile {cert}", f"keyfile {key}", f"cafile {ours.ca_file}", "require_certificate true"
    )
    own_cert, own_key = ours.issue("press.1")
    node = make_node(
        broker.port,
        tls=True,
        ca_file=str(ours.ca_file),
        cert_file=str(own_cert),
        key_file=str(own_key),
    )
    await until(lambda: node.telemetry.status().state == "up", "the link is up")
