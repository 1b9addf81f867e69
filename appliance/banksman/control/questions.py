"""Questions to the cloud: one for each decision point at a time, each with a deadline of its own.

ask --> waits --answer in time--> concluded          a later answer is counted and forgotten
          |-----deadline--------> the safe default
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from banksman.control.point import Action, Point, Question
from banksman.control.ports import CloudPort
from banksman.deciding.decide import safe_default
from banksman.deciding.decision import NO_ACTION, Event, Verdict

Conclude = Callable[[Point, Event, Verdict, int], None]


class Questions:
    """Asks, and hands every question's verdict to ``conclude`` once."""

    def __init__(
        self,
        cloud: CloudPort | None,
        actions: Mapping[str, Action],
        counters: dict[str, int],
        conclude: Conclude,
    ) -> None:
        self._cloud = cloud
        self._actions = actions
        self._counters = counters
        self._conclude = conclude

    def ask(self, point: Point, event: Event, arrival_ns: int) -> None:
        """Send a question; without a cloud the safe default is taken at once."""
        spec = point.spec.point
        if self._cloud is None or not self._cloud.up():
            why = "no local answer and the cloud cannot be reached"
            self._conclude(point, event, safe_default(spec, why), arrival_ns)
            return
        question = point.question = Question(event, arrival_ns)
        question.timer = asyncio.get_running_loop().call_later(
            spec.deadline_ms / 1e3, self._answer, point, question, None
        )
        self._cloud.ask(
            event,
            (NO_ACTION, *self._actions),
            spec.deadline_ms,
            lambda verdict: self._answer(point, question, verdict),
        )

    def drop(self, point: Point) -> None:
        """Wait for no answer any more."""
        question, point.question = point.question, None
        if question is not None and question.timer is not None:
            question.timer.cancel()

    def _answer(self, point: Point, question: Question, verdict: Verdict | None) -> None:
        if point.question is not question:
            self._counters["cloud_late"] += 1
            return
        self.drop(point)
        if verdict is None:
            deadline_ms = point.spec.point.deadline_ms
            verdict = safe_default(
                point.spec.point, f"the cloud gave no usable answer within {deadline_ms:g} ms"
            )
        self._conclude(point, question.event, verdict, question.arrival_ns)
