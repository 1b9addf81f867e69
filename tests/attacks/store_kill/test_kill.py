"""kill -9 at random points of recording: whatever was said to be durable is there afterwards."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import msgspec

from banksman.clock import SystemClock
from banksman.config.schema_services import StoreSettings
from banksman.store.store import Store
from banksman.wire.messages import ReadingsMessage

ROUNDS = 15
CHILD = Path(__file__).with_name("child.py")


class Claims(NamedTuple):
    """What the child said before it died."""

    epoch: int
    decisions: set[str]
    marks: list[str]


def record_and_kill(folder: Path, marks: int) -> Claims:
    """Let a child record until it has claimed so many durable marks, and kill it there."""
    child = subprocess.Popen(
        [sys.executable, str(CHILD), str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    said: list[list[str]] = []
    while sum(kind == "M" for kind, _ in said) < marks:
        said.append(child.stdout.readline().split())
    child.kill()
    # What it had said between the last line read and its death counts too.
    said += [line.split() for line in child.stdout.read().splitlines()]
    child.stdout.close()
    child.wait()
    return Claims(
        epoch=next(int(word) for kind, word in said if kind == "E"),
        decisions={word for kind, word in said if kind == "D"},
        marks=[word for kind, word in said if kind == "M"],
    )


def sequence(message_id: str) -> int:
    return int(message_id.rsplit("-", 1)[1])


async def everything(store: Store) -> list[ReadingsMessage]:
    found: list[ReadingsMessage] = []
    after = 0
    while rows := await store.readings_after("mqtt", after, 1000):
        found += [msgspec.json.decode(row.payload, type=ReadingsMessage) for row in rows]
        after = rows[-1].position
    return found


async def test_nothing_claimed_durable_is_lost_when_the_process_is_killed(tmp_path):
    chance = random.Random(7)
    claimed: set[str] = set()
    marks: dict[int, str] = {}
    for _ in range(ROUNDS):
        claims = record_and_kill(tmp_path, chance.randint(3, 60))
        claimed |= claims.decisions
        # The first mark of a run may be that of the run before.
        marks[claims.epoch] = claims.marks[-1]

    store = Store.open(StoreSettings(folder=str(tmp_path)), "press", SystemClock())
    store.start()
    try:
        readings = await everything(store)
        rows = await store.next_rows("mqtt", 1_000_000)
    finally:
        assert store.stop()

    assert store.status().set_aside == ()
    assert sorted(marks) == list(range(min(marks), min(marks) + ROUNDS)), "each start a new epoch"
    assert claimed
    assert claimed <= {row.id for row in rows}
    ids = [message.id for message in readings] + [row.id for row in rows]
    assert len(ids) == len(set(ids))

    for epoch, mark in marks.items():
        own = [message for message in readings if message.id.startswith(f"press-{epoch}-")]
        # The child counts its polls in p0: none is missing, and they reach beyond the mark.
        assert [message.values["p0"] for message in own] == [float(n) for n in range(len(own))]
        assert mark.startswith(f"press-{epoch}-")
        assert sequence(own[-1].id) >= sequence(mark)
