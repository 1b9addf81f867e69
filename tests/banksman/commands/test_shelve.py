"""`banksman shelve` and `--version`: what they say without a daemon."""

import pytest

from banksman.alarm_book import SHELF_MAX_S
from banksman.cli import main
from banksman.commands.shelve import MINUTES_MAX


def test_the_command_and_the_daemon_agree_on_the_longest_time():
    assert MINUTES_MAX * 60 == SHELF_MAX_S


@pytest.mark.parametrize("minutes", ["nan", "inf", "-1", "721", "five", ""])
def test_a_time_that_is_none_is_refused_before_a_daemon_is_asked(minutes, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["shelve", "bearing.warm", f"--minutes={minutes}", "--socket", "nowhere.sock"])
    assert ended.value.code == 2
    assert "0 to 720 minutes" in capsys.readouterr().err


def test_the_version_is_told_on_one_line(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    name, version = capsys.readouterr().out.split()
    assert name == "banksman"
    assert version[0].isdigit()
