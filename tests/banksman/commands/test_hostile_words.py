"""Attack: a bundle, a label or a device that means to steer a terminal or to forge a line."""

import asyncio
import io
import json
import logging

import numpy as np
import pytest
from tiny_tflite import dense_int8

from banksman.cli import main
from banksman.clock import SystemClock
from banksman.commands import machines, status, tail
from banksman.commands.showing import show
from banksman.logs import OneLine
from banksman.web.fake_page import FakePage
from banksman.wire.messages import Priority

HOSTILE = {
    "a terminal's orders": "\x1b[2J\x1b]0;owned\x07ok",
    "orders of one letter": "\x9b2Jok",
    "a forged line": "x\nalarm trip.line (over): all is well\r\x0b\x0c\u2028y",
    "right to left": "\u202e\u2066kcatta\u2069 safe",
    "markup": "<script>alert(1)</script><img src=x onerror=alert(2)>",
    "very long": "A" * 100_000,
    "nothing": "\x00\ufeff\u200b",
}


@pytest.fixture(params=list(HOSTILE.values()), ids=list(HOSTILE))
def words(request):
    return request.param


def assert_plain(text, longest=2500):
    assert all(line.isprintable() for line in text.split("\n"))
    assert max(map(len, text.split("\n"))) <= longest


@pytest.fixture
def bundle(tmp_path, words):
    folder = tmp_path / "made"
    folder.mkdir()
    short = words[:60]
    manifest = {"id": "bearing", "version": "1", "task": "score", "features": [short, "b", "c"]}
    lines = [f"{key} = {json.dumps(value)}" for key, value in manifest.items()]
    lines += [f"labels = {json.dumps([short, 'worn'])}", "latency_budget_ms = 60000"]
    lines += [f"{key} = {json.dumps(words[:2000])}" for key in ("training_data", "licence")]
    (folder / "manifest.toml").write_text("\n".join(lines))
    weights = np.array([[1.0, -0.5, 0.25], [-1.0, 0.75, 0.5]])
    (folder / "model.tflite").write_bytes(dense_int8(weights, np.zeros(2)))
    file = tmp_path / "bearing.bundle"
    assert main(["bundle", "build", str(folder), "-o", str(file)]) == 0
    return file


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_manifest_of_hostile_words_is_shown_as_words(bundle, words, more, capsys):
    capsys.readouterr()
    assert main(["bundle", "inspect", str(bundle), *more]) == 0
    shown = capsys.readouterr().out
    assert_plain(shown, 2500 if not more else 30_000)
    if more:
        assert json.loads(shown)["training_data"] == words[:2000]


def test_a_manifest_that_is_refused_cannot_forge_a_line(tmp_path, words, capsys):
    folder = tmp_path / "made"
    folder.mkdir()
    (folder / "manifest.toml").write_text(f"id = {json.dumps(words[:500])}\nversion = '1'\n")
    assert main(["bundle", "build", str(folder), "-o", str(tmp_path / "b")]) == 1
    told = capsys.readouterr()
    assert_plain(told.err)
    assert told.err.count("\n") == 1


async def test_hostile_words_of_the_daemon_are_shown_as_words(tmp_path, words, capsys):
    async with FakePage(SystemClock(), tmp_path) as page:
        plant = page.appliance
        plant.labels["plc.press_force"] = words
        plant.alarm("device.plc", words, Priority.CRITICAL)
        plant.alarm("hopper", words, Priority.CRITICAL, under="device.plc")
        plant.trip("oven_overheat", words)
        plant.lose("agv", words)
        await asyncio.to_thread(main, ["status", "--url", page.url])
    shown = capsys.readouterr().out
    assert_plain(shown)
    assert not any(line.startswith("alarm trip.line") for line in shown.splitlines())


def test_a_record_of_hostile_words_is_one_line_of_tail(words, capsys):
    record = {"wall_ns": 1, "key": words, "active": True, "text": words, "under": words}
    show([tail.line("alarm", record)])
    assert_plain(capsys.readouterr().out)


def test_a_machine_of_hostile_words_is_one_line(words, capsys):
    brief = {
        "id": "press", "verdict": "normal", "what": words, "blind": True, "condition": words,
        "fault_certainty": "named", "fault": words, "fault_confidence": 1.0, "zone": words,
        "hours": None,
    }  # fmt: skip
    show([machines.line(brief)])
    shown = capsys.readouterr().out
    assert_plain(shown)
    assert shown.count("\n") == 1


def test_a_label_cannot_forge_a_line_of_the_journal(words):
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(OneLine("%(levelname)s %(message)s"))
    handler.handle(logging.LogRecord("b", logging.INFO, "f", 1, "guard: %s", (words,), None))
    assert out.getvalue().count("\n") == 1
    assert_plain(out.getvalue(), 4000)


def test_a_traceback_keeps_its_lines():
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(OneLine("%(message)s"))
    with pytest.raises(ZeroDivisionError) as caught:
        _ = 1 / 0
    told = (caught.type, caught.value, caught.tb)
    handler.handle(logging.LogRecord("b", logging.ERROR, "f", 1, "it broke", (), told))
    assert out.getvalue().startswith("it broke\nTraceback")


def test_what_prints_is_shown_as_it_is(capsys):
    show(["Öltemperatur über 80 °C", *status.lines.__doc__.splitlines()])
    assert capsys.readouterr().out.startswith("Öltemperatur über 80 °C\n")
