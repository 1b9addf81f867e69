"""The config of the native guard."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from banksman_drivers.settings.base import Ident, Label, Settings, measured_in


class GuardInput(Settings):
    """A normally-closed circuit that the guard watches: 1 is closed (healthy), 0 is open.

    ``source``: ``gpio:/dev/gpiochip0:17`` or ``fifo:/path`` (bytes '0' and '1').
    ``pair``: the other channel of a dual-channel device, which must agree within
    ``discrepancy_ms``.
    """

    name: Ident
    label: Label = ""
    kind: Literal["estop", "reset"] = Field(
        description="estop: open latches the guard; reset: its release opens the latch"
    )
    source: str = Field(
        pattern=r"^(gpio:/[^:]+:\d+|fifo:/.+)$",
        description="gpio:/dev/gpiochip0:17, or fifo:/path for trials",
    )
    pair: str | None = Field(None, description="the other channel of a dual-channel device")
    discrepancy_ms: float = Field(
        500.0,
        ge=1,
        le=10_000,
        json_schema_extra=measured_in("ms"),
        description="how long the two channels may differ",
    )
    debounce_ms: float = Field(
        5.0,
        ge=0,
        le=1000,
        json_schema_extra=measured_in("ms"),
        description="how long a closed input must stay so; opening counts at once",
    )


class GuardOutput(Settings):
    """A local output held by lease. ``safe`` is what it takes at a trip and without a lease."""

    name: Ident
    label: Label = ""
    target: str = Field(
        pattern=r"^(gpio:/[^:]+:\d+|fifo:/.+)$",
        description="gpio:/dev/gpiochip0:27, or fifo:/path for trials",
    )
    safe: bool = Field(False, description="the level at a trip and without a lease")
    run_permit: bool = Field(True, description="energised to run")
    toggle_ms: float = Field(
        0.0,
        ge=0,
        le=1000,
        json_schema_extra=measured_in("ms"),
        description="over 0: while held, the level toggles with this half-period for an external"
        " watchdog relay",
    )


class GuardSettings(Settings):
    """The native guard: e-stop edge to safe outputs, and outputs dropped with the lease."""

    lease_ms: float = Field(
        200.0,
        ge=10,
        le=5000,
        json_schema_extra=measured_in("ms"),
        description="outputs drop when the control loop is silent for this long",
    )
    priority: int = Field(50, ge=0, le=98, description="SCHED_FIFO; 0 leaves it off")
    inputs: list[GuardInput] = Field(
        default_factory=list, alias="input", description="circuits it watches"
    )
    outputs: list[GuardOutput] = Field(
        default_factory=list, alias="output", description="outputs it holds"
    )
