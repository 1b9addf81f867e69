"""docs/operate/cloud.md says what is true: its commands, its rules, its bounds."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from banksman.wire.messages import AskMessage
from banksman.wire.uplink import BATCH_BYTES_MAX, BATCH_ITEMS_MAX
from banksman_cloud.answering import Adviser, NoAnswer, compiled
from banksman_cloud.cli import build_parser
from banksman_cloud.records import SCAN_MAX
from banksman_cloud.web.views import HEARTBEAT_S, LATE_BEATS, SILENT_NS

PAGE = (Path(__file__).parents[2] / "docs" / "operate" / "cloud.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def commands() -> list[list[str]]:
    lines = [shlex.split(line) for block in blocks("sh") for line in block.splitlines()]
    return [words[1:] for words in lines if words[0] == "banksman-cloud"]


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_of_the_page_is_one(words):
    assert callable(build_parser().parse_args(words).run)


def test_the_pages_rules_answer_its_question():
    points, rules = blocks("toml")
    adviser = Adviser(compiled(points, rules))
    ask = AskMessage("a", "n", "t", "bearing", 1, 200.0, {"vib.rms": 8.0}, ["stop_press"])
    assert adviser.answer(ask).action == "stop_press"
    with pytest.raises(NoAnswer):
        adviser.answer(AskMessage("a", "n", "t", "bearing", 1, 200.0, {}, ["stop_press"]))


def test_the_pages_bounds_are_the_programs():
    assert f"{BATCH_BYTES_MAX // 2**20} MiB" in PAGE
    assert f"{BATCH_ITEMS_MAX:,}".replace(",", " ") in PAGE
    assert f"{SCAN_MAX:,}".replace(",", " ") in PAGE
    assert f"after {LATE_BEATS * HEARTBEAT_S:g} s late" in PAGE
    assert f"after {SILENT_NS // 60 // 10**9} min silent" in PAGE
