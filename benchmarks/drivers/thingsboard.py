"""ThingsBoard's IoT gateway (PyPI: thingsboard-gateway), the peer that reads the same devices.

It has a virtual environment of its own in the cache, with the pymodbus that it asks for; it would
install that by itself at its first start. Everything is at its shipped settings but: no rate
limits, no remote configuration and statistics, logs from WARNING on. It publishes to a mosquitto of
ours, that stands in for the platform and takes whatever comes.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from benchmarks.reaction.broker import Broker, BrokerMissing
from benchmarks.reaction.recipe import PeerMissing, Recipe

PACKAGES = (
    "thingsboard-gateway==3.8.5",
    "pymodbus==3.9.2",
    "pyserial==3.5",
    "pyserial-asyncio==0.6",
    "packaging",
)
INSTALL_S = 300
SETTLE_S = 15.0
NO_LIMIT = "0:0,"
LIMITS = (
    "rateLimits", "dpRateLimits", "messagesRateLimits", "deviceMessagesRateLimits",
    "deviceRateLimits", "deviceDpRateLimits",
)  # fmt: skip
# Its log files would go to the current folder.
START = """\
import os, sys
os.chdir(sys.argv[1])
from thingsboard_gateway.tb_gateway import daemon
sys.argv = sys.argv[:1]
daemon()
"""


class Job(msgspec.Struct, frozen=True):
    """The devices to read and the broker to publish to."""

    ports: list[int]
    registers: int
    poll_ms: int
    mqtt_port: int


@contextlib.contextmanager
def broker(folder: Path) -> Iterator[Broker]:
    """A mosquitto in place of the platform. Raises PeerMissing without one."""
    try:
        with Broker(folder / "mq") as running:
            yield running
    except BrokerMissing as error:
        raise PeerMissing(str(error)) from error


def prepare(job: Job, folder: Path, cache: Path) -> Recipe:
    """Install it if need be and write its config. Raises PeerMissing."""
    python = installed(cache / "thingsboard")
    folder.mkdir(parents=True)
    (folder / "logs").mkdir()
    files = {"tb_gateway.json": gateway(job), "modbus.json": modbus(job), "logs.json": logs()}
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content, indent=1))
    return Recipe(
        command=(str(python), "-c", START, str(folder)),
        environ={"TB_GW_CONFIG_DIR": f"{folder}/"},
    )


def installed(home: Path) -> Path:
    """Its interpreter; pip fills the environment when the list of packages has changed."""
    python, stamp = home / "bin" / "python", home / "installed.txt"
    wanted = "\n".join(PACKAGES)
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    try:
        subprocess.run(
            [sys.executable, "-m", "venv", "--clear", home],
            check=True, capture_output=True, text=True, timeout=INSTALL_S,
        )  # fmt: skip
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", *PACKAGES],
            check=True, capture_output=True, text=True, timeout=INSTALL_S,
        )  # fmt: skip
    except subprocess.CalledProcessError as error:
        raise PeerMissing(f"pip could not install it: {error.stderr[-300:]}") from error
    except subprocess.TimeoutExpired as error:
        raise PeerMissing(f"pip did not install it within {INSTALL_S} s") from error
    stamp.write_text(wanted)
    return python


def gateway(job: Job) -> dict[str, object]:
    """tb_gateway.json."""
    return {
        "thingsboard": {
            "host": "127.0.0.1",
            "port": job.mqtt_port,
            "remoteShell": False,
            "remoteConfiguration": False,
            "statistics": {"enable": False},
            "security": {"type": "accessToken", "accessToken": "bench"},
            "qos": 1,
            "reportStrategy": {"type": "ON_RECEIVED"},
            **dict.fromkeys(LIMITS, NO_LIMIT),
        },
        "storage": {"type": "memory", "read_records_count": 100, "max_records_count": 100_000},
        "grpc": {"enabled": False},
        "connectors": [{"type": "modbus", "name": "modbus", "configuration": "modbus.json"}],
    }


def modbus(job: Job) -> dict[str, object]:
    """modbus.json: each register is a value of its own, as its documentation has it."""
    values = [
        {"tag": f"r{address}", "type": "16uint", "functionCode": 3, "objectsCount": 1,
         "address": address}
        for address in range(job.registers)
    ]  # fmt: skip
    slaves = [
        {
            "host": "127.0.0.1", "port": port, "type": "tcp", "method": "socket", "unitId": 1,
            "deviceName": f"d{number}", "deviceType": "default", "timeout": 5,
            "byteOrder": "BIG", "wordOrder": "BIG", "retries": 1, "retryOnEmpty": True,
            "retryOnInvalid": True, "pollPeriod": job.poll_ms, "connectAttemptTimeMs": 1000,
            "connectAttemptCount": 5, "waitAfterFailedAttemptsMs": 5000,
            "timeseries": values, "attributes": [], "attributeUpdates": [], "rpc": [],
        }
        for number, port in enumerate(job.ports)
    ]  # fmt: skip
    return {"master": {"slaves": slaves}}


def logs() -> dict[str, object]:
    """logs.json."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {"console": {"class": "logging.StreamHandler", "level": "WARNING"}},
        "root": {"level": "WARNING", "handlers": ["console"]},
    }
