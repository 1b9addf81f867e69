"""What is wrong with a serial device is told before anything is plugged in."""

import pytest
from pydantic import ValidationError

from banksman_drivers.settings.barcode_scanner import BarcodeScannerSettings
from banksman_drivers.settings.nmea import NmeaSettings
from banksman_drivers.settings.scale import ScaleSettings
from banksman_drivers.settings.serial_text import SerialTextSettings


def flaws(kind, driver, **options):
    settings = kind.model_validate({"driver": driver, "id": "dev", "port": "/dev/x", **options})
    return [".".join(map(str, flaw.path)) for flaw in settings.flaws()]


def scanner(**point):
    return flaws(BarcodeScannerSettings, "barcode_scanner", point=[{"name": "p", **point}])


def test_a_scanner_s_points_need_what_their_field_needs():
    assert scanner(field="match") == ["point.0.pattern"]
    assert scanner(field="element") == ["point.0.ai"]
    assert scanner(field="gtin", pattern="A*") == ["point.0.pattern"]
    assert scanner(field="gtin", ai="01") == ["point.0.ai"]
    assert scanner(field="no_reads") == ["no_read"]


def test_an_element_has_its_identifier_s_unit():
    assert scanner(field="element", ai="310", unit="kg") == []
    assert scanner(field="element", ai="17", unit="d") == []
    assert scanner(field="element", ai="310", unit="lb") == ["point.0.unit"]
    assert scanner(field="element", ai="3103", unit="kg") == ["point.0.ai"]
    assert scanner(field="element", ai="05") == ["point.0.ai"]


def scale(protocol="mt_sics", **options):
    return flaws(ScaleSettings, "scale", protocol=protocol, **options)


def test_a_scale_s_weight_has_a_unit_of_weight():
    assert scale(point=[{"name": "w", "field": "weight", "unit": "kg"}]) == []
    assert scale(point=[{"name": "w", "field": "weight", "unit": "mm"}]) == ["point.0.unit"]


def test_a_stop_must_not_make_a_scale_act_and_a_listener_takes_no_orders():
    tare = {"name": "tare", "action": "tare", "safe": False}
    assert scale(output=[tare]) == []
    assert scale(output=[{**tare, "safe": True}]) == ["output.0.safe"]
    assert scale(output=[{**tare, "run_permit": True}]) == ["output.0.run_permit"]
    assert scale("toledo", output=[tare]) == ["output.0"]


def test_a_receiver_s_points_have_si_units():
    def gps(unit):
        point = [{"name": "v", "field": "speed", "unit": unit}]
        return flaws(NmeaSettings, "nmea", point=point)

    assert gps("m/s") == []
    assert gps("kn") == ["point.0.unit"]


def text(**options):
    return flaws(SerialTextSettings, "serial", **options)


def test_options_of_another_framing_are_refused():
    assert text(frame={"by": "line"}) == []
    assert text(frame={"by": "length", "length": 8}) == []
    assert text(frame={"by": "length"}) == ["frame.length"]
    assert text(frame={"by": "length", "length": 8, "length_at": 1}) == ["frame.length"]
    assert text(frame={"by": "line", "start": "U"}) == ["frame.by"]


def test_a_column_needs_a_separator_and_a_scale_is_not_nought():
    assert text(point=[{"name": "p", "column": 2}]) == ["point.0.separator"]
    assert text(point=[{"name": "p", "scale": 0}]) == ["point.0.scale"]


def test_an_output_that_outlives_the_box_carries_no_permit():
    lamp = {"name": "lamp", "safe": False, "on": "1", "off": "0", "answer": "OK"}
    assert text(output=[lamp]) == []
    assert text(output=[{**lamp, "run_permit": True}]) == ["output.0.run_permit"]
    assert text(output=[{**lamp, "safe": 1.5}]) == ["output.0.safe"]


def test_a_line_has_bounds():
    with pytest.raises(ValidationError):
        text(baud=10)
    with pytest.raises(ValidationError):
        text(frame={"longest_bytes": 100_000})
