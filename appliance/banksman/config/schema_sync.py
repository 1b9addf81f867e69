"""``[sync]`` of appliance.toml: the table by which records go up, with bounds, units, defaults."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from pydantic import Field, model_validator

from banksman_drivers.settings.base import Ident, Settings, measured_in

ClassName = Literal["critical", "important", "normal", "background"]
Compression = Literal["medium", "high", "highest"]


class ProfileSettings(Settings):
    """A row of the table: what goes, and how, over a link that carries more than ``over_mbit``."""

    name: Ident
    over_mbit: float = Field(
        ge=0,
        le=100_000,
        json_schema_extra=measured_in("Mbit/s"),
        description="holds from this measured goodput on, up to the next row's",
    )
    lowest: ClassName = Field(
        description="classes down to this one are sent; lower ones only when nothing else waits "
        "and bytes cost nothing"
    )
    compression: Compression = Field(description="highest: smallest, and the most work")
    batch: int = Field(ge=1, le=1000, description="so many rows are sent without waiting for more")
    interval_s: float = Field(
        ge=0.1,
        le=86_400,
        json_schema_extra=measured_in("s"),
        description="fewer rows wait this long at most; a critical row never waits",
    )


DEFAULT_PROFILES = (
    ProfileSettings(
        name="thin", over_mbit=0, lowest="critical", compression="highest", batch=1, interval_s=300
    ),
    ProfileSettings(
        name="fair", over_mbit=5, lowest="important", compression="high", batch=5, interval_s=60
    ),
    ProfileSettings(
        name="wide", over_mbit=25, lowest="normal", compression="medium", batch=20, interval_s=15
    ),
)


class BandSettings(Settings):
    """A dead band: how far numbers at the endpoint may be from what was read."""

    sensor: str = Field(
        pattern=r"^[a-z0-9_*?.]{1,80}$",
        description="device.point; * and ? stand for others: oven.*, *.rms. The first match holds",
    )
    absolute: float = Field(0.0, ge=0, le=1e12, description="in the sensor's own unit")
    percent: float = Field(
        0.0,
        ge=0,
        le=100,
        json_schema_extra=measured_in("%"),
        description="of the number itself; the wider of the two holds, 0 and 0: exact",
    )


class SyncSettings(Settings):
    """How records go up to the endpoint that ``[cloud] url`` names."""

    enabled: bool = Field(False, description="send records up; needs [cloud] url")
    heartbeat_s: float = Field(
        30.0,
        ge=1,
        le=3600,
        json_schema_extra=measured_in("s"),
        description="how often the endpoint is told how this box is, unless it asks otherwise",
    )
    probe_s: float = Field(
        60.0,
        ge=5,
        le=86_400,
        json_schema_extra=measured_in("s"),
        description="an idle link is measured this often, ever less while nothing changes; "
        "a metered one only by waiting rows below the table",
    )
    probe_kb: float = Field(
        64.0,
        ge=16,
        le=1024,
        json_schema_extra=measured_in("kB"),
        description="what one such probe sends; up to twice as much over a fast link",
    )
    metered_hour_mb: float = Field(
        10.0,
        ge=0,
        le=1_000_000,
        json_schema_extra=measured_in("MB"),
        description="the most an hour over a metered link, critical records aside; 0: no limit",
    )
    metered_day_mb: float = Field(
        100.0,
        ge=0,
        le=1_000_000,
        json_schema_extra=measured_in("MB"),
        description="the most a day (UTC) over a metered link, critical records aside; 0: no limit",
    )
    important_kbit: float = Field(
        0.0,
        ge=0,
        le=1e8,
        json_schema_extra=measured_in("kbit/s"),
        description="the most that important records take of a link; 0: no limit",
    )
    normal_kbit: float = Field(
        0.0,
        ge=0,
        le=1e8,
        json_schema_extra=measured_in("kbit/s"),
        description="the most that normal records take of a link; 0: no limit",
    )
    background_kbit: float = Field(
        0.0,
        ge=0,
        le=1e8,
        json_schema_extra=measured_in("kbit/s"),
        description="the most that readings and other background takes of a link; 0: no limit",
    )
    dead_band: float = Field(
        0.0,
        ge=0,
        le=1e12,
        description="of sensors that no [[sync.band]] names, in their own unit; 0: exact",
    )
    dead_band_percent: float = Field(
        0.0,
        ge=0,
        le=100,
        json_schema_extra=measured_in("%"),
        description="the same as a part of the number; the wider of the two holds",
    )
    thin_after_h: float = Field(
        72.0,
        ge=0,
        le=8760,
        json_schema_extra=measured_in("h"),
        description="over a metered link, or one of the table's first row, readings older than "
        "this go up as least, most and mean only; 0: never",
    )
    thin_every_s: int = Field(
        60,
        ge=1,
        le=86_400,
        json_schema_extra=measured_in("s"),
        description="one least, most and mean for each such time",
    )
    local_below_mbit: float = Field(
        10.0,
        ge=0,
        le=100_000,
        json_schema_extra=measured_in("Mbit/s"),
        description="up to this goodput 90 % of decisions are made here",
    )
    cloud_above_mbit: float = Field(
        100.0,
        ge=0,
        le=100_000,
        json_schema_extra=measured_in("Mbit/s"),
        description="from this goodput on up to 30 % of decisions may be asked of the cloud",
    )
    local_above_ms: float = Field(
        100.0,
        ge=0,
        le=60_000,
        json_schema_extra=measured_in("ms"),
        description="over this round trip the cloud is asked nothing",
    )
    reliable_above: float = Field(
        0.95,
        ge=0,
        le=1,
        description="under this share of good transfers the store keeps more, and longer",
    )
    retention_grows_by: float = Field(
        1.5,
        ge=1,
        le=10,
        description="so many times [store] quota_mb and times to live then; the disk floor holds",
    )
    bands: list[BandSettings] = Field(
        default_factory=list, alias="band", max_length=1000, description="dead bands of sensors"
    )
    profiles: list[ProfileSettings] = Field(
        default=list(DEFAULT_PROFILES),
        alias="profile",
        min_length=1,
        max_length=10,
        description="the table; the first row begins at over_mbit = 0",
    )

    @model_validator(mode="after")
    def _in_order(self) -> SyncSettings:
        starts = [profile.over_mbit for profile in self.profiles]
        if starts[0] != 0 or any(a >= b for a, b in pairwise(starts)):
            raise ValueError("the profiles' over_mbit must begin at 0 and grow")
        if self.local_below_mbit > self.cloud_above_mbit:
            raise ValueError("local_below_mbit is over cloud_above_mbit")
        return self
