"""The alarms of the running box: a book behind a lock, and everyone who is told of each change."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Protocol

from banksman.alarm_book import AlarmBook, Moment
from banksman.clock import Clock
from banksman.control.ports import NOTHING, Follows
from banksman.wire.messages import AlarmMessage, Priority


class Ids(Protocol):
    """Who gives ids (``banksman.records.IdSource``)."""

    def next(self) -> str:
        """The next id, from any thread."""


class AlarmDesk:
    """The book behind a lock: any thread, a few microseconds. See ``control.ports.AlarmSignal``.

    ``on_change`` and whoever listens get each change, in the order of the changes, on the caller's
    thread. They must return at once and neither raise nor call the desk.
    """

    def __init__(
        self,
        node: str,
        clock: Clock,
        ids: Ids,
        on_change: Callable[[AlarmMessage], None],
        restored: Iterable[AlarmMessage] = (),
    ) -> None:
        self._book = AlarmBook(node, clock.boot_id, restored)
        self._clock = clock
        self._ids = ids
        self._listeners = [on_change]
        self._lock = threading.Lock()

    def listen(self, on_change: Callable[[AlarmMessage], None]) -> None:
        """Tell this one too of every change from now on."""
        with self._lock:
            self._listeners.append(on_change)

    def restore(self, restored: Iterable[AlarmMessage]) -> None:
        """Take alarms of an earlier run: the newest message of each key. Nobody is told."""
        with self._lock:
            self._book.restore(restored)

    @property
    def dropped(self) -> int:
        """How many alarms found no room or gave way."""
        return self._book.dropped

    def raise_alarm(
        self, key: str, text: str, priority: Priority, cause: str, follows: Follows = NOTHING
    ) -> None:
        """The condition ``key`` holds; repeats count up and do not ring again."""
        with self._lock:
            change = self._book.raise_alarm(key, text, priority, cause, self._moment(), follows)
            if change is not None:
                self._tell(change)
                for folded in self._book.fold(key, self._moment):
                    self._tell(folded)

    def reword_alarm(self, key: str, text: str) -> None:
        """What is shown of ``key`` while it holds; it rings nobody."""
        with self._lock:
            self._book.reword(key, text)

    def clear_alarm(self, key: str) -> None:
        """The condition ``key`` holds no more."""
        with self._lock:
            change = self._book.clear_alarm(key, self._moment())
            if change is not None:
                self._tell(change)

    def acknowledge(self, key: str, by: str) -> AlarmMessage:
        """A person has seen it. Raises KeyError when there is no such alarm."""
        with self._lock:
            moment = self._moment()
            alarm = self._book.acknowledge(key, by, moment)
            if alarm.id == moment.id:
                self._tell(alarm)
            return alarm

    def shelve(self, key: str, by: str, seconds: float) -> AlarmMessage:
        """Let it ring nobody for so long. Raises KeyError, ShelfRefused."""
        with self._lock:
            alarm = self._book.shelve(key, by, seconds, self._moment())
            self._tell(alarm)
            return alarm

    def unshelve(self, key: str) -> AlarmMessage:
        """Take it from the shelf before its time. Raises KeyError when it is not there."""
        with self._lock:
            changes = self._book.end_shelves(self._moment, key=key)
            for change in changes:
                self._tell(change)
            return {change.key: change for change in changes}[key]

    def elapse(self) -> None:
        """Let ring what was on the shelf for long enough, or outlasts its cause; end chatter.

        Call it every few seconds.
        """
        with self._lock:
            for end in (self._book.end_shelves, self._book.calm, self._book.end_folds):
                for change in end(self._moment):
                    self._tell(change)

    def pace(self, key: str, within_s: float) -> None:
        """``key`` is looked at seldom: three raisings within so long are chatter already."""
        with self._lock:
            self._book.pace(key, within_s)

    def settle(self) -> None:
        """Clear restored alarms that nobody raised again; call it some time after the start."""
        with self._lock:
            for change in self._book.settle(self._moment):
                self._tell(change)

    def active(self) -> tuple[AlarmMessage, ...]:
        """Alarms that hold or wait for a person, most urgent first."""
        with self._lock:
            return self._book.active()

    def _moment(self) -> Moment:
        return Moment(self._ids.next(), self._clock.wall_ns(), self._clock.mono_ns())

    def _tell(self, change: AlarmMessage) -> None:
        for listener in self._listeners:
            listener(change)
