"""What `[sync]` may say."""

import pytest
from pydantic import ValidationError

from banksman.config.schema_sync import SyncSettings

ROW = {"name": "a", "over_mbit": 0, "lowest": "normal", "compression": "high", "batch": 1,
       "interval_s": 1}  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"profile": [ROW | {"over_mbit": 1}]}, "begin at 0"),
        ({"profile": [ROW, ROW]}, "grow"),
        ({"profile": []}, "at least 1"),
        ({"local_below_mbit": 200}, "over cloud_above_mbit"),
        ({"probe_s": 0}, "greater than or equal to 5"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(settings, said):
    with pytest.raises(ValidationError, match=said):
        SyncSettings.model_validate(settings)
