"""`banksman modbus` against devices that speak the protocol, on a socket and a pseudo-terminal."""

from __future__ import annotations

import argparse
import asyncio
import json
import struct

import pytest

from banksman.cli import main
from banksman.commands import modbus
from banksman.commands.modbus_arguments import addresses, host_and_port, hosts, place, units
from banksman_drivers.fake.modbus_memory import Memory
from banksman_drivers.fake.modbus_rtu_server import RtuFaults, RtuLine
from banksman_drivers.fake.modbus_server import Faults, ModbusServer

FLOAT = struct.unpack(">HH", struct.pack(">f", 12.5))


@pytest.fixture
def command(capsys):
    """Runs one command beside the test's loop: (exit code, standard output, standard error)."""

    async def run(*words: object) -> tuple[int, str, str]:
        argv = ["modbus", *(str(word) for word in words)]
        if "--timeout-ms" not in words and words[0] != "profiles":
            argv += ["--timeout-ms", "10000"]  # whoever answers does so at once, however busy
        code = await asyncio.to_thread(main, argv)
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
async def plc():
    """A device with three coils, a float and an identification."""
    server = ModbusServer()
    server.memory.coils.update({0: 0, 1: 1, 5: 0})
    server.memory.holding.update({10: FLOAT[0], 11: FLOAT[1], 40: 7, 41: 0xFFFF})
    server.memory.identity = {0: b"Acme", 1: b"T-1", 2: b"V2.1", 4: b"Transmitter"}
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def at(plc):
    return f"127.0.0.1:{plc.port}"


@pytest.fixture
async def bus(tmp_path):
    """Two units on a line, 3 and 7."""
    line = RtuLine(tmp_path / "rs485")
    for number in (3, 7):
        line.units[number] = Memory()
        line.units[number].holding[0] = number * 100
    line.plug()
    yield line
    line.unplug()


async def test_values_are_read_in_their_type(command, at):
    code, out, _ = await command("read", "--host", at, "holding:10", "--type", "float32")
    assert (code, out.split()) == (0, ["holding:10", "12.5"])


async def test_the_low_word_may_come_first(command, plc, at):
    plc.memory.holding.update({10: FLOAT[1], 11: FLOAT[0]})
    words = ("holding:10", "--type", "float32", "--word-order", "low_first", "--json")
    _, out, _ = await command("read", "--host", at, *words)
    assert json.loads(out)[0]["value"] == 12.5


async def test_several_places_come_in_the_order_that_was_asked(command, at):
    code, out, _ = await command(
        "read", "--host", at, "holding:41", "coil:1", "holding:40", "--json"
    )
    rows = json.loads(out)
    assert [(row["name"], row["value"]) for row in rows] == [
        ("holding:41", 65535), ("coil:1", 1), ("holding:40", 7),
    ]  # fmt: skip
    assert code == 0


async def test_a_refused_place_is_told_and_the_others_are_read(command, at):
    code, out, _ = await command("read", "--host", at, "holding:40", "holding:99", "--json")
    good, bad = json.loads(out)
    assert (code, good["value"]) == (1, 7)
    assert (bad["value"], bad["quality"]) == (None, "bad")
    assert "illegal data address" in bad["refusal"]


async def test_a_type_that_is_none_is_wrong_usage(command, at):
    code, _, err = await command("read", "--host", at, "holding:10", "--type", "float23")
    assert code == 2
    assert "float32" in err


async def test_a_float_in_a_coil_is_wrong_usage(command, at):
    code, _, err = await command("read", "--host", at, "coil:0", "--type", "float32")
    assert (code, "holds one bit" in err) == (2, True)


async def test_nothing_is_written_without_yes(command, plc, at):
    code, _, err = await command("write", "--host", at, "coil:0", 1)
    assert code == 2
    assert "acts on a machine" in err
    assert plc.requests == 0


async def test_a_write_is_read_back(command, plc, at):
    code, out, _ = await command("write", "--host", at, "coil:0", 1, "--yes", "--json")
    assert code == 0
    assert json.loads(out) == {"place": "coil:0", "before": 0, "after": 1, "holds": True}
    assert plc.memory.coils[0] == 1


async def test_a_wide_value_is_written_in_one_request(command, plc, at):
    words = ("holding:10", "-3.25", "--type", "float32", "--yes")
    code, out, _ = await command("write", "--host", at, *words)
    assert (code, out) == (0, "holding:10: was 12.5, is -3.25\n")
    assert len(plc.writes) == 1


async def test_a_write_that_does_not_hold_is_told(command, plc, at):
    def undo(request: bytes) -> list[bytes]:
        """Confirms as it should; the device's own program then writes there, too."""
        plc.memory.holding[40] = 7
        answer = plc.memory.answer(request[7:])
        plc.memory.holding[40] = 7
        return [request[:4] + struct.pack(">HB", len(answer) + 1, request[6]) + answer]

    plc.faults = Faults(script=undo)
    code, out, _ = await command("write", "--host", at, "holding:40", 9, "--yes")
    assert code == 1
    assert "it holds 7 (was 7)" in out


async def test_what_cannot_be_read_back_is_not_written(command, plc, at):
    code, _, err = await command("write", "--host", at, "holding:99", 9, "--yes")
    assert (code, "could not be verified" in err, list(plc.writes)) == (1, True, [])


async def test_a_value_that_does_not_fit_is_not_written(command, plc, at):
    code, _, err = await command("write", "--host", at, "holding:40", 70000, "--yes")
    assert (code, "nothing was written" in err, list(plc.writes)) == (1, True, [])


@pytest.mark.parametrize("where", ["input:0", "discrete:0"])
async def test_what_nobody_can_write_is_refused_before_anything_is_sent(command, plc, at, where):
    code, _, err = await command("write", "--host", at, where, 1, "--yes")
    assert (code, "cannot be written" in err, plc.requests) == (2, True, 0)


async def test_a_probe_tells_who_it_is_and_what_answers(command, at):
    code, out, _ = await command("probe", "--host", at, "--addresses", "0-50", "--json")
    told = json.loads(out)
    assert code == 0
    assert told["identity"] == {
        "vendor": "Acme", "product_code": "T-1", "revision": "V2.1", "product_name": "Transmitter",
    }  # fmt: skip
    assert told["tables"]["coil"] == [
        {"address": 0, "values": [0, 1]}, {"address": 5, "values": [0]},
    ]  # fmt: skip
    assert [span["address"] for span in told["tables"]["holding"]] == [10, 40]
    assert told["tables"]["input"] == told["tables"]["discrete"] == []


async def test_a_probe_of_a_device_without_identification_shows_its_registers(command, plc, at):
    plc.memory.identity = {}
    code, out, _ = await command("probe", "--host", at, "--addresses", "38-45")
    assert code == 0
    assert out.splitlines() == [
        "does not tell who it is", "coil: nothing answers", "discrete: nothing answers",
        "input: nothing answers", "holding:", "  40-41: 7 65535",
    ]  # fmt: skip


async def test_a_long_identification_is_read_in_pieces(command, plc, at):
    plc.memory.identity = {0: b"v" * 200, 1: b"p" * 200, 2: b"r", 5: b"m" * 200}
    _, out, _ = await command("probe", "--host", at, "--addresses", "0-1", "--json")
    assert list(json.loads(out)["identity"]) == ["vendor", "product_code", "revision", "model_name"]


async def test_a_probe_asks_for_no_address_outside_the_range(command, plc, at):
    asked: list[tuple[int, int]] = []

    def listen(request: bytes) -> list[bytes]:
        if request[7] < 5:
            first, count = struct.unpack_from(">HH", request, 8)
            asked.append((first, first + count - 1))
        answer = plc.memory.answer(request[7:])
        return [request[:4] + struct.pack(">HB", len(answer) + 1, request[6]) + answer]

    plc.faults = Faults(script=listen)
    await command("probe", "--host", at, "--addresses", "20-300")
    assert min(first for first, _ in asked) == 20
    assert max(last for _, last in asked) == 300


async def test_a_probe_with_a_profile_reads_and_judges_its_points(command, plc, at, tmp_path):
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "acme.toml").write_text(
        'title = "Acme"\nsource = "drawing"\n[defaults]\ntable = "holding"\n'
        '[[point]]\nname = "level"\naddress = 40\nhigh = 5.0\n'
        '[[point]]\nname = "speed"\naddress = 10\ntype = "float32"\nunit = "rpm"\n'
    )
    config = tmp_path / "appliance.toml"
    words = ("--profile", "acme", "--config", config, "--json")
    code, out, _ = await command("probe", "--host", at, *words)
    level, speed = json.loads(out)
    assert (code, level["quality"], speed["quality"]) == (1, "uncertain", "good")
    assert (speed["value"], speed["unit"]) == (12.5, "rpm")


async def test_a_scan_finds_the_unit_and_its_name(command, plc, at):
    code, out, _ = await command("scan", "--host", at, "--json", "--rate", 1000)
    (found,) = json.loads(out)
    assert (code, found["unit"], found["identity"]["vendor"]) == (0, 1, "Acme")


async def test_a_device_that_refuses_everything_is_there(command, plc, at):
    plc.faults = Faults(exception=1)
    code, out, _ = await command("scan", "--host", at)
    assert (code, out) == (0, f"{at} unit 1: does not tell who it is\n")


async def test_a_gateway_without_anybody_behind_it_is_nobody(command, plc, at):
    plc.faults = Faults(exception=11)
    code, out, _ = await command("scan", "--host", at, "--json", "--rate", 1000)
    assert (code, json.loads(out)) == (1, [])


async def test_a_port_where_nobody_listens_is_nobody(command, free_port):
    code, out, _ = await command("scan", "--host", f"127.0.0.1:{free_port}")
    assert (code, "nobody answered" in out) == (1, True)


async def test_a_host_that_is_no_name_is_nobody_to_a_scan_and_told_by_a_read(command):
    assert (await command("scan", "--host", "plc..hall"))[0] == 1
    code, _, errors = await command("read", "--host", "plc..hall", "holding:0")
    assert (code, "is no address" in errors) == (1, True), errors


async def test_a_scan_of_a_line_finds_every_unit(command, bus):
    words = ("--units", "3,5,7", "--timeout-ms", 600, "--rate", 1000, "--json")
    code, out, err = await command("scan", "--port", bus.port, "--parity", "none", *words)
    assert not err
    assert (code, [found["unit"] for found in json.loads(out)]) == (0, [3, 7])


async def test_a_unit_of_a_line_is_read_and_written(command, bus):
    line = ("--port", bus.port, "--parity", "none", "--unit", 7)
    _, out, _ = await command("write", *line, "holding:0", 5, "--yes", "--json")
    assert json.loads(out)["holds"]
    _, out, _ = await command("read", *line, "holding:0", "--json")
    assert (json.loads(out)[0]["value"], bus.units[3].holding[0]) == (5, 300)


@pytest.mark.parametrize(
    "faults",
    [
        RtuFaults(wrong_crc=True),
        RtuFaults(truncate=3),
        RtuFaults(unit_id=9),
        RtuFaults(silent=True),
    ],
)
async def test_a_line_that_gives_no_right_answer_is_told(command, bus, faults):
    bus.faults[3] = faults
    words = ("--port", bus.port, "--parity", "none", "--unit", 3, "--timeout-ms", 60)
    code, _, err = await command("read", *words, "holding:0")
    assert (code, "unit 3 does not answer" in err) == (1, True)


async def test_noise_before_an_answer_is_skipped(command, bus):
    bus.faults[3] = RtuFaults(noise=b"\x00\xff\x03")
    code, out, _ = await command(
        "read", "--port", bus.port, "--parity", "none", "--unit", 3, "holding:0", "--json"
    )
    assert (code, json.loads(out)[0]["value"]) == (0, 300)


async def test_a_line_that_is_not_there_is_told(command, tmp_path):
    code, _, err = await command("read", "--port", tmp_path / "none", "holding:0")
    assert (code, "cannot be opened" in err) == (1, True)


@pytest.mark.parametrize(
    "faults",
    [Faults(truncate=5), Faults(silent=True), Faults(unit_id=9), Faults(tid_shift=1)],
)
async def test_what_is_no_answer_to_the_question_is_none(command, plc, at, faults):
    plc.faults = faults
    code, out, err = await command("read", "--host", at, "holding:40", "--timeout-ms", 60)
    assert (code, out) == (1, "")
    assert "does not answer" in err


@pytest.mark.parametrize(
    ("faults", "part"),
    [
        (Faults(garbage=b"HTTP/1.1 400 Bad Request\r\n\r\n"), "not Modbus TCP"),
        (Faults(script=lambda request: [request[:4] + b"\x00\x03\x01\x03\x00"]), "bytes came"),
        (Faults(script=lambda request: [request[:4] + b"\x00\x03\x01\x04\x00"]), "function 4"),
    ],
)
async def test_a_wrong_answer_is_no_value(command, plc, at, faults, part):
    plc.faults = faults
    code, out, err = await command("read", "--host", at, "holding:40")
    assert (code, out) == (1, "")
    assert part in err


@pytest.mark.parametrize(
    "data",
    [b"", b"\x0e", b"\x0e\x01\x81\x00\x00\x05\x00\xffA", b"\x0e\x01\x81\x00\x00\x01", b"\x0d" * 9],
)
async def test_a_wrong_identification_is_none(command, plc, at, data):
    frame = struct.pack(">HB", len(data) + 2, 1) + b"\x2b" + data

    def answer(request: bytes) -> list[bytes]:
        if request[7] == 43:
            return [request[:4] + frame]
        pdu = plc.memory.answer(request[7:])
        return [request[:4] + struct.pack(">HB", len(pdu) + 1, request[6]) + pdu]

    plc.faults = Faults(script=answer)
    code, out, err = await command("probe", "--host", at, "--addresses", "40-41", "--json")
    assert (code, json.loads(out)["identity"]) == (0, {})
    assert "no identification" in err


async def test_an_identification_that_never_ends_is_left_off(command, plc, at):
    asked = 0

    def answer(request: bytes) -> list[bytes]:
        nonlocal asked
        if request[7] != 43:
            return [request[:4] + bytes((0, 3, 1, request[7] | 0x80, 2))]
        asked += 1
        following = (request[10] + 1) & 0xFF
        body = bytes((43, 14, 1, 0x81, 0xFF, following, 1, request[10], 1)) + b"x"
        return [request[:4] + struct.pack(">HB", len(body) + 1, 1) + body]

    plc.faults = Faults(script=answer)
    code, _, _ = await command("probe", "--host", at, "--addresses", "0-1", "--json")
    assert (code, asked) == (0, 32)


async def test_control_characters_of_an_identification_do_not_reach_the_terminal(command, plc, at):
    plc.memory.identity = {0: b"\x1b[2Jowned\xff", 1: b"b", 2: b"c"}
    _, out, _ = await command("scan", "--host", at)
    assert "\x1b" not in out
    assert "?[2Jowned?" in out


async def test_the_profiles_are_listed_and_told(command):
    code, out, _ = await command("profiles", "--json")
    names = [row["name"] for row in json.loads(out)]
    assert (code, len(names), "eastron_sdm630" in names) == (0, 10, True)
    _, out, _ = await command("profiles", "eastron_sdm630")
    assert "input:52" in out


async def test_an_unknown_profile_is_wrong_usage(command):
    code, _, err = await command("profiles", "eastron_sdm63")
    assert (code, "did you mean eastron_sdm630?" in err) == (2, True)


async def test_the_published_page_of_profiles_is_the_one_in_force(command, root):
    _, out, _ = await command("profiles", "--reference")
    published = (root / "docs/reference/modbus-profiles.md").read_text()
    assert out == published, "make it anew: banksman modbus profiles --reference"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("10.0.0.5", [("10.0.0.5", 502)]),
        ("plc-7.local:1502", [("plc-7.local", 1502)]),
        ("10.0.0.8-10:503", [("10.0.0.8", 503), ("10.0.0.9", 503), ("10.0.0.10", 503)]),
        ("10.0.0.4/30", [("10.0.0.5", 502), ("10.0.0.6", 502)]),
    ],
)
def test_hosts_are_one_a_range_or_a_network(text, wanted):
    assert hosts(text) == wanted


def test_an_address_of_version_6_stands_in_brackets():
    assert host_and_port("[fe80::1]:1502") == ("fe80::1", 1502)


@pytest.mark.parametrize(
    ("take", "text"),
    [
        (hosts, "10.0.0.0/8"), (hosts, "10.0.0.300/24"), (hosts, "10.0.0.9-3"),
        (host_and_port, "plc:0"), (host_and_port, ":502"), (host_and_port, "plc:x"),
        (place, "holding"), (place, "holding:x"), (place, "holding:65536"), (place, "holding:-1"),
        (place, "register:4"), (units, "0-300"), (units, "7-3"), (units, "a"),
        (addresses, "1,5"), (addresses, "0-70000"),
    ],
)  # fmt: skip
def test_a_slip_of_the_fingers_is_told(take, text):
    with pytest.raises(argparse.ArgumentTypeError):
        take(text)


def test_numbers_may_be_written_as_manuals_do():
    assert place("holding:0x1000").address == 4096
    assert units("1-3,0x10") == [1, 2, 3, 16]


def test_every_verb_has_an_example(capsys):
    parser = argparse.ArgumentParser()
    modbus.register(parser.add_subparsers())
    for verb in ("scan", "probe", "read", "write", "profiles"):
        with pytest.raises(SystemExit):
            parser.parse_args(["modbus", verb, "--help"])
        assert f"example: banksman modbus {verb}" in capsys.readouterr().out
