"""SIGKILL in the middle of the work: what was recorded is there, and ids go on."""

ALERT = """\
[[action]]
name = "call"
alert = { text = "The level is high", priority = "important" }

[[decision]]
name = "watch"
type = "inventory_alert"
on = ["plc.level"]
safe_action = "none"
"""
RULES = """
[[rule]]
name = "high"
point = "watch"
when = "plc.level > 500"
then = "call"

[[rule]]
name = "not high"
point = "watch"
when = "True"
then = "none"
"""


async def test_what_was_recorded_before_a_kill_is_there_after_it_and_ids_are_unique(box, plc):
    box.write(ALERT, rules=box.rules.read_text() + RULES)
    await box.start()
    for level, action in ((600, "open_valve"), (10, "close_valve"), (601, "open_valve")):
        plc.memory.holding[0] = level
        await box.until_points({"limit": action})
    before = (await box.get("/api/v1/decisions?limit=500"))["decisions"]
    status = await box.until_status(lambda status: status["alarms"], "the alarm is raised")
    epoch, alarms = status["store"]["epoch"], status["alarms"]

    await box.kill()
    await box.start()

    status = await box.until_status(lambda status: status["readiness"]["ready"], "ready")
    assert status["store"]["epoch"] > epoch
    assert [alarm["key"] for alarm in status["alarms"]] == [alarm["key"] for alarm in alarms]
    assert [alarm["raised_wall_ns"] for alarm in status["alarms"]] == [
        alarm["raised_wall_ns"] for alarm in alarms
    ]
    plc.memory.holding[0] = 0
    await box.until_points({"limit": "close_valve", "watch": "none"})
    after = (await box.get("/api/v1/decisions?limit=500"))["decisions"]
    known = {decision["id"]: decision for decision in after}
    assert len(known) == len(after) > len(before)
    assert [known[decision["id"]] for decision in before] == before


async def test_killed_again_and_again_it_comes_back_with_a_new_epoch_each_time(box, plc):
    plc.memory.holding[0] = 600
    epochs = []
    for _ in range(3):
        await box.start()
        status = await box.until_status(lambda status: status["store"]["durable_mark"], "durable")
        epochs.append(status["store"]["epoch"])
        await box.kill()
    assert epochs == sorted(set(epochs))
    assert plc.memory.coils[0] == 1, "a remote output outlives the process: see the watchdog"
