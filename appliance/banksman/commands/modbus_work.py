"""What `banksman modbus` does on the wire, as values; printing is the command's.

Rules of this file
- Bounded: hosts, units and addresses are counted beforehand, and each has one time-out.
- Polite: one question at a time to each host or line, with a pause after it, so that a scan of a
  bus in use takes a share of it and not all. At most 16 hosts are asked at once.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

import msgspec

from banksman.commands.modbus_arguments import Place, open_line
from banksman.errors import BanksmanError
from banksman_drivers.modbus_ask import Asker, TcpAsker
from banksman_drivers.modbus_codec import BlockDecoder, encode
from banksman_drivers.modbus_link import Refused
from banksman_drivers.modbus_plan import BIT_TABLES, plan
from banksman_drivers.modbus_probe import is_there, payload
from banksman_drivers.ports import DeviceLost, DriverError, Reading
from banksman_drivers.settings.modbus import ModbusPoint

HOSTS_AT_ONCE = 16

Say = Callable[[str], None]


class ModbusFailed(BanksmanError):
    """The device did not answer, refused, or does not hold what was written."""


class WrongUsage(BanksmanError):
    """The options do not go together."""

    exit_code = 2


class Found(msgspec.Struct, frozen=True):
    """A unit that answered, and what it says of itself."""

    where: str
    unit: int
    identity: dict[str, str]


class Written(msgspec.Struct, frozen=True):
    """A write that the device confirmed: what it held before and holds now."""

    place: str
    before: float
    after: float
    holds: bool


def scan(arguments: argparse.Namespace, say: Say) -> Iterator[Found]:
    """Every unit that answers, as it is found. ``say`` gets the progress."""
    pause_s = 1.0 / arguments.rate
    if arguments.port is not None:
        wanted = arguments.units or list(range(1, 248))
        asker = _or_failed(lambda: open_line(arguments))
        try:
            yield from _units(asker, arguments.port, wanted, pause_s, say)
        finally:
            asker.close()
        return
    wanted = arguments.units or [1]
    timeout_s = arguments.timeout_ms / 1e3
    with ThreadPoolExecutor(HOSTS_AT_ONCE) as pool:
        asked = [
            pool.submit(_host, host, port, wanted, timeout_s, pause_s)
            for host, port in arguments.host
        ]
        try:
            for done, future in enumerate(as_completed(asked), 1):
                say(f"{done} of {len(asked)} hosts")
                yield from future.result()
        finally:
            for future in asked:
                future.cancel()


def _host(
    host: str, port: int, wanted: Sequence[int], timeout_s: float, pause_s: float
) -> list[Found]:
    try:
        asker = TcpAsker(host, port, timeout_s)
    except DeviceLost:
        return []
    try:
        return list(_units(asker, f"{host}:{port}", wanted, pause_s, lambda _: None))
    except ModbusFailed:
        return []  # something else listens there
    finally:
        asker.close()


def _units(
    asker: Asker, where: str, wanted: Sequence[int], pause_s: float, say: Say
) -> Iterator[Found]:
    for done, unit in enumerate(wanted, 1):
        say(f"unit {unit}, {done} of {len(wanted)}")
        try:
            there, identity = is_there(asker, unit)
        except DeviceLost as error:
            raise ModbusFailed(f"{where}: {error}") from error
        if there:
            yield Found(where, unit, identity)
        time.sleep(pause_s)


def read_points(
    asker: Asker, unit: int, points: Sequence[ModbusPoint]
) -> list[tuple[Reading, str]]:
    """A reading of each point in the order of the plan, with the refusal's words or nothing."""
    found: list[tuple[Reading, str]] = []
    for block in plan("device", points):
        decoder = BlockDecoder("device", block)
        try:
            data = payload(asker, unit, block.table, block.address, block.count)
        except Refused as refusal:
            found += [(reading, str(refusal)) for reading in decoder.bad(time.monotonic_ns())]
            continue
        except DriverError as error:
            raise ModbusFailed(str(error)) from error
        found += [(reading, "") for reading in decoder.decode(data, time.monotonic_ns())]
    return found


def write(asker: Asker, unit: int, place: Place, point: ModbusPoint, value: float) -> Written:
    """Write ``value`` and read it back. Raises ModbusFailed when it is not taken."""
    try:
        raw = encode(point, value)
    except ValueError as error:
        raise ModbusFailed(f"{place} {error}; nothing was written") from error
    before = _value(asker, unit, place, point)
    pdu = write_pdu(place, raw)
    try:
        echo = asker.ask(unit, pdu)
    except Refused as refusal:
        raise ModbusFailed(f"{place}: the device refused: {refusal}") from refusal
    except DriverError as error:
        raise ModbusFailed(f"{place}: not confirmed, its state is unknown: {error}") from error
    if echo != pdu[1:5]:
        raise ModbusFailed(f"{place}: it confirmed something else ({echo.hex()})")
    after = _value(asker, unit, place, point)
    return Written(str(place), before, after, _same(point, raw, after))


def write_pdu(place: Place, raw: bytes) -> bytes:
    """Function 5 for a coil, 6 for one register, 16 for several."""
    address = place.address.to_bytes(2, "big")
    if place.table in BIT_TABLES:
        return b"\x05" + address + (b"\xff\x00" if raw[-1] else b"\x00\x00")
    if len(raw) == 2:
        return b"\x06" + address + raw
    return b"\x10" + address + (len(raw) // 2).to_bytes(2, "big") + bytes((len(raw),)) + raw


def _same(point: ModbusPoint, raw: bytes, held: float) -> bool:
    try:
        return encode(point, held) == raw
    except ValueError:
        return False  # it holds what no value can be, as NaN


def _value(asker: Asker, unit: int, place: Place, point: ModbusPoint) -> float:
    (found,) = read_points(asker, unit, [point])
    reading, refusal = found
    if refusal:
        raise ModbusFailed(f"{place} cannot be read, so a write could not be verified: {refusal}")
    return reading.value


def _or_failed(make: Callable[[], Asker]) -> Asker:
    try:
        return make()
    except DriverError as error:
        raise ModbusFailed(str(error)) from error
