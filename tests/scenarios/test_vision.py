"""Visual quality control in the whole daemon with the shipped backbone: it stops, rejects, recalls.

The camera films a folder that the test fills, as a camera that stores its pictures by FTP does. The
station is taught once for all tests; each daemon finds its bundle where commissioning leaves it.
"""

import shutil

import pytest

from banksman.assembly_models import PASSED_FILE, ModelLoader, this_board
from banksman.assembly_vision import backbone_file
from banksman.clock import SystemClock
from banksman.config.schema_vision import InspectionSettings
from banksman.vision.bundle_shelf import BundleShelf
from banksman.vision.inspection import Thresholds
from banksman.vision.jpeg import from_picture_file, to_png
from banksman.vision.workshop import BundleWorkshop
from banksman_drivers.fake.camera import Scene

# Teaching looks at a hundred pictures with the real backbone, and the machine may be slow.
pytestmark = pytest.mark.timeout(900)

TABLES = """\
[[device]]
driver = "camera"
id = "cam1"
source = "folder:shots"
loop = true
fps = 20
report_ms = 100
lost_after_ms = 5000

[[inspection]]
id = "caps"
camera = "cam1"
stale_ms = 10000
region = {{ left = 40, top = 0, width = 240, height = 240 }}
reject = {{ delay_ms = 5000, hold_ms = 3000 }}

[[trip]]
name = "line"
kind = "process"
outputs = ["plc.valve"]

[[action]]
name = "stop"
trip = "line"
alert = {{ text = "The line was stopped", priority = "critical" }}

[[action]]
name = "hold"
writes = [{{ output = "plc.valve", value = false }}]

[[decision]]
name = "cap_quality"
type = "quality_control"
on = ["caps.severity"]
each = "caps.part"
confidence = "caps.confidence"
inputs = ["caps.anomaly"]
safe_action = "hold"
"""

RULES = """\
[[rule]]
name = "defect"
point = "cap_quality"
when = "caps.severity >= 1"
then = "{then}"
priority = 1
reason = "the cap's rarity is {{caps.severity}}"

[[rule]]
name = "fine"
point = "cap_quality"
when = "True"
then = "open_valve"

[[rule]]
name = "any level"
point = "limit"
when = "True"
then = "none"
"""


GATE = """\
[[action]]
name = "mark"
writes = [{ output = "caps.reject", value = true }]

[[decision]]
name = "cap_gate"
type = "quality_control"
on = ["caps.at_reject"]
safe_action = "open_valve"
"""

GATE_RULES = """\
[[rule]]
name = "defect"
point = "cap_quality"
when = "caps.severity >= 1"
then = "mark"
priority = 1

[[rule]]
name = "fine"
point = "cap_quality"
when = "True"
then = "none"

[[rule]]
name = "marked"
point = "cap_gate"
when = "caps.at_reject == 1"
then = "open_valve"
priority = 1

[[rule]]
name = "free"
point = "cap_gate"
when = "True"
then = "close_valve"

[[rule]]
name = "any level"
point = "limit"
when = "True"
then = "none"
"""


def draw(number, defect):
    """A part in the region of interest: parts differ by their noise and a little by their belt."""
    return Scene(320, 240, number % 8).draw(0.0, defect, 4 + number % 3)


class Shots:
    """The camera's folder."""

    def __init__(self, folder):
        self.folder = folder / "shots"
        self.folder.mkdir()
        self._number = 0

    def film(self, defect):
        """From now on the camera shows only this."""
        before = list(self.folder.iterdir())
        for _ in range(4):
            self._number += 1
            beside = self.folder / "beside.part"
            beside.write_bytes(to_png(draw(self._number, defect)))
            beside.rename(self.folder / f"{self._number:06}.png")
        for old in before:
            old.unlink()

    def vanish(self):
        for old in list(self.folder.iterdir()):
            old.unlink()
        self.folder.rmdir()


@pytest.fixture
def shots(tmp_path):
    return Shots(tmp_path)


@pytest.fixture(scope="module")
def lesson(tmp_path_factory):
    """A folder with the bundle of a taught station, and which models have passed their trial."""
    folder = tmp_path_factory.mktemp("lesson")
    workshop = BundleWorkshop(
        InspectionSettings(id="caps", camera="cam1"),
        None,
        backbone_file(),
        lambda: ModelLoader(folder, folder, lambda name, why: None, this_board()),
        SystemClock(),
        lambda looker, version: looker,
    )
    good = [draw(number, None)[:, 40:280] for number in range(20)]
    learnt = workshop.fit(good, [], [], lambda done, total, what: None)
    data = workshop.build(learnt, "caps-1", Thresholds(2.0, 3.0), "drawn caps")
    (folder / "caps-1.bundle").write_bytes(data)
    workshop.load(folder / "caps-1.bundle")  # it passes its trial once for all
    return folder


async def taught(box, shots, lesson, *more, rules=None, mode="armed", tables=TABLES):
    """A daemon with a station that was taught."""
    shelf = BundleShelf(box.store / "vision" / "caps" / "bundles", "caps")
    shelf.add("caps-1", (lesson / "caps-1.bundle").read_bytes())
    shelf.use("caps-1")
    shutil.copy(lesson / PASSED_FILE, box.store)
    shots.film(None)
    box.write(tables.format(), *more, rules=rules or RULES.format(then="stop"), mode=mode)
    await box.start()
    await box.until_status(lambda status: seen(status)["severity"] == 0.0, "good parts pass")


def seen(status):
    return {
        sensor["id"].removeprefix("caps."): sensor["value"]
        for sensor in status["sensors"]
        if sensor["id"].startswith("caps.")
    }


async def until_exhibit(box, severity):
    """The newest kept picture of that severity."""
    found = []

    async def holds():
        found[:] = [
            each
            for each in (await box.get("/api/v1/exhibits"))["exhibits"]
            if each["severity"] == severity
        ]
        return found

    await box._until(holds, f"a picture of a {severity} part is kept", 0.05)
    return found[0]


async def until_acted(box, actions):
    """All of these were decided, and it is on the disk."""

    async def holds():
        found = (await box.get("/api/v1/decisions?limit=100"))["decisions"]
        return actions <= {each["action"] for each in found}

    await box._until(holds, f"decided: {actions}", 0.05)


async def test_before_it_is_taught_the_safe_action_holds_and_an_alarm_says_why(
    box, plc, shots, lesson
):
    shots.film(None)
    box.write(TABLES.format(), rules=RULES.format(then="stop"))
    await box.start()

    def told(status):
        alarms = {alarm["key"]: alarm["text"] for alarm in status["alarms"]}
        return "banksman commission caps" in alarms.get("device.caps", "")

    await box.until_status(told, "the alarm names the remedy")
    assert (await box.until_decision("hold"))["source"] == "safe_default"
    assert plc.memory.coils[0] == 0


async def test_a_defect_stops_the_line_and_its_picture_is_kept_with_its_heat_map(
    box, plc, shots, lesson
):
    await taught(box, shots, lesson)
    await box.until(lambda: plc.memory.coils[0] == 1, "good parts run")
    shots.film("stain")
    await box.until(lambda: plc.memory.coils[0] == 0, "the defect stops the line")
    await box.until_trip("line", latched=True)
    decision = await box.until_decision("stop")
    assert decision["rule"] == "defect"
    assert decision["type"] == "quality_control"
    assert decision["model_version"] == "caps-1"
    assert decision["inputs"]["caps.anomaly"] > 0
    kept = await until_exhibit(box, "critical")
    assert kept["heat"]["rows"] > 1
    async with box._page.get(f"/api/v1/exhibits/{kept['id']}/picture") as reply:
        assert reply.content_type == "image/jpeg"
        picture = from_picture_file(await reply.read())
    assert picture.shape == (240, 320, 3)
    marked = decision["id"] == kept["id"] or kept["reason"] == decision["reason"]
    assert marked


async def test_a_defective_part_leaves_at_its_time_and_the_gate_shuts_behind_it(
    box, plc, shots, lesson
):
    await taught(box, shots, lesson, GATE, rules=GATE_RULES)
    await box.until_points({"cap_gate": "close_valve"})
    shots.film("stain")
    await box.until(lambda: plc.memory.coils[0] == 1, "the gate opens")
    shots.film(None)
    await box.until(lambda: plc.memory.coils[0] == 0, "the gate shuts")
    await until_acted(box, {"mark", "open_valve", "close_valve"})

    async def passed():
        (told,) = (await box.get("/api/v1/inspections"))["inspections"]
        assert told["reject_lost"] == 0
        return told["reject_passed"] >= 1

    await box._until(passed, "the part has passed the gate", 0.05)


async def test_a_camera_that_dies_takes_the_safe_action_and_comes_back(box, plc, shots, lesson):
    await taught(box, shots, lesson)
    await box.until(lambda: plc.memory.coils[0] == 1, "good parts run")
    shots.vanish()
    await box.until(lambda: plc.memory.coils[0] == 0, "the safe action is taken")
    assert (await box.until_decision("hold"))["source"] == "safe_default"
    shots.folder.mkdir()
    shots.film(None)
    await box.until(lambda: plc.memory.coils[0] == 1, "good parts run again")


SETPOINT, STANDARD = 5, 100
PRESS = """\
[[device]]
driver = "modbus_tcp"
id = "press"
host = "127.0.0.1"
port = {port}
poll_ms = 20
timeout_ms = 400
back_off_max_ms = 200
point = [{{ name = "actual", table = "holding", address = 5 }}]
output = [{{ name = "setpoint", table = "holding", address = 5, type = "uint16", safe = 100 }}]

[[action]]
name = "slower"
[action.nudge]
output = "press.setpoint"
reads = "press.actual"
step = -2
low = 96
high = 110
min_interval_s = 0.1

[[action]]
name = "standard"
writes = [{{ output = "press.setpoint", value = 100 }}]
"""
NUDGING = """\
[[rule]]
name = "doubtful"
point = "cap_quality"
when = "caps.severity >= 1"
then = "slower"
priority = 1

[[rule]]
name = "fine"
point = "cap_quality"
when = "True"
then = "none"

[[rule]]
name = "any level"
point = "limit"
when = "True"
then = "none"
"""


async def test_a_camera_that_is_lost_nudges_nothing_and_the_setpoint_goes_back_to_its_standard(
    box, plc, shots, lesson
):
    """Each finding moves the press by one bounded step; without eyes it runs as it always did."""
    holding = plc.memory.holding
    holding[SETPOINT] = STANDARD
    nudging = TABLES.replace('safe_action = "hold"', 'safe_action = "standard"')
    await taught(box, shots, lesson, PRESS.format(port=plc.port), rules=NUDGING, tables=nudging)
    for _ in range(4):
        shots.film("stain")
        await box.until_status(lambda status: seen(status)["severity"] == 2.0, "it is told")
        shots.film(None)
        await box.until_status(lambda status: seen(status)["severity"] == 0.0, "all is well")
    await box.until(lambda: holding[SETPOINT] == 96, "it is at its bound")
    nudges = (await box.get("/api/v1/status"))["counters"]["nudges"]
    assert nudges == 2  # by one step each, and none beyond
    shots.vanish()
    assert (await box.until_decision("standard"))["source"] == "safe_default"
    await box.until(lambda: holding[SETPOINT] == STANDARD, "it is at its standard again")

    async def said_bad_again():
        status = await box.get("/api/v1/status")
        return status["counters"]["decisions_failed"] >= 3

    await box._until(said_bad_again, "it goes on to be lost", 0.05)
    assert (await box.get("/api/v1/status"))["counters"]["nudges"] == nudges
    assert holding[SETPOINT] == STANDARD
    holding[SETPOINT] = 97
    await box.stop()
    assert holding[SETPOINT] == STANDARD  # the output's declared safe state


async def test_an_escape_is_found_among_the_passes_that_chance_drew(box, plc, shots, lesson):
    drawing = TABLES.replace("stale_ms", "evidence = {{ passes_one_in = 1 }}\nstale_ms")
    await taught(box, shots, lesson, tables=drawing)
    found = []

    async def drawn():
        asked = "/api/v1/exhibits?waiting=true&passes=true"
        found[:] = (await box.get(asked))["exhibits"]
        return len(found) >= 2

    await box._until(drawn, "two passes were drawn", 0.05)
    csrf = await box.log_in()
    for one, answer in zip(found, ("defect", "good"), strict=False):
        assert (one["severity"], one["drawn"], one["heat"] is None) == ("pass", True, False)
        status, _ = await box.post(f"/api/v1/exhibits/{one['id']}/answer", {"answer": answer}, csrf)
        assert status == 200
    told = await box.get("/api/v1/inspections")
    assert (told["rates"][0]["escapes"]["count"], told["rates"][0]["escapes"]["of"]) == (1, 2)
    (station,) = told["inspections"]
    assert station["backend"].startswith("litert-")
    assert station["inspect_p99_ms"] >= station["inspect_p50_ms"] > 0


async def test_what_was_taught_and_answered_outlives_a_restart(box, plc, shots, lesson):
    await taught(box, shots, lesson)
    shots.film("stain")
    await box.until_trip("line", latched=True)
    kept = await until_exhibit(box, "critical")
    csrf = await box.log_in()
    body = {"answer": "defect", "label": "stain"}
    status, answered = await box.post(f"/api/v1/exhibits/{kept['id']}/answer", body, csrf)
    assert (status, answered["answer"]) == (200, "defect")
    await box.kill()
    await box.start()
    await box.until_status(lambda told: seen(told)["severity"] == 2.0, "it looks again")
    inspections = await box.get("/api/v1/inspections")
    assert inspections["inspections"][0]["bundle"] == "caps-1"
    assert inspections["inspections"][0]["examples"] == 1
    again = (await box.get("/api/v1/exhibits?limit=100"))["exhibits"]
    assert {each["id"]: each["answer"] for each in again}[kept["id"]] == "defect"


async def test_a_bundle_that_was_tampered_with_is_refused_and_the_rest_goes_on(
    box, plc, shots, lesson
):
    await taught(box, shots, lesson)
    await box.stop()
    (bundle,) = (box.store / "vision" / "caps" / "bundles").glob("*.bundle")
    data = bytearray(bundle.read_bytes())
    data[len(data) // 2] ^= 0xFF
    bundle.write_bytes(data)
    await box.start()

    def told(status):
        alarms = {alarm["key"]: alarm["text"] for alarm in status["alarms"]}
        return "caps-1" in alarms.get("device.caps", "")

    status = await box.until_status(told, "the refusal is an alarm")
    assert {each["id"]: each["state"] for each in status["devices"]}["plc"] == "connected"


MORE = """\
[[device]]
driver = "camera"
id = "cam2"
source = "folder:shots"
loop = true
fps = 5

[[inspection]]
id = "lids"
camera = "cam2"
bundle_file = "lids.bundle"
region = { left = 40, top = 0, width = 240, height = 240 }

[[inspection]]
id = "broken"
camera = "cam2"
bundle_file = "broken.bundle"
"""


async def test_stations_share_the_accelerator_and_a_refused_bundle_harms_none(
    box, plc, shots, lesson, tmp_path
):
    shutil.copy(lesson / "caps-1.bundle", tmp_path / "lids.bundle")
    (tmp_path / "broken.bundle").write_bytes(b"no bundle")
    await taught(box, shots, lesson, MORE)

    def both(status):
        values = {sensor["id"]: sensor["value"] for sensor in status["sensors"]}
        return values["caps.severity"] == 0.0 and values["lids.severity"] == 0.0

    await box.until_status(both, "both stations look")
    counted = {each["id"]: each for each in (await box.get("/api/v1/inspections"))["inspections"]}
    assert "broken.bundle" in counted["broken"]["why_none"]
    assert counted["caps"]["inspected"] > 0

    async def more():
        found = (await box.get("/api/v1/inspections"))["inspections"]
        now = {each["id"]: each["inspected"] for each in found}
        return all(now[name] > counted[name]["inspected"] + 2 for name in ("caps", "lids"))

    await box._until(more, "both get their turns", 0.1)


async def test_observing_it_decides_and_writes_nothing(box, plc, shots, lesson):
    await taught(box, shots, lesson, mode="observe")
    assert (await box.until_decision("open_valve")).get("mode", "observe") == "observe"
    assert plc.memory.coils[0] == 0


async def test_parts_are_taken_by_the_command_and_wait_over_a_restart(box, plc, shots, tmp_path):
    good = tmp_path / "good"
    good.mkdir()
    for number in range(5):
        (good / f"{number}.png").write_bytes(to_png(draw(number, None)))
    shots.film(None)
    box.write(TABLES.format(), rules=RULES.format(then="stop"))
    await box.start()
    where = ("--socket", str(box.socket))
    done = await box.command("commission", "cam1", "--good-folder", str(good), *where)
    assert (done.code, "5 good parts" in done.out) == (0, True), done
    refused = await box.command("commission", "caps", "--learn", *where)
    assert (refused.code, "too few" in refused.err) == (1, True), refused
    await box.kill()
    await box.start()
    told = await box.command("commission", "caps", *where)
    assert "5 good parts" in told.out
    assert "--learn" in told.out
