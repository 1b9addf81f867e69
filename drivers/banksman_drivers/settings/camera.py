"""The config of cameras: where pictures come from, how the camera is set, when it is not well."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Literal
from urllib.parse import urlsplit

import msgspec
from pydantic import Field

from banksman_drivers.settings.base import (
    Claim,
    DeviceBase,
    Flaw,
    SensorOffer,
    Settings,
    measured_in,
)

SOURCES = "v4l2:/dev/v4l/by-id/…, rtsp://host/path, file:PATH, folder:PATH or fake:"

# The options that a source reads, beside those that every camera has.
READS: Mapping[str, frozenset[str]] = {
    "v4l2": frozenset(
        ("width", "height", "fps", "fourcc", "exposure_us", "gain", "white_balance_k")
    ),
    "rtsp": frozenset(("username", "password_file")),
    "rtsps": frozenset(("username", "password_file")),
    "file": frozenset(("loop",)),
    "folder": frozenset(("fps", "loop")),
    "fake": frozenset(("width", "height", "fps")),
}
# Recordings repeat themselves without being frozen.
RECORDED = frozenset(("file", "folder"))
FROZEN_AFTER_MS = 5000.0
# A call into the camera's library is bounded by `lost_after_ms`, and must end before the patience
# with a thread does (5 s, bridge.py).
CALL_MAX_MS = 4000.0


class CameraPoint(msgspec.Struct, frozen=True):
    """A reading that every camera has."""

    name: str
    unit: str
    label: str


CAMERA_POINTS = (
    CameraPoint("frames_per_s", "1/s", "Frames per second"),
    CameraPoint("age_ms", "ms", "Age of the newest frame"),
    CameraPoint("brightness", "%", "Mean brightness"),
    CameraPoint("sharpness", "", "Variance of the Laplacian"),
    CameraPoint("frozen", "flag", "The picture is frozen"),
    CameraPoint("dark", "flag", "The picture is black"),
    CameraPoint("dropped", "", "Frames that the camera took and we did not get"),
)


class Crop(Settings):
    """The part of the turned picture that is used, in pixels."""

    left: int = Field(
        0, ge=0, le=16384, json_schema_extra=measured_in("px"), description="from the left edge"
    )
    top: int = Field(
        0, ge=0, le=16384, json_schema_extra=measured_in("px"), description="from the upper edge"
    )
    width: int = Field(
        ge=16, le=16384, json_schema_extra=measured_in("px"), description="to the right from there"
    )
    height: int = Field(
        ge=16, le=16384, json_schema_extra=measured_in("px"), description="downwards from there"
    )


class CameraSettings(DeviceBase):
    """A camera; needs the extra ``camera`` (OpenCV), except for ``fake:``."""

    FILES: ClassVar[tuple[str, ...]] = ("password_file",)
    SECRETS: ClassVar[tuple[str, ...]] = ("password_file",)

    driver: Literal["camera"] = Field(description="which driver")
    source: str = Field(max_length=1024, description=SOURCES)
    username: str | None = Field(None, max_length=128, description="of an RTSP camera's login")
    password_file: str | None = Field(None, description="secrets stand in files, never here")
    width: int | None = Field(
        None,
        ge=16,
        le=16384,
        json_schema_extra=measured_in("px"),
        description="asked of the camera, with height",
    )
    height: int | None = Field(
        None,
        ge=16,
        le=16384,
        json_schema_extra=measured_in("px"),
        description="asked of the camera, with width",
    )
    fps: float | None = Field(
        None,
        gt=0,
        le=1000,
        json_schema_extra=measured_in("1/s"),
        description="asked of the camera; the pace of a folder (default 10)",
    )
    most_fps: float | None = Field(
        None,
        gt=0,
        le=1000,
        json_schema_extra=measured_in("1/s"),
        description="at most so many frames are unpacked; the others are let go",
    )
    fourcc: str | None = Field(
        None,
        pattern=r"^[A-Z0-9]{4}$",
        description="pixel format, as MJPG or YUYV; many USB cameras are fast only with MJPG",
    )
    exposure_us: float | None = Field(
        None,
        ge=100,
        le=10_000_000,
        json_schema_extra=measured_in("us"),
        description="locks the exposure there; left out: automatic",
    )
    gain: float | None = Field(
        None, ge=0, le=1_000_000, description="locks the gain, in the camera's own steps"
    )
    white_balance_k: int | None = Field(
        None,
        ge=1000,
        le=20_000,
        json_schema_extra=measured_in("K"),
        description="locks the white balance there; left out: automatic",
    )
    rotate_deg: Literal[0, 90, 180, 270] = Field(
        0, json_schema_extra=measured_in("deg"), description="clockwise"
    )
    crop: Crop | None = Field(None, description="part of the turned picture; left out: all of it")
    loop: bool = Field(False, description="a file or folder begins again at its end")
    report_ms: float = Field(
        500.0,
        ge=50,
        le=60_000,
        json_schema_extra=measured_in("ms"),
        description="how often the readings are told; frozen and dark at once",
    )
    lost_after_ms: float = Field(
        2000.0,
        ge=100,
        le=3_600_000,
        json_schema_extra=measured_in("ms"),
        description="without a frame for this long the camera is lost and opened anew",
    )
    frozen_after_ms: float | None = Field(
        None,
        ge=0,
        le=600_000,
        json_schema_extra=measured_in("ms"),
        description="nothing new in the picture for this long: frozen; 0: never."
        " Left out: 5000, and never for file and folder",
    )
    dark_below_pct: float = Field(
        6.0,
        ge=0,
        le=100,
        json_schema_extra=measured_in("%"),
        description="black: mean and spread of the brightness are both under this; 0: never",
    )

    @property
    def kind(self) -> str:
        """The source's word before the colon, in lower case; empty without one."""
        return self.source.partition(":")[0].lower() if ":" in self.source else ""

    @property
    def place(self) -> str:
        """What follows the colon: a path of a device, file or folder."""
        return self.source.partition(":")[2]

    @property
    def frozen_s(self) -> float | None:
        """When a picture without news is frozen; None: never."""
        after_ms = self.frozen_after_ms
        if after_ms is None:
            after_ms = 0.0 if self.kind in RECORDED else FROZEN_AFTER_MS
        return after_ms / 1e3 if after_ms else None

    def sensor_offers(self) -> Sequence[SensorOffer]:
        """Every camera has the same."""
        return [SensorOffer(point.name, point.unit) for point in CAMERA_POINTS]

    def rooted(self, root: Path) -> Mapping[str, str]:
        """A file or folder of pictures is found as every other file is."""
        paths = dict(super().rooted(root))
        if self.kind in RECORDED:
            paths["source"] = f"{self.kind}:{root / self.place}"
        return paths

    def claims(self) -> Iterator[Claim]:
        """A V4L2 device, which films for one."""
        if self.kind == "v4l2":
            yield Claim(("source",), self.place)

    def flaws(self) -> Iterator[Flaw]:
        """A source that is none, options that it does not read, and what cannot be together.

        No message repeats the source: it may hold what nobody may read.
        """
        if self.kind not in READS:
            yield Flaw(("source",), "names no source of pictures", f"one of {SOURCES}")
            return
        for option in sorted(frozenset().union(*READS.values()) - READS[self.kind]):
            if option in self.model_fields_set:
                message = f"nothing reads it with a source {self.kind}:"
                yield Flaw((option,), message, "leave it out")
        if (self.width is None) != (self.height is None):
            yield Flaw(("width",), "is given without height, or height without it", "give both")
        if self.kind in ("rtsp", "rtsps"):
            yield from self._address_flaws()
        elif self.kind != "fake" and not self.place:
            yield Flaw(("source",), "names no path", f"one of {SOURCES}")
        elif self.kind == "v4l2" and not self.place.startswith("/"):
            remedy = "v4l2:/dev/v4l/by-id/…, a name that outlives re-plugging"
            yield Flaw(("source",), "a V4L2 device is a path from the root", remedy)
        if self.kind not in RECORDED and self.lost_after_ms > CALL_MAX_MS:
            remedy = f"at most {CALL_MAX_MS:g} ms for a live camera"
            yield Flaw(("lost_after_ms",), "would hold the camera's thread too long", remedy)

    def _address_flaws(self) -> Iterator[Flaw]:
        try:
            url = urlsplit(self.source)
            host, port_ok = url.hostname, url.port is None or url.port > 0
        except ValueError:
            host, port_ok = None, False
        if not host or not port_ok:
            yield Flaw(("source",), "is no address", "rtsp://host/path or rtsp://host:554/path")
        elif "@" in url.netloc:
            remedy = "write username = … and password_file = … beside it"
            yield Flaw(("source",), "holds a user name or password", remedy)
        if self.password_file is not None and self.username is None:
            yield Flaw(("password_file",), "nothing reads it without username", "add username")
