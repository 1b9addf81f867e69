"""`board` and `links`: what people and programs read of this box, or of a capture."""

import json
import os
import re
from pathlib import Path

import pytest

from banksman.cli import main
from banksman.config.load import load_config

PAGE = Path(__file__).parents[3] / "docs" / "operate" / "board.md"
BOARDS = Path(__file__).parents[2] / "banksman_drivers" / "board" / "fixtures"


@pytest.fixture
def run(capsys):
    """``run("board", …)`` gives the exit code, what was printed, and the complaints."""

    def command(*words):
        code = main([str(word) for word in words])
        out, err = capsys.readouterr()
        return code, out, err

    return command


def test_board_shows_a_capture_to_people(run):
    code, out, _ = run("board", "--root", BOARDS / "agx_orin")
    assert code == 0
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "board NVIDIA Jetson AGX Orin Developer Kit (jetson)" in lines
    assert "L4T 39.2.0, power mode MODE_30W" in lines
    assert "cpu Cortex-A78AE, 8 cores (12 CPUs present)" in lines
    assert "compute units 8200" in lines


def test_board_tells_a_starving_pi_in_capitals(run):
    _, out, _ = run("board", "--root", BOARDS / "pi_3")
    assert "under-voltage YES, slowed down YES" in out


def test_board_tells_programs_profile_and_capabilities(run):
    code, out, _ = run("board", "--json", "--root", BOARDS / "pi_5")
    told = json.loads(out)
    assert code == 0
    assert told["profile"]["model"] == "Raspberry Pi 5 Model B Rev 1.0"
    assert told["capabilities"]["acceleration"] == ["hailo"]


def test_board_of_an_empty_folder_says_unknown(run, tmp_path):
    code, out, _ = run("board", "--root", tmp_path)
    assert code == 0
    assert "board         unknown (unknown)" in out
    assert "compute units unknown" in out


def test_board_names_a_folder_that_is_not_there(run, tmp_path):
    code, _, err = run("board", "--root", tmp_path / "gone")
    assert code == 1
    assert f"{tmp_path / 'gone'} is no folder" in err


def test_board_of_this_box_counts_its_cores(run):
    code, out, _ = run("board", "--json")
    assert code == 0
    assert 1 <= json.loads(out)["profile"]["cpu_cores"] <= os.cpu_count()


def test_links_marks_the_carrier_and_the_metered_one(run):
    code, out, _ = run("links", "--root", BOARDS / "agx_orin")
    assert code == 0
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines == [
        "-> eth0 ethernet cost 0 free usable",
        "wwan0 modem cost 100 metered usable",
    ]


def test_links_takes_cost_and_metering_from_the_config(run, tmp_path):
    (tmp_path / "rules.toml").write_text("")
    config = tmp_path / "appliance.toml"
    config.write_text(
        '[node]\nid = "box"\n[[link]]\ninterface = "wwan0"\ncost = 0\nmetered = false\n'
        '[[link]]\ninterface = "eth0"\ncost = 7\n'
    )
    words = ("links", "--json", "--root", BOARDS / "agx_orin", "--config", config)
    code, out, _ = run(*words)
    told = json.loads(out)
    assert (code, told["interface"], told["metered"]) == (0, "wwan0", False)
    assert [each["cost"] for each in told["links"]] == [0.0, 7.0]


def test_links_without_a_way_out_ends_with_1_and_says_so(run, tmp_path):
    code, out, _ = run("links", "--root", tmp_path)
    assert code == 1
    assert out == "nothing carries: no interface has both a carrier and a way out\n"


def test_an_interface_that_is_named_twice_is_a_wrong_config(run, tmp_path):
    (tmp_path / "rules.toml").write_text("")
    config = tmp_path / "appliance.toml"
    config.write_text('[node]\nid = "box"\n' + '[[link]]\ninterface = "eth0"\n' * 2)
    code, _, err = run("links", "--config", config)
    assert code == 2
    assert "eth0" in err


def test_the_config_and_rules_of_the_operators_page_are_right(tmp_path):
    device, decision, rules, link = re.findall(
        r"^```toml\n(.*?)^```", PAGE.read_text(), re.M | re.S
    )
    (tmp_path / "rules.toml").write_text(rules)
    config = tmp_path / "appliance.toml"
    config.write_text('[node]\nid = "box"\n[store]\nfolder = "store"\n' + device + decision + link)
    loaded = load_config(config)
    assert loaded.warnings == ()
    assert loaded.config.links[0].metered is True
