"""``[[inspection]]`` of appliance.toml: what looks at a camera's pictures, and what it tells rules.

An inspection is reached as if it were a device of its ``id``: rules see ``castings.severity``,
actions write ``castings.reject``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from banksman_drivers.settings.base import Ident, Label, OutputOffer, SensorOffer, Settings
from banksman_drivers.settings.base import measured_in as measured
from banksman_drivers.settings.camera import Crop

SeverityWord = Literal["pass", "warning", "critical"]

# name, unit, label. Of every inspection, and of those with a reject or with codes.
POINTS = (
    ("anomaly", "", "Rarity: 2 is one good part in 100"),
    ("severity", "", "0 pass, 1 warning, 2 critical"),
    ("defect", "", "Class of the defect, from 1; 0: none"),
    ("confidence", "", "How sure the inspection is"),
    ("inspect_ms", "ms", "Time of one inspection"),
    ("part", "", "Parts inspected, or findings without a trigger"),
    ("frame", "", "Number of the frame"),
)
REJECT_POINT = ("at_reject", "flag", "A marked part is at the reject")
CODE_POINT = ("code", "", "Codes read; the text is the newest")
REJECT_OUTPUT = "reject"


class RejectSettings(Settings):
    """Where a marked part leaves: down the belt by an encoder, or after a time."""

    encoder: str | None = Field(None, description="sensor with the belt's position; else by time")
    distance_mm: float | None = Field(
        None, gt=0, le=1_000_000, json_schema_extra=measured("mm"),
        description="from the camera down to the reject; with encoder",
    )  # fmt: skip
    length_mm: float | None = Field(
        None, gt=0, le=100_000, json_schema_extra=measured("mm"),
        description="for so much of the belt's way at_reject is 1; with encoder",
    )  # fmt: skip
    delay_ms: float | None = Field(
        None, gt=0, le=3_600_000, json_schema_extra=measured("ms"),
        description="from the exposure to the reject; without encoder",
    )  # fmt: skip
    hold_ms: float | None = Field(
        None, gt=0, le=600_000, json_schema_extra=measured("ms"),
        description="for so long at_reject is 1; without encoder",
    )  # fmt: skip
    parts_most: int = Field(
        200, ge=1, le=10_000, description="followed at once; one more: at_reject is bad"
    )


class EvidenceSettings(Settings):
    """Pictures with their heat map, kept on the disk for people; the least urgent go first."""

    pictures_most: int = Field(1000, ge=0, le=1_000_000, description="0: none are kept")
    most_mb: float = Field(
        200.0, ge=1, le=1_000_000, json_schema_extra=measured("MB"), description="all together"
    )
    quality: int = Field(88, ge=10, le=100, description="of JPEG")
    upload: bool = Field(True, description="send them up with [sync], by priority")
    passes_one_in: int = Field(
        200, ge=0, le=1_000_000,
        description="one pass in so many is kept for a person to look at, by chance; 0: none",
    )  # fmt: skip
    passes_a_day: int = Field(
        100, ge=1, le=10_000, description="… at most so many a day, spread over it"
    )
    review_most: int = Field(
        500, ge=1, le=10_000, description="wait on the list for a person; the least urgent leave it"
    )
    examples_most: int = Field(
        500, ge=0, le=100_000, description="pictures with a person's answer, kept to learn from"
    )
    examples_mb: float = Field(
        100.0, ge=1, le=1_000_000, json_schema_extra=measured("MB"), description="all together"
    )


class InspectionSettings(Settings):
    """One look at one camera: model, limits, debounce, reject, evidence."""

    id: Ident
    label: Label = ""
    camera: str = Field(description="id of the camera device")
    bundle_file: str | None = Field(
        None, description="bundle file; left out: the one that `banksman commission` made"
    )
    region: Crop | None = Field(None, description="part of the picture that is looked at; else all")
    warning_above: float | None = Field(
        None, gt=0, le=12, description="rarity from which a part is doubtful; else the bundle's"
    )
    critical_above: float | None = Field(
        None, gt=0, le=12, description="rarity from which it is critical; else the bundle's"
    )
    classes: dict[str, SeverityWord] = Field(
        default_factory=dict, description="classes of the head that decide by themselves"
    )
    class_sure: float = Field(0.8, ge=0, le=1, description="… from this confidence on")
    needed: int = Field(1, ge=1, le=100, description="so many of the last `of` must agree")
    of: int = Field(1, ge=1, le=100, description="… of so many inspections")
    trigger: str | None = Field(
        None, description="flag that becomes 1 when a part is there; left out: every frame"
    )
    trigger_delay_ms: float = Field(
        0.0, ge=0, le=60_000, json_schema_extra=measured("ms"),
        description="from the trigger to the exposure that shows the part",
    )  # fmt: skip
    trigger_wait_ms: float = Field(
        1000.0, ge=10, le=60_000, json_schema_extra=measured("ms"),
        description="no verdict this long after the trigger: the part is unknown, readings bad",
    )  # fmt: skip
    most_per_s: float | None = Field(
        None, gt=0, le=1000, json_schema_extra=measured("1/s"),
        description="without a trigger: at most so many inspections",
    )  # fmt: skip
    stale_ms: float = Field(
        2000.0, ge=100, le=3_600_000, json_schema_extra=measured("ms"),
        description="without an inspection for this long rules take their safe action",
    )  # fmt: skip
    codes: bool = Field(False, description="read barcodes; pip install 'banksman[codes]'")
    reject: RejectSettings | None = Field(None, description="where marked parts leave")
    evidence: EvidenceSettings = EvidenceSettings()

    def points(self) -> Sequence[tuple[str, str, str]]:
        """(name, unit, label) of every reading, in the order of a batch."""
        more = [REJECT_POINT] if self.reject is not None else []
        return (*POINTS, *more, *([CODE_POINT] if self.codes else []))

    def sensor_offers(self) -> Sequence[SensorOffer]:
        """What rules may name."""
        return [SensorOffer(name, unit) for name, unit, _ in self.points()]

    def output_offers(self) -> Sequence[OutputOffer]:
        """What actions may write: ``reject`` marks the newest part, in this process' memory."""
        if self.reject is None:
            return []
        return [OutputOffer(REJECT_OUTPUT, "flag", supervised=True)]
