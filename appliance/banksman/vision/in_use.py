"""What a station looks with: a looker, limits and bundle, replaced whole from any thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from banksman.vision.looking import Looker
from banksman.vision.severity import Limits
from banksman_inference.fallback import BackendStatus

NONE = "no bundle is in use"


def _none_told() -> Sequence[BackendStatus]:
    return ()


class InUse(msgspec.Struct, frozen=True):
    """What looks now: a looker, its limits, and which bundle it is of.

    ``backends`` tells how each backend of its network stands, the preferred first; any thread.
    """

    looker: Looker
    limits: Limits
    version: str
    backends: Callable[[], Sequence[BackendStatus]] = _none_told


class Using:
    """What one station uses. ``why_none`` says why nothing; ``loading``: it may come yet."""

    def __init__(
        self, now: InUse | None = None, why_none: str = NONE, *, loading: bool = False
    ) -> None:
        self.now = now
        self.why_none = why_none
        self.loading = loading

    def use(self, now: InUse | None, why_none: str = NONE) -> None:
        """From the next frame on. The reason is there before what it explains."""
        self.why_none = why_none
        self.now = now
        self.loading = False

    @property
    def version(self) -> str:
        """The bundle in use; empty: none."""
        now = self.now
        return now.version if now is not None else ""

    @property
    def limits(self) -> Limits | None:
        """Where severity begins now."""
        now = self.now
        return now.limits if now is not None else None
