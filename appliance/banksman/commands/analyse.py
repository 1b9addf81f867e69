"""`banksman analyse`: a recorded vibration, judged offline as the daemon judges it live."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from banksman.commands.options import Subparsers

if TYPE_CHECKING:
    from banksman.maintenance.analysis import Analysis, Machine
    from banksman.maintenance.bearings import FaultOrders
    from banksman.maintenance.recording import Channel, Recording

EXIT_FAULT = 1
PULSES_MOST = 1000  # a turn


def register(commands: Subparsers) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "analyse",
        help="analyse a recorded vibration and write a report",
        description="Reads a wav, npz, npy or csv recording, says whether its samples may be "
        "believed, names bearing and shaft faults where that is possible, gives the zone of ISO "
        "20816-3 where the machine's class is given, and writes one self-contained HTML page. Exit "
        "code 0: no fault; 1: a fault or an unnamed one; 2: the file or an option is wrong.",
        epilog="example: banksman analyse motor.wav --rpm 1772 --bearing 6205 --unit gn "
        "--group 2 --foundation rigid --html motor.html",
    )
    parser.add_argument("file", type=Path, help="the recording")
    parser.add_argument("--channel", help="which array, column or channel; the first one otherwise")
    parser.add_argument("--fs", type=_positive, metavar="HZ", help="samples per second")
    speed = parser.add_mutually_exclusive_group()
    speed.add_argument("--rpm", type=_positive, help="the shaft's speed as measured, r/min")
    speed.add_argument(
        "--rpm-near", type=_positive, metavar="RPM", help="the plate's speed: sought within 5 %%"
    )
    parser.add_argument(
        "--bearing", help="a designation (6205-2RS) or balls,ball,pitch[,contact angle]"
    )
    parser.add_argument(
        "--orders",
        metavar="BPFI,BPFO,BSF,FTF",
        help="the bearing's fault orders instead, BSF once a turn of the ball",
    )
    parser.add_argument("--unit", default="gn", help="of the samples: gn (or g), m/s2, mm/s … (gn)")
    parser.add_argument("--scale", type=_positive, default=1.0, help="value = recorded * scale")
    parser.add_argument("--full-scale", type=_positive, help="the sensor's range, in the unit")
    parser.add_argument("--group", type=int, choices=(1, 2), help="machine group of ISO 20816-3")
    parser.add_argument("--foundation", choices=("rigid", "flexible"), help="of the machine")
    parser.add_argument(
        "--tacho", metavar="CHANNEL", help="a channel of pulses, one each turn, of the same file"
    )
    parser.add_argument(
        "--pulses-per-turn", type=int, metavar="N", help="of the tacho: marks on its shaft, 1"
    )
    parser.add_argument("--html", type=Path, metavar="FILE", help="write the report here")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Analyse, print, write."""
    from banksman.errors import RecordingUnreadable
    from banksman.maintenance.analysis import analyse
    from banksman.maintenance.recording import read_recording

    orders = _orders(arguments)
    recording = read_recording(arguments.file)
    channel = _channel(recording, arguments.channel, arguments.file)
    rate_hz = arguments.fs or recording.rate_hz
    if rate_hz is None:
        raise RecordingUnreadable(f"{arguments.file} does not say its sampling rate: give --fs")
    samples, seams = channel.samples * arguments.scale, channel.seam_samples
    if arguments.pulses_per_turn is not None and (
        not arguments.tacho or not 1 <= arguments.pulses_per_turn <= PULSES_MOST
    ):
        what = f"from 1 to {PULSES_MOST}, and of a --tacho"
        raise RecordingUnreadable(f"--pulses-per-turn {arguments.pulses_per_turn}: {what}")
    machine = _machine(arguments, orders)
    if arguments.tacho:
        pulses = _channel(recording, arguments.tacho, arguments.file)
        per_turn = arguments.pulses_per_turn or 1
        samples, rate_hz, machine = _by_angle(samples, rate_hz, pulses, per_turn, machine)
        seams = 0
    try:
        analysis = analyse(samples, rate_hz, machine, seams)
    except ValueError as error:
        raise RecordingUnreadable(f"{arguments.file}, {channel.name}: {error}") from error
    if arguments.html:
        from banksman.maintenance.report import report

        page = report(arguments.file.name, channel.name, machine.unit, analysis, orders)
        _write(arguments.html, page)
    _print(arguments, channel, analysis, machine.unit)
    return EXIT_FAULT if _faulty(analysis) else 0


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not over 0")
    return value


def _orders(arguments: argparse.Namespace) -> FaultOrders | None:
    from banksman.errors import RecordingUnreadable
    from banksman.maintenance.bearings import FaultOrders, bearing_orders

    try:
        if arguments.orders:
            return FaultOrders(*_four(arguments.orders))
        return bearing_orders(arguments.bearing) if arguments.bearing else None
    except ValueError as error:
        raise RecordingUnreadable(str(error)) from error


def _four(text: str) -> list[float]:
    numbers = [float(part) for part in text.split(",")]
    if len(numbers) != 4 or not all(0 < order < 100 for order in numbers):
        raise ValueError(f"--orders {text}: give BPFI,BPFO,BSF,FTF")
    return numbers


def _machine(arguments: argparse.Namespace, orders: FaultOrders | None) -> Machine:
    from banksman.maintenance.analysis import Machine

    return Machine(
        unit=arguments.unit,
        speed_rpm=arguments.rpm or arguments.rpm_near,
        speed_nominal=arguments.rpm_near is not None,
        orders=orders,
        group=arguments.group,
        foundation=arguments.foundation,
        full_scale=arguments.full_scale,
    )


def _channel(recording: Recording, name: str | None, path: Path) -> Channel:
    from banksman.errors import RecordingUnreadable

    if name is None:
        return recording.channels[0]
    for channel in recording.channels:
        if channel.name == name:
            return channel
    has = ", ".join(channel.name for channel in recording.channels)
    raise RecordingUnreadable(f"{path} has no channel {name}; it has {has}")


def _by_angle(
    samples: Any, rate_hz: float, pulses: Channel, per_turn: int, machine: Machine
) -> tuple[Any, float, Machine]:
    import msgspec

    from banksman.errors import RecordingUnreadable
    from banksman.maintenance.tacho import turned_by

    try:
        turned = turned_by(samples, pulses.samples, rate_hz, per_turn)
    except ValueError as error:
        raise RecordingUnreadable(f"the tacho {pulses.name}: {error}") from error
    known = msgspec.structs.replace(
        machine, speed_rpm=turned.shaft_hz * 60, speed_nominal=False, phase_known=True
    )
    return turned.samples, turned.rate_hz, known


def _faulty(analysis: Analysis) -> bool:
    findings = (analysis.bearing, analysis.rotor)
    return any(finding.fault not in ("none", "blocked") for finding in findings)


def _write(path: Path, page: str) -> None:
    from banksman.errors import RecordingUnreadable

    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise RecordingUnreadable(f"the report cannot be written: {error}") from error


def _print(arguments: argparse.Namespace, channel: Channel, analysis: Analysis, unit: str) -> None:
    if arguments.json:
        from banksman.maintenance.telling import as_json

        print(as_json(str(arguments.file), channel.name, unit, analysis))
        return
    from banksman.maintenance.telling import lines

    print("\n".join(lines(str(arguments.file), channel.name, unit, analysis)))
    if arguments.bearing:
        from banksman.maintenance.bearings import origin_of

        print(f"bearing {arguments.bearing}: {origin_of(arguments.bearing)}")
    if arguments.html:
        print(f"report: {arguments.html}", file=sys.stderr)
