"""How people's questions and wishes reach the watches of machines. On the main loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from banksman.control.snapshot import Snapshot
from banksman.maintenance.attending import Word
from banksman.maintenance.showing import brief_of, shown_of
from banksman.maintenance.shown import MachineBrief, MachineShown
from banksman.maintenance.watch import Watch

EVENTS: Mapping[Word, str] = {
    "renew": "machine renewed",
    "failed": "machine failed",
    "replaced": "machine part replaced",
}

Note = Callable[[str, str, dict[str, str]], None]


class MachineDesk:
    """Implements `web.ports.Machines`. ``note`` takes (event, by, details) for the audit."""

    def __init__(
        self, watches: Sequence[Watch], snapshot: Callable[[], Snapshot], note: Note
    ) -> None:
        self._watches: Mapping[str, Watch] = {watch.id: watch for watch in watches}
        self._snapshot = snapshot
        self._note = note

    def machines(self) -> Sequence[MachineBrief]:
        """Every machine, as configured."""
        return [_brief(watch) for watch in self._watches.values()]

    async def machine(self, name: str) -> MachineShown:
        """One machine with its spectra and trends. KeyError."""
        watch = self._watches[name]
        units = {sensor.id: sensor.unit for sensor in self._snapshot().sensors}
        former = watch.versions
        return await asyncio.to_thread(shown_of, _brief(watch), watch.newest, units, former)

    def say(self, name: str, word: Word, by: str) -> MachineBrief:
        """A person's word; see `Word`. KeyError."""
        watch = self._watches[name]
        watch.say(word)
        self._note(EVENTS[word], by, {"machine": name})
        return _brief(watch)

    async def go_back(self, name: str, number: int, by: str) -> MachineBrief:
        """A person wants a former normal. KeyError, VersionRefused."""
        watch = self._watches[name]
        await asyncio.to_thread(watch.go_back, number)
        self._note("machine went back", by, {"machine": name, "normal": str(number)})
        return _brief(watch)


def _brief(watch: Watch) -> MachineBrief:
    health = watch.health()
    return brief_of(
        watch.settings, watch.newest, health.message, watch.bursts_dropped, watch.bursts_skipped
    )
