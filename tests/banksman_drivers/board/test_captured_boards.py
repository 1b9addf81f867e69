"""What is read out of published captures of real boards (fixtures/SOURCES.md)."""

from pathlib import Path

import msgspec
import pytest

from banksman_drivers.board.read import board_name, capabilities_of
from banksman_drivers.board.values import BoardProfile
from banksman_drivers.file_tree import Tree

FIXTURES = Path(__file__).parent / "fixtures"

BOARDS = {
    "pi_3": ("raspberry_pi", "Raspberry Pi 3 Model B Rev 1.2", "bcm2837", "Cortex-A53", 4, 12.5),
    "pi_4": ("raspberry_pi", "Raspberry Pi 4 Model B Rev 1.2", "bcm2711", "Cortex-A72", 4, 15.0),
    "pi_5": ("raspberry_pi", "Raspberry Pi 5 Model B Rev 1.0", "bcm2712", "Cortex-A76", 4, 25.5),
    "pi_zero_2_w": (
        "raspberry_pi",
        "Raspberry Pi Zero 2 W Rev 1.0",
        "bcm2837",
        "Cortex-A53",
        4,
        10.0,
    ),
    "orin_nano": (
        "jetson",
        "NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super",
        "tegra234",
        "Cortex-A78AE",
        6,
        25.0,
    ),
    "agx_orin": (
        "jetson",
        "NVIDIA Jetson AGX Orin Developer Kit",
        "tegra234",
        "Cortex-A78AE",
        8,
        30.0,
    ),
    "x86_nuc": (
        "pc",
        "Intel Corporation NUC7i5BNH",
        "",
        "Intel(R) Core(TM) i5-7260U CPU @ 2.20GHz",
        2,
        15.0,
    ),
}


@pytest.mark.parametrize("name", BOARDS)
def test_a_board_is_recognised_with_its_processor_and_power_rating(captured, name):
    profile = captured(name)
    assert BOARDS[name] == (
        profile.family,
        profile.model,
        profile.soc,
        profile.cpu_model,
        profile.cpu_cores,
        profile.power_rating_w,
    )


@pytest.mark.parametrize(
    ("name", "units"),
    [
        ("pi_3", 4),
        ("pi_4", 4),
        ("pi_5", 4),
        ("pi_zero_2_w", 4),
        ("orin_nano", 6 + 4 * 1024),
        ("agx_orin", 8 + 4 * 2048),
        ("x86_nuc", 2),
    ],
)
def test_compute_units_are_cpu_cores_and_four_times_the_gpu_cores(captured, name, units):
    assert capabilities_of(captured(name)).compute_units == units


@pytest.mark.parametrize(
    ("name", "usable", "installed"),
    [
        ("pi_3", 927, 1024),
        ("pi_4", 3754, 4096),
        ("pi_5", 8051, 8192),
        ("pi_zero_2_w", 416, 512),
        ("orin_nano", 7618, None),
        ("x86_nuc", 15818, None),
    ],
)
def test_memory_is_what_linux_may_use_and_what_the_revision_code_says(
    captured, name, usable, installed
):
    profile = captured(name)
    assert (profile.memory_mib, profile.memory_installed_mib) == (usable, installed)


def test_a_starving_pi_shows_under_voltage_and_that_it_is_slowed_down(captured):
    supply = captured("pi_3").supply
    assert (supply.undervoltage, supply.throttled) == (True, True)
    assert (supply.undervoltage_seen, supply.throttled_seen) == (True, True)


def test_a_hot_pi_is_slowed_down_without_under_voltage(captured):
    supply = captured("pi_4").supply
    assert (supply.undervoltage, supply.throttled, supply.undervoltage_seen) == (False, True, False)


def test_a_pi_whose_kernel_has_no_throttle_file_leaves_throttling_unknown(captured):
    supply = captured("pi_zero_2_w").supply
    assert (supply.undervoltage, supply.throttled) == (False, None)


def test_a_fan_at_work_is_no_throttling(captured):
    assert captured("pi_5").supply.throttled is False
    assert captured("orin_nano").supply.throttled is False


def test_a_jetson_that_cools_its_cpu_by_slowing_it_down_is_throttled(captured):
    assert captured("agx_orin").supply.throttled is True


def test_a_jetson_remembers_over_current_events(captured):
    assert captured("orin_nano").supply.throttled_seen is True


def test_a_jetsons_power_mode_is_told_by_name_and_limits_its_rating(captured):
    agx = captured("agx_orin")
    assert (agx.supply.mode, agx.power_rating_w) == ("MODE_30W", 30.0)
    nano = captured("orin_nano")
    assert (nano.supply.mode, nano.power_rating_w) == ("MAXN_SUPER", 25.0)


def test_l4t_is_told_by_release_and_revision(captured):
    assert [captured(name).l4t for name in ("agx_orin", "orin_nano", "pi_5")] == [
        "39.2.0",
        "36.4.3",
        "",
    ]


def test_cores_that_a_power_mode_has_switched_off_do_not_count(captured):
    profile = captured("agx_orin")
    assert (profile.cpu_cores, profile.cpus_present) == (8, 12)


def test_a_thermal_zone_that_is_switched_off_has_no_temperature(captured):
    values = {each.name: each.value_c for each in captured("orin_nano").temperatures}
    assert values["cv0-thermal"] is None
    assert values["gpu-thermal"] == 48.218


@pytest.mark.parametrize(
    ("name", "celsius"), [("pi_4", 54.5), ("orin_nano", 47.406), ("x86_nuc", 51.0)]
)
def test_the_cpu_temperature_is_the_processors_own_sensor(captured, name, celsius):
    assert captured(name).cpu_temperature_c == celsius


def test_a_chip_that_mirrors_a_thermal_zone_is_listed_once(captured):
    names = [each.name for each in captured("pi_3").temperatures]
    assert names == ["cpu-thermal"]


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("pi_3", ()),
        ("pi_4", ("edge_tpu",)),
        ("pi_5", ("hailo",)),
        ("orin_nano", ("nvidia_gpu",)),
        ("agx_orin", ("nvidia_gpu",)),
        ("x86_nuc", ("edge_tpu",)),
    ],
)
def test_accelerators_that_are_ready_become_capabilities(captured, name, kinds):
    assert capabilities_of(captured(name)).acceleration == kinds


def test_frameworks_are_found_with_their_versions(captured):
    assert captured("orin_nano").frameworks == {
        "onnxruntime": "1.20.0",
        "opencv": "4.8.0",
        "tensorrt": "10.3.0",
    }
    assert captured("pi_4").frameworks == {
        "edgetpu": "1.0",
        "opencv": "",
        "tflite_runtime": "2.14.0",
    }
    assert captured("pi_5").frameworks["litert"] == "1.4.0"


def test_storage_leaves_out_empty_readers_memory_disks_and_loops(captured):
    assert [disk.device for disk in captured("x86_nuc").storage] == ["sda", "nvme0n1"]
    assert [disk.kind for disk in captured("pi_4").storage] == ["ssd", "sd_card"]
    assert [disk.device for disk in captured("orin_nano").storage] == ["nvme0n1"]
    assert captured("agx_orin").storage[0].kind == "emmc"


def test_bandwidth_is_the_fastest_wire_that_is_up_and_unknown_on_radio(captured):
    speeds = {name: capabilities_of(captured(name)).bandwidth_mbit for name in BOARDS}
    assert speeds["pi_3"] == 100
    assert speeds["agx_orin"] == 10_000
    assert speeds["pi_zero_2_w"] is None


@pytest.mark.parametrize("name", BOARDS)
def test_the_name_alone_is_the_profiles(captured, name):
    assert board_name(Tree(FIXTURES / name)) == captured(name).model


@pytest.mark.parametrize("name", BOARDS)
def test_a_profile_survives_json(captured, name):
    profile = captured(name)
    assert msgspec.json.decode(msgspec.json.encode(profile), type=BoardProfile) == profile
