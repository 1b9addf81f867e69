"""The user, groups and folders that the unit relies on are really made, in a root of their own."""

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="making users in another root needs root"),
    pytest.mark.skipif(shutil.which("systemd-sysusers") is None, reason="systemd is not installed"),
]


@pytest.fixture
def root(files, tmp_path: Path) -> Path:
    """An empty root to which sysusers and tmpfiles were applied."""
    for kind in ("sysusers.d", "tmpfiles.d"):
        shutil.copytree(files / kind, tmp_path / "usr/lib" / kind)
    (tmp_path / "etc").mkdir()
    for command in (["systemd-sysusers"], ["systemd-tmpfiles", "--create"]):
        subprocess.run(
            [*command, f"--root={tmp_path}"], check=True, capture_output=True, timeout=60
        )
    return tmp_path


def entries(path: Path) -> dict[str, list[str]]:
    return {line.split(":")[0]: line.split(":")[1:] for line in path.read_text().splitlines()}


def test_the_units_user_and_groups_exist(root, unit):
    assert unit["User"][0] in entries(root / "etc/passwd")
    groups = entries(root / "etc/group")
    assert {unit["Group"][0], *unit["SupplementaryGroups"][0].split()} <= set(groups)


def test_the_daemons_user_cannot_log_in(root):
    assert entries(root / "etc/passwd")["banksman"][-1].endswith("nologin")


@pytest.mark.parametrize("folder", ["etc/banksman", "etc/banksman/secrets"])
def test_config_and_secrets_are_roots_to_write_and_hidden_from_others(root, folder):
    found = (root / folder).stat()
    assert stat.S_IMODE(found.st_mode) == 0o750
    assert found.st_uid == 0
    assert str(found.st_gid) == entries(root / "etc/group")["banksman"][1]


def test_every_device_group_of_the_udev_rules_is_made(root, files):
    rules = (files / "udev/60-banksman.rules").read_text()
    named = set(re.findall(r'GROUP="(\w+)"', rules))
    assert named == {"gpio", "i2c"}
    assert named <= set(entries(root / "etc/group"))
