"""Answers go on to count when their pictures give way."""

import msgspec
import pytest

from banksman.vision.answers import BUNDLES_MOST, AnswerBook, AnswerCounts
from banksman.vision.exhibit import Exhibit
from banksman.wire.messages import Priority


def exhibit(severity="pass", answer="defect", drawn=True, bundle="caps-1"):
    return Exhibit(
        id="x", picture_id="p", station="caps", wall_ns=0, priority=Priority.NORMAL, point="q",
        action="none", reason="", confidence=0.5, review=False, severity=severity, bundle=bundle,
        width=1, height=1, answer=answer, drawn=drawn,
    )  # fmt: skip


@pytest.fixture
def path(tmp_path):
    return tmp_path / "answers.json"


def test_what_was_added_is_there_after_a_restart(path):
    book = AnswerBook(path)
    book.add(exhibit())
    book.add(exhibit(answer="good"))
    book.add(exhibit("critical", "good"))
    book.add(exhibit(answer=""))
    book.add(exhibit("unknown"))
    assert AnswerBook(path).of("caps-1") == AnswerCounts(
        drawn=2, drawn_wrong=1, stops=1, stops_wrong=1
    )


def test_each_bundle_has_its_own_and_the_oldest_leave(path):
    book = AnswerBook(path)
    for number in range(BUNDLES_MOST + 1):
        book.add(exhibit(bundle=f"caps-{number}"))
    assert book.of("caps-0") == AnswerCounts()
    assert book.of(f"caps-{BUNDLES_MOST}").drawn == 1
    assert len(msgspec.json.decode(path.read_bytes())) == BUNDLES_MOST


@pytest.mark.parametrize("data", [b"", b"[1]", b'{"caps-1": {"drawn": "many"}}', b"\xff" * 9])
def test_a_file_that_cannot_be_read_is_begun_anew(path, data):
    path.write_bytes(data)
    book = AnswerBook(path)
    book.add(exhibit())
    assert AnswerBook(path).of("caps-1").drawn == 1


def test_a_disk_that_refuses_costs_nothing_but_the_memory_of_it(tmp_path):
    book = AnswerBook(tmp_path / "nowhere" / "answers.json")
    book.add(exhibit())
    assert book.of("caps-1").drawn == 1
