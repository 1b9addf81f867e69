"""From the first part to a bundle in use, and everything that may not happen in between."""

import asyncio
import threading

import msgspec
import numpy as np
import pytest

from banksman.vision.bundle_shelf import BundleShelf
from banksman.vision.commission_view import CommissionRefused
from banksman.vision.commissioning import Commissioning
from banksman.vision.in_use import InUse
from banksman.vision.inspection import Inspection, Region, Timings
from banksman.vision.parts_folder import PartsFolder
from banksman.vision.severity import Limits
from banksman_drivers.fake.camera import Scene
from banksman_drivers.ports import Frame, Quality
from banksman_inference.ports import ModelRefused


class Learnt(msgspec.Struct):
    good_scores: np.ndarray
    defect_scores: np.ndarray


class Workshop:
    """Learns the brightness of good parts. Each step can be held or made to fail."""

    def __init__(self):
        self.error = None
        self.free = threading.Event()
        self.free.set()
        self.sizes = []

    def fit(self, good, defects, labels, progress):
        for place, picture in enumerate(good):
            progress(place, len(good), "learning")
            assert self.free.wait(20)
            self.sizes.append(picture.shape)
        if self.error:
            raise self.error
        scores = np.linspace(0, 2, len(good), dtype=np.float32)
        return Learnt(scores, np.full(len(defects), 5.0, np.float32))

    def build(self, learnt, name, limits, about):
        return msgspec.json.encode({"limits": [limits.warning, limits.critical], "about": about})

    def load(self, path):
        if self.error:
            raise self.error
        low, high = msgspec.json.decode(path.read_bytes())["limits"]
        return InUse(Candidate(), Limits(low, high), path.stem)


class Candidate:
    def inspect(self, picture):
        score = float(picture[0, 0, 0])
        return Inspection(score, score, 0.0, "", 0.9, None, Region(0, 0, 1, 1), Timings(1, 1, 1, 1))


class Line:
    def __init__(self, folder, region=None, fixed=""):
        self.folder, self.used = folder, []
        self.workshop = Workshop()
        self.region, self.fixed = region, fixed
        self.scene = Scene(64, 48)
        self.number = 0
        self.again()

    def again(self):
        """As after a restart."""
        self.work = Commissioning(
            "caps", self.region, False, PartsFolder(self.folder / "parts"),
            BundleShelf(self.folder / "bundles", "caps"), self.workshop,
            self.used.append, self.fixed,
        )  # fmt: skip

    def film(self, frames, level=None):
        for _ in range(frames):
            self.number += 1
            image = self.scene.draw(self.number * 0.3, None)
            if level is not None:
                image[0, 0, 0] = level
            at_ns = self.number * 1_000_000_000
            self.work.offer(Frame("cam1", image, self.number, Quality.GOOD, at_ns))

    async def until(self, *phases):
        async with asyncio.timeout(20):
            while self.work.view().phase not in phases:
                await asyncio.sleep(0.005)
        return self.work.view()

    async def taught(self):
        self.work.collect("good", "", 40)
        self.film(40)
        self.work.fit()
        await self.until("fitted")


@pytest.fixture
async def line(tmp_path):
    made = Line(tmp_path)
    yield made
    made.workshop.free.set()
    await made.work.close()


async def test_parts_are_taken_until_there_are_as_many_as_wanted(line):
    line.work.collect("good", "", 3)
    assert line.work.view().phase == "collecting"
    line.film(5)
    view = line.work.view()
    assert (view.phase, view.good, view.wanted) == ("collected", 3, 0)


async def test_only_the_region_of_interest_is_kept(tmp_path):
    line = Line(tmp_path, Region(10, 5, 20, 30))
    await line.taught()
    assert set(line.workshop.sizes) == {(30, 20, 3)}
    await line.work.close()


async def test_a_region_outside_the_picture_ends_the_taking_with_the_reason(tmp_path):
    line = Line(tmp_path, Region(60, 5, 20, 30))
    line.work.collect("good", "", 3)
    line.film(2)
    view = line.work.view()
    assert (view.phase, view.good) == ("collected", 0)
    assert "outside the picture" in view.problem
    await line.work.close()


async def test_defects_are_kept_by_their_class(line):
    line.work.collect("defect", "scratch", 2)
    line.film(2)
    line.work.collect("defect", "hole", 1)
    line.film(1)
    assert line.work.view().defects == {"scratch": 2, "hole": 1}


@pytest.mark.parametrize("label", ["", "../x", "Two words", "x" * 40])
async def test_a_class_that_is_no_word_is_refused(line, label):
    with pytest.raises(CommissionRefused, match="word"):
        line.work.collect("defect", label, 2)


async def test_it_goes_on_after_a_restart_with_what_was_taken(line):
    line.work.collect("good", "", 30)
    line.film(10)
    line.again()
    view = line.work.view()
    assert (view.phase, view.good) == ("collected", 10)
    line.work.collect("good", "", 20)
    line.film(20)
    assert line.work.view().good == 30


async def test_too_few_good_parts_teach_nothing(line):
    line.work.collect("good", "", 5)
    line.film(5)
    with pytest.raises(CommissionRefused, match="too few"):
        line.work.fit()


async def test_learning_shows_scores_and_what_each_rate_would_do(line):
    line.work.collect("defect", "hole", 2)
    line.film(2)
    await line.taught()
    view = line.work.view()
    assert (len(view.good_scores), len(view.defect_scores)) == (40, 2)
    assert [choice.rate for choice in view.choices][:3] == [0.05, 0.02, 0.01]
    assert not view.choices[-1].proven


async def test_learning_can_be_ended(line):
    line.work.collect("good", "", 40)
    line.film(40)
    line.workshop.free.clear()
    line.work.fit()
    with pytest.raises(CommissionRefused, match="fitting"):
        line.work.collect("good", "", 1)
    line.work.pause()
    line.workshop.free.set()
    view = await line.until("collected")
    assert view.problem == "the learning was ended"


@pytest.mark.parametrize(
    "error", [ValueError("picture 7 is black"), ModelRefused("no backbone"), ZeroDivisionError()]
)
async def test_learning_that_fails_says_why_and_keeps_the_parts(line, error):
    line.work.collect("good", "", 40)
    line.film(40)
    line.workshop.error = error
    line.work.fit()
    view = await line.until("collected")
    assert str(error) in view.problem
    assert view.problem
    assert view.good == 40


async def test_a_saved_bundle_is_on_trial_and_decides_nothing(line):
    await line.taught()
    choice = await line.work.save(0.05)
    assert choice.false_stops.count == 1  # and a new part would be the second of 41
    line.film(1, level=0)
    line.film(1, level=250)
    view = line.work.view()
    assert (view.phase, view.candidate, view.in_use) == ("trial", "caps-1", "")
    assert (view.trial.seen, view.trial.criticals) == (2, 1)
    assert view.critical >= view.warning
    assert line.used == []


async def test_confirming_puts_it_in_use_and_it_stays_so_over_a_restart(line):
    await line.taught()
    await line.work.save(0.05)
    assert await line.work.confirm() == "caps-1"
    assert [each.version for each in line.used] == ["caps-1"]
    line.again()
    assert line.work.view().in_use == "caps-1"


async def test_one_can_go_back_to_the_bundle_before(line):
    for _ in range(2):
        await line.taught()
        await line.work.save(0.05)
        await line.work.confirm()
    assert await line.work.roll_back() == "caps-1"
    assert [each.version for each in line.used] == ["caps-1", "caps-2", "caps-1"]


async def test_a_candidate_that_breaks_is_counted_and_harms_nobody(line):
    await line.taught()
    await line.work.save(0.05)
    line.work._candidate.trial.candidate.looker.inspect = lambda picture: 1 / 0
    line.film(3)
    assert line.work.view().trial.failed == 3


@pytest.mark.parametrize("step", ["confirm", "roll_back"])
async def test_nothing_is_put_in_use_that_is_not_there(line, step):
    with pytest.raises(CommissionRefused):
        await getattr(line.work, step)()


async def test_nothing_is_saved_before_it_has_learnt(line):
    with pytest.raises(CommissionRefused, match="nothing was learnt"):
        await line.work.save(0.01)


async def test_a_bundle_that_cannot_be_loaded_again_is_refused(line):
    await line.taught()
    line.workshop.error = ModelRefused("it fails its golden cases")
    with pytest.raises(CommissionRefused, match="golden"):
        await line.work.save(0.01)
    assert line.work.view().candidate == ""


async def test_where_the_config_names_a_bundle_no_other_is_put_in_use(tmp_path):
    line = Line(tmp_path, fixed="bundle_file names one")
    await line.taught()
    with pytest.raises(CommissionRefused, match="bundle_file"):
        await line.work.save(0.01)
    await line.work.close()


async def test_new_parts_end_the_trial(line):
    await line.taught()
    await line.work.save(0.05)
    line.work.collect("good", "", 1)
    assert line.work.view().candidate == ""


async def test_dropping_forgets_the_parts_and_keeps_the_bundle_in_use(line):
    await line.taught()
    await line.work.save(0.05)
    await line.work.confirm()
    await line.work.drop()
    view = line.work.view()
    assert (view.phase, view.good, view.in_use) == ("idle", 0, "caps-1")


async def test_the_pictures_of_a_folder_can_be_taken_instead(line, tmp_path):
    from banksman.vision.jpeg import to_png

    given = tmp_path / "given"
    given.mkdir()
    for number in range(25):
        (given / f"{number:02}.png").write_bytes(to_png(line.scene.draw(number, None)))
    line.work.collect_folder("good", "", str(given))
    view = await line.until("collected")
    assert view.good == 25


async def test_a_folder_with_a_broken_picture_says_which(line, tmp_path):
    given = tmp_path / "given"
    given.mkdir()
    (given / "a.png").write_bytes(b"nothing")
    line.work.collect_folder("good", "", str(given))
    view = await line.until("collected")
    assert "a.png" in view.problem


async def test_an_empty_folder_is_refused(line, tmp_path):
    with pytest.raises(CommissionRefused, match="no picture"):
        line.work.collect_folder("good", "", str(tmp_path / "nowhere"))


async def test_a_part_that_was_taken_by_mistake_is_learnt_from_no_more(line):
    await line.taught()
    await line.work.save(0.05)
    assert line.work.view().phase == "trial"
    odd = max(line.work.rarities, key=line.work.rarities.__getitem__)
    assert odd == "good-0040"
    await line.work.remove_part(odd)
    view = line.work.view()
    assert (view.phase, view.good, view.good_scores, view.candidate) == ("collected", 39, (), "")
    with pytest.raises(CommissionRefused, match="learn first"):
        await line.work.save(0.05)
    await line.work.put_part_back(odd)
    assert line.work.view().good == 40
    with pytest.raises(KeyError):
        await line.work.put_part_back(odd)


async def test_no_part_is_removed_while_it_learns_or_takes_parts(line):
    line.work.collect("good", "", 40)
    with pytest.raises(CommissionRefused, match="collecting"):
        await line.work.remove_part("good-0001")
    line.film(40)
    line.workshop.free.clear()
    line.work.fit()
    with pytest.raises(CommissionRefused, match="fitting"):
        await line.work.remove_part("good-0001")
    line.workshop.free.set()
    await line.until("fitted")
