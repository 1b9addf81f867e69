"""Reviews: what waits, what a person says, what is kept of it."""

import msgspec
import pytest

from banksman.vision.answers import AnswerBook
from banksman.vision.cabinet import Cabinet
from banksman.vision.desk import QualityDesk, StationParts
from banksman.vision.exhibit import Exhibit
from banksman.vision.parts_folder import PartsFolder
from banksman.vision.passes import PassDraw
from banksman.vision.showing import Showing
from banksman.wire.messages import Priority


class Noted:
    dropped: dict = {}  # noqa: RUF012  as Evidence has it


def exhibit(number, review=True, severity="warning", drawn=False, **fields):
    return Exhibit(
        id=f"box-1-{number}", picture_id=f"box-1-p{number}", station="caps", wall_ns=number,
        priority=Priority.BACKGROUND if drawn else Priority.NORMAL, point="q", action="mark",
        reason="why", confidence=0.4, review=review, severity=severity, bundle="caps-1", width=8,
        height=8, drawn=drawn, **fields,
    )  # fmt: skip


@pytest.fixture
def kept(tmp_path):
    return Cabinet(tmp_path / "pictures", 100, 10**6)


@pytest.fixture
def desk(make_line, tmp_path, kept):
    examples = Cabinet(tmp_path / "examples", 2, 10**6)
    for number in range(5):
        kept.put(exhibit(number, review=number % 2 == 0), b"\xff\xd8 picture")
    noted = Noted()
    noted.dropped = {"caps": 3}
    told = []
    line = make_line(evidence={"review_most": 3})
    desk_parts = line.station, kept, examples, None
    showing = Showing(line.camera, PartsFolder(tmp_path / "commission"), None)
    book = AnswerBook(tmp_path / "answers.json")
    parts = StationParts(*desk_parts, showing, book, PassDraw("caps", 200, 100))
    desk = QualityDesk({"caps": parts}, noted, lambda: 77, lambda *note: told.append(note))
    desk.told, desk.examples = told, examples
    return desk


def test_the_newest_come_first_and_by_pages(desk):
    assert [each.id for each in desk.exhibits(None, False, 2, None)] == ["box-1-4", "box-1-3"]
    assert [each.id for each in desk.exhibits("caps", False, 9, "box-1-1")] == ["box-1-0"]
    assert desk.exhibits(None, False, 9, "box-1-99") == []


def test_only_what_waits_for_a_person_can_be_asked_for(desk):
    waiting = desk.exhibits(None, True, 9, None)
    assert [each.id for each in waiting] == ["box-1-4", "box-1-2", "box-1-0"]


async def test_an_answer_is_kept_as_an_example_and_noted(desk):
    answered = await desk.answer("box-1-2", "defect", "scratch", "operator")
    assert (answered.answer_label, answered.answered_by) == ("scratch", "operator")
    assert answered.answered_wall_ns == 77
    assert [each.id for each in desk.examples.exhibits()] == ["box-1-2"]
    assert "box-1-2" not in {each.id for each in desk.exhibits(None, True, 9, None)}
    assert desk.told[0][0] == "review answered"


async def test_a_good_part_has_no_class_of_defect(desk):
    assert (await desk.answer("box-1-2", "good", "scratch", "operator")).answer_label == ""


async def test_an_answer_can_be_taken_back(desk):
    await desk.answer("box-1-2", "good", "", "operator")
    await desk.answer("box-1-2", "", "", "operator")
    assert "box-1-2" in {each.id for each in desk.exhibits(None, True, 9, None)}
    assert len(desk.examples) == 0  # nothing is learnt from an answer that was none


async def test_examples_are_bounded(desk):
    for number in range(4):
        await desk.answer(f"box-1-{number}", "good", "", "operator")
    assert len(desk.examples) == 2


async def test_answers_become_rates(desk):
    await desk.answer("box-1-2", "good", "", "operator")
    await desk.answer("box-1-4", "defect", "", "operator")
    (rates,) = desk.rates()
    assert (rates.bundle, rates.false_doubts.count, rates.false_doubts.of) == ("caps-1", 1, 2)


async def test_an_escape_is_found_among_the_passes_that_chance_drew(desk, kept):
    for number in (20, 21, 22):
        drawn = exhibit(number, review=False, severity="pass", drawn=True)
        kept.put(drawn, b"\xff\xd8 picture")
    shown = desk.exhibits(None, True, 9, None, passes=True)
    assert shown == []  # the list is full of what the box was unsure of
    for number in (0, 2, 4):
        await desk.answer(f"box-1-{number}", "good", "", "operator")
    shown = desk.exhibits(None, True, 9, None, passes=True)
    assert [each.id for each in shown] == ["box-1-22", "box-1-21", "box-1-20"]
    await desk.answer("box-1-20", "defect", "scratch", "operator")
    await desk.answer("box-1-21", "good", "", "operator")
    (rates,) = desk.rates()
    assert (rates.escapes.count, rates.escapes.of) == (1, 2)
    assert rates.escapes.low < 0.5 < rates.escapes.high


def test_the_list_is_bounded_and_says_how_many_it_has_no_room_for(desk, kept):
    kept.put(exhibit(9, review=True), b"\xff\xd8 picture")
    drawn = exhibit(10, review=False, severity="pass", drawn=True)
    kept.put(drawn, b"\xff\xd8 picture")
    waiting = desk.exhibits(None, True, 9, None)
    assert [each.id for each in waiting] == ["box-1-9", "box-1-4", "box-1-2"]
    (status,) = desk.inspections()
    assert (status.review_waiting, status.passes_waiting, status.review_hidden) == (3, 0, 2)


async def test_what_left_the_list_is_on_it_again_when_there_is_room(desk, kept):
    kept.put(exhibit(9, review=True), b"\xff\xd8 picture")
    await desk.answer("box-1-9", "good", "", "operator")
    assert "box-1-0" in {each.id for each in desk.exhibits(None, True, 9, None)}


async def test_a_page_goes_on_where_its_last_picture_was_answered_meanwhile(desk):
    await desk.answer("box-1-4", "good", "", "operator")
    assert [e.id for e in desk.exhibits(None, True, 9, "box-1-4")] == ["box-1-2", "box-1-0"]


def test_figures_tell_what_is_kept_and_what_was_dropped(desk):
    (status,) = desk.inspections()
    assert (status.pictures, status.review_waiting, status.pictures_dropped) == (5, 3, 3)
    assert msgspec.json.encode(status)


async def test_what_is_not_there_is_a_key_error(desk):
    with pytest.raises(KeyError):
        await desk.picture("box-1-99")
    with pytest.raises(KeyError):
        await desk.answer("../../etc/passwd", "good", "", "operator")
    with pytest.raises(KeyError):
        desk.exhibits("nobody", False, 9, None)
