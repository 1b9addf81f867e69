"""What it refuses to start with: exit codes, and everything said at once."""

HIDDEN_GUARD = """\
import sys

class Hide:
    def find_spec(self, name, path=None, target=None):
        if name == "banksman_drivers.guard._native":
            raise ImportError("no compiler was there when this was installed")

sys.meta_path.insert(0, Hide())
"""


async def test_a_wrong_config_ends_with_exit_code_2_and_every_problem_said(box):
    text = box.config.read_text()
    for right, wrong in (
        ('mode = "armed"', 'mode = "armd"'),
        ("poll_ms = 20", "poll_ms = 0"),
        ("timeout_ms = 400", "timeoutms = 400"),
        ('output = "plc.valve", value = true', 'output = "plc.valv", value = true'),
    ):
        assert right in text
        text = text.replace(right, wrong)
    box.config.write_text(text)

    ended = await box.command("run", "--config", str(box.config))

    assert ended.code == 2
    for key in ("node.mode", "poll_ms", "timeoutms"):
        assert key in ended.err
    assert str(box.config) in ended.err
    assert not box.store.exists(), "nothing was begun"


async def test_a_missing_config_says_where_it_was_sought(box):
    ended = await box.command("run", "--config", str(box.folder / "nowhere.toml"))
    assert ended.code == 2
    assert "nowhere.toml" in ended.err


async def test_armed_without_the_native_guard_ends_with_exit_code_3_and_the_remedy(box, plc):
    (box.folder / "sitecustomize.py").write_text(HIDDEN_GUARD)
    box.environment["PYTHONPATH"] = str(box.folder)

    ended = await box.command("run", "--config", str(box.config))

    assert ended.code == 3
    assert "gcc" in ended.err
    assert 'mode = "observe"' in ended.err
    assert not plc.writes


async def test_without_the_native_guard_it_still_observes(box):
    (box.folder / "sitecustomize.py").write_text(HIDDEN_GUARD)
    box.environment["PYTHONPATH"] = str(box.folder)
    box.write(mode="observe")
    await box.start()
    status = await box.until_status(lambda status: status["readiness"]["ready"], "ready")
    assert "no compiler" in status["versions"]["guard"]


async def test_a_port_that_is_taken_is_said_with_the_option_to_change(box, plc):
    box.config.write_text(
        box.config.read_text().replace(f"port = {box.url.rpartition(':')[2]}", f"port = {plc.port}")
    )
    ended = await box.command("run", "--config", str(box.config))
    assert ended.code == 1
    assert f"127.0.0.1:{plc.port}: address already in use" in ended.err
    assert "[web] port" in ended.err
    assert "Traceback" not in ended.err
