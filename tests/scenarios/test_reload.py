"""SIGHUP reads the rules anew: all of them, or none."""

import signal


async def test_good_rules_are_taken_on_sighup_and_bad_ones_leave_the_old_in_force(box, plc):
    plc.memory.holding[0] = 400
    await box.start()
    first = await box.until_status(lambda status: status["rules_version"], "rules")
    good = box.rules.read_text().replace("> 500", "> 300")
    box.rules.write_text(good)
    box.signal(signal.SIGHUP)
    await box.until(lambda: plc.memory.coils[0] == 1, "the new rules open the valve")
    status = await box.until_status(
        lambda status: status["rules_version"] != first["rules_version"], "another version"
    )
    version = status["rules_version"]
    await box.until(lambda: f"rules reloaded: {version}" in box.log(), "it is said")

    box.rules.write_text(
        good.replace("plc.level > 300", "plc.levle > 200").replace("close_valve", "shut")
    )
    box.signal(signal.SIGHUP)
    await box.until(lambda: box.log().count("rules not reloaded") == 2, "both problems are said")

    assert "plc.level" in box.log().split("plc.levle")[1], "the nearest name is suggested"
    await box.until_audit("rules refused")
    status = await box.get("/api/v1/status")
    assert status["rules_version"] == version
    plc.memory.holding[0] = 250
    await box.until(lambda: plc.memory.coils[0] == 0, "the old rules close the valve")
    box.rules.write_text("")
    box.signal(signal.SIGHUP)
    await box.until(lambda: "no row belongs to" in box.log(), "an emptied file is said")
    assert (await box.get("/api/v1/status"))["rules_version"] == version
    said = box.log().count("rules not reloaded")
    box.rules.unlink()
    box.signal(signal.SIGHUP)
    await box.until(lambda: box.log().count("rules not reloaded") > said, "a missing file is said")
    assert (await box.get("/api/v1/status"))["rules_version"] == version


async def test_the_page_reloads_for_an_operator_and_shows_the_problems(box):
    await box.start()
    csrf = await box.log_in()
    assert await box.post("/api/v1/rules/reload", csrf=csrf) == (
        200,
        {"loaded": True, "problems": []},
    )
    box.rules.write_text("[[rule]\n")
    code, answer = await box.post("/api/v1/rules/reload", csrf=csrf)
    assert code == 422
    assert answer["problems"][0]["file"].endswith("rules.toml")


async def test_refused_rules_are_an_alarm_until_good_ones_are_taken(box):
    await box.start()
    good = box.rules.read_text()
    box.rules.write_text(good.replace("plc.level", "plc.levle"))
    box.signal(signal.SIGHUP)

    def alarm_of(status):
        return next((each for each in status["alarms"] if each["key"] == "rules"), None)

    status = await box.until_status(alarm_of, "the alarm")
    assert alarm_of(status)["active"]
    assert "did you mean plc.level?" in alarm_of(status)["text"]

    box.rules.write_text(good)
    box.signal(signal.SIGHUP)
    await box.until_status(lambda status: not alarm_of(status)["active"], "it is over")
