"""`banksman safe` finds the outputs even where the config file was broken or changed."""

import pytest

from banksman.config.load import load_config
from banksman.config.running import FILE, keep_running, load_running
from banksman_drivers.fake.modbus_server import ModbusServer

CONFIG = """\
[node]
id = "n1"
mode = "armed"
[store]
folder = "store"
[[device]]
driver = "modbus_tcp"
id = "plc"
host = "127.0.0.1"
port = {port}
output = [{{ name = "run", table = "coil", address = 0, safe = false }}]
"""


@pytest.fixture
async def plc():
    """A PLC whose output runs."""
    server = ModbusServer()
    server.memory.coils[0] = 1
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def config_file(tmp_path, plc):
    """An armed config with that PLC."""
    path = tmp_path / "appliance.toml"
    path.write_text(CONFIG.format(port=plc.port))
    return path


def test_what_is_kept_is_what_was_in_force(config_file):
    config = load_config(config_file).config
    keep_running(config)
    assert load_running(config_file.parent / "store") == config


@pytest.mark.parametrize("damage", [b"", b"{", b'{"node": {"id": 5}}', b"\xff\xfe"])
def test_a_damaged_copy_is_no_copy(config_file, damage):
    keep_running(load_config(config_file).config)
    (config_file.parent / "store" / FILE).write_bytes(damage)
    assert load_running(config_file.parent / "store") is None


async def test_a_broken_config_file_still_gets_its_outputs_safe(config_file, plc, banksman):
    keep_running(load_config(config_file).config)
    config_file.write_text("[[device]\n")
    code, _, said = await banksman(
        "safe", "--config", config_file, "--store", config_file.parent / "store"
    )
    assert (code, plc.memory.coils[0]) == (0, 0)
    assert "last ran with" in said


async def test_without_a_copy_the_problems_of_the_file_are_said(tmp_path, banksman):
    path = tmp_path / "appliance.toml"
    path.write_text("[[device]\n")
    code, _, said = await banksman("safe", "--config", path, "--store", tmp_path)
    assert code == 2
    assert "not valid TOML" in said


CHANGES = {
    "it only observes now": ('mode = "armed"', 'mode = "observe"'),
    "it names another output": ("address = 0", "address = 7"),
    "its device has another name": ('id = "plc"', 'id = "press"'),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_a_config_changed_since_the_daemon_ran_does_not_hide_what_it_drove(
    change, config_file, plc, banksman
):
    keep_running(load_config(config_file).config)
    config_file.write_text(config_file.read_text().replace(*change))
    plc.memory.coils[7] = 1
    code, out, said = await banksman("safe", "--config", config_file)
    assert (code, plc.memory.coils[0]) == (0, 0)
    assert "plc: safe" in out
    assert "was changed since the daemon ran" in said
    assert plc.memory.coils[7] == (0 if "7" in change[1] else 1), "what neither names is not ours"


async def test_an_output_that_cannot_be_reached_counts_in_whichever_config_it_stands(
    config_file, plc, banksman
):
    keep_running(load_config(config_file).config)
    port = str(plc.port)
    await plc.stop()
    spare = ModbusServer()
    await spare.start()
    try:
        config_file.write_text(config_file.read_text().replace(port, str(spare.port)))
        code, out, _ = await banksman("safe", "--config", config_file)
    finally:
        await spare.stop()
    assert code == 1
    assert "refused" in out
