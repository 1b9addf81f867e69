"""Machines over the API: how they are, and who may call the present normal."""

import asyncio

import pytest

from banksman.commands import machines

WORDS = ("renew", "failed", "replaced")


async def read(client, path):
    async with client.get(f"/api/v1/{path}") as answer:
        return answer.status, await answer.json()


async def say(client, name, word="renew", headers=None):
    async with client.post(f"/api/v1/machines/{name}/{word}", headers=headers) as answer:
        return answer.status, await answer.json()


async def test_every_machine_is_told_at_a_glance(client):
    status, answer = await read(client, "machines")
    assert status == 200
    spindle, pump = answer["machines"]
    assert spindle["verdict"] == "alarm"
    assert spindle["fault"] == "bearing, outer race"
    assert spindle["hours_low"] < spindle["hours"] < spindle["hours_high"]
    assert pump["verdict"] == "unknown"
    assert pump["what"] == "normal is 10% learned, 3.5 h of running to go"
    assert pump["hours"] is None


async def test_a_machine_is_told_with_what_its_name_rests_on(client):
    _, machine = await read(client, "machines/spindle")
    sensor = machine["sensors"][0]
    assert sensor["finding"]["peaks"]
    assert 0 < len(sensor["spectrum"]["values"]) <= 600
    assert 0 < len(sensor["envelope"]["spectrum"]["values"]) <= 600
    first = sensor["finding"]["peaks"][0]
    step_hz = sensor["envelope"]["spectrum"]["step_hz"]
    at = round(first["frequency_hz"] / step_hz) - 1
    near = sensor["envelope"]["spectrum"]["values"][max(0, at - 1) : at + 3]
    assert max(near) >= 0.99 * first["times_floor"]


async def test_a_trend_comes_with_its_band_and_its_forecast(client):
    _, machine = await read(client, "machines/spindle")
    trends = {trend["name"]: trend for trend in machine["trends"]}
    vibration = trends["bearing.vibration"]
    assert vibration["unit"] == "mm/s"
    assert vibration["low"] < vibration["centre"] < vibration["high"] < vibration["levels"][-1]
    assert len(vibration["levels"]) == len(vibration["wall_ms"]) == 120
    assert vibration["limit"] == 7.1
    assert vibration["forecast"]["hours"] > 0
    # Inside it is a logarithm; people see what the sensor would show.
    assert trends["acc.x rms"]["unit"] == "g"
    assert 0.3 < trends["acc.x rms"]["centre"] < 0.5


@pytest.mark.parametrize("name", ["nobody", "..%2fpump", "%00"])
async def test_a_machine_that_is_none_is_not_found(client, operator, name):
    assert (await read(client, f"machines/{name}"))[0] == 404
    for word in WORDS:
        assert (await say(client, name, word, operator.headers))[0] == 404


@pytest.mark.parametrize("word", WORDS)
async def test_a_word_is_taken_of_someone_who_logged_in(page, client, operator, word):
    assert (await say(client, "spindle", word))[0] == 403
    assert page.machines.said == []
    status, brief = await say(client, "spindle", word, operator.headers)
    assert (status, brief["verdict"]) == (200, "unknown")
    assert page.machines.said[0][:2] == ("spindle", word)


@pytest.mark.parametrize("word", WORDS)
async def test_without_a_login_nobody_is_heard(page, client, word):
    assert (await say(client, "spindle", word))[0] == 401
    assert page.machines.said == []


async def back(client, name, body, headers=None):
    path = f"/api/v1/machines/{name}/back"
    async with client.post(path, json=body, headers=headers) as answer:
        return answer.status, await answer.json()


async def test_a_former_normal_is_listed_and_gone_back_to_by_someone_who_logged_in(
    page, client, operator
):
    (former,) = (await read(client, "machines/spindle"))[1]["versions"]
    assert former["why"] == "a part was replaced"
    assert (await back(client, "spindle", {"version": 1}))[0] == 403
    assert page.machines.went_back == []
    assert (await back(client, "spindle", {"version": 1}, operator.headers))[0] == 200
    assert page.machines.went_back[0][:2] == ("spindle", 1)


async def test_a_normal_that_is_not_kept_is_refused_with_those_that_are(page, client, operator):
    status, answer = await back(client, "spindle", {"version": 7}, operator.headers)
    assert status == 409
    assert answer["detail"] == "normal 7 is not kept; kept are: 1"
    assert (await back(client, "nobody", {"version": 1}, operator.headers))[0] == 404
    assert page.machines.went_back == []


@pytest.mark.parametrize("body", [{}, {"version": 0}, {"version": "1"}, {"version": 1, "more": 2}])
async def test_no_number_of_a_normal_is_bad_input(client, operator, body):
    assert (await back(client, "spindle", body, operator.headers))[0] == 400


async def test_the_command_line_lists_former_normals_with_when_and_why(page, capsys):
    from banksman.cli import main

    assert await asyncio.to_thread(main, ["machines", "spindle", "--url", page.url]) == 0
    told = capsys.readouterr().out
    assert "normal 1, 22 Jul 2023 04:26 UTC to 03 Nov 2023 08:26 UTC: a part was repl" in told
    said = ["machines", "spindle", "--back", "1", "--url", page.url]
    assert await asyncio.to_thread(main, said) == 1
    assert "401" in capsys.readouterr().err
    assert await asyncio.to_thread(main, ["machines", "--back", "1", "--url", page.url]) == 2


async def test_the_command_line_tells_the_same(page, capsys):
    from banksman.cli import main

    code = await asyncio.to_thread(main, ["machines", "--url", page.url])
    told = capsys.readouterr().out
    assert code == 0
    assert told.startswith("spindle: alarm; ")
    assert "bearing, outer race (" in told
    assert await asyncio.to_thread(main, ["machines", "spindle", "--url", page.url]) == 0
    told = capsys.readouterr().out
    assert "hours left: bearing.vibration reaches 7.1 in" in told
    assert "x floor" in told


@pytest.mark.parametrize("word", WORDS)
async def test_the_command_line_says_nothing_without_a_machine_or_a_login(page, capsys, word):
    from banksman.cli import main

    assert await asyncio.to_thread(main, ["machines", f"--{word}", "--url", page.url]) == 2
    said = ["machines", "spindle", f"--{word}", "--url", page.url]
    assert await asyncio.to_thread(main, said) == 1
    assert "401" in capsys.readouterr().err
    assert page.machines.said == []


def test_a_line_tells_why_a_machine_is_blind():
    brief = {
        "id": "pump", "verdict": "normal", "what": "as always", "blind": True,
        "condition": "none of its sensors gave a reading", "fault_certainty": "unknown",
        "zone": "B", "hours": None,
    }  # fmt: skip
    said = "pump: normal; as always; ! none of its sensors gave a reading; zone B"
    assert machines.line(brief) == said
