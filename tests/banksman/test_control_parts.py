"""What the control thread's parts take over from the run before."""

from banksman.clock import SystemClock
from banksman.config.schema_services import StoreSettings
from banksman.control_parts import LATCHES_KEY, LATCHES_LOST, load_latches
from banksman.store.store import Store


def latches(tmp_path, saved):
    store = Store.open(StoreSettings(folder=str(tmp_path)), "box", SystemClock())
    try:
        if saved is not None:
            store.save_state(LATCHES_KEY, saved)
        return load_latches(store, ["flood", "estop"])
    finally:
        assert store.stop()


def test_a_box_that_never_ran_has_no_trip_latched(tmp_path):
    assert latches(tmp_path, None) == {}


def test_what_was_latched_comes_back_with_its_cause(tmp_path):
    assert latches(tmp_path, b'{"flood":"the level was 950"}') == {"flood": "the level was 950"}


def test_a_trip_that_is_no_longer_configured_is_forgotten(tmp_path):
    saved = b'{"flood":"the level was 950","drought":"it was 2"}'
    assert latches(tmp_path, saved) == {"flood": "the level was 950"}


def test_a_record_that_makes_no_sense_counts_as_every_trip_latched(tmp_path):
    for damaged in (b"\xff\x00", b'{"flood":', b'{"flood":1}', b"[]"):
        assert latches(tmp_path, damaged) == {"flood": LATCHES_LOST, "estop": LATCHES_LOST}
