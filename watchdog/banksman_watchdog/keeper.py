"""Waits for the supervisor: asks it in time, pets when it says so, and passes on its blame.

Rules of this file
- It runs on the main loop, so a main loop that hangs pets nobody.
- It pets nothing on its own account: each pet follows a Judgement of that instant.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from banksman_watchdog.ports import Notify, Watchdog
from banksman_watchdog.supervisor import Stall, Supervisor

PERIOD_S = 1.0


class Ticks(Protocol):
    """The monotonic clock of the daemon."""

    def mono_ns(self) -> int:
        """Nanoseconds of CLOCK_MONOTONIC."""


def period_s(watchdog_s: float | None) -> float:
    """How often to judge: four times within the watchdog's timeout, and each second at least."""
    return PERIOD_S if watchdog_s is None else min(PERIOD_S, watchdog_s / 4)


class Keeper:
    """Joins the supervisor to the watchdogs of this machine.

    ``beats`` returns every part's count and ``summary`` the STATUS text of a healthy daemon; both
    return at once. ``blame`` is called once for each new set of stalled parts, and with none
    when all of them go on, so that the log and the page can say it.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        notify: Notify,
        ticks: Ticks,
        *,
        beats: Callable[[], Mapping[str, int]],
        summary: Callable[[], str],
        blame: Callable[[Sequence[Stall]], None],
        also: Sequence[Watchdog] = (),
    ) -> None:
        """``also`` are further watchdogs that are petted on the same proof."""
        self.pets = 0
        self.withheld = 0
        self._supervisor = supervisor
        self._notify = notify
        self._ticks = ticks
        self._beats = beats
        self._summary = summary
        self._blame = blame
        self._watchdogs = (notify, *also)
        self._blamed: frozenset[str] = frozenset()

    def turn(self) -> float:
        """Judge once and act on it; returns the seconds until the next turn."""
        now = self._ticks.mono_ns()
        judgement = self._supervisor.judge(self._beats(), now, self._summary())
        self._notify.status(judgement.status)
        if judgement.pet:
            self.pets += 1
            for watchdog in self._watchdogs:
                watchdog.pet()
        else:
            self.withheld += 1
        blamed = frozenset(stall.part for stall in judgement.stalls)
        if blamed != self._blamed:
            self._blamed = blamed
            self._blame(judgement.stalls)
        return (judgement.wake_mono_ns - now) / 1e9

    async def run(self) -> None:
        """Turn until cancelled."""
        while True:
            wait_s = self.turn()
            await asyncio.sleep(wait_s)
