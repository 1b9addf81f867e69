"""A cloud that is far away and not always there: the demo's adviser behind a slow, broken link.

The answers are those of the demo's stand-in, judged as the real port judges them; only the way
there and back is made. The link is believed up until a probe finds it down, as the real port does,
so the first questions of an outage run into their deadline.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from banksman.clock import Clock
from banksman.control.ports import Reply
from banksman.deciding.decide import judge_answer
from banksman.deciding.decision import Event
from banksman.wire.messages import AnswerMessage, AskMessage
from banksman_drivers.fake.plant.cloud import advise


class Outage(msgspec.Struct, frozen=True):
    """The link is down from ``at_s`` on for ``lasts_s``."""

    at_s: float
    lasts_s: float


class FarCloud:
    """Implements ``control.ports.CloudPort`` on the control loop, in its time."""

    def __init__(
        self, clock: Clock, round_trip_s: float, outages: Sequence[Outage], probe_s: float
    ) -> None:
        self.asked = 0
        self.lost = 0
        self._clock = clock
        self._begin_ns = clock.mono_ns()
        self._round_trip_s = round_trip_s
        self._outages = outages
        self._probe_s = probe_s

    def up(self) -> bool:
        """Whether the newest probe found the link up."""
        now_s = self._now_s()
        return self._link_up(now_s - now_s % self._probe_s)

    def ask(self, event: Event, actions: Sequence[str], deadline_ms: float, reply: Reply) -> None:
        """Answer after the round trip; a question or answer that meets an outage is lost."""
        self.asked += 1
        if not self._link_up(self._now_s()):
            self.lost += 1
            return
        question = AskMessage(
            id=f"ask-{self.asked}",
            node="demo",
            type=event.type,
            point=event.point,
            wall_ns=self._clock.wall_ns(),
            deadline_ms=deadline_ms,
            inputs=dict(zip(event.names, event.values, strict=True)),
            actions=list(actions),
        )
        asyncio.get_running_loop().call_later(self._round_trip_s, self._answer, question, reply)

    def _answer(self, question: AskMessage, reply: Reply) -> None:
        if not self._link_up(self._now_s()):
            self.lost += 1
            return
        answer = msgspec.convert(advise(msgspec.to_builtins(question)), AnswerMessage)
        reply(judge_answer(answer, question.actions))

    def _now_s(self) -> float:
        return (self._clock.mono_ns() - self._begin_ns) / 1e9

    def _link_up(self, at_s: float) -> bool:
        return not any(gap.at_s <= at_s < gap.at_s + gap.lasts_s for gap in self._outages)
