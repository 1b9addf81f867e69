"""Logging that never blocks who logs: a bounded queue, and one thread that writes.

A full disk or a stuck terminal must not hold the control loop. What does not fit is dropped
and counted; the next line that gets through says how many were lost.
"""

from __future__ import annotations

import logging
import logging.handlers
import queue
import sys

from banksman.wire.messages import AlarmMessage, Priority
from banksman_drivers.words import printable

QUEUE_LINES = 2000
LINE_CHARS_MAX = 4000

log = logging.getLogger(__name__)


class BoundedQueueHandler(logging.handlers.QueueHandler):
    """Drops, and counts, instead of waiting."""

    def __init__(self, lines: queue.Queue[logging.LogRecord]) -> None:
        super().__init__(lines)
        self.dropped = 0

    def enqueue(self, record: logging.LogRecord) -> None:
        """Put the record without waiting."""
        if self.dropped:
            record.msg = f"{record.msg} [{self.dropped} log lines were dropped before this one]"
        try:
            self.queue.put_nowait(record)
        except queue.Full:
            self.dropped += 1
        else:
            self.dropped = 0


class OneLine(logging.Formatter):
    """A message on one line, whatever words of a device or label stand in it; then a traceback."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  logging's name
        """The line, of at most LINE_CHARS_MAX characters."""
        return printable(super().formatMessage(record), LINE_CHARS_MAX)


class Logs:
    """The daemon's logging: start first, stop last. Under systemd the journal adds the time."""

    def __init__(self, *, with_time: bool, level: int = logging.INFO) -> None:
        lines: queue.Queue[logging.LogRecord] = queue.Queue(QUEUE_LINES)
        self._handler = BoundedQueueHandler(lines)
        output = logging.StreamHandler(sys.stderr)
        time_part = "%(asctime)s " if with_time else ""
        output.setFormatter(
            OneLine(f"{time_part}%(levelname)s %(threadName)s %(name)s: %(message)s")
        )
        self._listener = logging.handlers.QueueListener(lines, output)
        self._level = level

    def start(self) -> None:
        """Take over the root logger."""
        root = logging.getLogger()
        root.setLevel(self._level)
        root.addHandler(self._handler)
        # Access lines of the page would drown what matters.
        logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
        logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
        self._listener.start()

    def stop(self) -> None:
        """Write what is left and let the root logger go."""
        logging.getLogger().removeHandler(self._handler)
        self._listener.stop()


def log_alarm(change: AlarmMessage) -> None:
    """One line for each change of an alarm, so that the journal alone tells what happened."""
    state = "active" if change.active else "over"
    seen = f", acknowledged by {change.by}" if change.acknowledged else ""
    if change.under:
        seen = f", follows from {change.under}"
    level = logging.WARNING if change.active and not change.acknowledged else logging.INFO
    name = Priority(change.priority).name.lower()
    log.log(level, "alarm %s (%s) %s%s: %s", change.key, name, state, seen, change.text)
