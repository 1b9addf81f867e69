"""`banksman-cloud` as a person starts it: real processes, real ports, real deaths."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from banksman_cloud.cli import main
from banksman_cloud.errors import SettingsError
from banksman_cloud.settings import parse_address, settings
from benchmarks.cloud.running import Feeding, RunningEndpoint


def run(*words: str, told: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "banksman_cloud.cli", *words]
    return subprocess.run(command, input=told, capture_output=True, text=True, timeout=60)


def test_one_command_serves_boxes_from_sqlite_and_ends_politely(tmp_path):
    with RunningEndpoint(tmp_path) as endpoint:
        feeding = Feeding(endpoint.url, nodes=2, batches=3, items=50)
        feeding.go()
        fed = feeding.result()
        (worker,) = endpoint.workers()
        worker.terminate()
        assert worker.wait(30) == 0
    assert (fed.acknowledged, fed.taken) == (300, 300)
    with sqlite3.connect(tmp_path / "cloud.db") as database:
        assert database.execute("SELECT count(*) FROM record").fetchone() == (300,)
    database.close()


def test_what_was_acknowledged_is_there_after_a_kill(tmp_path):
    with RunningEndpoint(tmp_path) as endpoint:
        feeding = Feeding(endpoint.url, nodes=2, batches=3, items=50)
        feeding.go()
        acknowledged = feeding.result().acknowledged
        endpoint.workers()[0].kill()
    with RunningEndpoint(tmp_path) as endpoint:
        again = Feeding(endpoint.url, nodes=2, batches=3, items=50)
        again.go()
        assert again.result().repeated == acknowledged


def test_workers_killed_while_boxes_send_lose_nothing_and_double_nothing(tmp_path, emptied):
    with RunningEndpoint(tmp_path, "--database", emptied, "--workers", "2") as endpoint:
        feeding = Feeding(endpoint.url, nodes=4, batches=20, items=100)
        feeding.go()
        kills, seed = 0, random.SystemRandom().randrange(10**6)
        print(f"seed {seed}")  # who dies; pytest shows it where this fails
        chance = random.Random(seed)
        while not feeding.done:
            seen = {worker.pid for worker in endpoint.workers()}
            kills += endpoint.kill_a_worker(chance)
            while not feeding.done and {worker.pid for worker in endpoint.workers()} <= seen:
                time.sleep(0.01)
        fed = feeding.result()
        assert kills
    with psycopg.connect(emptied) as connection:
        row = connection.execute("SELECT count(*), count(DISTINCT (node_no, id)) FROM record")
        assert row.fetchone() == (8000, 8000)
    assert fed.acknowledged == 8000


def test_workers_end_with_their_parent(tmp_path, emptied):
    with RunningEndpoint(tmp_path, "--database", emptied, "--workers", "2") as endpoint:
        workers = endpoint.workers()
        assert len(workers) == 2
        os.kill(workers[0].ppid(), signal.SIGKILL)
        for worker in workers:
            worker.wait(30)


def test_a_worker_that_cannot_start_is_told_once(tmp_path):
    database = f"postgresql://nobody@/x?host={tmp_path}"
    ended = run("run", "--database", database, "--workers", "2", "--listen", "127.0.0.1:0")
    assert ended.returncode == 4
    assert "refuses" in ended.stderr


def test_an_operator_is_made_beside_a_running_server(tmp_path):
    with RunningEndpoint(tmp_path):
        made = run("operator", "anna", "--folder", str(tmp_path), told="correct horse\n")
    assert (made.returncode, made.stdout) == (0, "operator anna may log in\n")
    refused = run("operator", "anna", "--folder", str(tmp_path), told="short\n")
    assert (refused.returncode, "10 to 128" in refused.stderr) == (2, True)


def test_a_second_server_on_one_folder_is_refused(tmp_path):
    with RunningEndpoint(tmp_path):
        second = run("run", "--folder", str(tmp_path), "--listen", "127.0.0.1:0")
    assert second.returncode == 2
    assert "in use by another banksman-cloud" in second.stderr


def test_the_schema_can_be_brought_up_to_date_beforehand(tmp_path, emptied, capsys):
    for words in (["--folder", str(tmp_path)], ["--database", emptied]):
        assert main(["migrate", "--json", *words]) == 0
        assert json.loads(capsys.readouterr().out)["version"] >= 1


def test_a_port_that_is_taken_is_named(tmp_path):
    with RunningEndpoint(tmp_path / "one") as endpoint:
        address = endpoint.url.removeprefix("http://").rstrip("/")
        second = run("run", "--folder", str(tmp_path / "two"), "--listen", address)
    assert second.returncode == 2
    assert f"cannot listen on {address}" in second.stderr


@pytest.mark.parametrize(("changed", "said"), [
    ({"database": "mysql://x"}, "PostgreSQL's"), ({"workers": 0}, "1 to 64"),
    ({"workers": 3}, "needs PostgreSQL"), ({"listen": "0.0.0.0:8090"}, "beyond loopback"),
    ({"listen": "192.168.1.5:8090"}, "mutual TLS"), ({"listen": "nonsense"}, "is no address"),
    ({"listen": "127.0.0.1:99999"}, "is no address"), ({"listen": "127.0.0.1"}, "is no address"),
])  # fmt: skip
def test_options_that_cannot_be_are_named_with_their_remedy(changed, said, monkeypatch):
    monkeypatch.delenv("BANKSMAN_CLOUD_DATABASE", raising=False)
    fine = {"database": "", "listen": "127.0.0.1:8090", "workers": 1}
    with pytest.raises(SettingsError, match=said):
        settings(Path("x"), **{**fine, **changed}, decide=None)


def test_the_databases_url_may_come_by_the_environment(monkeypatch):
    monkeypatch.setenv("BANKSMAN_CLOUD_DATABASE", "postgresql:///banksman")
    chosen = settings(Path("x"), "", "127.0.0.1:8090", 4, None)
    assert chosen.database == "postgresql:///banksman"


def test_an_address_may_be_ipv6():
    assert str(parse_address("[::1]:8090")) == "[::1]:8090"


def test_rules_that_are_wrong_are_told_before_anything_is_served(tmp_path):
    (tmp_path / "points.toml").write_text('[[point]]\nname = "p"\nactions = ["stop"]\n')
    rule = '[[rule]]\nname = "r"\npoint = "q"\nwhen = "1 > 0"\nthen = "go"\n'
    (tmp_path / "rules.toml").write_text(rule)
    folders = ("--folder", str(tmp_path / "d"), "--decide", str(tmp_path))
    ended = run("run", *folders, "--listen", "127.0.0.1:0")
    assert ended.returncode == 2
    assert "unknown decision point q" in ended.stderr
    assert "unknown action go" in ended.stderr
