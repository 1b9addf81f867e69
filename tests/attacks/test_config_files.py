"""Attacks through a config file: it is refused with reasons, and never crashes the check."""

from __future__ import annotations

import os
import tomllib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from banksman.config.load import load_config
from banksman.errors import ConfigError


@pytest.fixture
def refusal(tmp_path):
    path = tmp_path / "appliance.toml"

    def refused(raw):
        path.write_bytes(raw if isinstance(raw, bytes) else raw.encode())
        with pytest.raises(ConfigError) as caught:
            load_config(path)
        return str(caught.value)

    return refused


NODE = '[node]\nid = "n"\n'


def test_a_file_of_many_megabytes_is_refused(refusal):
    assert "at most 1000000 are read" in refusal(b"#" * 50_000_000)


def test_a_device_file_without_end_is_not_read_to_its_end(tmp_path):
    path = tmp_path / "appliance.toml"
    path.symlink_to("/dev/zero")
    with pytest.raises(ConfigError):
        load_config(path)


def test_a_folder_in_place_of_the_file_is_told(tmp_path):
    with pytest.raises(ConfigError, match="is not a file"):
        load_config(tmp_path)


def test_deeply_nested_arrays_are_refused_without_a_crash(refusal):
    assert "not valid TOML" in refusal(NODE + "a = " + "[" * 100_000)


def test_deeply_nested_tables_are_refused_without_a_crash(refusal):
    assert refusal(NODE + "a = " + "{a=" * 500 + "1" + "}" * 500)


def test_a_key_of_terminal_commands_is_shown_harmlessly(refusal):
    text = refusal(NODE + '"\\u001b[2Jboom" = 1\n[[device]]\ndriver = "fake"\nid = "\\u001b[2J"\n')
    assert "\x1b" not in text


def test_a_number_that_no_register_holds_is_told(refusal):
    device = '[[device]]\ndriver = "modbus_tcp"\nid = "p"\nhost = "h"\n'
    output = (
        'output = [{ name = "o", table = "holding", address = 1, type = "int16", safe = 1e300 }]\n'
    )
    assert "outside what the register holds" in refusal(NODE + device + output)


def test_a_thousand_slips_are_all_told(refusal):
    text = refusal(NODE + "".join(f"slip_{i} = {i}\n" for i in range(1000)))
    assert text.count("nothing reads it") == 1000


def test_a_secret_is_never_shown(refusal, tmp_path):
    secret = tmp_path / "password"
    secret.write_text("hunter2")
    text = refusal(NODE + f'[mqtt]\nhost = "b"\npassword_file = "{secret}"\n')
    assert "hunter2" not in text


def test_a_fifo_in_place_of_the_rules_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "rules.toml")
    path = tmp_path / "appliance.toml"
    path.write_text(NODE + '[rules]\nfile = "rules.toml"\n')
    with pytest.raises(ConfigError, match="is not a file"):
        load_config(path)


SCALARS = st.one_of(
    st.integers(-(2**70), 2**70).map(str),
    st.floats().map(repr),
    st.sampled_from(
        ["true", '""', '"plc.x"', "[]", "{}", "1979-05-27", "[1]", "{ a = 1 }", '["a"]']
    ),
)
NAMES = """
node device guard action decision trip permissive mqtt web store rules model cloud id name driver
host point output input safe table address type unit scale kind source on inputs when reason
"""
KEYS = st.sampled_from(NAMES.split())
LINES = st.one_of(
    st.builds("{} = {}".format, KEYS, SCALARS),
    KEYS.map("[{}]".format),
    KEYS.map("[[{}]]".format),
    st.builds("[[{}.{}]]".format, KEYS, KEYS),
    st.just('driver = "modbus_tcp"'),
    st.just('driver = "fake"'),
    st.just('id = "plc"'),
)


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(LINES, max_size=14))
def test_any_tables_are_loaded_or_refused_with_reasons(tmp_path, lines):
    path = tmp_path / "appliance.toml"
    text = "\n".join(lines) + "\n"
    path.write_text(text)
    problems = None
    try:
        load_config(path)
    except ConfigError as error:
        problems = error.problems
    assert problems is None or problems
    assert all(problem.message for problem in problems or ())
    if _is_toml(text):
        assert all(problem.line or problem.key for problem in problems or ())


def _is_toml(text):
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True
