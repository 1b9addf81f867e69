"""The commands of docs/operate/secure.md about the store's key, run as they stand there, on a box.

A key is copied, replaced by a new one, lost, and brought back from the copy.
"""

import json
import socket
import subprocess
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.vm, pytest.mark.timeout(600)]

SECURE = Path(__file__).parents[2] / "docs/operate/secure.md"
CREDENTIALS = Path("/etc/credstore.encrypted")
KEY, OLD = CREDENTIALS / "banksman.store-key", CREDENTIALS / "banksman.store-key.old"
DROP_IN = Path("/etc/systemd/system/banksman.service.d/old-key.conf")
ASKING = 'systemd-ask-password -n "old key:"'
SOCKET = "/run/banksman/api.sock"
FORGET = "systemctl stop banksman || true; find /var/lib/banksman -mindepth 1 -delete || true"
PATIENCE_S = 90.0
CONFIG = f"""\
[node]
id = "vm"

[store]
folder = "/var/lib/banksman"
free_floor_mb = 0.0

[web]
socket = "{SOCKET}"
"""


def commands(title: str) -> str:
    """The lines of the first block after these words."""
    return SECURE.read_text().partition(f"**{title}**")[2].split("```")[1].removeprefix("sh\n")


def run(script: str) -> str:
    ran = subprocess.run(["bash", "-ec", script], capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, f"{script}\n{ran.stdout}{ran.stderr}"
    return ran.stdout


def asked(path: str) -> dict:
    """What the daemon's socket answers. Raises OSError, ValueError while there is no daemon."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(PATIENCE_S)
        line.connect(SOCKET)
        line.sendall(f"GET {path} HTTP/1.0\r\nHost: box\r\n\r\n".encode())
        answer = b"".join(iter(lambda: line.recv(65536), b""))
    return json.loads(answer.partition(b"\r\n\r\n")[2])


class Box:
    def store(self) -> dict:
        """What the daemon says of its store, once it has answered."""
        deadline_s = time.monotonic() + PATIENCE_S
        while True:
            try:
                return asked("/api/v1/status")["store"]
            except (OSError, ValueError, KeyError):
                assert time.monotonic() < deadline_s, "the daemon never answers"
                time.sleep(0.5)

    def audit_ids(self) -> set[str]:
        return {each["id"] for each in asked("/api/v1/audit?limit=200")["entries"]}

    def record(self) -> None:
        """Have a record made and kept: an audit entry."""
        before = self.audit_ids()
        run("systemctl kill --signal=HUP banksman")
        self.until(lambda: self.audit_ids() != before, "the reload stands in the audit")

    def until(self, holds, what: str) -> None:
        deadline_s = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < deadline_s, f"never: {what}"
            time.sleep(0.2)

    def restart(self) -> dict:
        run("systemctl reset-failed banksman || true; systemctl restart banksman")
        return self.store()


@pytest.fixture
def box():
    run(FORGET)
    Path("/etc/banksman").mkdir(exist_ok=True)
    for name, text in (("appliance", CONFIG), ("rules", "")):
        file = Path(f"/etc/banksman/{name}.toml")
        file.write_text(text)
        file.chmod(0o644)
    made = Box()
    made.restart()
    made.record()
    yield made
    DROP_IN.unlink(missing_ok=True)
    OLD.unlink(missing_ok=True)
    run("systemctl daemon-reload")
    run(FORGET)


def test_a_new_key_by_the_manual_seals_what_is_new_and_opens_what_is_old(box):
    sealing, before = box.store()["sealing"], box.audit_ids()
    run(commands("A new key"))
    store = box.store()
    assert store["sealing"] != sealing
    assert store["unreadable"] == 0
    assert before <= box.audit_ids()


def test_what_a_lost_key_sealed_is_kept_aside_and_comes_back_with_the_copy(box, tmp_path):
    before = box.audit_ids()
    copy = tmp_path / "copy"
    copy.write_text(run(commands("Keep a copy")))
    copy.chmod(0o600)
    KEY.unlink()
    run("systemctl restart banksman-store-key")
    box.restart()
    assert not before <= box.audit_ids()
    box.until(lambda: box.store()["unreadable"], "what was found not to open is counted")
    run(commands("The key is lost").replace(ASKING, f"cat {copy}"))
    assert box.store()["unreadable"] == 0
    assert before <= box.audit_ids()
