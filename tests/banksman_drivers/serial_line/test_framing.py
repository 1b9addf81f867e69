"""Frames come out whole however the bytes were cut, and after noise the next one is found."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman_drivers.serial_line.framing import (
    ASTRAY,
    CUT,
    TOO_LONG,
    Frame,
    GapFramer,
    LengthFramer,
    LineFramer,
    MarkedFramer,
)

MAKERS = {
    "line": lambda: LineFramer(64),
    "marked": lambda: MarkedFramer(64),
    "marked_trailer": lambda: MarkedFramer(64, trailer=2),
    "length": lambda: LengthFramer(64, 5),
    "length_start": lambda: LengthFramer(64, 5, start=b"\x55\xaa"),
    "length_byte": lambda: LengthFramer(64, length_at=1, start=b"\x55"),
    "gap": lambda: GapFramer(64),
}
plain = st.binary(min_size=1, max_size=40).map(
    lambda data: bytes(byte | 0x20 for byte in data)
)  # no mark among them


def pieces(data, cuts):
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


def framed(framer, parts):
    return [frame for part in parts for frame in framer.feed(part)]


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@given(data=st.binary(max_size=400), cuts=st.lists(st.integers(0, 400), max_size=8))
def test_however_bytes_are_cut_the_frames_are_the_same(make, data, cuts):
    whole, parted = make(), make()
    expected = [*framed(whole, [data]), *whole.idle()]
    assert [*framed(parted, pieces(data, cuts)), *parted.idle()] == expected
    assert parted.stray_bytes == whole.stray_bytes


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@given(parts=st.lists(st.binary(max_size=100), max_size=10))
def test_whatever_comes_no_more_than_the_longest_frame_is_kept(make, parts):
    framer = make()
    for part in parts:
        framer.feed(part)
        for frame in framer.idle():
            assert len(frame.data) <= 64


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@given(data=st.binary(max_size=200))
def test_after_silence_nothing_of_before_is_left(make, data):
    framer = make()
    framer.feed(data)
    framer.idle()
    assert not framer.unfinished
    assert framer.idle() == []


@given(messages=st.lists(plain, max_size=6), end=st.sampled_from([b"\r", b"\n", b"\r\n"]))
def test_lines_come_back_whatever_ends_them(messages, end):
    sent = b"".join(message + end for message in messages)
    assert LineFramer(64).feed(sent) == [Frame(message) for message in messages]


@given(noise=st.binary(max_size=200), message=plain)
def test_a_line_is_found_after_noise_and_a_line_end(noise, message):
    framer = LineFramer(64)
    framer.feed(noise + b"\n")
    assert framer.feed(message + b"\r\n") == [Frame(message)]


def test_a_line_without_end_is_told_again_and_again_and_its_end_is_no_line():
    framer = LineFramer(8)
    assert framer.feed(b"x" * 12) == [Frame(b"x" * 8, TOO_LONG)]
    assert framer.feed(b"x" * 20) == [Frame(b"", TOO_LONG)] * 3
    assert framer.feed(b"end\nok\n") == [Frame(b"ok")]
    assert framer.stray_bytes == 27


@pytest.mark.parametrize("name", ["marked", "length_start"])
def test_noise_without_a_frame_is_told_when_the_line_falls_silent_or_goes_on(name):
    framer = MAKERS[name]()
    assert framer.feed(b"noise") == []
    assert framer.idle() == [Frame(b"", ASTRAY)]
    assert framer.feed(b"x" * 130) == [Frame(b"", ASTRAY)] * 2


def test_line_ends_between_frames_are_usual():
    framer = MarkedFramer(64)
    framer.feed(b"\r\n\0 " * 100)
    assert framer.idle() == []


@given(noise=plain, message=plain, trailer=st.binary(min_size=2, max_size=2))
def test_a_marked_frame_is_found_after_noise_whatever_its_trailer_is(noise, message, trailer):
    framer = MarkedFramer(64, trailer=2)
    assert framer.feed(noise) == []
    assert framer.feed(b"\x02" + message + b"\x03" + trailer) == [Frame(message + trailer)]
    assert framer.stray_bytes == len(noise)


def test_a_frame_in_which_another_begins_was_cut_off():
    framer = MarkedFramer(64)
    first, second = framer.feed(b"\x02half\x02whole\x03")
    assert (first.data, second) == (b"half", Frame(b"whole"))
    assert "cut off" in first.flaw


def test_an_empty_marked_frame_is_a_frame():
    assert MarkedFramer(64).feed(b"\x02\x03") == [Frame(b"")]


@given(noise=plain, bodies=st.lists(st.binary(min_size=3, max_size=3), min_size=1, max_size=5))
def test_frames_of_a_length_are_found_after_noise_by_their_start(noise, bodies):
    framer = LengthFramer(64, 5, start=b"\x05\x06")
    frames = [Frame(b"\x05\x06" + body) for body in bodies]
    assert framer.feed(noise + b"".join(frame.data for frame in frames)) == frames


@given(bodies=st.lists(st.binary(max_size=20), max_size=5))
def test_a_byte_of_the_frame_tells_its_length(bodies):
    framer = LengthFramer(64, length_at=1, start=b"\x55")
    frames = [Frame(bytes([0x55, len(body)]) + body) for body in bodies]
    assert framer.feed(b"".join(frame.data for frame in frames)) == frames


def test_a_length_beyond_the_longest_frame_is_noise():
    framer = LengthFramer(16, length_at=1, start=b"\x55")
    first, second = framer.feed(b"\x55\xff" + b"\x55\x01a")
    assert (first.flaw, second) == (TOO_LONG, Frame(b"\x55\x01a"))


@given(parts=st.lists(st.binary(max_size=10), max_size=6))
def test_silence_ends_a_frame(parts):
    framer = GapFramer(64)
    for part in parts:
        assert framer.feed(part) == []
    sent = b"".join(parts)
    assert framer.idle() == ([Frame(sent)] if sent else [])


@pytest.mark.parametrize("name", ["line", "marked", "length"])
def test_half_a_frame_before_silence_is_none(name):
    framer = MAKERS[name]()
    framer.feed(b"\x02ha")
    (cut,) = framer.idle()
    assert cut.flaw == CUT
