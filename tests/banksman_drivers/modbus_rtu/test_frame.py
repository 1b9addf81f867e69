"""RTU frames: the checksum, the size that is due, and an answer found in what was heard."""

import json
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.framer import FramerRTU

from banksman_drivers.modbus_rtu_frame import Wire, crc16, find, probe_of, question

VECTORS = (
    Path(__file__).parents[3].parent
    / "shared"
    / "data"
    / "modbus-vectors"
    / "modbus_vectors_dev.jsonl"
)

READ_TWO = question(3, 3, struct.pack(">HH", 0, 2))
ANSWER = bytes((3, 3, 4, 0, 1, 0, 2)) + crc16(bytes((3, 3, 4, 0, 1, 0, 2)))


def framed(head):
    return head + crc16(head)


def test_the_checksum_is_that_of_the_standards_example():
    # Modbus over Serial Line V1.02, appendix 6.2.2: 02 07 has 1241, low byte first 41 12.
    assert crc16(bytes((2, 7))) == bytes((0x41, 0x12))


@given(st.binary(max_size=256))
def test_the_checksum_is_pymodbuss_for_everything(data):
    assert crc16(data) == struct.pack(">H", FramerRTU.compute_CRC(data))


@pytest.mark.parametrize(
    ("function", "body", "size"),
    [
        (1, struct.pack(">HH", 0, 9), 7),
        (2, struct.pack(">HH", 0, 2000), 255),
        (3, struct.pack(">HH", 0, 125), 255),
        (4, struct.pack(">HH", 0, 1), 7),
        (5, struct.pack(">HH", 0, 0xFF00), 8),
        (6, struct.pack(">HH", 0, 7), 8),
        (15, struct.pack(">HHBB", 0, 1, 1, 1), 8),
        (16, struct.pack(">HHBH", 0, 1, 2, 7), 8),
        (22, struct.pack(">HHH", 0, 0xFFF7, 8), 10),
        (23, struct.pack(">HHHHBH", 0, 2, 0, 1, 2, 7), 9),
    ],
)
def test_the_size_of_the_answer_is_known_before_it_comes(function, body, size):
    assert question(1, function, body).answer_size == size


def test_a_function_whose_answer_has_no_known_size_is_refused():
    with pytest.raises(ValueError, match="function 43"):
        question(1, 43, b"\x0e\x01\x00")


def test_a_whole_answer_is_found_with_its_body():
    found = find(READ_TWO, ANSWER)
    assert (found.function, found.body, found.end) == (3, ANSWER[2:-2], len(ANSWER))


def test_a_refusal_is_found():
    refusal = framed(bytes((3, 0x83, 2)))
    assert find(READ_TWO, refusal).body == b"\x02"


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_an_answer_is_found_between_noise(before, after):
    # Noise may by chance begin like a refusal with its right checksum: then it is one.
    found = find(READ_TWO, before + ANSWER + after)
    if before.count(3) < 15:
        assert found is not None
    if found is not None:
        assert found.body in (ANSWER[2:-2], (before + ANSWER)[found.start + 2 : found.start + 3])


@given(st.integers(0, len(ANSWER) - 1))
def test_part_of_an_answer_is_none(size):
    assert find(READ_TWO, ANSWER[:size]) is None


@given(st.integers(0, len(ANSWER) * 8 - 1))
def test_an_answer_with_one_wrong_bit_is_none(bit):
    broken = bytearray(ANSWER)
    broken[bit // 8] ^= 1 << bit % 8
    assert find(READ_TWO, bytes(broken)) is None


@pytest.mark.parametrize(
    "other",
    [
        framed(bytes((4, 3, 4, 0, 1, 0, 2))),
        framed(bytes((3, 4, 4, 0, 1, 0, 2))),
        framed(bytes((3, 3, 2, 0, 1))),
        framed(bytes((3, 3, 6, 0, 1, 0, 2, 0, 3))),
        framed(bytes((3, 0x84, 2))),
        READ_TWO.frame,
    ],
    ids=["unit", "function", "fewer", "more", "refusal", "echo"],
)
def test_another_units_or_requests_answer_is_none(other):
    assert find(READ_TWO, other) is None
    assert find(READ_TWO, other + ANSWER).body == ANSWER[2:-2]


@given(st.binary(max_size=1024))
def test_no_bytes_make_the_search_raise(heard):
    found = find(READ_TWO, heard)
    assert (
        found is None
        or crc16(heard[found.start : found.end - 2]) == heard[found.end - 2 : found.end]
    )


@pytest.mark.parametrize("function", [5, 6, 22])
def test_the_probe_of_a_write_reads_its_very_place(function):
    write = question(9, function, struct.pack(">HHH", 0x1234, 1, 1)[: 6 if function == 22 else 4])
    probe = probe_of(9, write)
    assert not write.tells_from_echo
    assert probe.tells_from_echo
    assert probe.frame[:6] == struct.pack(">BBHH", 9, 1 if function == 5 else 3, 0x1234, 1)


@pytest.mark.parametrize(
    ("baud", "silence_ms"), [(9600, 4.01), (19_200, 2.005), (38_400, 1.75), (115_200, 1.75)]
)
def test_the_silence_between_frames_is_the_standards(baud, silence_ms):
    assert Wire(baud, 11).silence_s * 1e3 == pytest.approx(silence_ms, abs=0.01)


@pytest.mark.skipif(not VECTORS.is_file(), reason=f"{VECTORS} is not here")
def test_captured_answers_are_found_in_their_rtu_frames_and_only_for_their_own_requests():
    matched = passed_over = 0
    for line in VECTORS.read_text().splitlines():
        pair = json.loads(line)
        request, answer = bytes.fromhex(pair["req"])[6:], bytes.fromhex(pair["rsp"])[6:]
        if request[1] not in (1, 2, 3, 4, 5, 6, 15, 16, 22, 23) or len(request) < 6:
            continue
        asked = question(request[0], request[1], request[2:])
        heard = framed(answer)
        right = answer[0] == request[0] and (
            (answer[1] == request[1] and len(heard) == asked.answer_size and counted(answer))
            or (answer[1] == request[1] | 0x80 and len(heard) == 5)
        )
        found = find(asked, b"\x00" + heard)
        assert (found is not None) == right, line
        matched, passed_over = matched + right, passed_over + (not right)
        if found is not None:
            assert found.body == answer[2:]
    assert matched > 500


def counted(answer):
    return answer[1] not in (1, 2, 3, 4, 23) or answer[2] == len(answer) - 3
