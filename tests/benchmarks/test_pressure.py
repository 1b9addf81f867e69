"""Pressure is what the kernel counted over the measured spans, and unknown where it counts none."""

import pytest

from benchmarks.pressure import Pressure, loaded_note, stalled_us

TEXT = "some avg10=0.97 avg60=0.91 avg300=0.26 total={}\nfull avg10=0.00 avg60=0.00 total=7\n"


def test_the_some_total_is_read():
    assert stalled_us(TEXT.format(6485097)) == 6485097


@pytest.mark.parametrize("text", ["", "full avg10=0.00 total=0\n", "some avg10=0.97\n"])
def test_a_kernel_that_counts_nothing_gives_no_pressure(text):
    assert stalled_us(text) is None


def test_spans_add_up_and_what_lies_between_them_does_not_count(tmp_path, monkeypatch):
    source, now_s = tmp_path / "cpu", [0.0]
    monkeypatch.setattr("benchmarks.pressure.time.monotonic", lambda: now_s[0])
    pressure = Pressure(source=_counting(source, 0))
    for stalled, until, after in ((0, 100_000, 900_000), (900_000, 1_300_000, 9_000_000)):
        _counting(source, stalled)
        with pressure:
            now_s[0] += 1.0
            _counting(source, until)
        now_s[0] += 50.0
        _counting(source, after)
    assert pressure.pct == pytest.approx(25.0)  # 0.5 s of 2 s


def test_a_load_of_our_own_is_told_beside_the_quiet_pressure():
    assert loaded_note(67.2).endswith("with our own load it was 67 %")
    assert loaded_note(None).endswith("unknown")


def test_without_the_kernels_file_the_pressure_is_unknown(tmp_path):
    pressure = Pressure(tmp_path / "absent")
    with pressure:
        pass
    assert pressure.pct is None


def _counting(source, total):
    source.write_text(TEXT.format(total))
    return source
