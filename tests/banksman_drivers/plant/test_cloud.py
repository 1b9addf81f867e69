"""The stand-in of a cloud."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman_drivers.fake.plant.cloud import advise

ACTIONS = ["none", "plan_service", "stop_press"]


def question(rms: object, actions: object = ACTIONS) -> dict[str, Any]:
    return {"id": "q1", "inputs": {"vib.rms": rms}, "actions": actions}


@pytest.mark.parametrize(
    ("rms", "action"), [(3.0, "none"), (5.0, "plan_service"), (7.5, "stop_press")]
)
def test_the_advice_follows_the_zones_of_iso_10816(rms, action):
    answer = advise(question(rms))
    assert (answer["id"], answer["action"]) == ("q1", action)
    assert "ISO 10816-3" in answer["reason"]


@given(
    st.none() | st.booleans() | st.text() | st.floats(),
    st.lists(st.sampled_from(ACTIONS), min_size=1),
)
def test_the_answer_is_always_one_of_the_asked_actions(rms, actions):
    answer = advise(question(rms, actions))
    assert answer["action"] in actions
    assert 0 <= answer["confidence"] <= 1


async def http(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    writer.write_eof()
    async with asyncio.timeout(40):
        answer = await reader.read()
    writer.close()
    return answer


def post(body: bytes) -> bytes:
    head = f"POST /v1/decide HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def test_it_answers_a_question_and_its_health_over_http(plant):
    port = plant[1].cloud_port
    assert b"200 OK" in await http(port, b"GET /healthz HTTP/1.1\r\n\r\n")
    answer = await http(port, post(json.dumps(question(5.0)).encode()))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"200 OK" in head
    assert json.loads(body)["action"] == "plan_service"


async def test_two_questions_on_one_connection_are_both_answered(plant):
    request = post(json.dumps(question(5.0)).encode())
    assert (await http(plant[1].cloud_port, request * 2)).count(b"200 OK") == 2


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (b"GET /secrets HTTP/1.1\r\n\r\n", b"404"),
        (post(b"{"), b"400"),
        (post(b"[]"), b"400"),
        (post(b"[" * 60_000), b"400"),
        (post(json.dumps(question(1.0, [])).encode()), b"400"),
        (b"\x16\x03\x01\r\n\r\n", b""),
        (b"POST /v1/decide HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", b""),
        (b"POST /v1/decide HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b""),
        (b"GET /" + b"a" * 100_000, b""),
    ],
)
async def test_a_bad_request_is_refused_and_the_next_one_served(plant, request_, answer):
    port = plant[1].cloud_port
    assert answer in await http(port, request_)
    assert b"200 OK" in await http(port, b"GET /healthz HTTP/1.1\r\n\r\n")
