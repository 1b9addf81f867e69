"""The unit is valid, restarts by progress only, ends in the safe state, and is well shut in."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from banksman.errors import ConfigError, NotArmable
from banksman_watchdog.keeper import period_s

pytestmark = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)

# 1.7 of 10 when this was written; PrivateNetwork alone, which cannot be had, costs 0.5.
EXPOSURE_MAX = 20
# 2.0: it is root's, and its device is the TPM.
KEY_EXPOSURE_MAX = 30
KEY_MAKER = "/usr/lib/banksman/store-key"


@pytest.fixture
def verifiable(files, tmp_path: Path) -> Path:
    """The unit with /usr/bin/true for the program, which is not installed where tests run."""
    program = "/opt/banksman/bin/banksman"
    text = (files / "banksman.service").read_text()
    assert text.count(program) == 2
    path = tmp_path / "banksman.service"
    path.write_text(text.replace(program, "/usr/bin/true"))
    maker = (files / "banksman-store-key.service").read_text()
    assert maker.count(KEY_MAKER) == 1
    (tmp_path / "banksman-store-key.service").write_text(maker.replace(KEY_MAKER, "/usr/bin/true"))
    return path


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", "--no-pager", *arguments], capture_output=True, text=True, timeout=60
    )


def test_systemd_finds_nothing_to_complain_of(verifiable):
    found = analyze("verify", str(verifiable))
    assert (found.returncode, found.stderr) == (0, "")


def test_a_misspelt_setting_would_be_found(verifiable):
    verifiable.write_text(verifiable.read_text().replace("WatchdogSec=", "WatchdogSecs="))
    assert "WatchdogSecs" in analyze("verify", str(verifiable)).stderr


def test_its_exposure_stays_low(verifiable):
    found = analyze("security", "--offline=true", f"--threshold={EXPOSURE_MAX}", str(verifiable))
    assert found.returncode == 0, found.stdout[-300:]
    assert re.search(r"Overall exposure level .* OK", found.stdout)


def test_numpy_gets_one_thread(files):
    text = (files / "banksman.service").read_text()
    assert "Environment=OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1\n" in text


def test_what_makes_the_key_is_a_valid_unit_and_shut_in(verifiable):
    path = verifiable.with_name("banksman-store-key.service")
    found = analyze("verify", str(path))
    assert (found.returncode, found.stderr) == (0, "")
    found = analyze("security", "--offline=true", f"--threshold={KEY_EXPOSURE_MAX}", str(path))
    assert found.returncode == 0, found.stdout[-300:]


def test_ready_status_and_pets_come_from_the_daemon_itself(unit):
    assert unit["Type"] == ["notify"]
    assert unit["NotifyAccess"] == ["main"]


def test_the_watchdog_leaves_room_for_three_lost_pets(unit):
    watchdog_s = float(unit["WatchdogSec"][0])
    assert period_s(watchdog_s) * 4 <= watchdog_s


def test_it_restarts_always_but_not_for_ever(unit):
    assert unit["Restart"] == ["always"]
    assert int(unit["StartLimitBurst"][0]) <= 20
    assert int(unit["StartLimitIntervalSec"][0]) >= 60


def test_a_wrong_config_is_not_tried_again(unit):
    assert unit["RestartPreventExitStatus"] == [f"{ConfigError.exit_code} {NotArmable.exit_code}"]


def test_however_it_ends_the_outputs_are_put_safe_with_the_same_config(unit):
    run, safe = unit["ExecStart"][0].split(), unit["ExecStopPost"][0].split()
    assert (run[1], safe[1]) == ("run", "safe")
    assert (run[0], run[2:]) == (safe[0], safe[2:])


def test_the_guard_may_be_real_time_without_any_capability(unit):
    assert unit["CapabilityBoundingSet"] == [""]
    assert unit["AmbientCapabilities"] == [""]
    assert int(unit["LimitRTPRIO"][0]) > 0
    assert "RestrictRealtime" not in unit
    assert "sched_setscheduler" in unit["SystemCallFilter"][-1].split()


def test_the_devices_it_serves_are_open_and_no_others(unit):
    assert "PrivateDevices" not in unit
    assert unit["DevicePolicy"] == ["closed"]
    kinds = {allowed.split()[0] for allowed in unit["DeviceAllow"]}
    assert {"char-gpiochip", "char-i2c", "char-ttyUSB", "char-video4linux", "char-alsa"} <= kinds
    assert all(kind.startswith("char-") for kind in kinds)


def test_memory_tasks_and_files_are_bounded(unit):
    for bound in ("MemoryMax", "TasksMax", "LimitNOFILE", "LimitMEMLOCK"):
        assert unit[bound][0] not in ("", "infinity")
    assert "MemoryHigh" not in unit
