"""The metered budget beside its memory: spent bytes survive a restart. Main loop."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from banksman.sync.budget import Budget, Spent

STATE_KEY = "sync.spent"


class Spending:
    """Counts what goes while the link is ``metered``, and keeps the sum."""

    def __init__(
        self,
        hour_mb: float,
        day_mb: float,
        wall_ns: Callable[[], int],
        load: Callable[[str], bytes | None],
        save: Callable[[str, bytes], None],
    ) -> None:
        self.metered = False
        self._wall_ns = wall_ns
        self._save_state = save
        try:
            spent = msgspec.json.decode(load(STATE_KEY) or b"{}", type=Spent)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            spent = Spent()
        self._saved = spent
        self._budget = Budget(hour_mb, day_mb, spent)

    @property
    def left_bytes(self) -> int | None:
        """What a metered link may still carry; None: no limit, or not metered."""
        return self._budget.left_bytes(self._wall_ns()) if self.metered else None

    def spend(self, size: int) -> None:
        """So many bytes went."""
        if self.metered:
            self._budget.spend(self._wall_ns(), size)

    def limit(self, hour_mb: float, day_mb: float) -> None:
        """Other limits from now on; what was spent stays spent."""
        self._budget = Budget(hour_mb, day_mb, self._budget.spent)

    def save(self) -> None:
        """Keep the sum if it has changed."""
        if self._budget.spent != self._saved:
            self._saved = self._budget.spent
            self._save_state(STATE_KEY, msgspec.json.encode(self._saved))
