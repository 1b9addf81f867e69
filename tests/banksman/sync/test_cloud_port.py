from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable

import pytest
from aiohttp import web

from banksman.clock import SystemClock
from banksman.config.schema_services import CloudSettings
from banksman.deciding.decision import Event, Verdict
from banksman.sync.cloud_port import ANSWER_MAX_BYTES, OUTSTANDING_MAX, HttpCloudPort

EVENT = Event("gate", "quality_control", ("plc.a", "plc.b"), (1.5, float("nan")), None, 1)
ACTIONS = ("none", "line_stop")


class Cloud:
    """A real HTTP endpoint; ``answer`` turns the question into a body."""

    def __init__(self) -> None:
        self.questions: list[dict[str, object]] = []
        self.headers: list[dict[str, str]] = []
        self.healthy = True
        self.status = 200
        self.answer: Callable[[dict[str, object]], bytes] = self.choose("line_stop")
        self.hold: asyncio.Event | None = None

    @staticmethod
    def choose(action: str, **fields: object) -> Callable[[dict[str, object]], bytes]:
        def answer(question: dict[str, object]) -> bytes:
            body = {"id": question["id"], "action": action, "confidence": 0.9, "reason": "seen it"}
            return json.dumps(body | fields).encode()

        return answer

    async def start(self) -> str:
        app = web.Application()
        app.router.add_get("/api/healthz", self._health)
        app.router.add_post("/api/v1/decide", self._decide)
        self.runner = web.AppRunner(app)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self.runner.addresses[0][1]}/api/"

    async def stop(self) -> None:
        if self.hold is not None:
            self.hold.set()
        await self.runner.cleanup()

    async def _health(self, request: web.Request) -> web.Response:
        self.headers.append(dict(request.headers))
        return web.Response(status=200 if self.healthy else 503)

    async def _decide(self, request: web.Request) -> web.Response:
        question = await request.json()
        self.questions.append(question)
        if self.hold is not None:
            await self.hold.wait()
        return web.Response(body=self.answer(question), status=self.status)


class Asker:
    """The port with a control loop of its own on another thread, as in the daemon."""

    def __init__(self, url: str, **settings: object) -> None:
        self.control = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.control.run_forever)
        self.thread.start()
        self.port = HttpCloudPort(
            CloudSettings(**{"url": url, "probe_s": 1.0, **settings}),
            "press-1",
            SystemClock(),
            self.control.call_soon_threadsafe,
        )
        self.replies: list[tuple[Verdict | None, int]] = []
        self.task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self.task = asyncio.create_task(self.port.run())

    def ask(self, deadline_ms: float = 5000.0) -> None:
        def reply(verdict: Verdict | None) -> None:
            self.replies.append((verdict, threading.get_ident()))

        self.control.call_soon_threadsafe(self.port.ask, EVENT, ACTIONS, deadline_ms, reply)

    async def stop(self) -> None:
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
        self.control.call_soon_threadsafe(self.control.stop)
        self.thread.join()
        self.control.close()


class Link:
    """The way that an uplink has chosen."""

    def __init__(self) -> None:
        self.interface: str | None = None
        self.metered = False
        self.left_bytes: int | None = None
        self.spent: list[int] = []

    def spend(self, size: int) -> None:
        self.spent.append(size)


@pytest.fixture
async def cloud() -> AsyncIterator[Cloud]:
    one = Cloud()
    one.url = await one.start()
    yield one
    await one.stop()


@pytest.fixture
async def make_asker() -> AsyncIterator[Callable[..., Asker]]:
    made: list[Asker] = []

    def make(url: str, run: bool = True, **settings: object) -> Asker:
        asker = Asker(url, **settings)
        made.append(asker)
        if run:
            asker.start()
        return asker

    yield make
    for asker in made:
        await asker.stop()


@pytest.fixture
async def asker(cloud, make_asker, until):
    one = make_asker(cloud.url)
    await until(one.port.up, "the probe")
    return one


async def test_a_question_is_answered_once_on_the_control_thread(asker, cloud, until):
    asker.ask()
    await until(lambda: asker.replies, "the reply")
    ((verdict, thread),) = asker.replies
    assert thread == asker.thread.ident
    assert (verdict.action, verdict.source, verdict.confidence) == ("line_stop", "cloud", 0.9)
    (question,) = cloud.questions
    assert question["inputs"] == {"plc.a": 1.5, "plc.b": None}
    assert (question["node"], question["point"]) == ("press-1", "gate")
    assert question["actions"] == list(ACTIONS)


async def test_every_question_has_an_id_of_its_own(asker, cloud, until):
    for _ in range(5):
        asker.ask()
    await until(lambda: len(asker.replies) == 5, "the replies")
    assert len({question["id"] for question in cloud.questions}) == 5


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda _: b"garbage", id="no JSON"),
        pytest.param(lambda _: b"[" * 50_000, id="nested without end"),
        pytest.param(lambda _: b"{}", id="nothing in it"),
        pytest.param(lambda _: b"x" * (ANSWER_MAX_BYTES + 1), id="too long"),
        pytest.param(Cloud.choose("open_exit"), id="an action that was not on offer"),
        pytest.param(Cloud.choose("line_stop", confidence=7.0), id="confidence over 1"),
        pytest.param(Cloud.choose("line_stop", confidence="high"), id="confidence in words"),
        pytest.param(Cloud.choose("line_stop", id="another"), id="another question's answer"),
    ],
)
async def test_an_answer_that_may_not_be_used_is_none(asker, cloud, until, answer):
    cloud.answer = answer
    asker.ask()
    await until(lambda: asker.replies, "the reply")
    assert asker.replies[0][0] is None
    assert asker.port.report().failed == 1


async def test_a_status_that_is_not_200_is_none(asker, cloud, until):
    cloud.status = 500
    asker.ask()
    await until(lambda: asker.replies, "the reply")
    assert asker.replies[0][0] is None


async def test_after_the_deadline_nobody_is_called_and_it_is_counted(asker, cloud, until):
    cloud.hold = asyncio.Event()
    asker.ask(deadline_ms=50.0)
    await until(lambda: asker.port.report().late == 1, "the deadline")
    cloud.hold.set()
    cloud.hold = None
    asker.ask()
    await until(lambda: asker.replies, "the reply to the second question")
    assert len(asker.replies) == 1


async def test_questions_at_a_time_are_bounded(asker, cloud, until):
    cloud.hold = asyncio.Event()
    for _ in range(OUTSTANDING_MAX + 3):
        asker.ask()
    await until(lambda: asker.port.report().refused == 3, "three are refused")
    await until(lambda: len(asker.replies) == 3, "and told at once")
    assert [verdict for verdict, _ in asker.replies] == [None] * 3
    cloud.hold.set()
    await until(lambda: len(asker.replies) == OUTSTANDING_MAX + 3, "the others are answered")


async def test_the_link_is_down_until_a_probe_succeeds_and_after_one_fails(
    cloud, make_asker, until
):
    cloud.healthy = False
    asker = make_asker(cloud.url)
    await until(lambda: "503" in asker.port.report().message, "the first probe")
    assert not asker.port.up()
    cloud.healthy = True
    await until(asker.port.up, "the link is up")
    cloud.healthy = False
    await until(lambda: not asker.port.up(), "the link is down")


async def test_failing_questions_take_the_link_down_before_the_next_probe(cloud, make_asker, until):
    asker = make_asker(cloud.url, probe_s=3600.0)
    await until(asker.port.up, "the only probe")
    cloud.status = 500
    for number in range(1, 4):
        assert asker.port.up()
        asker.ask()
        await until(lambda number=number: len(asker.replies) == number, "the reply")
    assert not asker.port.up()
    cloud.status = 200
    asker.ask()
    await until(asker.port.up, "an answer takes it up again")


async def test_a_question_before_the_port_runs_fails_at_once(free_port, make_asker, until):
    asker = make_asker(f"http://127.0.0.1:{free_port}", run=False)
    asker.ask()
    await until(lambda: asker.replies, "the reply")
    assert asker.replies[0][0] is None
    assert not asker.port.up()


async def test_nobody_there_is_told_in_words_without_secrets(free_port, make_asker, until):
    asker = make_asker(f"http://user:s3cret@127.0.0.1:{free_port}")
    await until(lambda: "cannot be reached" in asker.port.report().message, "the probe")
    assert "s3cret" not in asker.port.report().message


async def test_the_token_is_sent(cloud, make_asker, until, tmp_path):
    token = tmp_path / "token"
    token.write_text("s3cret\n")
    asker = make_asker(cloud.url, token_file=str(token))
    await until(asker.port.up, "the probe")
    assert cloud.headers[-1]["Authorization"] == "Bearer s3cret"


async def test_it_leaves_by_the_uplinks_interface_and_follows_it(asker, cloud, until):
    link = Link()
    asker.port.way = link
    link.interface = "gone0"
    asker.ask()
    await until(lambda: asker.replies, "the reply")
    assert asker.replies.pop()[0] is None
    assert cloud.questions == [], "nothing left by another way"
    link.interface = "lo"
    asker.ask()
    await until(lambda: asker.replies, "the reply over the loopback")
    assert asker.replies.pop()[0].action == "line_stop"


async def test_questions_and_looks_count_into_the_metered_budget(cloud, make_asker, until):
    asker = make_asker(cloud.url, run=False)
    asker.port.way = link = Link()
    asker.start()
    await until(lambda: len(link.spent) == 1, "the look is counted")
    asker.ask()
    await until(lambda: asker.replies, "the reply")
    question = len(json.dumps(cloud.questions[0], separators=(",", ":")))
    assert max(link.spent) >= link.spent[0] + question


async def test_a_spent_budget_asks_nobody_and_looks_at_nothing(cloud, make_asker, until):
    asker = make_asker(cloud.url, run=False)
    asker.port.way = link = Link()
    link.left_bytes = 0
    asker.start()
    asker.ask()
    await until(lambda: asker.replies, "the refusal")
    assert asker.replies[0][0] is None
    assert (cloud.questions, cloud.headers, link.spent) == ([], [], [])
    assert asker.port.report().refused == 1


async def test_an_endpoint_that_cannot_be_reached_costs_no_bytes(free_port, make_asker, until):
    asker = make_asker(f"http://127.0.0.1:{free_port}", run=False)
    asker.port.way = link = Link()
    asker.start()
    await until(lambda: link.spent, "the look")
    assert link.spent == [0]


def test_over_a_metered_link_the_endpoint_is_looked_at_ten_times_more_rarely():
    port = HttpCloudPort(
        CloudSettings(url="http://127.0.0.1:1", probe_s=7.0), "press-1", SystemClock(), print
    )
    port.way = link = Link()
    assert port.probe_every_s == 7.0
    link.metered = True
    assert port.probe_every_s == 70.0


async def test_an_uplink_is_such_a_way_and_spends_its_own_budget(make_rig, until):
    from banksman.sync.way import Way

    rig = make_rig(url="http://127.0.0.1:1", metered=True)
    way: Way = rig.uplink
    await until(lambda: way.left_bytes is not None, "the link is known to be metered")
    await rig.stop()
    before = way.left_bytes
    way.spend(1_000)
    assert (way.metered, way.interface, way.left_bytes) == (True, None, before - 1_000)
