"""One machine attended on its thread: bursts heard, vectors and windows judged, words obeyed.

Rules of this file
- One thread calls it; only `say` is for any. Times are arguments.
- What takes more than a moment is done in turns with other machines of the box (turns.py).
- A window without any reading is blind: silence of the sensors is no health, nor is what may not
  be believed. A machine that stands is not listened to.
- What people say (renew, failed, replaced, go back) is done with the next window, and kept at
  once. A whole normal that ends so is kept in the book of former ones.
- It is kept as well when a tenth more of a normal is learned; a box that loses power while it
  learns loses no more than that.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Literal

import msgspec
import numpy as np

from banksman.config.schema_maintenance import MachineSettings
from banksman.maintenance.collect import Collector
from banksman.maintenance.hearing import Hearing
from banksman.maintenance.intake import Intake
from banksman.maintenance.integrity import Doubt, doubt_of
from banksman.maintenance.judging import (
    VECTOR_LEAST_S,
    WINDOW_VECTORS,
    Judge,
    KeptJudge,
    PastNormal,
)
from banksman.maintenance.loading import Loading
from banksman.maintenance.normal import Worst
from banksman.maintenance.normals import NormalBook, Version
from banksman.maintenance.points import Told, unwell_of
from banksman.maintenance.scorer_kept import KeptScores, sealed, unsealed
from banksman.maintenance.shelf import RunShelf
from banksman.maintenance.slow import SlowWindow
from banksman.maintenance.standing import Judgement, moment
from banksman.maintenance.states import MachineStates
from banksman.maintenance.tacho import Pairing
from banksman.maintenance.turns import Turns

Word = Literal["renew", "failed", "replaced"]
WHY: Mapping[Word, str] = {
    "renew": "it was renewed",
    "failed": "the machine failed",
    "replaced": "a part was replaced",
}

STALE_WINDOWS = 3
WORDS_WAITING = 8
DOUBTS_TOLD = 3  # in words; the page lists all


class Kept(msgspec.Struct, frozen=True):
    """What the store keeps of a machine."""

    judge: KeptJudge
    states: MachineStates | None = None
    scores: KeptScores | None = None
    normal_since_s: float | None = None


class _GoBack(msgspec.Struct, frozen=True):
    number: int
    past: PastNormal


class Attending:
    """``save`` keeps what was learned, ``saved`` is what was kept before."""

    def __init__(
        self,
        settings: MachineSettings,
        shelf: RunShelf,
        turns: Turns,
        save: Callable[[bytes], None],
        saved: bytes | None,
        normals: NormalBook,
    ) -> None:
        """Raises ValueError for a bearing that nobody knows."""
        self.settings = settings
        self.normals = normals
        self.intake = Intake(settings)
        self._shelf = shelf
        self._turns = turns
        self._save = save
        self._judge = Judge(settings)
        self._hearings = {each.sensor: Hearing(settings, each) for each in settings.vibration}
        self._pairing = None if settings.tacho is None else Pairing(settings.tacho.sensor)
        self._loading = Loading(settings)
        vector_s = max(VECTOR_LEAST_S, settings.window_s / WINDOW_VECTORS)
        self._collector = Collector(len(settings.slow), vector_s)
        self._slow: dict[str, SlowWindow] = {}
        self._words: deque[Word | _GoBack] = deque(maxlen=WORDS_WAITING)
        self._normal_since_s: float | None = None
        self._progress = 0
        self._restore(saved)

    @property
    def bursts_skipped(self) -> int:
        """Bursts that came and were not judged: bad, too short, or flawed."""
        return sum(hearing.skipped for hearing in self._hearings.values())

    def stands(self) -> Worst:
        """What stood when it was kept, or stands now."""
        return self._judge.worst()

    def say(self, word: Word) -> None:
        """A person's word; any thread."""
        self._words.append(word)

    def go_back(self, number: int) -> None:
        """A person wants a former normal; any thread. Raises VersionRefused."""
        self._words.append(_GoBack(number, self.normals.find(number, self._judge)))

    def look(self, mono_ns: int, wall_ns: int) -> None:
        """Take what came since the last look; call it ten times a second."""
        while (load := self.intake.next_load()) is not None:
            self._loading.take(load)
        if self.settings.slow:
            stale_ns = round(STALE_WINDOWS * self.settings.window_s * 1e9)
            newest = self.intake.newest(mono_ns - stale_ns)
            over = self._collector.add(newest, mono_ns / 1e9, self._loading.now)
            if over is not None:
                with self._turns.turn():
                    self._judge.vector(*over, wall_ns / 1e9)
        while (burst := self.intake.next_burst()) is not None:
            pairs = [(burst, None)] if self._pairing is None else self._pairing.take(burst)
            for each, tacho in pairs:
                if self._loading.rests:
                    self._hearings[each.sensor].rest(each)
                    continue
                speed = self.intake.speed_rpm
                with self._turns.turn():
                    told = None if math.isnan(speed) else speed
                    self._hearings[each.sensor].take(each, told, tacho)

    def window(self, mono_ns: int, wall_ns: int) -> Told:
        """A window is over: judge it."""
        with self._turns.turn():
            return self._window(mono_ns, wall_ns)

    def came_further(self) -> bool:
        """Whether so much more was learned since the last call that it is worth a write."""
        progress = self._judge.normal.tenths() + int(self._loading.share)
        before, self._progress = self._progress, progress
        return progress != before

    def keep(self) -> None:
        """Give the store what was learned."""
        with self._turns.turn():
            self._keep()

    @property
    def doubts(self) -> tuple[Doubt, ...]:
        """Sensors whose readings are in doubt: of the newest burst, and of the last window."""
        flaws = [(name, window.flaws) for name, window in self._slow.items()]
        flaws += [(name, hearing.flaws) for name, hearing in self._hearings.items()]
        found = [doubt_of(name, each) for name, each in flaws]
        return tuple(doubt for doubt in found if doubt is not None)

    def _window(self, mono_ns: int, wall_ns: int) -> Told:
        if self._normal_since_s is None:
            self._normal_since_s = wall_ns / 1e9
        self._obey(wall_ns)
        slow = self._slow = self.intake.window(mono_ns)
        unsure = {name for name, window in slow.items() if not window.sure}
        unsure |= {name for name, hearing in self._hearings.items() if hearing.unsure}
        levels = [hearing.level() for hearing in self._hearings.values()]
        blind = all(math.isnan(window.level) for window in slow.values()) and all(
            bool(np.isnan(level).all()) for level in levels
        )
        window_s = self.settings.window_s
        newest = [hearing.now(mono_ns, window_s) for hearing in self._hearings.values()]
        heard = tuple(each for each in newest if each is not None)
        unwell, doubts = unwell_of(heard), self.doubts
        state = self._loading.window()
        if state is None:
            blind, state = True, "stopped"
        wall_s = wall_ns / 1e9
        judgement = self._judge.judge(
            state,
            {name: window.level for name, window in slow.items()},
            levels,
            wall_s,
            book=self._shelf.book(len(levels) + 1) if levels else None,
            local_s=wall_s + time.localtime(wall_s).tm_gmtoff,
            unsure=unsure,
            unwell=unwell,
        )
        if state == "learning":
            what = f"what it does when is {self._loading.share:.0%} learned"
            judgement = msgspec.structs.replace(judgement, what=what)
        if unwell:
            judgement = _with(judgement, f"nothing is learned while {unwell}")
        for doubt in doubts[:DOUBTS_TOLD]:
            judgement = _with(judgement, f"{doubt.sensor} is in doubt: {doubt.reason}")
        learned = self._judge.normal.learned()
        rows = self._judge.rows()
        version, since_s = self._judge.normal.version, self._normal_since_s
        return Told(judgement, heard, learned, wall_ns, blind, rows, doubts, version, since_s)

    def _keep(self) -> None:
        judge = self._judge
        scores = sealed(judge.table.slow, judge.scorer) if judge.table.slow else None
        kept = Kept(judge.saved(), self._loading.states, scores, self._normal_since_s)
        self._save(msgspec.msgpack.encode(kept))

    def _obey(self, wall_ns: int) -> None:
        while self._words:
            word = self._words.popleft()
            if isinstance(word, _GoBack):
                self._end_normal(f"someone went back to normal {word.number}", wall_ns)
                self._judge.go_back(word.past)
                self._keep()
                continue
            if word == "failed":
                run = self._judge.wearing.failed(f"{self.settings.id} {moment(wall_ns / 1e9)}")
                if run is not None:
                    self._shelf.add(run)
            elif word == "replaced":
                self._judge.wearing.replaced()
            self._end_normal(WHY[word], wall_ns)
            self._judge.renew()
            self._keep()

    def _end_normal(self, why: str, wall_ns: int) -> None:
        """The present normal is over; one that was never whole is not worth keeping."""
        normal, now_s, since_s = self._judge.normal, wall_ns / 1e9, self._normal_since_s
        if normal.learned() >= 1.0:
            past = self._judge.normal_now()
            began_s = now_s if since_s is None else since_s
            self.normals.add(Version(normal.version, began_s, now_s, why, past))
        self._normal_since_s = now_s

    def _restore(self, saved: bytes | None) -> None:
        if saved is None:
            return
        try:
            kept = msgspec.msgpack.decode(saved, type=Kept)
        except (msgspec.DecodeError, msgspec.ValidationError):
            return  # learned anew: a wrong normal would be worse than none
        self._judge.restore(kept.judge)
        self._normal_since_s = kept.normal_since_s
        scores = kept.scores
        scorer = None if scores is None else unsealed(scores, self._judge.table.slow)
        if scorer is not None:
            self._judge.scorer = scorer
        self._loading = Loading(self.settings, kept.states)


def _with(judgement: Judgement, more: str) -> Judgement:
    return msgspec.structs.replace(judgement, what=f"{judgement.what}; {more}")
