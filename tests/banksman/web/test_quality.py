"""Inspections, pictures, reviews and commissioning over the API: who may, and what comes of it."""

import aiohttp
import pytest

from banksman.web.fake_page import FakePage


@pytest.fixture
async def logged_in(page: FakePage):
    """A client with a session; calls send its CSRF token."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(page.url, cookie_jar=jar) as client:
        body = {"code": page.code, "password": "three words here"}
        async with client.post("/api/v1/session/setup", json=body) as answer:
            csrf = (await answer.json())["csrf"]
        client.headers["X-CSRF-Token"] = csrf
        yield client


@pytest.fixture
async def anybody(page: FakePage):
    async with aiohttp.ClientSession(page.url) as client:
        yield client


async def read(client, path):
    async with client.get(f"/api/v1/{path}") as answer:
        return answer.status, await answer.json()


async def send(client, path, body=None):
    async with client.post(f"/api/v1/{path}", json=body) as answer:
        return answer.status, await answer.json()


async def test_stations_are_told_with_how_often_they_are_wrong(anybody):
    status, answer = await read(anybody, "inspections")
    assert status == 200
    assert answer["inspections"][0]["bundle"] == "caps-3"
    rates = answer["rates"][0]
    assert (rates["false_stops"]["of"], rates["false_doubts"]["of"]) == (4, 39)
    assert (rates["escapes"]["count"], rates["escapes"]["of"]) == (0, 212)


async def test_exhibits_come_by_pages(anybody):
    _, first = await read(anybody, "exhibits?limit=4")
    assert len(first["exhibits"]) == 4
    _, second = await read(anybody, f"exhibits?limit=4&before={first['next_before']}")
    assert len(second["exhibits"]) == 3
    assert second["next_before"] is None


async def test_passes_that_chance_drew_can_be_asked_for(anybody):
    _, found = await read(anybody, "exhibits?passes=true&waiting=true")
    assert [each["drawn"] for each in found["exhibits"]] == [True]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("limit=0", 400),
        ("limit=201", 400),
        ("waiting=perhaps", 400),
        ("passes=1", 400),
        ("station=nobody", 404),
        (f"before={'x' * 201}", 400),
    ],
)
async def test_a_question_that_makes_no_sense_is_refused(anybody, query, status):
    assert (await read(anybody, f"exhibits?{query}"))[0] == status


async def test_a_picture_is_a_jpeg_that_nobody_may_sniff_or_keep(anybody):
    _, found = await read(anybody, "exhibits?limit=1")
    async with anybody.get(f"/api/v1/exhibits/{found['exhibits'][0]['id']}/picture") as answer:
        assert answer.status == 200
        assert answer.content_type == "image/jpeg"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert (await answer.read()).startswith(b"\xff\xd8")


@pytest.mark.parametrize("name", ["nobody", "..%2f..%2fetc%2fpasswd", "%00"])
async def test_a_picture_that_is_not_there_is_not_found(anybody, name):
    async with anybody.get(f"/api/v1/exhibits/{name}/picture") as answer:
        assert answer.status == 404


async def test_an_answer_needs_a_login_and_its_token(page, anybody, logged_in):
    name = page.quality.exhibits(None, True, 1, None)[0].id
    path = f"exhibits/{name}/answer"
    assert (await send(anybody, path, {"answer": "good"}))[0] == 401
    token = logged_in.headers.pop("X-CSRF-Token")
    assert (await send(logged_in, path, {"answer": "good"}))[0] == 403
    logged_in.headers["X-CSRF-Token"] = token
    status, answered = await send(logged_in, path, {"answer": "good"})
    assert (status, answered["answer"]) == (200, "good")


@pytest.mark.parametrize(
    "body", [{}, {"answer": "bad"}, {"answer": "good", "more": 1}, {"answer": 1}, []]
)
async def test_an_answer_that_is_none_is_refused(page, logged_in, body):
    name = page.quality.exhibits(None, True, 1, None)[0].id
    assert (await send(logged_in, f"exhibits/{name}/answer", body))[0] == 400
    assert page.quality.done == []


async def test_a_station_is_taught_step_by_step(page, logged_in):
    path = "inspections/caps/commission"
    steps = [
        ("collect", {"what": "good", "wanted": 100}),
        ("collect", {"what": "defect", "wanted": 5, "label": "scratch"}),
        ("fit", None),
        ("save", {"rate": 0.01}),
        ("confirm", None),
        ("roll_back", None),
        ("drop", None),
        ("pause", None),
    ]
    for step, body in steps:
        assert (await send(logged_in, f"{path}/{step}", body))[0] == 200, step
    assert len(page.quality.done) == len(steps)
    assert (await read(logged_in, path))[1]["phase"] == "idle"


async def test_a_step_that_cannot_be_done_yet_says_why(logged_in):
    status, problem = await send(logged_in, "inspections/caps/commission/fit")
    assert status == 409
    assert "too few" in problem["detail"]


async def test_a_folder_of_the_box_is_not_read_for_a_browser(logged_in):
    body = {"what": "good", "folder": "/etc"}
    status, problem = await send(logged_in, "inspections/caps/commission/collect", body)
    assert status == 403
    assert "socket" in problem["detail"]


@pytest.mark.parametrize("step", ["collect", "fit", "save", "confirm", "roll_back", "drop"])
async def test_nobody_teaches_without_a_login(page, anybody, step):
    assert (await send(anybody, f"inspections/caps/commission/{step}", {}))[0] == 401
    assert page.quality.done == []


async def test_a_part_is_looked_at_removed_and_put_back(page, logged_in):
    page.quality.commission.good = 20
    path = "inspections/caps/commission/parts"
    _, found = await read(logged_in, path)
    assert (len(found["parts"]), found["parts"][0]["id"]) == (20, "good-0007")
    async with logged_in.get(f"/api/v1/{path}/good-0007/picture") as answer:
        assert answer.content_type == "image/jpeg"
    status, view = await send(logged_in, f"{path}/good-0007/remove")
    assert (status, view["good"]) == (200, 19)
    assert (await send(logged_in, f"{path}/good-0007/remove"))[0] == 404
    status, view = await send(logged_in, f"{path}/good-0007/put_back")
    assert (status, view["good"]) == (200, 20)
    assert page.quality.done == ["commissioning removed a part", "commissioning put a part back"]


@pytest.mark.parametrize("name", ["nobody", "..%2f..%2fetc%2fpasswd", "good-9999"])
async def test_a_part_that_is_not_there_is_not_found(logged_in, name):
    path = f"inspections/caps/commission/parts/{name}"
    assert (await send(logged_in, f"{path}/remove"))[0] == 404
    async with logged_in.get(f"/api/v1/{path}/picture") as answer:
        assert answer.status == 404


async def test_nobody_removes_a_part_without_a_login(page, anybody):
    page.quality.commission.good = 20
    path = "inspections/caps/commission/parts/good-0007"
    assert (await send(anybody, f"{path}/remove"))[0] == 401
    assert page.quality.commission.removed == []


async def test_an_inspection_that_is_not_there_is_not_found(logged_in):
    assert (await read(logged_in, "inspections/nobody/commission"))[0] == 404
    assert (await send(logged_in, "inspections/nobody/commission/fit"))[0] == 404


async def test_figures_are_in_the_metrics(anybody):
    async with anybody.get("/metrics") as answer:
        text = await answer.text()
    assert 'banksman_inspection_looks_total{inspection="caps"} 18204' in text
    assert '{inspection="caps",camera="cam1",backend="litert-xnnpack"} 1' in text
    assert 'banksman_inspection_seconds{inspection="caps",quantile="0.99"} 0.0269' in text
    assert 'banksman_inspection_frames_skipped_total{inspection="caps"} 212' in text
    assert 'banksman_inspection_bundle_in_use{inspection="caps",camera="cam1",' in text
