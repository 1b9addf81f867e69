"""The broker may go whenever it likes: no reading is lost, and none comes with two contents."""

import json

import pytest

from banksman_drivers.fake.modbus_memory import Memory

pytestmark = pytest.mark.broker

MQTT = """\
[mqtt]
host = "127.0.0.1"
port = {port}
readings = ["plc"]
home_assistant = false
"""


class Counting(Memory):
    """A PLC whose level counts how often it was read."""

    def answer(self, pdu):
        if pdu[:1] == b"\x03":
            self.holding[0] = (self.holding[0] + 1) & 0xFFFF
        return super().answer(pdu)


@pytest.fixture
def counting(plc):
    memory = Counting()
    memory.holding, memory.coils = plc.memory.holding, plc.memory.coils
    plc.memory = memory
    return memory


def heard(listener):
    """Reading messages by id: the set of what was said under it."""
    messages = {}
    for payload in listener.payloads("banksman/box/readings/plc"):
        messages.setdefault(json.loads(payload)["id"], set()).add(payload)
    return messages


def whole(listener, beyond):
    """Whether every count up to and past ``beyond`` was heard, once each by content."""
    messages = heard(listener)
    levels = {int(json.loads(p)["values"]["level"]) for said in messages.values() for p in said}
    return bool(levels) and levels == set(range(1, len(levels) + 1)) and len(levels) > beyond


async def test_readings_from_before_the_broker_came_arrive_when_it_comes(
    box, counting, make_broker, listen
):
    broker = make_broker()
    listener = listen(broker, "banksman/#", client_id="historian", persistent=True)
    broker.stop()
    box.write(MQTT.format(port=broker.port))
    await box.start()
    status = await box.until_status(
        lambda status: status["store"]["readings_behind"]["mqtt"] >= 40, "a backlog gathers"
    )
    assert status["link"]["state"] in ("down", "connecting")
    assert status["readiness"]["ready"], "the broker is no condition of the work"

    broker.start()

    await box.until(lambda: whole(listener, 60), "the backlog and more is heard")
    assert all(len(said) == 1 for said in heard(listener).values())
    await box.until_status(
        lambda status: (
            status["link"]["state"] == "up" and status["store"]["readings_behind"]["mqtt"] < 20
        ),
        "the backlog is delivered",
    )


async def test_a_broker_that_is_killed_and_comes_back_costs_no_reading_and_doubles_none(
    box, counting, make_broker, listen
):
    broker = make_broker()
    listener = listen(broker, "banksman/#", client_id="historian", persistent=True)
    box.write(MQTT.format(port=broker.port))
    await box.start()
    await box.until(lambda: whole(listener, 20), "readings arrive")

    broker.kill()
    await box.until_status(lambda status: status["link"]["state"] != "up", "the link is down")
    await box.until_status(
        lambda status: status["store"]["readings_behind"]["mqtt"] >= 20, "readings wait"
    )
    broker.start()

    reached = counting.holding[0]
    await box.until(lambda: whole(listener, reached), "every reading is heard")
    assert all(len(said) == 1 for said in heard(listener).values())


async def test_killed_with_the_broker_away_it_delivers_what_was_durable_under_the_same_ids(
    box, counting, make_broker, listen
):
    broker = make_broker()
    listener = listen(broker, "banksman/#", client_id="historian", persistent=True)
    box.write(MQTT.format(port=broker.port))
    await box.start()
    await box.until(lambda: whole(listener, 10), "readings arrive")
    broker.stop()
    status = await box.until_status(
        lambda status: status["store"]["readings_behind"]["mqtt"] >= 20, "readings wait"
    )
    mark = status["store"]["durable_mark"]
    await box.kill()
    reached = counting.holding[0]
    broker.start()
    await box.start()

    await box.until(
        lambda: any(int(id_.split("-")[1]) == 2 for id_ in heard(listener)), "the new run is heard"
    )
    await box.until(lambda: mark in heard(listener), "what was durable is heard")
    messages = heard(listener)
    assert all(len(said) == 1 for said in messages.values())
    first = [int(json.loads(*messages[i])["values"]["level"]) for i in messages if "-1-" in i]
    assert sorted(first) == list(range(1, len(first) + 1))
    assert reached - len(first) <= 3, "at most the last 20 ms and what was on the wire are gone"
