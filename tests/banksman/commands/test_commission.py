"""What `banksman commission` asks of the daemon, and what it shows of the answer."""

import argparse

import pytest

from banksman.commands import commission
from banksman.vision.choice import choices
from banksman.web.fake_quality import FakeCommissioner


@pytest.fixture
def parse():
    parser = argparse.ArgumentParser()
    commission.register(parser.add_subparsers())
    return lambda *words: parser.parse_args(["commission", "caps", *words])


def test_steps_are_done_in_their_order_whatever_the_words(parse, tmp_path):
    arguments = parse(
        "--confirm", "--rate", "0.01", "--learn", "--defects", "hole=5", "--good", "100"
    )
    assert [step for step, _ in commission._steps(arguments)] == [
        "collect", "collect", "fit", "save", "confirm",
    ]  # fmt: skip


def test_folders_are_told_as_the_daemon_will_find_them(parse, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    steps = commission._steps(parse("--good-folder", "good", "--defects-folder", "hole=holes"))
    assert [body["folder"] for _, body in steps] == [
        str(tmp_path / "good"), str(tmp_path / "holes"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "words",
    [["--good", "0"], ["--good", "many"], ["--rate", "2"], ["--rate", "nan"], ["--defects", "5"]],
)
def test_what_makes_no_sense_is_refused_before_anybody_is_asked(parse, words, capsys):
    with pytest.raises(SystemExit) as ended:
        parse(*words)
    assert ended.value.code == 2


async def test_what_was_learnt_is_shown_with_what_it_proves():
    work = FakeCommissioner()
    work.collect("good", "", 100)
    work.collect("defect", "hole", 5)
    work.fit()
    await work.save(0.02)
    view = work.view()
    told = "\n".join(commission.lines(as_json(view)))
    assert "100 good parts, defects: 5 hole" in told
    assert "# good parts, x defects" in told
    assert told.count("so few parts cannot prove it") == 5
    assert "on trial: caps-4" in told
    assert "banksman commission caps --confirm" in told


def test_the_histogram_has_a_mark_for_every_part_of_a_rare_kind():
    rows = commission.histogram([0.1] * 100, [4.0])
    assert rows[1].count("#") > 30
    assert rows[-1].endswith("x")


def test_each_rate_is_a_line():
    told = [commission._choice(each) for each in as_json(choices([0.1] * 100, [3.0]))]
    assert told[0].startswith("  --rate 0.05")
    assert "1 of 1 defects caught" in told[0]


def as_json(value):
    import msgspec

    return msgspec.json.decode(msgspec.json.encode(value))


def test_a_number_of_defects_that_is_none_is_refused_before_anybody_is_asked(parse):
    with pytest.raises(SystemExit) as ended:
        parse("--defects", "scratch=abc")
    assert ended.value.code == 2


class Known:
    """A daemon with these inspections (id, camera)."""

    def __init__(self, *inspections):
        self._inspections = [{"id": name, "camera": camera} for name, camera in inspections]

    def get(self, path):
        assert path == "/api/v1/inspections"
        return {"inspections": self._inspections}


def test_an_inspection_may_be_named_by_its_camera():
    assert commission._station(Known(("caps", "cam1"), ("lids", "cam2")), "cam2") == "lids"


@pytest.mark.parametrize(
    ("inspections", "name", "told"),
    [
        ([("caps", "cam1"), ("lids", "cam2")], "cups", "there are caps, lids"),
        ([("caps", "cam1"), ("lids", "cam1")], "cam1", "name one: caps, lids"),
        ([], "caps", r"has no \[\[inspection\]\]"),
    ],
)
def test_a_name_that_is_none_tells_which_there_are(inspections, name, told):
    with pytest.raises(commission.NoInspection, match=told):
        commission._station(Known(*inspections), name)


async def test_what_hinders_and_what_is_odd_is_shown():
    view = as_json(FakeCommissioner().view())
    view |= {"no_picture": "no picture comes: cable", "remarks": ["part 0003 is much darker"]}
    told = "\n".join(commission.lines(view))
    assert "! no picture comes: cable" in told
    assert "? part 0003 is much darker" in told


async def test_after_confirming_nothing_more_is_asked_for():
    work = FakeCommissioner()
    work.collect("good", "", 100)
    work.fit()
    await work.save(0.01)
    await work.confirm()
    view = as_json(work.view()) | {"good_scores": [0.3]}
    view["choices"] = as_json(choices([0.3], []))
    view["defect_scores"] = []
    assert commission.lines(view)[-1].startswith("caps-4 is in use")


def test_parts_are_removed_by_their_ids_before_it_learns(parse):
    arguments = parse(
        "--learn", "--remove", "good-0007", "defect-hole-0001", "--put-back", "good-0002"
    )
    assert [step for step, _ in commission._steps(arguments)] == [
        "parts/good-0007/remove",
        "parts/defect-hole-0001/remove",
        "parts/good-0002/put_back",
        "fit",
    ]


@pytest.mark.parametrize("part", ["0007", "good-../x", "good-", "GOOD-1"])
def test_what_is_no_part_is_refused_before_anybody_is_asked(parse, part):
    with pytest.raises(SystemExit) as ended:
        parse("--remove", part)
    assert ended.value.code == 2


async def test_the_oddest_part_is_listed_first_and_asked_about():
    work = FakeCommissioner()
    work.collect("good", "", 20)
    await work.remove_part("good-0014")
    told = commission.part_lines(as_json(work.parts()))
    assert "good-0007" in told[1]
    assert told[1].endswith("is this one really good?")
    assert told[-1].split()[0] == "good-0014"
    assert told[-1].endswith("removed")
    assert commission.part_lines([]) == ["no part was taken yet"]
