"""Desired and reported state of a node, each with its version.

    operators --Desired(version, whole)----> heartbeat's answer, until the node has that version
    node -------ShadowReport(since, only what changed)--> merged into the reported state

Rules of this file
- Desired is always whole; its version grows by one with each change.
- A report extends the state of version ``since``; 0 carries the whole state. A report whose
  ``since`` is not what is known here means that one was lost: it changes nothing, and the next
  heartbeats ask for the whole state until a whole one has come.
- A report that its node made before the one known last is an old one that came late: it is passed
  over. A whole one replaces whatever is known, also when its version is smaller (a box begun anew).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from banksman.wire.uplink import Desired, ShadowReport
from banksman_cloud.ids import Number
from banksman_cloud.nodes import NodeRow
from banksman_cloud.storage.port import Session

STATE_BYTES_MAX = 1024 * 1024


class Reported(msgspec.Struct, frozen=True):
    """What a node has reported. ``number`` orders the reports that it is made of."""

    version: int = 0
    number: int = 0
    values: dict[str, Any] = {}
    resend: bool = True


class Shadow(msgspec.Struct, frozen=True):
    """Both sides, and since when."""

    desired: Desired
    desired_ns: int
    desired_by: str
    reported: Reported
    reported_ns: int


class VersionConflict(ValueError):
    """Somebody else has changed the desired state meanwhile."""


class NotSettable(ValueError):
    """The node has told which values it takes, and in which bounds: this is none of them."""


def check_settable(row: NodeRow, values: Mapping[str, Any]) -> None:
    """Raise NotSettable if the node said what may be set, and ``values`` is beyond that."""
    offered = row.registration.capabilities.get("settable") if row.registration else None
    if not isinstance(offered, dict):
        return
    for name, value in values.items():
        if name not in offered:
            known = ", ".join(sorted(str(each)[:40] for each in offered))
            raise NotSettable(f"node {row.name} takes {known or 'nothing'}, and not {name[:80]}")
        bounds = offered[name] if isinstance(offered[name], dict) else {}
        least, most = bounds.get("least"), bounds.get("most")
        if not (isinstance(least, int | float) and isinstance(most, int | float)):
            continue
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (number and least <= value <= most):
            raise NotSettable(f"{name} of node {row.name} is a number from {least:g} to {most:g}")


def merged(known: Reported, number: int, report: ShadowReport) -> Reported:
    """The reported state with this report in it. Pure."""
    if number <= known.number:
        return known
    if report.since == 0:
        values = report.values
    elif known.resend or report.since != known.version:
        return msgspec.structs.replace(known, resend=True)
    else:
        values = known.values | report.values
        values = {key: value for key, value in values.items() if key not in report.removed}
    if len(msgspec.json.encode(values)) > STATE_BYTES_MAX:
        # Kept as it is: a state that only grows is a fault of the node's, and asking for it
        # again and again would not make it smaller.
        return msgspec.structs.replace(known, number=number, resend=False)
    return Reported(report.version, number, values, resend=False)


def take_report(db: Session, no: int, number: Number, report: ShadowReport, now_ns: int) -> None:
    """Merge a report into what is known of node ``no``."""
    db.insert_new("shadow", ("node_no",), [(no,)])
    known = _reported(db, no)
    new = merged(known, number.order, report)
    if new is not known:
        db.run(
            "UPDATE shadow SET reported_version = :version, reported_number = :number, "
            "reported = :state, reported_ns = :now, resend = :resend WHERE node_no = :no",
            no=no,
            version=new.version,
            number=new.number,
            state=msgspec.json.encode(new.values),
            resend=int(new.resend),
            now=now_ns,
        )


def must_resend(db: Session, no: int) -> bool:
    """Whether the node shall report its whole state: a report was lost, or none has come yet."""
    row = db.one("SELECT resend FROM shadow WHERE node_no = :no", no=no)
    return row is None or bool(row[0])


def newer_desired(db: Session, no: int, than: int) -> Desired | None:
    """The desired state, if the node does not have it yet."""
    row = db.one(
        "SELECT desired_version, desired FROM shadow WHERE node_no = :no AND desired_version > :v",
        no=no,
        v=than,
    )
    return None if row is None else Desired(int(row[0]), _state(row[1]))


def desire(
    db: Session, no: int, values: dict[str, Any], by: str, now_ns: int, if_version: int | None
) -> Desired:
    """Set the whole desired state. Raises VersionConflict unless ``if_version`` is the current."""
    db.insert_new("shadow", ("node_no",), [(no,)])
    row = db.one("SELECT desired_version FROM shadow WHERE node_no = :no", no=no)
    version = int(row[0]) if row else 0
    if if_version is not None and if_version != version:
        raise VersionConflict(f"the desired state is of version {version}, not {if_version}")
    db.run(
        "UPDATE shadow SET desired_version = :version, desired = :state, desired_ns = :now, "
        "desired_by = :by WHERE node_no = :no",
        no=no,
        version=version + 1,
        state=msgspec.json.encode(values),
        now=now_ns,
        by=by,
    )
    return Desired(version + 1, values)


def shadow_of(db: Session, no: int) -> Shadow:
    """Both sides as they are known now."""
    row = db.one(
        "SELECT desired_version, desired, desired_ns, desired_by, reported_ns FROM shadow "
        "WHERE node_no = :no",
        no=no,
    ) or (0, None, 0, "", 0)
    version, desired, desired_ns, by, reported_ns = row
    return Shadow(Desired(version, _state(desired)), desired_ns, by, _reported(db, no), reported_ns)


def _reported(db: Session, no: int) -> Reported:
    row = db.one(
        "SELECT reported_version, reported_number, reported, resend FROM shadow "
        "WHERE node_no = :no",
        no=no,
    )
    if row is None:
        return Reported()
    return Reported(row[0], row[1], _state(row[2]), bool(row[3]))


def _state(data: bytes | None) -> dict[str, Any]:
    return {} if data is None else msgspec.json.decode(data, type=dict[str, Any])
