from __future__ import annotations

import json

import pytest

from banksman_drivers.vda5050_order import BadMessage, read_plan


def order(**changes: object) -> dict[str, object]:
    return {
        "orderId": "o",
        "nodes": [{"nodeId": "a", "sequenceId": 0}, {"nodeId": "b", "sequenceId": 2}],
        "edges": [{"edgeId": "e", "sequenceId": 1}],
        **changes,
    }


def node(**fields: object) -> dict[str, object]:
    return order(nodes=[{"nodeId": "a", "sequenceId": 0, **fields}], edges=[])


def position(**fields: object) -> dict[str, object]:
    return node(nodePosition={"x": 0.0, "y": 0.0, "mapId": "hall", **fields})


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ([], "array"),
        (order(orderId=None), "str"),
        (order(nodes=[]), "sequenceId must count"),
        (order(edges=[]), "sequenceId must count"),
        (node(sequenceId=-2), "sequenceId must count"),
        (node(nodeId=7), "str"),
        (node(nodePosition={"x": 0.0, "y": 0.0}), "mapId"),
        (position(x="left"), "x"),
        (position(x=1e300), "x"),
        (node(actions=[{"actionType": "pick", "actionId": "1"}]), "blockingType"),
        (
            node(actions=[{"actionType": "pick", "actionId": "1", "blockingType": "hard"}]),
            "blockingType",
        ),
        (
            order(edges=[{"edgeId": "e", "sequenceId": 1, "startNodeId": "b"}]),
            "edge e has startNodeId 'b'",
        ),
        (order(nodes=[{"nodeId": "a", "sequenceId": 0}] * 2001), "2000 are the most"),
    ],
)
def test_an_order_that_a_vehicle_would_refuse_is_refused_when_it_is_read(tmp_path, content, why):
    file = tmp_path / "order.json"
    file.write_text(json.dumps(content))
    with pytest.raises(BadMessage, match=why) as refusal:
        read_plan(file)
    assert str(file) in str(refusal.value)


def test_actions_and_positions_go_to_the_vehicle_as_they_stand(tmp_path):
    action = {"actionType": "pick", "actionId": "1", "blockingType": "HARD", "maker": "own"}
    content = position() | {}
    content["nodes"][0]["actions"] = [action]
    file = tmp_path / "order.json"
    file.write_text(json.dumps(content))
    assert read_plan(file).nodes[0].fields["actions"] == [action]


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(BadMessage, match=r"none\.json"):
        read_plan(tmp_path / "none.json")
