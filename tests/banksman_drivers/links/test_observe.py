"""What is seen of interfaces and routes, and what is not mistaken for a way out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman_drivers.file_tree import Tree
from banksman_drivers.links.observe import default_routes, read_interfaces

HEAD = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
ANY6 = "0" * 32
ROUTER6 = "fe800000000000000000000000000001"


@pytest.fixture
def net(tmp_path):
    """``net("eth0", type=1, …)`` adds an interface and gives all that is seen."""

    def add(name, driver="", **files):
        place = tmp_path / "sys/class/net" / name
        place.mkdir(parents=True)
        for key, value in {"type": 1, "operstate": "up", **files}.items():
            (place / key).write_text(f"{value}\n")
        if driver:
            (place / "device").mkdir()
            (place / "device" / "uevent").write_text(f"DRIVER={driver}\n")
        return read_interfaces(Tree(tmp_path))

    return add


def test_an_ethernet_port_tells_its_speed(net):
    (port,) = net("eth0", speed=1000)
    assert (port.name, port.kind, port.up, port.speed_mbit) == ("eth0", "ethernet", True, 1000)


def test_a_port_without_a_cable_has_no_speed(net):
    (port,) = net("eth0", operstate="down", speed=-1)
    assert (port.up, port.speed_mbit) == (False, None)


def test_wifi_is_known_by_its_device_type(net):
    assert net("wlan0", uevent="DEVTYPE=wlan\nINTERFACE=wlan0")[0].kind == "wifi"


@pytest.mark.parametrize(
    "files",
    [
        {"type": 65534, "uevent": "DEVTYPE=wwan"},
        {"type": 1, "driver": "cdc_mbim"},
        {"type": 519, "driver": "qmi_wwan"},
        {"type": 512},
    ],
)
def test_a_modem_is_known_by_type_driver_or_ppp(net, files):
    assert net("wwan0", **files)[0].kind == "modem"


def test_a_modem_that_never_says_up_is_up_with_its_carrier(net):
    (modem,) = net("wwan0", type=512, operstate="unknown", carrier=1)
    assert modem.up


def test_a_modem_without_a_carrier_is_down(net):
    (modem,) = net("wwan0", type=512, operstate="unknown", carrier=0)
    assert not modem.up


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("lo", {"type": 772}),
        ("docker0", {"uevent": "DEVTYPE=bridge"}),
        ("br0", {"uevent": "DEVTYPE=bridge"}),
        ("eth0.7", {"uevent": "DEVTYPE=vlan"}),
        ("wg0", {"type": 65534}),
        ("tun0", {"type": 65534}),
        ("ifb0", {}),
        ("can0", {"type": 280}),
        ("mystery", {"type": "many"}),
    ],
)
def test_what_does_not_lead_out_of_the_box_is_not_listed(net, name, files):
    assert net(name, **files) == ()


def test_a_default_route_carries_its_lowest_metric():
    row = "eth0\t00000000\t0101A8C0\t0003\t0\t0\t{}\t00000000\t0\t0\t0\n"
    assert default_routes(HEAD + row.format(202) + row.format(100), "") == {"eth0": 100}


def test_a_route_to_some_network_is_no_default():
    row = "eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n"
    half = "tun0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000080\t0\t0\t0\n"
    assert default_routes(HEAD + row + half, "") == {}


def test_a_default_route_of_ipv6_counts_and_an_unreachable_one_does_not():
    row = "{} 00 {} 00 {} {} 00000001 00000000 {} {}\n"
    good = row.format(ANY6, ANY6, ROUTER6, "00000400", "00450003", "eth0")
    none = row.format(ANY6, ANY6, ANY6, "ffffffff", "00200200", "lo")
    rejected = row.format(ANY6, ANY6, ANY6, "00000400", "00000201", "eth1")
    assert default_routes("", good + none + rejected) == {"eth0": 1024}


@given(st.text(), st.text())
def test_no_routing_table_breaks_the_parser(ipv4, ipv6):
    default_routes(ipv4, ipv6)


@given(st.lists(st.sampled_from(["eth0", "00000000", "0003", "-1", "zz", "100"]), max_size=12))
def test_rows_of_likely_words_break_nothing_and_name_no_negative_metric(words):
    routes = default_routes(HEAD + "\t".join(words), " ".join(words))
    assert all(metric >= 0 for metric in routes.values())
