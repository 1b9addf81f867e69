"""Exhibits on the disk: whole or not at all, bounded, found again; the thread that keeps them."""

import base64
import threading

import msgspec
import numpy as np
import pytest

from banksman.deciding.decision import Decision
from banksman.vision.cabinet import Cabinet
from banksman.vision.evidence import QUEUE_MOST, Evidence, Seen, Source
from banksman.vision.exhibit import Exhibit, heat_of
from banksman.vision.finding import Finding
from banksman.vision.inspection import Inspection, Region, Timings
from banksman.vision.jpeg import from_picture_file, to_jpeg, to_png
from banksman.vision.passes import PassDraw
from banksman.vision.severity import Limits, Severity
from banksman.vision.shelf import Growth
from banksman.wire.messages import Priority

PICTURE = np.random.default_rng(1).integers(0, 255, (48, 64, 3), np.uint8)
JPEG = b"\xff\xd8 any bytes"


def exhibit(name="box-1-1", priority=Priority.NORMAL, wall_ns=5, **fields):
    return Exhibit(
        id=name, picture_id=f"{name}p", station="caps", wall_ns=wall_ns, priority=priority,
        point="q", action="stop", reason="why", confidence=0.5, review=True, severity="warning",
        bundle="caps-1", width=64, height=48, **fields,
    )  # fmt: skip


def decision(name="box-1-1", frame=7.0, action="stop", review=False):
    return Decision(
        id=name, node="box", type="quality_control", point="caps_quality", wall_ns=5, mono_ns=5,
        boot_id="b", clock_quality="synchronised", latency_us=1.0, action=action, confidence=0.9,
        source="rule", reason="why", inputs={"caps.frame": frame}, rules_version="r", rule="x",
        model_version="caps-1", sync=False, review=review, mode="armed",
    )  # fmt: skip


def finding(severity=Severity.CRITICAL, picture=PICTURE):
    heat = np.linspace(0, 3, 12, dtype=np.float32).reshape(3, 4)
    seen = Inspection(4.0, 4.0, float("nan"), "crack", 0.9, heat, Region(0, 0, 64, 48),
                      Timings(1, 1, 1, 1))  # fmt: skip
    return Finding(7, 5, severity, inspection=seen, picture=picture)


class TestCabinet:
    def test_what_is_put_is_found_again_after_a_restart(self, tmp_path):
        Cabinet(tmp_path, 10, 10**6).put(exhibit(), JPEG)
        again = Cabinet(tmp_path, 10, 10**6)
        assert again.get("box-1-1").size_bytes == len(JPEG)
        assert again.picture("box-1-1") == JPEG

    def test_a_story_that_is_cut_short_goes_with_its_picture(self, tmp_path):
        Cabinet(tmp_path, 10, 10**6).put(exhibit(), JPEG)
        story = tmp_path / "box-1-1.json"
        story.write_bytes(story.read_bytes()[:20])
        assert len(Cabinet(tmp_path, 10, 10**6)) == 0
        assert list(tmp_path.iterdir()) == []

    def test_what_a_crash_left_half_written_is_removed(self, tmp_path):
        (tmp_path / "box-1-2.jpg").write_bytes(JPEG)  # the picture, not yet its story
        (tmp_path / "box-1-3.jpg.part").write_bytes(b"\xff")
        Cabinet(tmp_path, 10, 10**6)
        assert list(tmp_path.iterdir()) == []

    def test_a_story_never_names_another_file(self, tmp_path):
        outside = tmp_path / "secret.jpg"
        outside.write_bytes(JPEG)
        folder = tmp_path / "caps"
        folder.mkdir()
        (folder / "x.json").write_bytes(msgspec.json.encode(exhibit("../secret")))
        assert len(Cabinet(folder, 10, 10**6)) == 0
        assert outside.exists()

    def test_a_smaller_bound_is_kept_from_the_start_on(self, tmp_path):
        cabinet = Cabinet(tmp_path, 10, 10**6)
        for number in range(4):
            cabinet.put(exhibit(f"box-1-{number}", wall_ns=number), JPEG)
        again = Cabinet(tmp_path, 2, 10**6)
        assert [each.id for each in again.exhibits()] == ["box-1-3", "box-1-2"]
        assert len(list(tmp_path.iterdir())) == 4

    def test_a_picture_that_was_deleted_by_hand_is_no_error_but_gone(self, tmp_path):
        cabinet = Cabinet(tmp_path, 10, 10**6)
        cabinet.put(exhibit(), JPEG)
        (tmp_path / "box-1-1.jpg").unlink()
        with pytest.raises(KeyError):
            cabinet.picture("box-1-1")

    def test_an_answer_is_kept_over_a_restart(self, tmp_path):
        cabinet = Cabinet(tmp_path, 10, 10**6)
        cabinet.put(exhibit(), JPEG)
        cabinet.change("box-1-1", answer="good")
        again = Cabinet(tmp_path, 10, 10**6).get("box-1-1")
        assert (again.answer, again.waits) == ("good", False)

    def test_what_waits_and_what_was_not_sent_is_known_also_after_a_restart(self, tmp_path):
        cabinet = Cabinet(tmp_path, 3, 10**6)
        for number in range(4):
            cabinet.put(exhibit(f"box-1-{number}", wall_ns=number), JPEG)
        cabinet.change("box-1-1", answer="good")
        cabinet.change("box-1-2", sent=True)
        for one in (cabinet, Cabinet(tmp_path, 3, 10**6)):
            assert {each.id for each in one.waiting()} == {"box-1-2", "box-1-3"}
            assert one.unsent == 2

    def test_over_an_unreliable_link_more_is_kept_and_nothing_unsent_pays_for_its_return(
        self, tmp_path
    ):
        link = [1.5]
        growth = Growth(lambda: link[0], most=1.5)
        cabinet = Cabinet(tmp_path, 4, 10**6, growth=growth)
        for number in range(6):
            cabinet.put(exhibit(f"box-1-{number}", wall_ns=number), JPEG)
        assert (len(cabinet), cabinet.dropped) == (6, 0)
        link[0] = 1.0
        cabinet.change("box-1-5", answer="good")
        assert len(cabinet) == 6
        again = Cabinet(tmp_path, 4, 10**6, growth=growth)
        assert (len(again), again.dropped) == (6, 0), "nor for a restart"
        for number in range(6):  # they go up, the oldest first
            again.change(f"box-1-{number}", sent=True)
        assert [each.id for each in again.exhibits()] == [f"box-1-{n}" for n in (5, 4, 3, 2)]

    def test_the_floor_of_the_disk_wins_over_an_unreliable_link(self, tmp_path):
        growth = Growth(lambda: 1.5, most=1.5, floor_bytes=10**18)  # no disk has so much
        cabinet = Cabinet(tmp_path, 4, 10**6, growth=growth)
        for number in range(6):
            cabinet.put(exhibit(f"box-1-{number}", wall_ns=number), JPEG)
        assert (len(cabinet), cabinet.dropped) == (4, 2)

    def test_who_keeps_the_answers_hears_of_what_gives_way(self, tmp_path):
        gone = []
        cabinet = Cabinet(tmp_path, 1, 10**6, gave_way=gone.append)
        cabinet.put(exhibit("box-1-1", wall_ns=1), JPEG)
        cabinet.change("box-1-1", answer="good")
        cabinet.put(exhibit("box-1-2", wall_ns=2, answer="defect"), JPEG)
        assert [(each.id, each.answer) for each in gone] == [("box-1-1", "good")]


class TestJpeg:
    def test_the_comment_tells_of_the_picture_and_does_not_harm_it(self):
        plain, told = to_jpeg(PICTURE, 90), to_jpeg(PICTURE, 90, b'{"id": "x"}')
        assert told[:4] == b"\xff\xd8\xff\xfe"
        assert b'{"id": "x"}' in told
        assert np.array_equal(from_picture_file(told), from_picture_file(plain))

    def test_a_comment_that_is_too_long_is_left_out(self):
        assert to_jpeg(PICTURE, 90, b"x" * 70_000) == to_jpeg(PICTURE, 90)

    def test_a_png_loses_nothing(self):
        assert np.array_equal(from_picture_file(to_png(PICTURE)), PICTURE)

    @pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff", b"GIF89a no"])
    def test_what_is_no_picture_is_refused(self, data):
        with pytest.raises(ValueError, match="no picture"):
            from_picture_file(data)


class TestHeat:
    @staticmethod
    def levels(*rows):
        seen = msgspec.structs.replace(finding().inspection, heat=np.array(rows, np.float32))
        heat = heat_of(seen)
        found = np.frombuffer(base64.b64decode(heat.bytes), np.uint8)
        return found.reshape(heat.rows, heat.columns).tolist()

    def test_a_heat_map_is_stretched_from_what_is_usual_to_its_hottest(self):
        assert self.levels([0.5, 0.5, 0.5], [0.5, 0.5, 2.5]) == [[0, 0, 0], [0, 0, 255]]

    def test_a_good_part_is_not_red_all_over(self):
        """Its patches are nearly as hot as the hottest of good parts, and all alike."""
        assert np.max(self.levels([0.86, 0.9, 0.9], [0.9, 0.94, 1.0])) < 64

    def test_a_defect_that_covers_most_of_the_picture_stays_hot(self):
        assert self.levels([0.9, 3.0, 3.0], [3.0, 3.0, 3.0])[1] == [255, 255, 255]

    def test_noise_is_not_stretched_to_a_fire(self):
        assert self.levels([0.3, 0.3, 0.3], [0.3, 0.3, 0.42])[1][2] == 50

    def test_without_a_memory_there_is_none(self):
        assert heat_of(msgspec.structs.replace(finding().inspection, heat=None)) is None


class TestEvidence:
    @pytest.fixture
    def make(self, tmp_path):
        made = []

        def make(seen=None, pack=to_jpeg, one_in=1):
            cabinet = Cabinet(tmp_path / "caps", 100, 10**6)
            asked = Seen(seen or finding(), "caps-1", Limits(2.0, 3.0))
            find = {7: asked}.get
            numbers = iter(range(100))
            draw = PassDraw("caps", one_in, 1000)
            evidence = Evidence(
                {"caps": Source(find, cabinet, 90, draw)}, lambda: f"box-1-p{next(numbers)}", pack,
                lambda: 99,
            )  # fmt: skip
            made.append(evidence)
            return evidence, cabinet

        yield make
        for evidence in made:
            evidence.stop()

    def test_a_decision_that_acted_keeps_its_picture_with_its_heat_map(self, make):
        evidence, cabinet = make()
        evidence.start()
        evidence.decided(decision())
        assert evidence.stop()
        (kept,) = cabinet.exhibits()
        assert (kept.id, kept.severity, kept.label) == ("box-1-1", "critical", "crack")
        assert kept.priority is Priority.IMPORTANT
        assert kept.heat is not None
        assert b"box-1-1" in cabinet.picture("box-1-1")[:2000]

    @pytest.mark.parametrize(
        ("action", "review", "severity", "kept"),
        [
            ("none", False, Severity.PASS, 0),
            ("none", True, Severity.PASS, 1),
            ("none", False, Severity.WARNING, 1),
            ("none", False, None, 1),
            ("flag", False, Severity.PASS, 1),
        ],
    )
    def test_a_decision_on_a_plain_pass_keeps_nothing(self, make, action, review, severity, kept):
        evidence, cabinet = make(finding(severity))
        evidence.start()
        evidence.decided(decision(action=action, review=review))
        assert evidence.stop()
        assert len(cabinet) == kept

    def test_a_pass_that_was_drawn_waits_for_a_person_with_its_heat_map(self, make):
        evidence, cabinet = make(finding(Severity.PASS))
        evidence.start()
        evidence.passed("caps", finding(Severity.PASS))
        assert evidence.stop()
        (kept,) = cabinet.waiting()
        assert (kept.drawn, kept.review, kept.severity) == (True, False, "pass")
        assert (kept.bundle, kept.wall_ns, kept.priority) == ("caps-1", 99, Priority.BACKGROUND)
        assert kept.heat is not None
        assert "drawn by chance" in kept.reason

    def test_a_pass_that_was_not_drawn_is_not_kept(self, make):
        evidence, cabinet = make(finding(Severity.PASS), one_in=0)
        evidence.start()
        evidence.passed("caps", finding(Severity.PASS))
        assert evidence.stop()
        assert len(cabinet) == 0

    def test_a_decision_about_something_else_keeps_nothing(self, make):
        evidence, cabinet = make()
        evidence.start()
        evidence.decided(decision(frame=8.0))
        evidence.decided(decision(frame=float("nan")))
        evidence.decided(msgspec.structs.replace(decision(), inputs={"plc.level": 7.0}))
        assert evidence.stop()
        assert len(cabinet) == 0

    def test_a_full_queue_lets_the_least_urgent_go_and_counts_it(self, make):
        evidence, cabinet = make()
        for number in range(QUEUE_MOST + 3):
            evidence.decided(decision(f"box-1-{number}"))
        evidence.start()
        assert evidence.stop()
        assert len(cabinet) == QUEUE_MOST
        assert evidence.dropped == {"caps": 3}

    def test_a_disk_that_refuses_costs_the_picture_and_nothing_else(self, make):
        failing = threading.Event()

        def pack(picture, quality, comment):
            if not failing.is_set():
                failing.set()
                raise OSError("no space left on device")
            return to_jpeg(picture, quality, comment)

        evidence, cabinet = make(pack=pack)
        evidence.start()
        evidence.decided(decision("box-1-1"))
        evidence.decided(decision("box-1-2"))
        assert evidence.stop()
        assert [each.id for each in cabinet.exhibits()] == ["box-1-2"]
        assert evidence.dropped == {"caps": 1}
