"""Node-RED with node-red-contrib-modbus: what the shop floor would reach for.

npm installs both into the cache at the first run, with exact versions. contrib-modbus names a
fork of modbus-serial by an address outside npm's registry, so the registry's own modbus-serial
stands in for it. No install scripts run: Modbus TCP needs no native serial port.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.reaction.broker import free_port
from benchmarks.reaction.recipe import PeerMissing, Recipe, Setting

PACKAGE = {
    "name": "nodered-peer",
    "private": True,
    "dependencies": {"node-red": "4.1.0", "node-red-contrib-modbus": "5.45.2"},
    "overrides": {"@openp4nr/modbus-serial": "npm:modbus-serial@8.0.23"},
}
INSTALL_S = 600

# Two outputs: the coil when it changes, and every reading.
RULE = """\
const r = msg.payload, wanted = r[2] > 500;
const reading = {topic: 'edge/reading', payload: {seq: r[0] + r[1] * 65536, value: r[2]}};
let act = null;
if (wanted !== context.get('coil')) { context.set('coil', wanted); act = {payload: wanted}; }
return [act, reading];"""


def prepare(setting: Setting) -> Recipe:
    """Install it if need be and write its flow. Raises PeerMissing without node and npm."""
    home = installed(setting.cache / "nodered")
    folder = setting.folder / "nodered"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "flows.json").write_text(json.dumps(flow(setting)))
    settings = {
        "flowFile": "flows.json",
        "uiHost": "127.0.0.1",
        "uiPort": free_port(),
        "userDir": str(folder),
        # contrib-modbus stands beside Node-RED, not in the user folder.
        "nodesDir": str(home / "node_modules" / "node-red-contrib-modbus"),
        "logging": {"console": {"level": "warn"}},
        "telemetry": {"enabled": False},
        "diagnostics": {"enabled": False},
    }
    (folder / "settings.js").write_text(f"module.exports = {json.dumps(settings)}")
    program = home / "node_modules" / "node-red" / "red.js"
    return Recipe(command=("node", str(program), "-s", str(folder / "settings.js")))


def installed(home: Path) -> Path:
    """The folder with both packages; npm fills it when its list has changed."""
    wanted = json.dumps(PACKAGE, indent=1)
    stamp = home / "installed.json"
    if stamp.exists() and stamp.read_text() == wanted:
        return home
    if shutil.which("npm") is None or shutil.which("node") is None:
        raise PeerMissing("Node-RED needs node and npm: apt-get install nodejs npm")
    home.mkdir(parents=True, exist_ok=True)
    (home / "package.json").write_text(wanted)
    install = ["npm", "install", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        subprocess.run(
            install, cwd=home, check=True, capture_output=True, text=True, timeout=INSTALL_S
        )
    except subprocess.CalledProcessError as error:
        raise PeerMissing(f"npm could not install Node-RED: {error.stderr[-300:]}") from error
    except subprocess.TimeoutExpired as error:
        raise PeerMissing(f"npm did not install Node-RED within {INSTALL_S} s") from error
    stamp.write_text(wanted)
    return home


def flow(setting: Setting) -> list[dict[str, Any]]:
    """modbus-read -> function -> modbus-write and mqtt out; everything else at its default."""
    plc = {
        "id": "plc",
        "type": "modbus-client",
        "name": "",
        "clienttype": "tcp",
        "bufferCommands": True,
        "tcpHost": "127.0.0.1",
        "tcpPort": str(setting.modbus_port),
        "tcpType": "DEFAULT",
        "unit_id": 1,
        "commandDelay": 1,
        "clientTimeout": 1000,
        "reconnectOnTimeout": True,
        "reconnectTimeout": 2000,
        "parallelUnitIdsAllowed": True,
        "failureLogEnabled": True,
    }
    broker = {
        "id": "broker",
        "type": "mqtt-broker",
        "broker": "127.0.0.1",
        "port": str(setting.mqtt_port),
        "clientid": "nodered",
        "autoConnect": True,
        "usetls": False,
        "protocolVersion": "4",
        "keepalive": "60",
        "cleansession": True,
    }
    read = _node(
        "read", "modbus-read", [["rule"], []], x=100, unitid="1", dataType="HoldingRegister",
        adr="0", quantity=str(setting.registers), rate=str(setting.poll_ms), rateUnit="ms",
        server="plc",
    )  # fmt: skip
    rule = _node("rule", "function", [["write"], ["publish"]], x=300, func=RULE, outputs=2)
    write = _node(
        "write", "modbus-write", [[], []], x=500, unitid="1", dataType="Coil", adr="0",
        quantity="1", server="plc",
    )  # fmt: skip
    publish = _node("publish", "mqtt out", [], x=500, topic="", qos="1", broker="broker")
    return [{"id": "job", "type": "tab", "label": "job"}, plc, broker, read, rule, write, publish]


def _node(name: str, kind: str, wires: list[list[str]], x: int, **options: Any) -> dict[str, Any]:
    return {"id": name, "type": kind, "z": "job", "x": x, "y": 100, "wires": wires, **options}
