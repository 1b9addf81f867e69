"""A small valid config that tests change, and a way to see what is said about it."""

from __future__ import annotations

import pytest

from banksman.config.load import load_config
from banksman.errors import ConfigError

BASE = """\
[node]
id = "n1"

[[device]]
driver = "modbus_tcp"
id = "plc"
host = "h"
watchdog = { address = 100 }
point = [
  { name = "temperature", table = "input", address = 0, unit = "degC" },
  { name = "door", table = "discrete", address = 0, type = "bit", unit = "flag" },
]
output = [
  { name = "run", table = "coil", address = 0, safe = false, run_permit = true },
  { name = "speed", table = "holding", address = 1, type = "uint16", safe = 0.0 },
]

[guard]
input = [
  { name = "estop", kind = "estop", source = "fifo:/tmp/estop" },
  { name = "reset", kind = "reset", source = "fifo:/tmp/reset" },
]
output = [{ name = "permit", target = "fifo:/tmp/permit" }]

[[action]]
name = "stop"
writes = [{ output = "plc.run", value = false }]

[[decision]]
name = "press"
type = "process_control"
on = ["plc.temperature"]
safe_action = "stop"

[[trip]]
name = "estop"
kind = "estop"
guard_inputs = ["estop"]
outputs = ["guard.permit", "plc.run"]
"""
RULES = """\
[[rule]]
name = "hot"
point = "press"
when = "plc.temperature > '80 degC'"
then = "stop"

[[rule]]
name = "fine"
point = "press"
when = "True"
then = "none"
"""


@pytest.fixture
def base():
    """The base config's text."""
    return BASE


@pytest.fixture
def write(tmp_path):
    """Write a config: the base with ``changes`` (old -> new) and ``more`` at its end."""

    def save(changes=None, more="", rules=RULES, text=BASE):
        for old, new in (changes or {}).items():
            assert old in text, old
            text = text.replace(old, new, 1)
        path = tmp_path / "appliance.toml"
        path.write_text(text + more)
        if rules is not None:
            (tmp_path / "rules.toml").write_text(rules)
        return path

    return save


@pytest.fixture
def load(write):
    return lambda *args, **kwargs: load_config(write(*args, **kwargs))


@pytest.fixture
def problems(write):
    """What is wrong, as text without the folder."""

    def found(*args, **kwargs):
        path = write(*args, **kwargs)
        with pytest.raises(ConfigError) as caught:
            load_config(path)
        return [str(p).removeprefix(f"{path.parent}/") for p in caught.value.problems]

    return found


@pytest.fixture
def warnings(load):
    """What is probably not meant, as ``key: message (hint)``."""

    def found(*args, **kwargs):
        loaded = load(*args, **kwargs)
        return [f"{w.key}: {w.message} ({w.hint})" for w in loaded.warnings]

    return found
