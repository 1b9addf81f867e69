"""An installed box makes its own key, once, and starts whatever became of an old one."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from banksman.store.key_place import PLAIN, SEALED, told
from banksman.store.sealing import load_seal

SCRIPT = Path(__file__).resolve().parents[2] / "systemd" / "store-key.sh"
TOOLS = ("od", "tr", "wc", "dirname", "install", "rm", "mv", "sync", "date", "sh")
needs_creds = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("systemd-creds") is None,
    reason="sealing a credential needs systemd-creds, and root for the host key",
)


class Box:
    """A root of a file system with a host key of its own."""

    def __init__(self, root: Path, secret: Path, path: str) -> None:
        self.root = root
        self.secret = secret
        self.path = path
        (root / "etc/banksman/secrets").mkdir(parents=True)

    def start(self) -> str:
        """What the oneshot unit runs; returns what it said."""
        environment = {
            "PATH": self.path,
            "SYSTEMD_CREDENTIAL_SECRET": str(self.secret),
            "BANKSMAN_KEY_TRIES": "1",
        }
        found = subprocess.run(
            ["/bin/sh", str(SCRIPT), str(self.root)],
            env=environment, capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        return found.stdout + found.stderr

    def handed_over(self, folder: Path) -> Path:
        """What systemd gives to the daemon (LoadCredentialEncrypted)."""
        folder.mkdir()
        subprocess.run(
            ["systemd-creds", "decrypt", "--name=banksman.store-key", str(self.root / SEALED),
             str(folder / "banksman.store-key")],
            env={"PATH": self.path, "SYSTEMD_CREDENTIAL_SECRET": str(self.secret)},
            capture_output=True, timeout=60, check=True,
        )  # fmt: skip
        return folder


@pytest.fixture
def box(tmp_path) -> Box:
    return Box(tmp_path / "root", tmp_path / "secret", os.environ["PATH"])


@pytest.fixture
def old_box(tmp_path) -> Box:
    """Its systemd has no systemd-creds. ``chown`` is written down: the user may not exist here."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in TOOLS:
        (tools / name).symlink_to(shutil.which(name))
    chown = tools / "chown"
    chown.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/chowned\n')
    chown.chmod(0o755)
    return Box(tmp_path / "root", tmp_path / "secret", str(tools))


@needs_creds
def test_the_first_start_makes_a_sealed_key_that_the_daemon_seals_with(box, tmp_path):
    assert told(box.root).startswith("not sealed")
    said = box.start()
    file = box.root / SEALED
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    folder = box.handed_over(tmp_path / "credentials")
    seal = load_seal({"CREDENTIALS_DIRECTORY": str(folder)})
    assert "AES-256-GCM" in seal.name
    key = (folder / "banksman.store-key").read_text()
    assert key not in said
    assert key.encode() not in file.read_bytes()
    assert told(box.root) == f"sealed by {file}"


@needs_creds
def test_a_further_start_leaves_the_key_as_it_is(box):
    box.start()
    before = (box.root / SEALED).read_bytes()
    assert "made" not in box.start()
    assert (box.root / SEALED).read_bytes() == before


@needs_creds
def test_two_boxes_have_two_keys(box, tmp_path):
    other = Box(tmp_path / "other", tmp_path / "secret", box.path)
    box.start()
    other.start()
    keys = {
        (each.handed_over(tmp_path / name) / "banksman.store-key").read_text()
        for name, each in (("one", box), ("two", other))
    }
    assert len(keys) == 2


@needs_creds
def test_a_key_of_another_board_is_set_aside_and_the_box_starts_with_a_new_one(box, tmp_path):
    box.start()
    before = (box.root / SEALED).read_bytes()
    box.secret.unlink()
    assert "does not open here" in box.start()
    (aside,) = box.root.glob(f"{SEALED}.unopened-*")
    assert aside.read_bytes() == before
    folder = box.handed_over(tmp_path / "credentials")
    assert load_seal({"CREDENTIALS_DIRECTORY": str(folder)}).name


def test_where_systemd_seals_nothing_the_key_is_a_file_for_the_daemon_alone(old_box, tmp_path):
    said = old_box.start()
    file = old_box.root / PLAIN
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (tmp_path / "chowned").read_text() == f"banksman:banksman {file}.new\n"
    assert "in the clear" in said
    assert file.read_text() not in said
    assert "AES-256-GCM" in load_seal({"BANKSMAN_STORE_KEY": str(file)}).name
    assert "in the clear" in told(old_box.root)
    before = file.read_bytes()
    assert old_box.start() == ""
    assert file.read_bytes() == before


def test_the_units_name_what_the_script_makes(files, unit):
    text = SCRIPT.read_text()
    assert unit["LoadCredentialEncrypted"] == [SEALED.rpartition("/")[2]]
    assert f"BANKSMAN_STORE_KEY=/{PLAIN}" in unit["Environment"]
    assert "/etc/credstore.encrypted/$NAME" in text
    assert f"/{PLAIN}" in text
    assert unit["Wants"] == ["banksman-store-key.service"]
    assert "banksman-store-key.service" in unit["After"]
    maker = (files / "banksman-store-key.service").read_text()
    assert "\nBefore=banksman.service\n" in maker
    install = (files.parent / "docs/operate/install.md").read_text()
    assert "systemd/banksman-store-key.service /usr/lib/systemd/system/" in install
    assert "systemd/store-key.sh /usr/lib/banksman/store-key" in install
    assert "\nExecStart=/usr/lib/banksman/store-key\n" in maker
