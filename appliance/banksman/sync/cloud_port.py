"""Asks the cloud for decisions over HTTP: called on the control thread, lives on the main loop.

    control                        main loop                          cloud
    ask(event) --threadsafe-->     POST <url>/v1/decide  AskMessage -->
    reply(verdict) <--to_control-- judge_answer(AnswerMessage) <-------
                                   GET <url>/healthz, every probe_s -->

Rules of this file
- ``reply`` is called at most once, on the control thread, and never after the deadline: the
  control loop has its own timer and has moved on. Late answers are counted.
- The cloud is not trusted with more than choosing among the actions it was asked about.
- It leaves by the uplink's interface and spends its metered budget (`way`). Over a metered link the
  endpoint is looked at ten times more rarely; with the budget spent nothing is asked at all, and
  the box decides by itself.
- Bounded: at most `OUTSTANDING_MAX` questions at a time, answers of at most `ANSWER_MAX_BYTES`.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import math
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import msgspec

from banksman.clock import Clock
from banksman.config.schema_services import CloudSettings
from banksman.control.ports import Reply
from banksman.deciding.decide import judge_answer
from banksman.deciding.decision import Event, Verdict
from banksman.sync.sessions import Sessions
from banksman.sync.transport import HEAD_BYTES
from banksman.sync.way import OpenWay, Way, socket_by
from banksman.wire.messages import AnswerMessage, AskMessage

OUTSTANDING_MAX = 16
ANSWER_MAX_BYTES = 64 * 1024
FAILURES_TO_DOWN = 3
METERED_SLOWER = 10.0

log = logging.getLogger(__name__)


class CloudReport(msgspec.Struct, frozen=True):
    """The endpoint's condition; counters since start."""

    up: bool
    message: str
    asked: int
    answered: int
    failed: int  # no usable answer, within the deadline
    late: int  # the deadline passed first
    refused: int  # too many at a time, over their share, not running, or the budget is spent


class _Question(msgspec.Struct, frozen=True):
    """One question on its way. ``by_mono_ns``: no reply after this."""

    message: AskMessage
    reply: Reply
    by_mono_ns: int


class HttpCloudPort:
    """Implements ``control.ports.CloudPort``. ``to_control`` runs a call on the control loop."""

    def __init__(
        self,
        settings: CloudSettings,
        node: str,
        clock: Clock,
        to_control: Callable[[Callable[[], None]], None],
        tls: Callable[[], ssl.SSLContext | None] = lambda: None,
    ) -> None:
        """``tls`` gives the context to use now; None: the system's CAs."""
        if settings.url is None:
            raise ValueError("cloud.url is not set")
        self._url = settings.url.rstrip("/")
        self._peer = urlsplit(settings.url).hostname or ""
        self._settings = settings
        self._node = node
        self._clock = clock
        self._to_control = to_control
        self.may_ask: Callable[[], bool] = (
            _always  # control thread; the uplink's share of questions
        )
        self._numbers = itertools.count(1)
        self._ids = f"{node}-ask-{clock.boot_id[:8]}-{clock.mono_ns():x}"
        self._loop: asyncio.AbstractEventLoop | None = None
        self.way: Way = OpenWay()  # main loop; set before `run`
        self._leaves_by: str | None = None
        self._sessions = Sessions(tls, self._open)
        self._tasks: set[asyncio.Task[None]] = set()
        self._outstanding = 0  # counted on the main loop
        self._up = False
        self._failures = 0
        self._message = "not probed yet"
        self._asked = self._answered = self._failed = self._late = self._refused = 0

    def up(self) -> bool:
        """Whether the endpoint answered lately; any thread."""
        return self._up

    def report(self) -> CloudReport:
        """The endpoint's condition; any thread."""
        return CloudReport(
            up=self._up,
            message=self._message,
            asked=self._asked,
            answered=self._answered,
            failed=self._failed,
            late=self._late,
            refused=self._refused,
        )

    def ask(self, event: Event, actions: Sequence[str], deadline_ms: float, reply: Reply) -> None:
        """Send a question; control thread, returns at once."""
        loop = self._loop
        question = _Question(
            self._message_of(event, actions, deadline_ms),
            reply,
            self._clock.mono_ns() + round(deadline_ms * 1e6),
        )
        if loop is None or loop.is_closed() or not self.may_ask():
            self._refused += 1
            self._to_control(lambda: reply(None))
        else:
            loop.call_soon_threadsafe(self._start, question)

    async def run(self) -> None:
        """Probe and carry questions until cancelled."""
        try:
            self._loop = asyncio.get_running_loop()
            while True:
                if not self._spent():
                    await self._probe()
                await asyncio.sleep(self.probe_every_s)
        finally:
            self._loop = None
            self._up = False
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._sessions.forget()

    # On the main loop

    @property
    def probe_every_s(self) -> float:
        """How often the endpoint is looked at over the link of now."""
        return self._settings.probe_s * (METERED_SLOWER if self.way.metered else 1.0)

    def _spent(self) -> bool:
        left = self.way.left_bytes
        return left is not None and left <= 0

    def _start(self, question: _Question) -> None:
        if self._loop is None or self._outstanding >= OUTSTANDING_MAX or self._spent():
            self._refused += 1
            self._answer(question, None)
            return
        self._outstanding += 1
        self._asked += 1
        task = asyncio.get_running_loop().create_task(self._carry(question))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, question: _Question) -> None:
        try:
            verdict, trouble = await self._put_question(question)
        finally:
            self._outstanding -= 1
        self._note(trouble)
        self._answer(question, verdict)

    async def _put_question(self, question: _Question) -> tuple[Verdict | None, str]:
        """The verdict, or what went wrong."""
        left_s = (question.by_mono_ns - self._clock.mono_ns()) / 1e9
        try:
            async with asyncio.timeout(max(0.0, left_s)):
                status, body = await self._request(
                    "POST", "/v1/decide", msgspec.json.encode(question.message)
                )
        except TimeoutError:
            return None, f"no answer within {question.message.deadline_ms:g} ms"
        except (aiohttp.ClientError, OSError, ValueError, RuntimeError) as error:
            return None, f"cannot be reached ({type(error).__name__})"
        if status != 200:
            return None, f"answered with status {status}"
        try:
            answer = msgspec.json.decode(body, type=AnswerMessage)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return None, "sent what is no AnswerMessage"
        if answer.id != question.message.id:
            return None, "answered another question"
        verdict = judge_answer(answer, question.message.actions)
        return verdict, "" if verdict else f"chose {answer.action[:40]!r}, which is not on offer"

    async def _request(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/json"}
        if self._settings.token_file is not None:
            file = Path(self._settings.token_file)
            token = await asyncio.to_thread(file.read_text, encoding="utf-8")
            headers["Authorization"] = f"Bearer {token.strip()}"
        if self.way.interface != self._leaves_by:
            self._leaves_by = self.way.interface
            await self._sessions.forget()
        found, cost_bytes = bytearray(), len(body or b"") + HEAD_BYTES
        try:
            async with (
                self._sessions.lend() as session,
                session.request(
                    method, self._url + path, data=body, headers=headers, allow_redirects=False
                ) as answer,
            ):
                async for chunk in answer.content.iter_chunked(8192):
                    found += chunk
                    if len(found) > ANSWER_MAX_BYTES:
                        raise ValueError("the answer is too long")
                return answer.status, bytes(found)
        except aiohttp.ClientConnectorError:
            cost_bytes = 0  # no connection, so nothing left
            raise
        finally:
            # Whatever came of it: a question without an answer has cost its bytes as well.
            self.way.spend(cost_bytes + len(found))

    def _answer(self, question: _Question, verdict: Verdict | None) -> None:
        if self._clock.mono_ns() > question.by_mono_ns:
            self._late += 1
            return
        if verdict is None:
            self._failed += 1
        else:
            self._answered += 1
        self._to_control(lambda: question.reply(verdict))

    async def _probe(self) -> None:
        try:
            async with asyncio.timeout(self._settings.probe_s):
                status, _ = await self._request("GET", "/healthz", None)
        except TimeoutError:
            self._note(f"no answer within {self._settings.probe_s:g} s", at_once=True)
        except (aiohttp.ClientError, OSError, ValueError, RuntimeError) as error:
            self._note(f"cannot be reached ({type(error).__name__})", at_once=True)
        else:
            trouble = "" if status == 200 else f"answered with status {status}"
            self._note(trouble, at_once=True)

    def _note(self, trouble: str, *, at_once: bool = False) -> None:
        """Judge the link: a probe's failure at once, questions' failures when they gather."""
        self._failures = self._failures + 1 if trouble else 0
        up = not trouble or (self._up and not at_once and self._failures < FAILURES_TO_DOWN)
        self._message = f"{self._peer}: {trouble}" if trouble else f"connected to {self._peer}"
        if up != self._up:
            self._up = up
            log.log(logging.INFO if up else logging.WARNING, "cloud: %s", self._message)

    # On the control thread

    def _message_of(self, event: Event, actions: Sequence[str], deadline_ms: float) -> AskMessage:
        return AskMessage(
            id=f"{self._ids}-{next(self._numbers)}",
            node=self._node,
            type=event.type,
            point=event.point,
            wall_ns=self._clock.wall_ns(),
            deadline_ms=deadline_ms,
            inputs={
                name: float(value) if math.isfinite(value) else None
                for name, value in zip(event.names, event.values, strict=True)
            },
            actions=list(actions),
        )

    def _open(self, context: ssl.SSLContext | None) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            ssl=True if context is None else context,
            socket_factory=lambda address: socket_by(self._leaves_by, address),
        )
        return aiohttp.ClientSession(connector=connector)


def _always() -> bool:
    return True
