"""The box's side of the shadow: what it reports, only what changed; what is desired of it. Pure.

    values --Reported.look--> ShadowReport(version, since, changes), until the endpoint has it

Rules of this file
- One report is on its way at a time. What changes meanwhile goes into the next.
- A report that the endpoint asks for anew carries the whole state (``since`` 0).
- Desired values are taken only by names in ``settable`` and within their bounds. Other names
  stand in the report under ``desired_ignored``, values out of bounds with the reason under
  ``desired_refused``, so that nobody waits for what cannot come.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from banksman.sync.settable import Setting, judge
from banksman.wire.messages import Priority
from banksman.wire.uplink import Desired, Item, ShadowReport

STATE_KEY = "sync.shadow"
NAME_CHARS = 80


class _Kept(msgspec.Struct):
    """What is known over restarts. ``sent``: the report on its way."""

    version: int = 0
    values: dict[str, Any] = {}
    desired_version: int = 0
    desired: dict[str, float] = {}
    ignored: list[str] = []
    refused: dict[str, str] = {}
    sent: ShadowReport | None = None
    whole: bool = True


class Shadow:
    """See the rules above; the main loop only."""

    def __init__(
        self,
        node: str,
        next_id: Callable[[], str],
        settable: Mapping[str, Setting],
        load: Callable[[str], bytes | None],
        save: Callable[[str, bytes], None],
        apply: Callable[[Mapping[str, float]], None] = lambda _values: None,
    ) -> None:
        """``apply`` makes every settable value hold: the desired one, or the config's."""
        self._node = node
        self._next_id = next_id
        self._settable = settable
        self._save_state = save
        self._apply = apply
        try:
            self._kept = msgspec.json.decode(load(STATE_KEY) or b"{}", type=_Kept)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            self._kept = _Kept()
        # The config's bounds may be others than when it was taken.
        self._kept.desired, _ = judge(settable, self._kept.desired)
        self._hold()

    @property
    def desired(self) -> Mapping[str, float]:
        """The values that the endpoint has set and that this box takes."""
        return self._kept.desired

    @property
    def desired_version(self) -> int:
        """The desired version that has been carried out last."""
        return self._kept.desired_version

    def desire(self, desired: Desired) -> None:
        """Take a newer desired state."""
        kept = self._kept
        if desired.version <= kept.desired_version:
            return
        kept.desired_version = desired.version
        kept.desired, kept.refused = judge(self._settable, desired.values)
        unknown = sorted(set(desired.values) - set(self._settable))
        kept.ignored = [name[:NAME_CHARS] for name in unknown[:32]]
        self._hold()
        self._save()

    def _hold(self) -> None:
        own = {name: setting.value for name, setting in self._settable.items()}
        self._apply(own | self._kept.desired)

    def resend(self) -> None:
        """The endpoint has lost the state: the next report is whole."""
        if self._kept.sent is None or self._kept.sent.since:
            self._kept.whole, self._kept.sent = True, None

    def item(self, values: Mapping[str, Any], wall_ns: int) -> Item | None:
        """The report that is on its way, or a new one if there is news."""
        report = self._kept.sent or self._look(values, wall_ns)
        if report is None:
            return None
        return Item(
            report.id,
            "shadow",
            Priority.IMPORTANT,
            max(0, report.wall_ns),
            msgspec.json.encode(report),
        )

    def _look(self, values: Mapping[str, Any], wall_ns: int) -> ShadowReport | None:
        kept = self._kept
        now = {
            **values,
            "desired_version": kept.desired_version,
            "desired_ignored": kept.ignored,
            "desired_refused": kept.refused,
            **{f"set.{key}": value for key, value in kept.desired.items()},
        }
        before: Mapping[str, Any] = {} if kept.whole else kept.values
        changed = {k: v for k, v in now.items() if k not in before or before[k] != v}
        removed = sorted(set(before) - set(now))
        if not (changed or removed or kept.whole):
            return None
        since = 0 if kept.whole else kept.version
        kept.version += 1
        report = ShadowReport(
            self._next_id(), self._node, wall_ns, kept.version, since, changed, removed
        )
        kept.values, kept.sent, kept.whole = now, report, False
        self._save()
        return report

    def taken(self, ids: set[str]) -> None:
        """The endpoint has these."""
        if self._kept.sent is not None and self._kept.sent.id in ids:
            self._kept.sent = None
            self._save()

    def _save(self) -> None:
        self._save_state(STATE_KEY, msgspec.json.encode(self._kept))
