"""Unknown boards, garbage and hostile trees give a profile with unknowns, never an error."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from banksman_drivers.board.read import capabilities_of, read_board
from banksman_drivers.board.values import Accelerator, BoardProfile, Capabilities
from banksman_drivers.file_tree import TEXT_BYTES, Tree, integer, printable

FILES = [
    "proc/cpuinfo",
    "proc/meminfo",
    "proc/net/route",
    "proc/net/ipv6_route",
    "proc/device-tree/model",
    "proc/device-tree/compatible",
    "etc/nv_tegra_release",
    "etc/nvpmodel.conf",
    "etc/os-release",
    "var/lib/nvpmodel/status",
    "sys/devices/system/cpu/present",
    "sys/devices/platform/soc/soc:firmware/get_throttled",
    "sys/class/thermal/thermal_zone0/type",
    "sys/class/thermal/thermal_zone0/temp",
    "sys/class/hwmon/hwmon0/name",
    "sys/class/hwmon/hwmon0/temp1_input",
    "sys/class/hwmon/hwmon0/in0_lcrit_alarm",
    "sys/class/net/eth0/type",
    "sys/class/net/eth0/operstate",
    "sys/class/net/eth0/speed",
    "sys/class/net/eth0/uevent",
    "sys/class/dmi/id/product_name",
    "sys/block/sda/size",
    "sys/bus/pci/devices/0000:00:01.0/vendor",
    "sys/bus/usb/devices/1-1/idVendor",
]


def test_an_empty_folder_is_a_board_of_which_nothing_is_known(box):
    assert read_board(box({})) == BoardProfile()


def test_a_folder_that_is_not_there_is_the_same(tmp_path):
    assert read_board(Tree(tmp_path / "gone")) == BoardProfile()


def test_of_an_unknown_board_the_capabilities_are_unknown_but_for_the_gpu_it_has_not():
    assert capabilities_of(BoardProfile()) == Capabilities(gpu_cores=0)


def test_a_gpu_of_unknown_size_leaves_the_compute_units_unknown():
    card = Accelerator("nvidia_gpu", "NVIDIA card", "pcie", ready=True)
    profile = BoardProfile(cpu_cores=8, accelerators=(card,))
    assert capabilities_of(profile).compute_units is None


def test_a_jetson_whose_module_is_unknown_has_a_gpu_of_unknown_size(box):
    tree = box({"proc/device-tree/compatible": b"nvidia,p9999-0000\0nvidia,tegra999\0"})
    profile = read_board(tree)
    assert (profile.family, profile.gpu_cores, profile.soc) == ("jetson", None, "tegra999")
    assert capabilities_of(profile).compute_units is None


def test_an_arm_board_of_another_maker_keeps_its_name_and_stays_unknown(box):
    tree = box({"proc/device-tree/model": b"Radxa ROCK 5B\0"})
    assert (read_board(tree).family, read_board(tree).model) == ("unknown", "Radxa ROCK 5B")


def test_a_pi_without_a_device_tree_is_known_by_its_revision_code(box):
    profile = read_board(box({"proc/cpuinfo": "processor : 0\n\nRevision : c03112\n"}))
    assert (profile.family, profile.model) == ("raspberry_pi", "Raspberry Pi 4 Model B")
    assert profile.memory_installed_mib == 4096


def test_an_old_style_revision_code_is_no_new_style_one(box):
    profile = read_board(box({"proc/cpuinfo": "processor : 0\n\nRevision : 000e\n"}))
    assert (profile.family, profile.memory_installed_mib) == ("unknown", None)


def test_a_makers_placeholder_is_no_name(box):
    tree = box(
        {
            "sys/class/dmi/id/product_name": "To Be Filled By O.E.M.\n",
            "sys/class/dmi/id/board_vendor": "ASRock\n",
            "sys/class/dmi/id/board_name": "J5040-ITX\n",
        }
    )
    assert read_board(tree).model == "ASRock J5040-ITX"


@settings(max_examples=60)
@given(contents=st.dictionaries(st.sampled_from(FILES), st.binary(max_size=120)))
def test_garbage_in_any_file_never_raises(tmp_path_factory, contents):
    root = tmp_path_factory.mktemp("garbage")
    for path, content in contents.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    capabilities_of(read_board(Tree(root)))


def test_a_folder_where_a_file_should_be_is_unknown(tmp_path):
    for path in FILES:
        (tmp_path / path).mkdir(parents=True)
    profile = read_board(Tree(tmp_path))
    assert (profile.family, profile.cpu_cores, profile.memory_mib) == ("unknown", None, None)


def test_a_pipe_where_a_file_should_be_is_not_waited_for(tmp_path):
    (tmp_path / "proc").mkdir()
    os.mkfifo(tmp_path / "proc" / "cpuinfo")
    assert read_board(Tree(tmp_path)).cpu_cores is None


def test_a_link_out_of_a_foreign_root_is_not_followed(tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("ours")
    root = tmp_path / "root"
    root.mkdir()
    (root / "absolute").symlink_to(outside)
    (root / "relative").symlink_to("../outside")
    (root / "circle").symlink_to("circle")
    tree = Tree(root)
    names = ("absolute", "relative", "circle", "../outside", str(outside))
    assert [tree.text(name) for name in names] == [None] * 5


def test_a_link_within_the_root_is_followed(box, tmp_path):
    tree = box({"etc/nvpmodel/orin.conf": "< PM_CONFIG DEFAULT=1 >"})
    (tmp_path / "etc" / "nvpmodel.conf").symlink_to("nvpmodel/orin.conf")
    assert read_board(tree).supply.mode == "mode 1"


def test_a_file_without_an_end_is_read_up_to_its_bound(box):
    tree = box({"proc/cpuinfo": b"x" * (TEXT_BYTES + 100)})
    assert len(tree.text("proc/cpuinfo")) == TEXT_BYTES


def test_what_goes_to_people_holds_no_control_characters(box):
    tree = box({"proc/device-tree/model": b"Board\x1b[2J\x07 X\0"})
    assert read_board(tree).model == "Board?[2J? X"


def test_an_impossible_temperature_is_none(box):
    zone = "sys/class/thermal/thermal_zone"
    tree = box(
        {
            f"{zone}0/type": "cpu-thermal",
            f"{zone}0/temp": "999999",
            f"{zone}1/type": "acpitz",
            f"{zone}1/temp": "27800",
        }
    )
    profile = read_board(tree)
    assert profile.cpu_temperature_c is None
    assert [each.value_c for each in profile.temperatures] == [None, 27.8]


def test_the_firmwares_flags_are_found_under_whatever_name_the_bus_has(box):
    flags = "sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled"
    supply = read_board(box({flags: "0x50004\n"})).supply
    assert (supply.undervoltage, supply.throttled) == (False, True)
    assert (supply.undervoltage_seen, supply.throttled_seen) == (True, True)


def test_the_kernels_own_alarm_wins_over_the_firmwares_flag(box):
    tree = box(
        {
            "sys/class/hwmon/hwmon2/name": "rpi_volt\n",
            "sys/class/hwmon/hwmon2/in0_lcrit_alarm": "0\n",
            "sys/devices/platform/soc/soc:firmware/get_throttled": "1\n",
        }
    )
    assert read_board(tree).supply.undervoltage is False


@pytest.mark.parametrize("text", ["", " ", "0x10", "1_000", "٣", "9" * 40, "1.5", "-", "NaN"])
def test_only_plain_digits_are_a_whole_number(text):
    assert integer(text) is None


@given(st.integers(-(10**17), 10**17))
def test_every_whole_number_of_the_kernel_is_read(number):
    assert integer(f"{number}\n") == number


@given(st.text())
def test_a_printable_line_is_one_short_printable_line(text):
    line = printable(text)
    assert len(line) <= 120
    assert line.isprintable()


def test_this_very_box_has_no_more_cores_than_the_kernel_says():
    assert 1 <= read_board(Tree(Path("/"))).cpu_cores <= os.cpu_count()
